"""Trends: weeks are compared with what is like them and with nothing else, and a bare before and after says so."""

import random
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from cloud.core import trends
from cloud.core.annotation import Annotation
from cloud.core.glossary import DEFINITIONS
from cloud.core.ledger import Line
from cloud.core.trends import BARE, Noted, Trends, TrendWeek
from tests.lines import a_line, lines
from tests.shops import a_shop, at

NOW = at("2026-11-26 14:00")  # a Thursday
SHOP = a_shop()
FIRST = date(2025, 8, 1)
YESTERDAY = date(2026, 11, 25)


def told(some: list[Line], notes: list[Annotation] = [], now=NOW, weeks=12, at=lambda _: SHOP) -> Trends:  # noqa: B006
    return trends.trends(SHOP, now, weeks, some, notes, at)


def usual(day: date) -> float:
    return 100.0 + 20 * day.weekday() + (10 if day.year == 2026 else 0)


def every(visitors=usual, last=YESTERDAY) -> list[Line]:
    return lines(FIRST, last, visitors)


def without(some: list[Line], day: date, *instead: Line) -> list[Line]:
    start = a_line(day, 0.0).start
    return [one for one in some if one.start != start] + list(instead)


def week(found: Trends, monday: str) -> TrendWeek:
    return next(one for one in found.by_week if one.from_ == monday)


def test_a_week_is_the_sum_of_its_opening_days():
    found = week(told(every()), "2026-11-16")
    assert (found.days, found.state, found.to) == (6, "heard", "2026-11-22")
    assert found.visitors.value == 6 * 110 + 20 * 15
    assert found.year_before.value == 6 * 100 + 20 * 15
    assert found.change.value == pytest.approx(960 / 900 - 1)
    assert found.change.low < 0 < found.change.value < found.change.high


def test_the_week_that_runs_is_compared_with_the_same_days():
    found = week(told(every()), "2026-11-23")
    assert (found.days, found.state) == (3, "so far")
    assert found.visitors.value == 3 * 110 + 20 * 3
    assert found.year_before.value == 3 * 100 + 20 * 3


def test_today_counts_once_it_has_ended():
    some = [*every(), a_line(date(2026, 11, 26), 7.0)]
    assert week(told(some), "2026-11-23").days == 3
    assert week(told(some, now=at("2026-11-27 00:00")), "2026-11-23").days == 4


@pytest.mark.parametrize("lost", [date(2026, 11, 17), date(2025, 11, 18)])
def test_a_week_with_an_incomplete_day_is_compared_with_nothing(lost):
    some = without(every(), lost, a_line(lost, 20.0, 0.5))
    found = week(told(some), "2026-11-16")
    assert (found.year_before, found.change) == (None, None)
    assert found.state == ("incomplete" if lost.year == 2026 else "heard")
    assert (found.visitors.coverage < 1) == (lost.year == 2026)


def test_a_day_nobody_reported_is_an_incomplete_day():
    found = week(told(without(every(), date(2026, 11, 17))), "2026-11-16")
    assert (found.state, found.days, found.change) == ("incomplete", 6, None)
    assert found.visitors.coverage == pytest.approx(5 / 6)


def test_a_holiday_is_left_out_of_both_years():
    closed = date(2026, 11, 18)
    found = week(told(without(every(), closed, a_line(closed, 0.0, closed=True))), "2026-11-16")
    assert found.visitors.value == 960 - 150
    assert found.year_before.value == 900 - 140


def test_without_a_year_before_there_is_none():
    found = week(told(lines(date(2026, 9, 1), YESTERDAY, usual)), "2026-11-16")
    assert (found.state, found.year_before, found.change) == ("heard", None, None)


def test_a_calibration_in_between_makes_two_measures():
    other = replace(SHOP, people_per_device=0.6, people_per_device_low=0.5, people_per_device_high=0.7, calibrated=True)
    at_ = lambda second: other if second >= at("2026-06-01 00:00") else SHOP  # noqa: E731
    assert week(told(every(), at=at_), "2026-11-16").change is None


def test_the_factor_cancels_in_a_change():
    wide = replace(SHOP, people_per_device_low=0.9, people_per_device_high=1.1)
    bare, known = (week(told(every(), at=lambda _, s=one: s), "2026-11-16").change for one in (SHOP, wide))
    assert known.high < bare.high and known.low > bare.low and known.value == bare.value


