"""All faults in full, as a table: python -m tests.faults [--jobs N] [kills ...]. Exit code 1 unless every line holds.

Most of the time of most faults is waiting, so some are tried beside each other. What each is at, it says on stderr.
"""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.faults.table import HEAD, row
from tests.faults.trial import FAULTS, tried


def main() -> int:
    """Print the table as it grows."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("faults", nargs="*", choices=[[], *FAULTS], metavar="FAULT", help=", ".join(FAULTS))
    asked.add_argument("--jobs", type=int, default=3, help="how many beside each other (3)")
    wanted = asked.parse_args()
    names = [name for name in FAULTS if not wanted.faults or name in wanted.faults]
    print(HEAD, flush=True)
    held = True
    with ProcessPoolExecutor(wanted.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(tried, name): name for name in names}
        for one in as_completed(running):
            lines, seconds = one.result()
            for line in lines:
                print(row(line, seconds), flush=True)
                held = held and line.held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
