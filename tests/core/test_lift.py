"""Lifts against simulated shops whose lift is known: the range holds it as often as it says, and nothing is seen where
nothing is. The long form is benchmarks/lift.py."""

from collections.abc import Callable
from datetime import date
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import contrast, trial
from cloud.core.cohort import Cohort, ShopDays
from cloud.core.lift import LEVEL, Lift
from cloud.core.saying import Saying
from tests.trade import Street, compared

SEEDS = range(60)


def results(exposed: int, control: int, lift: float, **street: float) -> list[Lift]:
    return [trial.result(compared(seed, exposed, control, 8, 14, lift, Street(**street))) for seed in SEEDS]


def changed(asked: Cohort, change: Callable[[ShopDays], ShopDays]) -> Cohort:
    return replace(asked, shops=[change(one) for one in asked.shops])


def without_noise(*, exposed: int, control: int, lift: float) -> Cohort:
    """Shops that do the same every week, but for the campaign."""
    begins, length = 56, 70

    def shop(n: int) -> ShopDays:
        usual = [(n + 1) * (100.0 + 10 * (day % 7)) for day in range(length)]
        values = [one * (1 + lift) if n < exposed and day >= begins else one for day, one in enumerate(usual)]
        return ShopDays(shop=f"shop-{n}", name=f"Shop {n}", exposed=n < exposed, values=values, due=[True] * length)

    shops = [shop(n) for n in range(exposed + control)]
    return Cohort(metric="visitors", first=date(2026, 3, 2), begins=begins, shops=shops)


@pytest.mark.parametrize(("exposed", "control"), [(1, 0), (1, 1), (1, 5), (3, 10)])
def test_the_range_holds_the_truth_four_times_in_five_and_nothing_is_seldom_called_something(
    exposed: int, control: int
) -> None:
    """60 seeds: the standard error of 80 % is 5 points, that of 10 % is 4."""
    told, nothing = results(exposed, control, 0.1), results(exposed, control, 0.0)
    holds = mean((one.lift.low or 0.0) <= 0.1 <= (one.lift.high or 0.0) for one in told)
    assert 0.68 <= holds <= 0.92
    assert mean(one.outcome in {"rose", "fell"} for one in nothing) <= LEVEL + 0.09
    placebos = [one for result in nothing for one in (result.in_time, result.in_shops)]
    assert sum(one.called for one in placebos) <= (LEVEL + 0.05) * sum(one.tried for one in placebos)
    assert abs(mean((one.lift.value or 0.0) - 0.1 for one in told)) < 0.05


def test_what_is_promised_is_seen_four_times_in_five() -> None:
    before = [replace(compared(seed, 3, 10, 13, 0, 0.0), begins=0) for seed in SEEDS]
    least = mean(trial.power(one, 14).detectable.value or 0.0 for one in before)
    assert 0.08 < least < 0.16
    assert 0.66 <= mean(one.outcome == "rose" for one in results(3, 10, least)) <= 0.91


@pytest.mark.parametrize(("exposed", "control"), [(1, 1), (2, 1), (1, 3), (4, 6), (1, 0), (4, 0)])
@pytest.mark.parametrize("lift", [-0.2, 0.1])
def test_without_noise_the_lift_is_what_it_is(exposed: int, control: int, lift: float) -> None:
    told = trial.result(without_noise(exposed=exposed, control=control, lift=lift))
    assert told.lift.value == pytest.approx(lift)
    assert told.outcome == ("rose" if lift > 0 else "fell")


def test_what_happens_in_all_shops_is_no_lift() -> None:
    def snowed_in(one: ShopDays) -> ShopDays:
        return replace(
            one, values=[None if v is None else v * (0.4 if day >= 60 else 1) for day, v in enumerate(one.values)]
        )

    plain = compared(1, 2, 6, 8, 14, 0.1)
    assert trial.result(changed(plain, snowed_in)).lift == trial.result(plain).lift


def test_a_missing_day_of_bad_weather_makes_no_shop_look_busier() -> None:
    def stormy(one: ShopDays) -> ShopDays:
        hit = [v if day % 7 != 3 or day > 30 or v is None else v / 3 for day, v in enumerate(one.values)]
        return replace(one, values=[None if one.exposed and day in {3, 10} else v for day, v in enumerate(hit)])

    told = trial.result(changed(without_noise(exposed=1, control=3, lift=0.1), stormy))
    assert told.lift.value == pytest.approx(0.1)


def test_gaps_are_left_out_and_counted() -> None:
    def half(one: ShopDays) -> ShopDays:
        return replace(one, values=[None if day >= 56 and day % 3 == 0 else v for day, v in enumerate(one.values)])

    told = trial.result(changed(without_noise(exposed=2, control=4, lift=0.1), half))
    assert told.lift.value == pytest.approx(0.1)
    assert told.lift.coverage == pytest.approx(9 / 14, abs=0.001)
    assert told.days == 9
    assert any("only 64" in one for one in told.warnings)


