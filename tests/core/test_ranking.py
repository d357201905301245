"""A ranking: no place that the ranges do not bear, none for a shop that was not heard, and regions that say so."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import ranking
from cloud.core.glossary import DEFINITIONS
from cloud.core.ranking import Candidate, Ranking
from tests.lines import a_line, lines
from tests.shops import a_shop

FIRST, LAST = date(2026, 11, 2), date(2026, 11, 22)
BEFORE = ranking.dates_before(FIRST, LAST)


def a_candidate(name: str, visitors: float, was: float | None = None, sold=None, **shop: object) -> Candidate:
    was = visitors if was is None else was
    return Candidate(
        shop=a_shop(name, name=name, **shop),
        now=lines(FIRST, LAST, lambda _: visitors),
        before=lines(*BEFORE, lambda _: was),
        sold=sold or {},
        same_people=True,
    )


def told(*candidates: Candidate, by="visitors") -> Ranking:
    return ranking.ranking(candidates, by, "28-days", FIRST, LAST)


def one(found: Ranking, name: str):
    return next(shop for shop in found.shops if shop.name == name)


def lost(candidate: Candidate, hours: float, days: int = 1) -> Candidate:
    """So many hours of the first days not listened to."""
    gone = [a_line(FIRST + timedelta(days=n), 50.0, 1 - hours / 11) for n in range(days)]
    return replace(candidate, now=[*gone, *candidate.now[days:]])


def test_shops_whose_ranges_lie_apart_are_ranked_and_others_share_places():
    found = told(a_candidate("b", 100), a_candidate("c", 90), a_candidate("a", 200), a_candidate("d", 10))
    assert [(shop.name, shop.place, shop.place_to) for shop in found.shops] == [
        ("a", 1, 1),
        ("b", 2, 3),
        ("c", 2, 3),
        ("d", 4, 4),
    ]
    assert one(found, "a").figure.value == 200 * 18


@given(st.lists(st.floats(min_value=1, max_value=1e4), min_size=1, max_size=9))
def test_places_hold_every_order_that_the_ranges_allow(values):
    found = told(*(a_candidate(f"s{n}", value) for n, value in enumerate(values)))
    for shop in found.shops:
        value = values[int(shop.name[1:])]
        assert shop.place == 1 + sum(other * 0.9 > value * 1.1 for other in values)
        assert shop.place_to == len(values) - sum(other * 1.1 < value * 0.9 for other in values)
        assert 1 <= shop.place <= shop.place_to <= len(values)


def test_a_shop_that_was_not_heard_has_no_place_and_says_how_long():
    found = told(lost(a_candidate("deaf", 500), 3, days=9), a_candidate("a", 100), a_candidate("b", 10))
    deaf = one(found, "deaf")
    assert (deaf.place, deaf.place_to, deaf.change, found.shops[-1].name) == (None, None, None, "deaf")
    assert deaf.badges == ["Not comparable: not listened to for 1 day of the opening hours."]
    assert [(shop.place, shop.place_to) for shop in found.shops[:2]] == [(1, 1), (2, 2)]
    assert found.notes == ["1 shop has no place: it cannot be compared."]


def test_a_few_hours_lost_are_told_and_do_not_cost_the_place():
    shop = one(told(lost(a_candidate("a", 100), 3)), "a")
    assert (shop.place, shop.badges) == (1, ["Not listened to for 3 hours of the opening hours."])


def test_a_shop_nobody_heard_is_null_and_not_zero():
    gone = a_candidate("a", 1)
    gone = replace(gone, now=[a_line(FIRST + timedelta(days=n), None, 0.0) for n in range(21)])
    shop = one(told(gone), "a")
    assert (shop.figure.value, shop.place, shop.badges) == (None, None, ["Not comparable: nothing was listened to."])
    assert all(point.value is None for point in shop.series)


def test_the_change_is_of_dates_that_were_opening_days_both_times():
    candidate = a_candidate("a", 120, was=100)
    assert one(told(candidate), "a").change.value == 0.2
    closed = a_line(BEFORE[0], 0.0, closed=True)
    assert one(told(replace(candidate, before=[closed, *candidate.before[1:]])), "a").change.value == 0.2
    assert one(told(replace(candidate, same_people=False)), "a").change is None


@pytest.mark.parametrize(
    ("over", "yesterday", "span", "before"),
    [
        ("week", "2026-11-23", ("2026-11-17", "2026-11-23"), ("2026-11-10", "2026-11-16")),
        ("28-days", "2026-11-23", ("2026-10-27", "2026-11-23"), ("2026-09-29", "2026-10-26")),
        ("month", "2026-11-23", ("2026-11-01", "2026-11-23"), ("2026-10-04", "2026-10-26")),
        ("month", "2026-11-01", ("2026-11-01", "2026-11-01"), ("2026-10-25", "2026-10-25")),
        ("month", "2026-10-31", ("2026-10-01", "2026-10-31"), ("2026-08-27", "2026-09-26")),
    ],
)
def test_the_span_before_has_the_same_weekdays_and_does_not_touch(over, yesterday, span, before):
    first, last = ranking.dates(over, date.fromisoformat(yesterday))
    assert (str(first), str(last)) == span
    was = ranking.dates_before(first, last)
    assert tuple(map(str, was)) == before
    assert was[0].weekday() == first.weekday() and was[1] < first


def test_a_region_is_the_sum_of_its_shops_and_says_which_were_not_heard():
    found = told(
        a_candidate("a", 100, region="north"),
        lost(a_candidate("b", 100, region="north"), 11, days=9),
        a_candidate("c", 50, region="south"),
        a_candidate("d", 50),
    )
    north, south = found.regions
    assert (north.region, north.shops, north.incomplete) == ("north", 2, ["b"])
    assert north.note == "Incomplete: b was not heard enough."
    assert north.figure.coverage < 0.9
    assert (south.figure.value, south.incomplete, south.note) == (50 * 18, [], "")


def test_a_capture_rate_is_of_the_sums():
    found = told(a_candidate("a", 100, region="r"), a_candidate("b", 10, region="r"), by="capture-rate")
    assert [shop.figure.value for shop in found.shops] == [0.25, 0.25]
    assert [(shop.place, shop.place_to) for shop in found.shops] == [(1, 2), (1, 2)]
    assert found.regions[0].figure.value == 0.25
    assert "walls" in found.notes[0]


def test_conversion_is_of_days_that_are_complete_and_told_of():
    shop = a_candidate("a", 100)
    opened = [line.start for line in shop.now if line.open]
    whole = replace(shop, sold=dict.fromkeys(opened, 20))
    assert one(told(whole, by="conversion"), "a").figure.value == 0.2
    part = one(told(replace(shop, sold=dict.fromkeys(opened[:9], 20)), by="conversion"), "a")
    assert (part.figure.value, part.figure.coverage, part.place) == (0.2, 0.5, None)
    assert part.badges == ["Not comparable: its till tells of too few days."]
    none = one(told(shop, by="conversion"), "a")
    assert (none.figure.value, none.badges) == (None, ["Not comparable: its till tells nothing."])


def test_devices_beside_people_are_named():
    people = {"people_per_device": 0.6, "calibrated": True}
    found = told(a_candidate("a", 100), a_candidate("b", 10, **people))
    assert one(found, "a").badges == ["Devices, not people: nobody has counted at its door yet."]
    assert one(found, "b").badges == []
    assert one(told(a_candidate("a", 100)), "a").badges == []


def test_a_series_has_a_point_for_every_date():
    series = one(told(lost(a_candidate("a", 100.4), 11)), "a").series
    assert len(series) == 21
    assert (series[1].value, series[1].low, series[1].high) == (100, 90, 111)
    assert series[0].coverage == 0


def test_every_figure_is_defined():
    names = {definition.name for definition in DEFINITIONS}
    for by in ("visitors", "capture-rate", "conversion"):
        (shop,) = told(a_candidate("a", 100, was=50), by=by).shops
        assert shop.figure.definition in names
        assert shop.change is None or shop.change.definition in names


def test_no_shops_are_no_error():
    assert told().shops == [] and told().regions == []
