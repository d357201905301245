"""What a phone at the door sends, as it is kept: whole windows, quarters of hours, and nothing that makes no sense."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import replace

from cloud.core import doorcount
from cloud.core.doorcount import DoorCountError, DoorSession, by_quarter, calibrated, from_session
from tests.shops import at

NOON = at("2026-11-24 12:00")
SESSION = DoorSession(id="phone-0001", begun=NOON, ended=NOON + 3600, taps=[NOON, NOON + 1, NOON + 899, NOON + 3600])


@given(st.integers(0, 10**6), st.integers(300, 12 * 3600), st.lists(st.floats(0, 1), max_size=50))
def test_quarters_fill_the_whole_windows_and_count_everyone_in_them(start: int, long: int, when: list[float]) -> None:
    end, taps = start + long, [start + int(one * long) for one in when]
    try:
        counts = by_quarter(taps, start, end, 300)
    except DoorCountError:
        assert end // 300 - -(-start // 300) < 1
        return
    assert (counts[0].start, counts[-1].end) == (-(-start // 300) * 300, end // 300 * 300)
    assert all(one.end == other.start and one.end - one.start == 900 for one, other in pairwise(counts))
    assert counts[-1].end - counts[-1].start < 1800
    assert sum(one.people for one in counts) == sum(counts[0].start <= one < counts[-1].end for one in taps)


def test_a_session_is_kept_by_the_quarter_of_an_hour_and_without_its_taps() -> None:
    kept = from_session(SESSION, NOON + 3700, 300)
    assert [one.people for one in kept.counts] == [3, 0, 0, 0]
    assert (kept.id, kept.begun, kept.ended, kept.told_at) == ("phone-0001", NOON, NOON + 3600, NOON + 3700)
    assert kept.waiting
    assert calibrated(kept).state == "waiting"
    assert "taps" not in to_builtins(kept)


def test_a_count_of_less_than_a_quarter_is_one_span() -> None:
    (one,) = by_quarter([NOON + 10, NOON + 700], NOON, NOON + 600 + 200, 300)
    assert (one.start, one.end, one.people) == (NOON, NOON + 600, 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ended": NOON}, "ends before it begins"),
        ({"ended": NOON + 12 * 3600 + 1}, "12 hours at most"),
        ({"begun": NOON - 29 * 86_400, "ended": NOON - 29 * 86_400 + 900, "taps": []}, "more than 28 days old"),
        ({"ended": NOON + 200, "taps": []}, "Count for longer"),
        ({"taps": [NOON - 1, NOON + 1]}, "outside the time that was counted, 1 of 2"),
        ({"taps": [NOON + 3601]}, "outside the time that was counted, 1 of 1"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(DoorCountError, match=says):
        from_session(replace(SESSION, **changes), NOON + 13 * 3600, 300)


def test_a_phones_clock_may_be_five_minutes_fast() -> None:
    assert from_session(SESSION, NOON + 3300, 300)
    with pytest.raises(DoorCountError, match="ends in the future"):
        from_session(SESSION, NOON + 3299, 300)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "short"},
        {"id": "x" * 65},
        {"id": "phone 0001"},
        {"begun": -1},
        {"taps": [NOON] * (doorcount.MOST_TAPS + 1)},
        {"taps": [NOON + 0.5]},
        {"who": "somebody"},
    ],
)
def test_what_is_no_session_is_not_read_as_one(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        convert(to_builtins(SESSION) | changes, DoorSession)
