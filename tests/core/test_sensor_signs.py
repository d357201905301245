"""Signs of sensors: what is the matter with one, why it is silent, and that nobody is told of a muted one."""

from typing import Any

import pytest
from msgspec.structs import replace

from agent.contract import ReportedConfig
from agent.contract.health import Machine
from cloud.core import bulletin, calendar, rule, so_far
from cloud.core.alerts import KINDS, OF_SENSORS, Alert, Kind, Observation, step
from cloud.core.condition import LEFT, Condition
from cloud.core.signs import CERTIFICATE_S, LATE_S, Sight, observations
from tests.core.test_cause import after
from tests.core.test_condition import NOW, WELL, health, radio
from tests.shops import a_shop

SHOP = a_shop("a", name="A")
BACK = ReportedConfig(sensor="acme:door", version=6, state="rolled_back", reason="the cloud was not heard.", wanted=7)


def sight(*sensors: Condition, now: int = NOW) -> Sight:
    return Sight(
        shop=SHOP,
        now=now,
        open_now=calendar.is_open(SHOP, now, now + 1),
        sensors=list(sensors),
        so_far=so_far.so_far(SHOP, now),
        hours={},
        begun_at=0,
    )


def seen(kind: Kind, *sensors: Condition) -> Observation | None:
    found = observations(sight(*sensors), {one: rule.in_force(SHOP, one, None) for one in KINDS})
    return next((one for one in found if one.kind == kind), None)


ILL: list[tuple[Kind, Condition]] = [
    ("sensor-deaf", replace(WELL, state="deaf")),
    ("sensor-clock", replace(WELL, state="clock")),
    ("sensor-ble", replace(WELL, health=health(radio("wifi"), radio("ble", "deaf")))),
    ("sensor-copied", replace(WELL, state="copied")),
    ("sensor-settings", replace(WELL, reported=BACK)),
    (
        "sensor-certificate",
        replace(WELL, health=replace(health(), machine=Machine(certificate_until=NOW + CERTIFICATE_S - 1.0))),
    ),
]


@pytest.mark.parametrize(("kind", "ill"), ILL)
def test_an_ailment_is_seen_of_whom_it_is_and_of_nobody_else(kind: Kind, ill: Condition) -> None:
    one, other = seen(kind, ill, WELL), seen(kind, WELL)
    assert one is not None and one.so is True and one.facts.zones == ["door"] and one.hold_s == 600
    assert other is not None and other.so is False
    assert [each for each, _ in ILL if (found := seen(each, ill)) and found.so] == [kind]


@pytest.mark.parametrize(("kind", "ill"), [*ILL, ("sensor-silent", replace(WELL, last_report_at=NOW - 9000))])
def test_nobody_is_told_of_a_muted_sensor(kind: Kind, ill: Condition) -> None:
    muted = seen(kind, replace(ill, muted_until=NOW + 60))
    assert muted is not None and muted.so is False
    again = seen(kind, replace(ill, muted_until=NOW))
    assert again is not None and again.so is True


def test_a_shop_whose_muted_sensor_is_off_is_not_called_well() -> None:
    off = sight(replace(WELL, state="silent", muted_until=NOW + 60), WELL)
    assert not off.all_well and off.late == []


@pytest.mark.parametrize(("kind", "ill"), ILL)
def test_nothing_is_known_of_an_ailment_while_a_sensor_is_late(kind: Kind, ill: Condition) -> None:
    assert seen(kind, replace(ill, last_report_at=NOW - LATE_S)) is None


def said(one: Observation | None, **changes: Any) -> str:
    assert one is not None
    alert = Alert(kind=one.kind, shop="a", state="firing", began_at=NOW, since=one.since, facts=one.facts, **changes)
    return str(bulletin.sentence(alert, {"a": SHOP}, "firing"))


def test_silence_is_told_with_the_last_word_and_the_likely_cause() -> None:
    weak = after(Machine(was_strained=["under-voltage"], strained=[], disk_free=0.5), health_at=NOW - 1230)
    told = said(seen("sensor-silent", weak))
    assert told.startswith("Nothing has come from the sensor (door) since")
    assert "It last told, at " in told and "power supply too weak, 50" in told
    assert told.endswith("use the supply that came with it, straight in the wall.")


def test_a_shop_that_is_out_as_a_whole_has_one_cause() -> None:
    both = (replace(after(), zone="door"), replace(after(), zone="till"))
    assert "its router or its power is out" in said(seen("sensor-silent", *both))
    assert "check its plug" in said(seen("sensor-silent", both[0], WELL))
    assert "shut down in order" in said(seen("sensor-silent", replace(both[0], link=LEFT)))


def test_settings_that_were_undone_are_told_with_the_sensors_own_reason() -> None:
    assert "undid them: the cloud was not heard." in said(seen("sensor-settings", replace(WELL, reported=BACK)))


@pytest.mark.parametrize("kind", sorted(OF_SENSORS))
def test_what_befalls_many_shops_at_once_is_one_alert(kind: Kind) -> None:
    shops = [f"s{number}" for number in range(20)]
    ill = [Observation(shop=one, kind=kind, so=True, at=NOW, since=NOW - 3600, hold_s=600) for one in shops[:9]]
    alerts = step([], ill, {one: {kind} for one in shops}, NOW)
    fired = [one for one in alerts if one.state == "firing"]
    assert [(one.shop, one.shops) for one in fired] == [("", sorted(shops[:9]))]
    assert "So many at once have one cause" in bulletin.sentence(fired[0], {}, "firing")
