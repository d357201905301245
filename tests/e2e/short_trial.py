"""The talking process with trials of a few seconds: python -m tests.e2e.short_trial FILE SECONDS."""

import logging
import signal
import sys
from pathlib import Path

from agent import sync
from agent.config import load


def main(path: str, trial_s: str) -> None:
    logging.basicConfig(level=logging.INFO)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    sync.run(load(Path(path)), lambda: bool(asked), float(trial_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
