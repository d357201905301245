"""Opening hours: worked by hand for Berlin, where the clocks skip 02:00-03:00 on 2024-03-31."""

from datetime import datetime
from zoneinfo import ZoneInfo

from agent.core.hours import look, opening

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = (opening(["mon", "tue", "wed", "thu", "fri"], "09:00", "20:00"), opening(["sat"], "10:00", "24:00"))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def test_without_hours_it_is_always_open() -> None:
    assert look((), BERLIN, 0.0) == (True, float("inf"))


def test_a_weekday() -> None:
    assert look(WEEK, BERLIN, at("2023-11-14 08:59:59")) == (False, at("2023-11-14 09:00"))
    assert look(WEEK, BERLIN, at("2023-11-14 09:00")) == (True, at("2023-11-14 20:00"))
    assert look(WEEK, BERLIN, at("2023-11-14 20:00")) == (False, at("2023-11-15 09:00"))


def test_a_day_that_ends_at_midnight_and_a_closed_sunday() -> None:
    assert look(WEEK, BERLIN, at("2023-11-18 23:59")) == (True, at("2023-11-19 00:00"))
    assert look(WEEK, BERLIN, at("2023-11-19 00:00")) == (False, at("2023-11-20 09:00"))


def test_hours_are_wall_times_when_the_clocks_change() -> None:
    sunday = (opening(["sun"], "02:30", "09:00"),)
    assert look(sunday, BERLIN, at("2024-03-31 01:00")) == (False, at("2024-03-31 03:30"))
    assert at("2024-03-31 09:00") - at("2024-03-31 03:30") == 5.5 * 3600


def test_hours_next_to_each_other_are_open_throughout() -> None:
    both = (opening(["tue"], "09:00", "12:00"), opening(["tue"], "12:00", "18:00"))
    assert look(both, BERLIN, at("2023-11-14 12:00"))[0]
