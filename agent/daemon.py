"""One of the processes of a sensor, without the command line around it.

    python -m agent.daemon sense|sync|keep|setup FILE

1. The command line's library and what it brings take 15 MB, which a process that runs for months need not carry.
   `footfall-agent sense`, `sync` and `keep` read their arguments and then become this.
2. When what was settled on the spot changes (`agent.site`), the process ends in order, with 0, and whoever started it
   starts it again: under the settings that hold now. The setup page's own process reads them anew instead.
"""

import faulthandler
import logging
import signal
import sys
from pathlib import Path

from agent import site
from agent.config import ConfigError, load

log = logging.getLogger("footfall.daemon")

BAD_CONFIG = 78  # sysexits.h: EX_CONFIG


class _until_signalled:  # noqa: N801 - reads as the phrase it is
    """True once SIGTERM or SIGINT has come, or one of the `settled` files is no longer what it was."""

    def __init__(self, *settled: Path) -> None:
        self._stopping = False
        self._settled = {path: site.stamp(path) for path in settled}
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def __call__(self) -> bool:
        if not self._stopping and any(site.stamp(path) != seen for path, seen in self._settled.items()):
            log.info("what was settled on the spot has changed: beginning anew")
            self._stopping = True
        return self._stopping


def main(part: str, path: Path) -> int:
    """Run the part until it is told to stop; the exit code. An expected failure is one sentence."""
    faulthandler.enable()  # where it hung, in names of functions, when the service manager's watchdog ends it
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        {"sense": _sense, "keep": _keep, "sync": _sync, "setup": _show}[part](path)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_CONFIG
    return 0


def _show(path: Path) -> None:
    from agent.setup import host  # noqa: PLC0415 - each process pays for its own imports only

    host.run(path, _until_signalled(), *map(int, sys.argv[3:]))


def _sense(path: Path) -> None:
    from agent import lockdown, renewal, reset, sense  # noqa: PLC0415

    for sentence in lockdown.lock_down():
        logging.getLogger("footfall.lockdown").info("%s", sentence)
    config = load(path)
    if reset.is_due(config):
        sense.Vault(config.outbox_path, sense.make_clock(config)).destroy()
        reset.finish(config)
    stopping = _until_signalled(config.site_path, config.forget_path)
    handed = sense.run(load(path), stopping)  # read once more: nothing that changed in between is missed
    if handed is not None:
        renewal.become(handed, ["-m", "agent.daemon", *sys.argv[1:]])


def _sync(path: Path) -> None:
    from agent import sync  # noqa: PLC0415

    stopping = _until_signalled(load(path).site_path)
    sync.run(load(path), stopping)


def _keep(path: Path) -> None:
    from agent import keep  # noqa: PLC0415

    stopping = _until_signalled(load(path).site_path)
    keep.run(load(path), stopping)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
