"""The lives of the two keys. 2023-11-14 is a Tuesday; Berlin is an hour ahead of UTC in winter."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.core.epoch import Keys, Moment, day_of, hour_of

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def keys(began: Moment, zone: ZoneInfo = BERLIN) -> Keys:
    made = Keys(lambda: bytes(32), 300, zone, with_epoch=True)
    made.open(began)
    return made


def test_the_day_begins_at_four() -> None:
    assert day_of(at("2023-11-15 03:59:59"), BERLIN) == day_of(at("2023-11-14 04:00:00"), BERLIN)
    assert day_of(at("2023-11-15 04:00:00"), BERLIN) == day_of(at("2023-11-15 03:59:59"), BERLIN) + 1


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first, second = (datetime(2023, 10, 29, hour, 30, tzinfo=UTC).timestamp() for hour in (0, 1))
    assert hour_of(first, BERLIN) != hour_of(second, BERLIN)
    assert hour_of(first, BERLIN)[:2] == hour_of(second, BERLIN)[:2]


def test_an_epoch_ends_with_the_window_that_ends_at_four() -> None:
    began = at("2023-11-14 12:00")
    made = keys(Moment(began, 0))
    opens = at("2023-11-15 03:55")
    assert not made.outlasted(Moment(opens, opens - began))
    assert made.outlasted(Moment(opens + 300, opens + 300 - began))


def test_a_window_that_would_reach_past_four_is_the_next_epochs() -> None:
    began = at("2023-11-14 12:00")
    made = keys(Moment(began, 0))
    opens = at("2023-11-15 03:57")
    assert made.outlasted(Moment(opens, opens - began))


def test_a_day_of_25_hours_does_not_stretch_it() -> None:
    began = at("2023-10-28 04:00")
    made = keys(Moment(began, 1000.0))
    assert not made.outlasted(Moment(began + 86_100, 1000.0 + 86_100))
    assert made.outlasted(Moment(began + 86_400, 1000.0 + 86_400))  # 03:00, an hour before the end of the local day


@pytest.mark.parametrize("utc", ["2023-11-14 12:05", "2023-11-14 05:00", "2023-11-15 03:00"])
def test_a_wrong_clock_ends_it_early_and_never_late(utc: str) -> None:
    """Whatever the time of day says, 24 hours on the clock that nobody sets are the end."""
    made = keys(Moment(at("2023-11-14 12:00"), 0))
    assert made.outlasted(Moment(at(utc), 86_400.0))


@pytest.mark.parametrize("utc", ["2031-01-01 12:00", "1970-01-02 00:00", "2023-11-13 12:00"])
def test_a_clock_set_to_another_day_ends_it(utc: str) -> None:
    assert keys(Moment(at("2023-11-14 12:00"), 0)).outlasted(Moment(at(utc), 600.0))


def test_another_boot_ends_it() -> None:
    assert keys(Moment(at("2023-11-14 12:00"), 5000.0)).outlasted(Moment(at("2023-11-14 12:05"), 20.0))


def test_a_key_that_is_over_is_overwritten_where_it_lies() -> None:
    drawn = [bytearray(b"\1" * 32) for _ in range(4)]
    made = Keys(iter(drawn).__next__, 300, BERLIN, with_epoch=True)
    made.open(Moment(0, 0))
    made.open(Moment(300, 300))
    made.end()
    made.close()
    assert drawn[0] == drawn[1] == drawn[2] == bytearray(32)


def test_a_count_key_expires_though_the_time_of_day_stands_still() -> None:
    made = keys(Moment(0, 100.0))
    assert not made.expired(699.0)
    assert made.expired(700.0)
    assert made.expired(-500.0)
    made.close()
    assert not made.expired(700.0)


@pytest.mark.parametrize("size", [0, 16, 33])
def test_a_short_key_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="a key has 32 bytes"):
        Keys(lambda: bytes(size), 300, BERLIN, with_epoch=False).open(Moment(0, 0))