def test_the_moving_mean_has_no_rhythm_of_the_week():
    found = told(every())
    moving = {one.moving.value for one in found.by_day if one.date >= "2026-10-01"}
    assert moving == {160.0}
    gone = told(without(every(), date(2026, 11, 17)))
    assert [one.date for one in gone.by_day if one.moving.value is None] == [f"2026-11-{n}" for n in range(17, 24)]


def test_every_day_has_its_word():
    some = without(every(), date(2026, 11, 17), a_line(date(2026, 11, 17), 9.0, 0.4))
    by_date = {one.date: one.state for one in told(without(some, date(2026, 11, 18))).by_day}
    assert [by_date[f"2026-11-{n}"] for n in (16, 17, 18, 22)] == ["heard", "incomplete", "not listened", "heard"]
    assert told(some).to == "2026-11-25" and len(by_date) == 11 * 7 + 3


def noted(some: list[Line], day: str) -> Noted:
    (found,) = told(some, [Annotation(id="1", date=day, text="new window")]).annotations
    return found


def varied(step: float, seed: int = 1):
    chance = random.Random(seed)
    noise = {}
    return lambda day: (
        usual(day) + (step if day >= date(2026, 10, 19) else 0) + noise.setdefault(day, chance.gauss(0, 5))
    )


def test_a_step_after_a_note_is_told_with_its_interval_and_the_warning():
    found = noted(every(varied(40.0)), "2026-10-19")
    assert (found.effect.weeks_before, found.effect.weeks_after, found.warning) == (4, 4, BARE)
    assert found.effect.difference.low < 40 < found.effect.difference.high
    assert found.effect.after.value - found.effect.before.value == pytest.approx(found.effect.difference.value)
    assert "more visitors a day after than before" in found.sentence


def test_the_interval_is_welchs():
    found = noted(every(varied(40.0)), "2026-10-19").effect
    some = {one.start: one for one in every(varied(40.0))}
    weekly = [
        [
            some[a_line(day, 0.0).start].visitors.value
            for day in (date(2026, 10, 19) + timedelta(weeks=week, days=one) for one in range(7))
            if day.weekday() != 6
        ]
        for week in range(-4, 4)
    ]
    means = [sum(one) / 6 for one in weekly]
    spread = [sum((x - sum(part) / 4) ** 2 for x in part) / 3 for part in (means[:4], means[4:])]
    error = sum(one / 4 for one in spread)
    freedom = error**2 / sum((one / 4) ** 2 / 3 for one in spread)
    half = (found.difference.high - found.difference.low) / 2
    assert 3 <= freedom <= 6
    assert 1.439 <= half / error**0.5 <= 1.638  # Student's 90th percentile with 6 and with 3 degrees of freedom


def test_no_step_is_found_in_chance_about_as_often_as_the_interval_says():
    said = [noted(every(varied(0.0, seed)), "2026-10-19").effect.difference for seed in range(60)]
    assert 3 <= sum(not one.low <= 0 <= one.high for one in said) <= 24  # a fifth of 60 are 12


def test_the_rhythm_of_the_week_is_no_effect():
    found = noted(every(varied(0.0)), "2026-10-21")  # a Wednesday: the step of a day later in the week is 20
    assert abs(found.effect.difference.value) < 5
    assert found.sentence == "No difference can be told between before and after."


def test_weeks_without_any_chance_in_them_say_nothing():
    assert noted(every(), "2026-10-19").effect is None


@pytest.mark.parametrize("day", ["2026-11-24", "2025-08-05"])
def test_too_few_weeks_on_one_side_say_nothing(day):
    found = noted(every(), day)
    assert (found.effect, found.warning) == (None, "")
    assert "takes 3 complete weeks" in found.sentence


def test_what_leaves_is_disclosed_and_defined():
    found = trends.disclosed_trends(told(every(varied(40.0)), [Annotation(id="1", date="2026-10-19", text="x")]))
    effect = found.annotations[0].effect
    figures = [one.visitors for one in found.by_week] + [one.moving for one in found.by_day]
    for one in [*figures, effect.before, effect.after, effect.difference]:
        assert one.value is None or one.value == round(one.value)
        assert one.definition in {definition.name for definition in DEFINITIONS}
