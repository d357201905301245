"""Statuses: six words for how a sensor is, and never another truth than its state."""

from typing import Any

import pytest
from msgspec.structs import replace

from agent.contract import Health, RadioHealth, ReportedConfig
from cloud.core.condition import COUNTING, STATUSES, Condition, line, shown

NOW = 1_795_500_000


def radio(kind: str, state: str = "listening") -> RadioHealth:
    told: Any = {"radio": kind, "state": state}
    return RadioHealth(source="mon0", frames=9, dropped=0, last_frame_age_s=1.0, **told)


def health(*radios: RadioHealth) -> Health:
    return Health(
        sensor="acme:door", at=NOW, uptime_s=9.0, software="1", clock="trusted", profile="F5", radios=list(radios)
    )


WELL = Condition(
    sensor="acme:door",
    zone="door",
    state=COUNTING,
    last_report_at=NOW - 60,
    link="online",
    health=health(radio("wifi"), radio("ble")),
    health_at=NOW - 30,
)
TRIED = ReportedConfig(sensor="acme:door", version=7, state="pending")


@pytest.mark.parametrize(
    ("changes", "status", "radios"),
    [
        ({}, "counting", ()),
        ({"health": None}, "counting", ()),
        ({"health": health(radio("wifi"), radio("ble", "deaf"))}, "degraded", ("ble",)),
        ({"state": "deaf", "health": health(radio("wifi", "missing"))}, "degraded", ("wifi",)),
        ({"state": "clock"}, "degraded", ()),
        ({"state": "silent"}, "offline", ()),
        ({"state": "new", "link": None}, "offline", ()),
        ({"state": "new", "link": None, "claimed": False}, "unclaimed", ()),
        ({"state": "new", "link": "online", "claimed": False}, "updating", ()),
        ({"reported": TRIED}, "updating", ()),
        ({"reported": replace(TRIED, state="rolled_back")}, "counting", ()),
        ({"reported": TRIED, "state": "silent"}, "offline", ()),
        ({"muted_until": NOW + 1, "state": "silent"}, "muted", ()),
        ({"muted_until": NOW, "state": "silent"}, "offline", ()),
    ],
)
def test_the_status_follows_from_the_state(changes: dict[str, Any], status: str, radios: tuple[str, ...]) -> None:
    assert shown(replace(WELL, **changes), NOW) == (status, radios)


def test_the_first_radio_of_a_kind_decides() -> None:
    two = replace(WELL, health=health(radio("wifi"), radio("wifi", "deaf")))
    assert shown(two, NOW).status == "counting"


def test_every_status_has_words_and_a_degraded_one_names_its_radios() -> None:
    assert {str(line(status, ())) for status in STATUSES} == {str(one) for one in STATUSES.values()}
    assert line("degraded", ("ble",)) == "Degraded: Bluetooth"
    assert line("degraded", ("wifi", "ble")) == "Degraded: Wi-Fi and Bluetooth"


@pytest.mark.parametrize(
    ("interval_s", "age_s", "status"),
    [(60.0, 600, "degraded"), (60.0, 601, "counting"), (3600.0, 9000, "degraded"), (3600.0, 9001, "counting")],
)
def test_what_a_sensor_said_of_its_radios_holds_until_it_should_have_said_it_twice_more(
    interval_s: float, age_s: int, status: str
) -> None:
    ill = replace(health(radio("wifi"), radio("ble", "deaf")), interval_s=interval_s)
    assert shown(replace(WELL, health=ill, health_at=NOW - age_s), NOW).status == status
