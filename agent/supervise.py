"""Supervise: the processes of a sensor on a machine without systemd. One that ends is started again.

One that ends with 0 has ended in order: what was settled on the spot has changed, and it begins anew.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

_PARTS = ("sense", "sync")  # in the order in which they end, so that the last window is still handed over
_AGAIN_S = 2.0
_PATIENCE_S = 10.0
_BAD_CONFIG = 78


def run(config: Path, *, keep: bool) -> int:
    """Run sense and sync until SIGINT or SIGTERM, and keep too if told to; the exit code.

    Wrong settings end it, anything else restarts.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    running = {part: _start(part, config) for part in (*_PARTS, *(["keep"] if keep else []))}
    code = 0
    try:
        while not stopping and not code:
            time.sleep(0.2)
            for part, process in running.items():
                ended = process.poll()
                if ended == _BAD_CONFIG:
                    code = ended
                elif ended is not None:
                    if ended:
                        print(f"{part} ended with {ended}: starting it again.", file=sys.stderr)
                    time.sleep(_AGAIN_S)
                    running[part] = _start(part, config)
    finally:
        _stop(list(running.values()))
    return code


def _start(part: str, config: Path) -> subprocess.Popen[bytes]:
    # A session of its own: a Ctrl-C at the terminal reaches us alone, and we stop them in order.
    command = [sys.executable, "-m", "agent.daemon", part, str(config)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """One after the other, in the order they were started in."""
    for process in processes:
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
