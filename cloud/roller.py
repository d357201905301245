"""Roller: recomputes the hours that reports have touched, in a thread of its own.

It owns nothing: what is to be done stands in the store, so a roller that dies loses nothing and two of them
share the work.
"""

import logging
import threading
from collections.abc import Callable

from cloud.store import Rolled, Store, StoreError

log = logging.getLogger(__name__)
HOURS_AT_ONCE = 100


class Roller:
    """From `start()` to `stop()`: rolls up when woken, at most every `pause_s`, and every `longest_s` unasked.

    `rolled` is called with the recomputed rows, from the roller's thread.
    """

    def __init__(
        self,
        store: Store,
        rolled: Callable[[list[Rolled]], None],
        pause_s: float = 1.0,
        longest_s: float = 30.0,
    ) -> None:
        self._store, self._rolled, self._pause_s, self._longest_s = store, rolled, pause_s, longest_s
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="footfall-roller", daemon=True)

    def start(self) -> None:
        """Begin with whatever was left dirty."""
        self._awake.set()
        self._thread.start()

    def wake(self) -> None:
        """There are new reports. Returns at once."""
        self._awake.set()

    def stop(self) -> None:
        """Finish the transaction that runs, and end."""
        self._stopping.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(self._longest_s)
            self._awake.clear()
            self._roll()
            self._stopping.wait(self._pause_s)

    def _roll(self) -> None:
        try:
            while not self._stopping.is_set() and (rows := self._store.recompute(HOURS_AT_ONCE)):
                self._rolled(rows)
        except StoreError as error:
            log.error("%s", error)
        except Exception:
            # The marks are gone only if the rows are there: what failed is tried again.
            log.exception("Rolling up failed; it is tried again.")
