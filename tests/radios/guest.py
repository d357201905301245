"""Guest: all cases of one kind, or those named, in the machine with simulated radios: guest wifi [NAME ...]."""

import json
import sys
import time
from collections.abc import Callable, Iterator

from tests.radios import bluetooth, wifi
from tests.radios.inside import Case

KINDS = {"wifi": wifi.CASES, "bluetooth": bluetooth.CASES}


def main() -> None:
    """A line of JSON for each case as it ends."""
    kind, *names = sys.argv[1:]
    for one in KINDS[kind]:
        if not names or one.__name__ in names:
            _tell(one)


def _tell(one: Callable[[], Iterator[Case]]) -> None:
    began = time.monotonic()
    try:
        cases = list(one())
    except Exception as error:  # what falls over proves nothing, and must not take the others with it
        cases = [Case(one.__name__, f"fell over: {error!r:.400}", False)]
    took_s = round(time.monotonic() - began)
    for case in cases:
        print(json.dumps({**case._asdict(), "took_s": took_s}), flush=True)


if __name__ == "__main__":
    main()
