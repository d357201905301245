"""One of the processes of a sensor, without the command line around it: python -m agent.daemon sense|sync|keep FILE.

The command line's library and what it brings take 15 MB, which a process that runs for months need not carry.
`footfall-agent sense`, `sync` and `keep` read their arguments and then become this.
"""

import logging
import signal
import sys
from pathlib import Path

from agent.config import Config, ConfigError, load

BAD_CONFIG = 78  # sysexits.h: EX_CONFIG


class _until_signalled:  # noqa: N801 - reads as the phrase it is
    """True once SIGTERM or SIGINT has come."""

    def __init__(self) -> None:
        self._stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def __call__(self) -> bool:
        return self._stopping


def main(part: str, path: Path) -> int:
    """Run the part until it is told to stop; the exit code. An expected failure is one sentence."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        _run(part, load(path))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_CONFIG
    return 0


def _run(part: str, config: Config) -> None:
    if part == "sense":
        from agent import lockdown, renewal, sense  # noqa: PLC0415 - each process pays for its own imports only

        for sentence in lockdown.lock_down():
            logging.getLogger("footfall.lockdown").info("%s", sentence)
        handed = sense.run(config, _until_signalled())
        if handed is not None:
            renewal.become(handed, ["-m", "agent.daemon", *sys.argv[1:]])
    elif part == "keep":
        from agent import keep  # noqa: PLC0415

        keep.run(config, _until_signalled())
    else:
        from agent import sync  # noqa: PLC0415

        sync.run(config, _until_signalled())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
