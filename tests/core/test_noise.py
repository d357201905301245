"""The noise against the law it claims, worked out from the formula, and against OpenDP, which was written by others."""

import ast
import inspect
import random
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from math import exp, sqrt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.report import DwellDay, VisitsHour
from agent.core import noise
from agent.core.noise import Day, Hour, laplace, noised_day, noised_hour, scale_of

SCALES = (1, 2, 3, 7)
SAMPLES = 150_000
hours = st.builds(Hour, st.just(0), st.just(3600), st.just(3600.0), st.integers(0, 10**6), st.integers(0, 10**6))
days = st.builds(Day, st.just(0), st.just(86400), st.tuples(*[st.integers(0, 10**6)] * 7))


def seeded(seed: int) -> noise.Below:
    return random.Random(seed).randrange


@cache
def drawn(scale: int) -> "Counter[int]":
    below = seeded(scale)
    return Counter(laplace(scale, below) for _ in range(SAMPLES))


def law(k: int, scale: int) -> float:
    """P(k): exp(-|k| / scale), and what makes the whole of it one."""
    q = exp(-1 / scale)
    return (1 - q) / (1 + q) * q ** abs(k)


def excess(chi_square: float, freedom: int) -> float:
    """How many standard deviations a chi-square is above what chance gives (Wilson & Hilferty 1931)."""
    ninth = 2 / (9 * freedom)
    return float((chi_square / freedom) ** (1 / 3) - 1 + ninth) / sqrt(ninth)


def distance(found: "Counter[int]", scale: int, expected: Callable[[int], float]) -> float:
    """`excess` of a sample over expected shares; what is rarer than forty in the sample is one bin on each side."""
    edge = next(k for k in range(1000) if SAMPLES * law(k + 1, scale) < 40)
    bins = {k: [k] for k in range(1 - edge, edge)}
    far = range(edge, edge + 60 * scale)
    bins |= {edge: list(far), -edge: [-k for k in far]}
    total = found.total()
    chi_square = 0.0
    for members in bins.values():
        share = total * sum(map(expected, members))
        chi_square += (sum(found[k] for k in members) - share) ** 2 / share
    return excess(chi_square, len(bins) - 1)


@pytest.mark.parametrize("scale", SCALES)
def test_it_is_the_law(scale: int) -> None:
    assert distance(drawn(scale), scale, lambda k: law(k, scale)) < 4


@pytest.mark.parametrize("wrong", [0.97, 1.03])
def test_a_scale_that_is_off_by_three_hundredths_would_be_seen(wrong: float) -> None:
    assert distance(drawn(3), 3, lambda k: (1 - exp(-wrong / 3)) / (1 + exp(-wrong / 3)) * exp(-abs(k) * wrong / 3)) > 4


def opendp() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import opendp.prelude as reference
    reference.enable_features("contrib")
    return reference


@pytest.mark.parametrize("scale", SCALES[:3])
def test_opendp_draws_the_same(scale: int) -> None:
    """Two samples, chi-square with the pooled shares; OpenDP's noise cannot be seeded, so one run in 10^7 may fail."""
    dp = opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    size = 40_000
    theirs = Counter((space >> dp.m.then_laplace(scale=float(scale)))([0] * size))
    ours = drawn(scale)
    common = [k for k in ours | theirs if SAMPLES * law(k, scale) >= 80]
    rows = [(ours[k], theirs[k]) for k in common]
    rows.append((SAMPLES - sum(row[0] for row in rows), size - sum(row[1] for row in rows)))
    chi_square = 0.0
    for row in rows:
        for count, total in zip(row, (SAMPLES, size), strict=True):
            share = sum(row) * total / (SAMPLES + size)
            chi_square += (count - share) ** 2 / share
    assert excess(chi_square, len(rows) - 1) < 5.2


def test_opendp_says_that_the_scales_cost_what_we_say() -> None:
    dp = opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    for scale, sensitivity, epsilon in (
        (noise.ARRIVALS_SCALE, 1, noise.ARRIVALS_EPSILON),
        (noise.VISITS_SCALE, noise.VISITS_CAP, noise.VISITS_EPSILON),
        (noise.DWELL_SCALE, 1, noise.DWELL_EPSILON),
    ):
        assert (space >> dp.m.then_laplace(scale=float(scale))).map(sensitivity) == pytest.approx(epsilon, rel=1e-9)


def test_the_budget() -> None:
    assert (noise.ARRIVALS_SCALE, noise.VISITS_SCALE, noise.DWELL_SCALE) == (1, 3, 2)
    assert noise.EPSILON == 2.5


