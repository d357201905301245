"""Places: which shop a sensor stands in, and since when; and which sensors are not believed any more.

A copy of `shop`, `placement` and of a part of `sensor` in memory, read again whenever `revision` says that someone
changed them: asking is one row per transaction, whatever the number of sensors, and holds for several processes. A
transaction that writes by what stands where holds that row, so that nobody moves a sensor meanwhile.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from cloud.core import calendar, calibration, people
from cloud.core.calibration import Factor
from cloud.core.coverage import Placement
from cloud.core.figures import Shop
from cloud.core.member import Member
from cloud.store import schema

ShopKey = tuple[str, str]  # (tenant, shop)
Hour = tuple[str, str, int]  # (tenant, shop, start of the local hour)


@dataclass(frozen=True)
class Places:
    """Shops, placements and factors as of one revision; `by_sensor` is keyed by (tenant, sensor).

    `retired`: (tenant, sensor) of those that are not believed.
    """

    revision: int = -1
    shops: dict[ShopKey, Shop] = field(default_factory=dict)
    placements: dict[ShopKey, list[Placement]] = field(default_factory=dict)
    by_sensor: dict[ShopKey, list[tuple[Placement, Shop]]] = field(default_factory=dict)
    factors: dict[ShopKey, list[Factor]] = field(default_factory=dict)
    retired: set[ShopKey] = field(default_factory=set)

    def shop_at(self, key: ShopKey, second: int) -> Shop | None:
        """The shop with the phones-to-people factor in force at `second`; None for a shop nobody knows."""
        shop = self.shops.get(key)
        return shop and people.calibrated(shop, calibration.in_force(self.factors.get(key, ()), second))

    def hours(self, tenant: str, sensor: str, windows: list[int]) -> set[Hour]:
        """The (tenant, shop, hour) that windows of a sensor belong to, none where it stands in no shop."""
        placed = self.by_sensor.get((tenant, sensor))
        found: set[Hour] = set()
        if not placed:
            return found
        start = end = 0  # the span in which nothing changes: mostly the whole batch lies in it
        for window in windows:
            if start <= window < end:
                continue
            for placement, shop in placed:
                if placement.holds(window):
                    hour, end = calendar.hour_at(shop.time_zone, window)
                    start = max(hour, placement.valid_from)
                    end = end if placement.valid_to is None else min(end, placement.valid_to)
                    found.add((tenant, shop.shop, hour))
                    break
        return found


def current(db: Connection, known: Places, held: Literal["", "as it is", "to change"] = "") -> Places:
    """`known`, or what has replaced it; held to the end of the transaction by one that writes."""
    query = select(schema.revision.c.number)
    if held:
        query = query.with_for_update(read=held == "as it is")
    number = db.execute(query).scalar_one()
    return known if number == known.revision else _read(db, number)


def _read(db: Connection, revision: int) -> Places:
    places = Places(revision=revision)
    decode = msgspec.json.Decoder(Shop).decode
    for row in db.execute(select(schema.shop)):
        places.shops[row.tenant, row.shop] = decode(row.body)
    for row in db.execute(select(schema.placement).order_by("tenant", "sensor", "valid_from")):
        placement = Placement(
            sensor=f"{row.tenant}:{row.sensor}",
            zone=row.zone,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        places.placements.setdefault((row.tenant, row.shop), []).append(placement)
        shop = places.shops[row.tenant, row.shop]
        places.by_sensor.setdefault((row.tenant, row.sensor), []).append((placement, shop))
    for row in db.execute(select(schema.factor).order_by("tenant", "shop", "valid_from")):
        factor = msgspec.json.decode(row.body, type=Factor)
        places.factors.setdefault((row.tenant, row.shop), []).append(factor)
    member = msgspec.json.Decoder(Member)
    for row in db.execute(select(schema.sensor)):
        if not member.decode(row.body).is_active:
            places.retired.add((row.tenant, row.sensor))
    return places
