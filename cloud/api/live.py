"""Live: tells whoever watches a shop that it has new figures.

1. A subscriber holds no queue, only the number of the shop's latest news: one that is slow misses numbers in
   between, never the last, and costs the same memory however slow it is.
2. `announce` may be called from any thread and never waits for a subscriber.
3. `close` ends every stream, so that a server that stops need not wait for browsers that never hang up.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Self

MAX_SUBSCRIBERS = 256


class LiveFullError(Exception):
    """Too many pages are watching at once; try again later."""


class Live:
    """The news of all shops. One per process; `limit` bounds the open streams."""

    def __init__(self, limit: int = MAX_SUBSCRIBERS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._subscriptions: set[Subscription] = set()
        self.closed = False

    def announce(self, tenant: str, shop: str) -> None:
        """Say that the shop has new figures. Any thread."""
        with self._lock:
            self._numbers[tenant, shop] = self._numbers.get((tenant, shop), 0) + 1
            for subscription in self._subscriptions:
                if subscription.key == (tenant, shop):
                    subscription.wake()

    def close(self) -> None:
        """End every stream, and every later one at once. Any thread; twice is fine."""
        with self._lock:
            self.closed = True
            for subscription in self._subscriptions:
                subscription.wake()

    def number(self, key: tuple[str, str]) -> int:
        """How many times the shop was announced; 0 before the first."""
        return self._numbers.get(key, 0)

    def add(self, subscription: "Subscription") -> None:
        """Count a subscription in. Raises LiveFullError."""
        with self._lock:
            if len(self._subscriptions) >= self._limit:
                raise LiveFullError(f"{self._limit} pages are watching already; try again later")
            self._subscriptions.add(subscription)

    def remove(self, subscription: "Subscription") -> None:
        """Count a subscription out."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def watching(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)


class Subscription:
    """One watcher of one shop: `async with` counts it in and out, `async for` gives the numbers of the news.

    Made inside the event loop that reads it. `at_once` gives the present number first: for a page that comes
    back after its connection broke and may have missed something. Entering raises LiveFullError.
    """

    def __init__(self, live: Live, tenant: str, shop: str, *, at_once: bool = False) -> None:
        self.key = (tenant, shop)
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._seen = -1 if at_once else live.number(self.key)

    def wake(self) -> None:
        """Look again: there is news, or an end. Any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and whoever waited in it
            self._loop.call_soon_threadsafe(self._news.set)

    async def __aenter__(self) -> Self:
        self._live.add(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._live.remove(self)

    async def __aiter__(self) -> AsyncIterator[int]:
        while not self._live.closed:
            self._news.clear()
            number = self._live.number(self.key)
            if number != self._seen:
                self._seen = number
                yield number
            else:
                await self._news.wait()
