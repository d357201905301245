"""Survey: what is known of all shops of a tenant at once, in a few queries whatever their number.

Reading shop by shop costs milliseconds for each; who looks at every shop every minute needs it in one go.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, func, select

from agent.contract import Health, Report, ReportedConfig
from cloud.core.condition import Condition
from cloud.core.coverage import PlacedShop
from cloud.core.figures import Period
from cloud.core.member import Member
from cloud.store import boots, schema, sensors
from cloud.store.sensors import Known
from cloud.store.store import Store

SHOPS_AT_ONCE = 500
_period = msgspec.json.Decoder(Period)
_report = msgspec.json.Decoder(Report)
_health = msgspec.json.Decoder(Health)
_reported = msgspec.json.Decoder(ReportedConfig)
_member = msgspec.json.Decoder(Member)


class Survey:
    """Reads the shops of one tenant in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def conditions(self, tenant: str, placed: Iterable[PlacedShop], now: int) -> dict[str, list[Condition]]:
        """How the sensors are that stand in each shop at `now`, by shop."""
        with self._store.reading() as db:
            known = _known(db, tenant)
        found: dict[str, list[Condition]] = {}
        for one in placed:
            here = [each for each in one.placements if each.holds(now)]
            found[one.shop.shop] = [
                sensors.condition(each, known[each.sensor], now) for each in here if each.sensor in known
            ]
        return found

    def hours(self, tenant: str, shops: Sequence[str], start: int, end: int) -> dict[str, list[Period]]:
        """The rows of hours that start in `start` to `end`, by shop; none of a shop that has none."""
        table = schema.period.c
        query = select(table.shop, table.body).where(
            table.tenant == tenant, table.grain == "hour", table.start >= start, table.start < end
        )
        found: dict[str, list[Period]] = {}
        with self._store.reading() as db:
            for at in range(0, len(shops), SHOPS_AT_ONCE):
                for shop, body in db.execute(query.where(table.shop.in_(shops[at : at + SHOPS_AT_ONCE]))):
                    found.setdefault(shop, []).append(_period.decode(body))
        return found

    def begun(self, tenant: str) -> dict[str, int]:
        """The start of the very first hour of each shop that has one."""
        shop, period = schema.shop.c, schema.period.c
        first = (
            select(func.min(period.start))
            .where(period.tenant == shop.tenant, period.shop == shop.shop, period.grain == "hour")
            .scalar_subquery()
        )
        with self._store.reading() as db:
            rows = db.execute(select(shop.shop, first).where(shop.tenant == tenant)).all()
        return {one: start for one, start in rows if start is not None}

    def most_inside(self, tenant: str, start: int, end: int) -> dict[str, float]:
        """By sensor, the most devices inside in any window that starts in `start` to `end`, background and all.

        What a shop's figures say is never more, so this tells cheaply where they need not be asked.
        """
        places, report = schema.placement.c, schema.report.c
        placed = select(places.tenant, places.sensor).where(places.tenant == tenant).distinct().subquery()
        query = (
            select(report.sensor, report.body)
            .select_from(placed)
            .join(schema.report, (report.tenant == placed.c.tenant) & (report.sensor == placed.c.sensor))
            .where(report.window_start >= start, report.window_start < end)
        )
        found: dict[str, float] = {}
        with self._store.reading() as db:
            for sensor, body in db.execute(query):
                wifi = _report.decode(body).wifi
                if wifi is not None and wifi.inside is not None:
                    name = f"{tenant}:{sensor}"
                    found[name] = max(found.get(name, 0.0), wifi.inside.devices)
        return found


def _known(db: Connection, tenant: str) -> dict[str, Known]:
    """What a sensor's state follows from, by sensor; what was lost of it is not counted here."""
    places, report, marks = schema.placement.c, schema.report.c, schema.watermark.c
    newest = (
        select(report.window_start, report.window_s)
        .where(report.tenant == places.tenant, report.sensor == places.sensor, report.window_start != schema.UNDATED)
        .order_by(report.window_start.desc())
        .limit(1)
    )
    start, length = (newest.with_only_columns(one).scalar_subquery() for one in (report.window_start, report.window_s))
    windows = db.execute(select(places.sensor, start, length).where(places.tenant == tenant).distinct()).all()
    last, state = func.max(marks.last_report_at), schema.sensor_state
    reported = dict(db.execute(select(marks.sensor, last).where(marks.tenant == tenant).group_by(marks.sensor)).all())
    states = {row.sensor: row for row in db.execute(select(state).where(state.c.tenant == tenant))}
    member = schema.sensor.c
    bodies = db.execute(select(member.sensor, member.body).where(member.tenant == tenant)).all()
    muted = {sensor: _member.decode(body).muted_until for sensor, body in bodies}
    found: dict[str, Known] = {}
    for sensor, window, window_s in windows:
        row = states.get(sensor)
        found[f"{tenant}:{sensor}"] = Known(
            status=row.status if row else None,
            health=_health.decode(row.health) if row and row.health else None,
            health_at=row.health_at if row else None,
            last_report_at=reported.get(sensor),
            last_window_start=window,
            window_s=window_s or 60,
            missing=0,
            untrusted=0,
            quarantined=0,
            reported=_reported.decode(row.config) if row and row.config else None,
            muted_until=muted.get(sensor),
            claimed=sensor in muted,
            spoken=boots.read(row.boots if row else None),
        )
    return found
