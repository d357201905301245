"""Watch: looks at the shops every minute, in a thread of its own, and hands on what is new of their alerts.

It owns nothing: what was handed on stands in the store only afterwards, so a watch that dies loses nothing, and whoever
is told may be told again, by the same id.
"""

import logging
import threading
from collections.abc import Callable

from cloud.core.alerts import News
from cloud.desk import Alerts
from cloud.store import StoreError

log = logging.getLogger(__name__)
PAUSE_S = 60.0


class Watch:
    """From `start()` to `stop()`: looks every `pause_s`; `told` is called with news, from the watch's thread."""

    def __init__(self, alerts: Alerts, told: Callable[[list[News]], object], pause_s: float = PAUSE_S) -> None:
        self._alerts, self._told, self._pause_s = alerts, told, pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="footfall-watch", daemon=True)

    def start(self) -> None:
        """The first look is after the first pause: what came while nobody listened is on its way then."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the look that runs, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._pause_s):
            self._look()

    def _look(self) -> None:
        try:
            if news := self._alerts.look():
                self._told(news)
                self._alerts.told(news)
        except StoreError as error:
            log.error("%s", error)
        except Exception:
            # Nothing is marked as told, so it is told at the next look.
            log.exception("Looking at the shops failed; it is tried again.")
