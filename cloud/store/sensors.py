"""Sensors: how each one is, and one plain sentence for the person who has to do something about it.

The gravest thing comes first: a sensor that is silent cannot also be trusted about its radio.
"""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, func, select

from agent.contract import Health
from cloud.core.coverage import Placement
from cloud.core.figures import SensorState
from cloud.core.saying import Saying, span
from cloud.store import schema

SILENT_AFTER_S = 180  # three windows of a minute: one may be late, two may be unlucky
HEALTH_AFTER_S = 600
_health = msgspec.json.Decoder(Health)


class Known(Struct, frozen=True, kw_only=True):
    """What the tables hold on one sensor; all times in UTC seconds."""

    status: str | None
    health: Health | None
    health_at: int | None
    last_report_at: int | None
    last_window_start: int | None
    window_s: int
    missing: int
    untrusted: int
    quarantined: int


class Told(Struct, frozen=True, kw_only=True):
    """What a sensor last told of itself, when (UTC seconds), and the start of the oldest window held of it."""

    health: Health | None
    health_at: int | None
    held_since: int | None


def state(placement: Placement, known: Known, now: int) -> SensorState:
    """The state of a sensor as of `now`."""
    name, sentence = _judge(known, now)
    return SensorState(
        sensor=placement.sensor,
        zone=placement.zone,
        online=known.status == "online",
        last_report_at=known.last_report_at,
        last_window_start=known.last_window_start,
        missing_reports=known.missing,
        untrusted_windows=known.untrusted,
        quarantined=known.quarantined,
        state=name,
        sentence=sentence,
    )


def told(db: Connection, sensor_id: str) -> Told:
    """What a sensor last told of itself."""
    tenant, _, sensor = sensor_id.partition(":")
    said = _said(db, tenant, sensor)
    oldest = select(func.min(schema.report.c.window_start)).where(
        schema.report.c.tenant == tenant,
        schema.report.c.sensor == sensor,
        schema.report.c.window_start != schema.UNDATED,
    )
    return Told(
        health=_health.decode(said.health) if said and said.health else None,
        health_at=said.health_at if said else None,
        held_since=db.execute(oldest).scalar(),
    )


def known(db: Connection, sensor_id: str) -> Known:
    """What the tables hold on a sensor."""
    tenant, _, sensor = sensor_id.partition(":")
    said = _said(db, tenant, sensor)
    marks = schema.watermark.c
    # Added here: what a hostile sensor says it gave up may be more than SQLite can add.
    told = db.execute(
        select(marks.last_report_at, marks.missing, marks.untrusted).where(
            marks.tenant == tenant, marks.sensor == sensor
        )
    ).all()
    refused = schema.refused.c
    unusable = db.execute(
        select(refused.kept + refused.given_up).where(refused.tenant == tenant, refused.sensor == sensor)
    ).scalar()
    last = db.execute(
        select(schema.report.c.window_start, schema.report.c.window_s)
        .where(schema.report.c.tenant == tenant, schema.report.c.sensor == sensor)
        .where(schema.report.c.window_start != schema.UNDATED)
        .order_by(schema.report.c.window_start.desc())
        .limit(1)
    ).first()
    return Known(
        status=said.status if said else None,
        health=_health.decode(said.health) if said and said.health else None,
        health_at=said.health_at if said else None,
        last_report_at=max((one.last_report_at for one in told if one.last_report_at is not None), default=None),
        last_window_start=last.window_start if last else None,
        window_s=last.window_s if last else 60,
        missing=sum(one.missing for one in told),
        untrusted=sum(one.untrusted for one in told),
        quarantined=int(unusable or 0),
    )


def _said(db: Connection, tenant: str, sensor: str) -> Row[Any] | None:
    table = schema.sensor_state
    return db.execute(select(table).where(table.c.tenant == tenant, table.c.sensor == sensor)).first()


def _judge(known: Known, now: int) -> tuple[str, Saying]:
    if known.last_report_at is None:
        if known.status == "online":
            return "new", Saying("Connected; its first counts come with the next window.")
        return (
            "new",
            Saying("Never heard from: check that the sensor has power, network and its key."),
        )
    age = now - known.last_report_at
    if age > max(SILENT_AFTER_S, 3 * known.window_s):
        return "silent", Saying("Silent for {span}: check that the sensor has power and network.", span=span(age))
    if known.health is not None and known.health_at is not None and now - known.health_at <= HEALTH_AFTER_S:
        return _judge_health(known.health, known.last_window_start, now)
    return "counting", Saying("Counting.")


def _judge_health(health: Health, last_window_start: int | None, now: int) -> tuple[str, Saying]:
    wifi = next((one for one in health.radios if one.radio == "wifi"), None)
    if wifi is not None and wifi.state == "missing":
        detail = wifi.detail or Saying("check the adapter and its USB port.")
        return "deaf", Saying("Its Wi-Fi radio is missing: {detail}", detail=detail)
    if health.clock == "untrusted":
        return (
            "clock",
            Saying(
                "Its clock is not set, so what it counts has no time yet: "
                "let it reach a time server (NTP, UDP port 123)."
            ),
        )
    if last_window_start is not None and now - last_window_start > 3600:
        ago = span(now - last_window_start)
        return "behind", Saying("Catching up: it is sending counts from {span} ago.", span=ago)
    return "counting", Saying("Counting.")
