"""From phones to people: the factor, its interval, and the error before and after."""

import random

import pytest

from cloud.core.calibration import CalibrationError, Factor, Span, fit, in_force, sentence
from cloud.core.figures import Figure
from cloud.core.saying import THIN


def visits(value: float | None, spread: float = 0.1, coverage: float = 1.0) -> Figure:
    low, high = (None, None) if value is None else (value * (1 - spread), value * (1 + spread))
    return Figure(value=value, low=low, high=high, coverage=coverage, definition="visitors/2")


def span(people: int, devices: float | None, hour: int = 0, coverage: float = 1.0) -> Span:
    return Span(start=3600 * hour, end=3600 * (hour + 1), people=people, devices=visits(devices, coverage=coverage))


def test_one_count_gives_a_factor_and_no_error_after() -> None:
    factor = fit([span(30, 20.0)], 1.0, 100, "taps")
    assert factor.value == 1.5
    assert factor.low < 1.5 < factor.high
    assert factor.error_before == pytest.approx(1 / 3)
    assert factor.error_after is None
    assert factor.valid_from == 100


def test_more_people_make_it_surer() -> None:
    few, many = fit([span(10, 10.0)], 1.0, 0, "taps"), fit([span(1000, 1000.0)], 1.0, 0, "taps")
    assert many.high - many.low < few.high - few.low


def test_hours_that_agree_make_it_surer_than_hours_that_do_not() -> None:
    alike = fit([span(30, 20.0), span(60, 40.0), span(45, 30.0)], 1.0, 0, "csv")
    unlike = fit([span(30, 10.0), span(60, 60.0), span(45, 20.0)], 1.0, 0, "csv")
    assert alike.high - alike.low < unlike.high - unlike.low
    assert alike.error_after == pytest.approx(0.0)
    assert alike.error_before == pytest.approx(1 / 3)


def test_the_error_after_is_of_hours_not_fitted_to() -> None:
    """With one hour out of line, the factor that was fitted to it would flatter itself."""
    spans = [span(30, 30.0), span(30, 30.0), span(60, 30.0)]
    factor = fit(spans, 1.0, 0, "csv")
    assert factor.error_after is not None
    fitted = sum(abs(30.0 * factor.value - one.people) / one.people for one in spans) / 3
    assert factor.error_after > fitted


def test_the_interval_holds_the_truth_four_times_in_five() -> None:
    rng, held, rounds = random.Random(5), 0, 400
    for _ in range(rounds):
        spans = []
        for hour in range(8):
            devices = rng.uniform(10, 60)
            people = sum(rng.random() < 0.5 for _ in range(round(devices * 2 * 1.4 * rng.gauss(1, 0.15))))
            spans.append(span(people, devices, hour))
        factor = fit(spans, 1.0, 0, "csv")
        held += factor.low <= 1.4 <= factor.high
    assert 0.72 <= held / rounds <= 0.88


def test_hours_not_listened_to_are_left_out() -> None:
    assert fit([span(30, 20.0), span(99, None), span(99, 9.0, coverage=0.89)], 1.0, 0, "csv").spans == 1


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([], "did not listen"),
        ([span(9, None)], "did not listen"),
        ([span(9, 9.0, coverage=0.5)], "did not listen"),
        ([span(0, 5.0)], "Nobody came in"),
        ([span(5, 0.0)], "no device"),
    ],
)
def test_counts_that_give_no_factor_are_one_sentence(spans: list[Span], says: str) -> None:
    with pytest.raises(CalibrationError, match=says):
        fit(spans, 1.0, 0, "taps")


def test_a_factor_applies_forward_only() -> None:
    old, new = (fit([span(people, 20.0)], 1.0, at, "taps") for people, at in ((20, 100), (30, 200)))
    assert in_force([new, old], 99) is None
    assert in_force([new, old], 100) == old
    assert in_force([new, old], 200) == new


def test_it_says_what_it_means() -> None:
    one = fit([span(30, 20.0)], 1.0, 0, "taps")
    assert isinstance(one, Factor)
    told = "100 devices stand for 150 people (116 to 193), by 30 counted at the door"
    assert sentence(one) == f"{told}: a count was 33{THIN}% off before."
    three = sentence(fit([span(30, 20.0), span(60, 40.0), span(45, 30.0)], 1.0, 0, "csv"))
    assert three.endswith(f"off before and is 0{THIN}% off with it.")
