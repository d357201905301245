"""Sensors: how each one is, and one plain sentence for the person who has to do something about it.

The gravest thing comes first: a sensor that is silent cannot also be trusted about its radio.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, Table, bindparam, func, select

from agent.contract import Health, ReportedConfig
from cloud.core.budget import privacy
from cloud.core.condition import COPIED, COUNTING, Condition, holds_s, shown
from cloud.core.copies import Copied, Moved, Spoken, judge
from cloud.core.coverage import Placement
from cloud.core.figures import SensorState
from cloud.core.member import Member
from cloud.core.saying import Saying, span
from cloud.store import boots, schema

SILENT_AFTER_S = 180  # three windows of a minute: one may be late, two may be unlucky
_AT_ONCE = 1000
_health = msgspec.json.Decoder(Health)
_reported = msgspec.json.Decoder(ReportedConfig)
_member = msgspec.json.Decoder(Member)


def _of_sensors(table: Table) -> tuple[ColumnElement[bool], ...]:
    return table.c.tenant == bindparam("tenant"), table.c.sensor.in_(bindparam("sensors", expanding=True))


def _newest(column: ColumnElement[int]) -> ScalarSelect[int]:
    """A column of the newest window of a placed sensor: a look-up for each."""
    report, placed = schema.report.c, schema.placement.c
    here = (report.tenant == placed.tenant, report.sensor == placed.sensor, report.window_start != schema.UNDATED)
    return select(column).where(*here).order_by(report.window_start.desc()).limit(1).scalar_subquery()


# Built once: to build one takes longer than to look a row up.
_STATES = select(schema.sensor_state).where(*_of_sensors(schema.sensor_state))
_MARKS = select(schema.watermark).where(*_of_sensors(schema.watermark))
_MEMBERS = select(schema.sensor).where(*_of_sensors(schema.sensor))
_REFUSED = select(schema.refused).where(*_of_sensors(schema.refused))
_LAST_WINDOWS = select(
    schema.placement.c.sensor, _newest(schema.report.c.window_start), _newest(schema.report.c.window_s)
).where(*_of_sensors(schema.placement))


class Known(Struct, frozen=True, kw_only=True):
    """What the tables hold on one sensor; all times in UTC seconds. The rest as in `Condition`."""

    status: str | None
    health: Health | None
    health_at: int | None
    last_report_at: int | None
    last_window_start: int | None
    window_s: int
    missing: int
    untrusted: int
    quarantined: int
    reported: ReportedConfig | None = None
    muted_until: int | None = None
    claimed: bool = True
    spoken: Spoken = Spoken()


class Told(Struct, frozen=True, kw_only=True):
    """What a sensor last told of itself, when (UTC seconds), and the start of the oldest window held of it."""

    health: Health | None
    health_at: int | None
    held_since: int | None


def states(db: Connection, placements: Sequence[Placement], now: int) -> list[SensorState]:
    """The states of placed sensors as of `now`, and what they say that they keep to."""
    found = known(db, [one.sensor for one in placements])
    each = [(one, found[one.sensor]) for one in placements]
    return [_shown(one, its, now) for one, its in each]


def _shown(placement: Placement, known: Known, now: int) -> SensorState:
    status, radios = shown(condition(placement, known, now), now)
    return replace(state(placement, known, now), privacy=privacy(known.health), status=status, radios=list(radios))


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


def condition(placement: Placement, known: Known, now: int) -> Condition:
    """How a sensor is as of `now`, with the last it told of itself."""
    of = state(placement, known, now)
    return Condition(
        sensor=of.sensor,
        zone=of.zone,
        state=of.state,
        last_report_at=of.last_report_at,
        link=known.status,
        health=known.health,
        health_at=known.health_at,
        reported=known.reported,
        muted_until=known.muted_until,
        claimed=known.claimed,
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


def known(db: Connection, sensor_ids: Iterable[str]) -> dict[str, Known]:
    """What the tables hold on sensors, by id."""
    by_tenant: dict[str, list[str]] = {}
    for one in sensor_ids:
        tenant, _, sensor = one.partition(":")
        by_tenant.setdefault(tenant, []).append(sensor)
    return {
        f"{tenant}:{sensor}": one
        for tenant, sensors in by_tenant.items()
        for at in range(0, len(sensors), _AT_ONCE)
        for sensor, one in _known(db, tenant, sensors[at : at + _AT_ONCE])
    }


def _known(db: Connection, tenant: str, sensors: Sequence[str]) -> Iterator[tuple[str, Known]]:
    said = {row.sensor: row for row in _of(db, _STATES, tenant, sensors)}
    told: dict[str, list[Row[Any]]] = {}
    for row in _of(db, _MARKS, tenant, sensors):
        told.setdefault(row.sensor, []).append(row)
    refused = {row.sensor: row.kept + row.given_up for row in _of(db, _REFUSED, tenant, sensors)}
    members = {row.sensor: _member.decode(row.body) for row in _of(db, _MEMBERS, tenant, sensors)}
    windows = (tuple(row) for row in _of(db, _LAST_WINDOWS, tenant, sensors))
    last = {sensor: (start, length) for sensor, start, length in windows if start is not None}
    for sensor in sensors:
        marks, window, now = told.get(sensor, []), last.get(sensor), said.get(sensor)
        yield (
            sensor,
            Known(
                status=now.status if now else None,
                health=_health.decode(now.health) if now and now.health else None,
                health_at=now.health_at if now else None,
                last_report_at=max(
                    (one.last_report_at for one in marks if one.last_report_at is not None), default=None
                ),
                last_window_start=window[0] if window else None,
                window_s=window[1] if window else 60,
                # Added here: what a hostile sensor says it gave up may be more than SQLite can add.
                missing=sum(one.missing for one in marks),
                untrusted=sum(one.untrusted for one in marks),
                quarantined=refused.get(sensor, 0),
                reported=_reported.decode(now.config) if now and now.config else None,
                muted_until=members[sensor].muted_until if sensor in members else None,
                claimed=sensor in members,
                spoken=boots.read(now.boots if now else None),
            ),
        )


def _of(db: Connection, query: Select[Any], tenant: str, sensors: Sequence[str]) -> Sequence[Row[Any]]:
    return db.execute(query, {"tenant": tenant, "sensors": sensors}).all()


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
    machines = judge(known.spoken, now)
    if isinstance(machines, Copied):
        return COPIED, _copied(span(now - machines.since))
    if known.health is not None and known.health_at is not None and now - known.health_at <= holds_s(known.health):
        fault = _judge_health(known.health, known.last_window_start, now)
        if fault is not None:
            return fault
    if isinstance(machines, Moved):
        return COUNTING, Saying("Counting, for {span} on another board.", span=span(now - machines.since))
    return COUNTING, Saying("Counting.")


def _copied(since: Saying) -> Saying:
    return Saying(
        "Two machines have spoken as this sensor by turns for {span}: its card was copied. Switch one of them off, "
        "reset it, and claim it under its own name. If you cannot find it, retire this sensor, and claim its board "
        "anew.",
        span=since,
    )


def _judge_health(health: Health, last_window_start: int | None, now: int) -> tuple[str, Saying] | None:
    wifi = next((one for one in health.radios if one.radio == "wifi"), None)
    if wifi is not None and wifi.state == "missing":
        detail = wifi.detail or Saying("check the adapter and its USB port.")
        return "deaf", Saying("Its Wi-Fi radio is missing: {detail}", detail=detail)
    if wifi is not None and wifi.state == "deaf":
        detail = wifi.detail or Saying("unplug the adapter, and plug it in again.")
        return "deaf", Saying("Its Wi-Fi radio hears nothing: {detail}", detail=detail)
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
    ble = next((one for one in health.radios if one.radio == "ble" and one.state != "listening"), None)
    if ble is not None:
        detail = ble.detail or Saying("unplug the sensor, and plug it in again.")
        return "counting", Saying("Counting, but it hears no Bluetooth: {detail}", detail=detail)
    return None