@pytest.mark.parametrize(("sensitivity", "epsilon"), [(1, 0.3), (3, 2.0), (1, 2.0), (0, 1.0), (1, 0.0), (1, -1.0)])
def test_a_scale_that_is_not_whole_is_refused(sensitivity: int, epsilon: float) -> None:
    with pytest.raises(ValueError, match="is not a scale"):
        scale_of(sensitivity, epsilon)


@given(st.integers(1, 50), st.integers(0, 2**32))
def test_the_same_randomness_gives_the_same_noise(scale: int, seed: int) -> None:
    one, other = seeded(seed), seeded(seed)
    first = [laplace(scale, one) for _ in range(5)]
    assert first == [laplace(scale, other) for _ in range(5)]
    assert {type(k) for k in first} == {int}


@given(hours, hours, st.integers(0, 2**32))
def test_noise_does_not_know_the_hour_it_is_added_to(one: Hour, other: Hour, seed: int) -> None:
    """Same randomness, other counts: the difference is that of the counts, so nothing is cut off or held back."""
    first, second = noised_hour(one, seeded(seed)), noised_hour(other, seeded(seed))
    assert first.arrivals - second.arrivals == one.arrivals - other.arrivals
    assert first.visits - second.visits == one.visits - other.visits


@given(days, days, st.integers(0, 2**32))
def test_nor_the_day(one: Day, other: Day, seed: int) -> None:
    first, second = noised_day(one, seeded(seed)).devices, noised_day(other, seeded(seed)).devices
    assert [a - b for a, b in zip(first, second, strict=True)] == [
        a - b for a, b in zip(one.devices, other.devices, strict=True)
    ]


def test_every_figure_has_noise_of_its_own() -> None:
    """No two entries of a day's figures go together: correlations of 4000 runs stay within five standard errors."""
    below, runs = seeded(5), 4000
    columns: list[list[int]] = [[] for _ in range(9)]
    for _ in range(runs):
        hour, day = noised_hour(Hour(0, 3600, 3600.0, 0, 0), below), noised_day(Day(0, 86400, (0,) * 7), below)
        for column, value in zip(columns, (hour.arrivals, hour.visits, *day.devices), strict=True):
            column.append(value)
    lengths = [sqrt(sum(value * value for value in column)) for column in columns]
    for i, one in enumerate(columns):
        for j in range(i):
            together = sum(a * b for a, b in zip(one, columns[j], strict=True)) / (lengths[i] * lengths[j])
            assert abs(together) < 5 / sqrt(runs)


@pytest.mark.parametrize("scale", SCALES)
def test_it_asks_for_little_randomness(scale: int) -> None:
    """Nine draws on average, of small numbers; the tail of both falls off as that of a geometric law."""
    asked: list[list[int]] = []
    source = random.Random(scale)

    def below(n: int) -> int:
        asked[-1].append(n)
        return source.randrange(n)

    for _ in range(5000):
        asked.append([])
        laplace(scale, below)
    assert 7 < sum(map(len, asked)) / len(asked) < 11
    assert max(map(len, asked)) < 150
    assert min(map(min, asked)) >= 1
    assert max(map(max, asked)) <= 12 * max(scale, 2)


def test_no_number_with_a_point_comes_near_the_noise() -> None:
    """Neither a division, nor a call that could make a float, in what draws."""
    for function in (laplace, noise._happens):
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            assert not isinstance(node, ast.Div | ast.Pow)
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
            if isinstance(node, ast.Call):
                assert isinstance(node.func, ast.Name)
                assert node.func.id in {"below", "divmod", "_happens"}


@given(hours, days, st.integers(0, 2**32))
def test_what_leaves_is_valid_and_says_its_scale(hour: Hour, day: Day, seed: int) -> None:
    below = seeded(seed)
    told = noised_hour(hour, below)
    assert msgspec.convert(msgspec.to_builtins(told), VisitsHour) == told
    assert (told.arrivals_scale, told.visits_scale, told.listened_s) == (1, 3, 3600.0)
    lengths = noised_day(day, below)
    assert msgspec.convert(msgspec.to_builtins(lengths), DwellDay) == lengths
    assert (lengths.scale, tuple(lengths.edges_s), len(lengths.devices)) == (2, noise.EDGES_S, 7)


def test_true_counts_do_not_print() -> None:
    for true in (Hour(0, 3600, 1234.5, 4711, 4712), Day(0, 86400, (4711,) * 7)):
        for text in (repr(true), str(true), f"{true}", f"{[true]}"):
            assert "471" not in text
            assert "redacted" in text
