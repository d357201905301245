"""Merged: tells whoever listens at the broker what shops' figures are, as the API does, in a thread of its own.

1. What waits to be told is a name - this shop's hour from this second on - and nothing more: when it is told, it is
   read from the store, so the newest is, however long the broker was away.
2. A name waits until the broker has acknowledged it (QoS 1). `MOST_WAITING` may wait; beyond, the first to come is
   given up, and counted.
3. At every connection the newest of every shop is told anew: who is inside, this hour and day, and the ones before.
   Whoever restarts the cloud or the broker loses nothing by it.
4. Who is inside is told once for a window at most.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from agent.contract import encode
from cloud.connection import Broker, Speaker
from cloud.core import calendar, merged
from cloud.core.alerts import News
from cloud.core.figures import Shop
from cloud.core.merged import Grain, Leaf, MergedAlert, MergedNow, MergedPeriod, Message
from cloud.desk import Reader, UnknownShopError
from cloud.store import Rolled, StoreError

log = logging.getLogger(__name__)

MOST_WAITING = 100_000
MOST_IN_FLIGHT = 100
IDLE_S = 0.2
RETRY_S = 1.0


class Name(NamedTuple):
    """What is to be told: of a period its start, of an alert its id."""

    shop: str
    leaf: Leaf
    start: int = 0
    alert: str = ""


class Waiting:
    """Names in the order they came, each once, at most `most`; an alert's with what is told of it. Any thread."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self.given_up = 0
        self._most = most
        self._lock = threading.Lock()
        self._names: dict[Name, MergedAlert | None] = {}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, some: Iterable[tuple[Name, MergedAlert | None]], *, first: bool = False) -> None:
        """Let these wait too; `first`: before all others, for they were taken before."""
        with self._lock:
            known, new = self._names, dict(some)
            self._names = new | known if first else known | new
            for one in list(self._names)[: max(0, len(self._names) - self._most)]:
                del self._names[one]
                self.given_up += 1

    def take(self, most: int) -> list[tuple[Name, MergedAlert | None]]:
        """The first, at most so many; they wait no more."""
        with self._lock:
            taken = [(one, self._names[one]) for one in list(self._names)[:most]]
            for one, _ in taken:
                del self._names[one]
        return taken


class Merged(Speaker):
    """From `start()` to `stop()`: tells of the shops of `reader` at `broker`. `clock` gives UTC seconds."""

    def __init__(self, reader: Reader, broker: Broker, clock: Callable[[], float]) -> None:
        self.waiting = Waiting()
        self.told = 0
        self._reader, self._clock = reader, clock
        super().__init__(broker, "merged")
        self._in_flight: dict[int, tuple[Name, MergedAlert | None]] = {}
        self._windows: dict[str, int | None] = {}  # the end of the newest window that was told, by shop
        self._anew = False
        self._admitted = 0
        self._rolled = 0

    def rolled(self, rows: Iterable[Rolled]) -> None:
        """These rows are new. Any thread; returns at once."""
        own = [row for row in rows if row.tenant == self._reader.tenant]
        periods = [Name(row.shop, _grain(row.grain), row.period.start) for row in own]
        live = [Name(shop, "live") for shop in dict.fromkeys(row.shop for row in own)]
        self.waiting.add((one, None) for one in [*periods, *live])

    def tell(self, news: Iterable[News]) -> None:
        """These alerts have begun, or have ended. Any thread; returns at once."""
        self.waiting.add((Name(shop, "alert", alert=one.id), _alert(one)) for one in news for shop in _meant(one))

    def new_client(self) -> Client:
        """A client that keeps nothing from one connection to the next."""
        client = super().new_client()
        client.max_inflight_messages_set(0)  # we keep count ourselves; paho shall queue nothing
        client.on_publish = self._on_publish
        return client

    def welcome(self, _client: Client) -> None:
        """The newest of every shop is due."""
        self._anew = True

    def turn(self, client: Client) -> bool:
        """Tell some of what waits; False once the connection is gone."""
        try:
            if self._anew:
                self._windows.clear()
                self.waiting.add((one, None) for shop in self._reader.shops() for one in _newest(shop, self._clock()))
                self._anew = False
                self._admit()
            self._send(client)
        except StoreError as error:
            log.error("%s", error)
            self._connection.stopping.wait(RETRY_S)
        return client.loop(IDLE_S) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def gone(self, *, failed: bool) -> None:  # noqa: ARG002 - what is not acknowledged waits, whatever the reason
        """What is not acknowledged waits again."""
        self.waiting.add(self._in_flight.values(), first=True)
        self._in_flight = {}

    def _admit(self) -> None:
        """Say how much was given up since the last connection."""
        lost, self._admitted = self.waiting.given_up - self._admitted, self.waiting.given_up
        if lost:
            log.warning("%d figures waited for the broker and were given up: who missed them asks the API.", lost)

    def _send(self, client: Client) -> None:
        taken = self.waiting.take(MOST_IN_FLIGHT - len(self._in_flight))
        for number, (name, alert) in enumerate(taken):
            try:
                message = alert or self._message(name)
            except StoreError:
                self.waiting.add(taken[number:], first=True)
                raise
            if message is not None:
                topic = merged.topic(self._reader.tenant, name.shop, name.leaf)
                sent = client.publish(topic, encode(message), qos=1, retain=name.leaf == "live")
                self._in_flight[sent.mid] = name, alert

    def _message(self, name: Name) -> Message | None:
        """What is to be told now; None where there is nothing any more, or nothing new."""
        try:
            shop = self._reader.shop(name.shop)
        except UnknownShopError:
            return None
        return self._now(shop) if name.leaf == "live" else self._period(shop, _grain(name.leaf), name.start)

    def _now(self, shop: Shop) -> MergedNow | None:
        inside, resting, at = self._reader.inside(shop)
        if shop.shop in self._windows and self._windows[shop.shop] == at:
            return None
        self._windows[shop.shop] = at
        return MergedNow(
            shop=shop.shop, name=shop.name, time_zone=shop.time_zone, at=at, inside=inside, resting=resting
        )

    def _period(self, shop: Shop, grain: Grain, start: int) -> MergedPeriod | None:
        period = self._reader.period(shop, grain, start)
        if period is None:
            return None
        self._rolled = max(self._rolled + 1, int(self._clock() * 1000))
        return MergedPeriod(
            shop=shop.shop,
            name=shop.name,
            time_zone=shop.time_zone,
            grain=grain,
            rolled=self._rolled,
            period=period,
        )

    def _on_publish(self, _client: Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self.told += self._in_flight.pop(mid, None) is not None


def _newest(shop: Shop, now: float) -> Iterator[Name]:
    yield Name(shop.shop, "live")
    for grain, span_at in (("hour", calendar.hour_at), ("day", calendar.day_at)):
        start = span_at(shop.time_zone, int(now))[0]
        for one in (span_at(shop.time_zone, start - 1)[0], start):
            yield Name(shop.shop, _grain(grain), one)


def _grain(text: str) -> Grain:
    return "hour" if text == "hour" else "day"


def _meant(news: News) -> list[str]:
    return [news.shop] if news.shop else news.alert.shops


def _alert(news: News) -> MergedAlert:
    return MergedAlert(
        id=news.id,
        shop=news.shop,
        shop_name=news.shop_name,
        kind=news.kind,
        state=news.state,
        at=news.at,
        title=str(news.title),
        sentence=str(news.sentence),
    )