def test_a_shop_without_enough_days_is_left_out_by_name() -> None:
    def silent(one: ShopDays) -> ShopDays:
        gone = {"shop-1": range(50), "shop-4": range(56, 66)}.get(one.shop, range(0))
        return replace(one, values=[None if day in gone else v for day, v in enumerate(one.values)])

    told = trial.result(changed(without_noise(exposed=2, control=4, lift=0.1), silent))
    assert (told.exposed, told.control) == (["shop-0"], ["shop-2", "shop-3", "shop-5"])
    assert sum("Shop 1 is left out" in one or "Shop 4 is left out" in one for one in told.warnings) == 2


def test_without_its_shops_nothing_is_told() -> None:
    def gone(one: ShopDays) -> ShopDays:
        return replace(one, values=[None] * len(one.values)) if one.exposed else one

    told = trial.result(changed(without_noise(exposed=1, control=3, lift=0.1), gone))
    assert (told.outcome, told.lift.value, told.lift.low, told.lift.high, told.chance) == ("unknown", *[None] * 4)
    assert "No lift can be told" in told.verdict


def test_without_control_the_weeks_before_stand_in_with_a_warning() -> None:
    told = trial.result(compared(1, 1, 0, 8, 14, 0.1))
    assert told.method == "history"
    assert any("no shop to compare with" in one for one in told.warnings)
    assert (told.in_shops.tried, told.in_time.tried) == (0, 3)


def test_a_drift_before_the_campaign_is_warned_of() -> None:
    def growing(one: ShopDays) -> ShopDays:
        return replace(one, values=[v and v * (1 + 0.02 * day * one.exposed) for day, v in enumerate(one.values)])

    plain = compared(3, 3, 8, 8, 14, 0.0)
    assert not any("moved away" in one for one in trial.result(plain).warnings)
    assert any("moved away" in one for one in trial.result(changed(plain, growing)).warnings)


def test_placebos_are_the_control_shops_and_earlier_dates() -> None:
    told = trial.result(compared(5, 2, 6, 8, 14, 0.3))
    assert told.outcome == "rose"
    assert (told.in_shops.tried, told.in_time.tried) == (6, 3)
    assert told.in_shops.as_large == sum(
        abs(np.log1p(one)) >= np.log1p(told.lift.value or 0.0) for one in told.in_shops.lifts
    )


def test_a_verdict_names_the_range_and_what_it_is_against() -> None:
    told = trial.result(compared(5, 2, 6, 8, 14, 0.3)).verdict
    assert isinstance(told, Saying)
    assert told.startswith("Visitors rose by ")
    assert told.endswith(" against 6 other shops.")
    seen = {trial.result(compared(seed, 1, 1, 8, 14, 0.1)).outcome for seed in range(20)}
    assert seen >= {"rose", "perhaps", "none"}


def test_a_chart_is_one_where_nothing_happens_and_null_in_a_gap() -> None:
    asked = without_noise(exposed=1, control=2, lift=0.25)
    asked.shops[0].values[60] = None
    dates = trial.chart(asked)
    assert [(one.exposed, one.control, one.campaign) for one in dates[54:62]] == [
        *[(1.0, 1.0, False)] * 2,
        *[(1.25, 1.0, True)] * 4,
        (None, 1.0, True),
        (1.25, 1.0, True),
    ]


def test_a_look_ahead_needs_weeks_of_figures() -> None:
    asked = without_noise(exposed=1, control=2, lift=0.0)
    short = changed(asked, lambda one: replace(one, values=one.values[:30], due=one.due[:30]))
    assert trial.power(short, 14).detectable.value is None
    assert trial.power(asked, 14).detectable.value == 0.01
    assert any("tried on 42 days" in one for one in trial.power(asked, 100).warnings)


def test_more_shops_and_more_days_see_smaller_lifts() -> None:
    def least(exposed: int, control: int, days: int) -> float:
        told = [trial.power(replace(compared(n, exposed, control, 15, 0, 0.0), begins=0), days) for n in range(10)]
        return mean(one.detectable.value or 0.0 for one in told)

    assert least(10, 30, 14) < least(3, 10, 14) < least(1, 1, 14)
    assert least(3, 10, 28) < least(3, 10, 7)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 4), st.integers(1, 40), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_whatever_is_missing_something_is_said(seed: int, exposed: int, control: int, days: int, gap: float) -> None:
    asked = compared(seed, exposed, control, 6, days, 0.1, Street(gap=gap, outage=1.0))
    told = trial.result(asked)
    assert told.verdict
    assert len(trial.chart(asked)) == 42 + days
    assert trial.power(asked, days).sentence
    ends = (told.lift.low, told.lift.value, told.lift.high)
    assert ends == (None, None, None) or (None not in ends and list(ends) == sorted(ends, key=float))  # type: ignore[arg-type]


def test_the_usual_is_by_shop_and_weekday() -> None:
    logs = np.log(np.array([[1.0 + day % 7 for day in range(28)], [10.0 + day % 7 for day in range(28)]]))
    rest = contrast.less_usual(logs, np.arange(28) % 7, np.arange(28) < 21)
    assert np.allclose(rest, 0, atol=1e-6)
