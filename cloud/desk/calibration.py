"""Calibration: counts at the door, and the factors from phones to people that come of them.

1. A count is fitted once, when every sensor of the shop has reported on its time; until then it waits, and nobody needs
   to send it again.
2. It is fitted together with the counts of the `RECENT_DAYS` days before now, and holds from now on.
3. The same count sent again is answered the same.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cloud.core import calibration, doorcount
from cloud.core.calibration import CalibrationError, Factor, Span
from cloud.core.doorcount import RECENT_DAYS, Calibrated, Counted, DoorCount, DoorSession
from cloud.core.figures import Shop
from cloud.core.today import WINDOW_S
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.doorcounts import DoorCounts


class DoorLine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A count in the list: `people` came in by whole windows from `begun` to `ended` (UTC seconds); what came of it."""

    id: str
    begun: int
    ended: int
    people: int
    state: Literal["fitted", "waiting", "refused"]
    factor: Factor | None
    sentence: str


class Calibration:
    """The counts and factors of `tenant`'s shops in `store`; `clock` gives UTC seconds. Raises UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._tenant, self._clock = store, tenant, clock
        self._reader, self._counts = Reader(store, tenant, clock), DoorCounts(store)

    def history(self, shop_id: str) -> list[Factor]:
        """The shop's factors from phones to people, each with the time it holds from, oldest first."""
        return self._reader.factors(self._reader.shop(shop_id))

    def known(self, shop_id: str, count_id: str) -> bool:
        """Whether a count of that id was sent before."""
        return self._counts.known(self._tenant, self._reader.shop(shop_id).shop, count_id) is not None

    def add(self, shop_id: str, session: DoorSession) -> Calibrated:
        """Keep a count, and fit it as soon as that can be. Raises Refusal for one that cannot be taken."""
        shop, now = self._reader.shop(shop_id), int(self._clock())
        count = self._counts.known(self._tenant, shop.shop, session.id)
        if count is None:
            told = doorcount.from_session(session, now, WINDOW_S)
            count = self._counts.keep(self._tenant, shop.shop, told)
        return doorcount.calibrated(self._settled(shop, count, now))

    def sessions(self, shop_id: str) -> list[DoorLine]:
        """Every count of the shop, the newest first."""
        counts = self._counts.since(self._tenant, self._reader.shop(shop_id).shop)
        return [_line(one) for one in reversed(counts)]

    def refit(self, shop_id: str) -> list[DoorLine]:
        """Fit those counts that wait and whose reports have come by now; they are what is returned."""
        shop, now = self._reader.shop(shop_id), int(self._clock())
        waiting = [one for one in self._counts.since(self._tenant, shop.shop) if one.waiting]
        return [_line(one) for one in (self._settled(shop, count, now) for count in waiting) if not one.waiting]

    def _settled(self, shop: Shop, count: DoorCount, now: int) -> DoorCount:
        """The count with what came of it; as it is while that may still be awaited."""
        start, end = count.counts[0].start, count.counts[-1].end
        if not count.waiting:
            return count
        if end > now - RECENT_DAYS * 86_400 and not self._counts.arrived(self._tenant, shop.shop, start, end):
            return count
        return self._counts.settle(self._tenant, shop.shop, self._fitted(shop, count, now))

    def _fitted(self, shop: Shop, count: DoorCount, now: int) -> DoorCount:
        own = compared(self._store, shop, count.counts)
        if not any(map(calibration.heard, own)):
            return replace(count, reason="unheard")
        recent = self._counts.since(self._tenant, shop.shop, now - RECENT_DAYS * 86_400)
        others = [each for one in recent if one.id != count.id and not one.waiting for each in one.counts]
        spans = [*compared(self._store, shop, others), *own]
        try:
            return replace(count, factor=calibration.fit(spans, shop.people_per_device, now, "door"))
        except CalibrationError as error:
            return replace(count, reason=error.reason)


def compared(store: Store, shop: Shop, counts: Iterable[Counted]) -> list[Span]:
    """What was counted at the door beside the visits of devices begun in the same time."""
    key = (shop.tenant, shop.shop)
    return [
        Span(start=one.start, end=one.end, people=one.people, devices=store.visits_of_devices(*key, one.start, one.end))
        for one in counts
    ]


def _line(count: DoorCount) -> DoorLine:
    told = doorcount.calibrated(count)
    return DoorLine(
        id=count.id,
        begun=count.begun,
        ended=count.ended,
        people=sum(one.people for one in count.counts),
        state=told.state,
        factor=told.factor,
        sentence=told.sentence,
    )
