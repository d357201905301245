"""Causes: what a silence is put down to, by the last that a sensor told; what is certain goes first."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from agent.contract.health import Machine, Uplink
from cloud.core import cause
from cloud.core.cause import ADVICE, LastWord
from cloud.core.condition import LEFT, Condition
from tests.core.test_condition import NOW, WELL, health

GOOD = Machine(
    strained=[], was_strained=[], disk_free=0.6, disk_errors=0, uplink=Uplink(kind="wifi", signal_dbm=-50),
    certificate_until=NOW + 9e6,
)  # fmt: skip
SILENT = replace(WELL, state="silent", link="offline", last_report_at=NOW - 1200)


def after(machine: Machine | Any = GOOD, **changes: Any) -> Condition:
    return replace(SILENT, **{"health": replace(health(), machine=machine), **changes})


@pytest.mark.parametrize(
    ("one", "all_out", "expected"),
    [
        (after(), False, "power"),
        (after(link=LEFT), True, "stopped"),
        (after(), True, "shop"),
        (after(link="online"), False, "stuck"),
        (after(replace(GOOD, certificate_until=NOW - 1.0)), False, "certificate"),
        (after(replace(GOOD, was_strained=["under-voltage"])), False, "weak-power"),
        (after(replace(GOOD, strained=["under-voltage"], disk_free=0.0)), False, "weak-power"),
        (after(replace(GOOD, strained=["hot"])), False, "power"),
        (after(replace(GOOD, disk_free=0.01)), False, "card"),
        (after(replace(GOOD, disk_errors=3)), False, "card"),
        (after(health=replace(health(), machine=GOOD, clock="untrusted")), False, "clock"),
        (after(replace(GOOD, uplink=Uplink(kind="wifi", signal_dbm=-80))), False, "uplink"),
        (after(replace(GOOD, uplink=Uplink(kind="mobile", round_trip_s=2.5))), False, "uplink"),
        (after(replace(GOOD, uplink=UNSET)), False, None),
        (after(UNSET), False, None),
        (after(health=None), False, None),
    ],
)
def test_the_gravest_of_what_is_known_is_the_cause(one: Condition, all_out: bool, expected: str | None) -> None:
    assert cause.likely(one, NOW, all_out=all_out) == expected


def test_every_cause_says_what_to_do_next() -> None:
    assert {one for one in ADVICE if one is not None} == set(cause.Cause.__args__)  # type: ignore[attr-defined]
    assert all(":" in said or "." in said.rstrip(".") for said in ADVICE.values())


def test_the_last_word_is_told_in_order_of_gravity() -> None:
    strained = replace(
        GOOD, strained=["under-voltage"], cpu_c=78.4, disk_errors=1, uplink=Uplink(kind="wifi", signal_dbm=-81)
    )
    word = cause.last_word(after(strained))
    assert word is not None and word.at == NOW - 30
    assert cause.told(word) == (
        "power supply too weak, Wi-Fi at \N{MINUS SIGN}81 dBm, processor at 78 °C, "
        "60\N{NARROW NO-BREAK SPACE}% of the disk free, errors on the disk"
    )


def test_a_sensor_that_said_nothing_has_no_last_word() -> None:
    assert cause.last_word(after(UNSET)) is None
    assert cause.told(LastWord(at=NOW)) is None
