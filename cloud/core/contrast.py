"""Contrast: how much more some shops changed than others, in logarithms, and how surely.

1. Compared is the logarithm of each day less what is usual of that shop on that weekday and of that date in all shops
   (two-way fixed effects). A day that is not there is NaN; a day without a shop on either side counts for nothing.
2. With `ENOUGH` shops each shop is one number, its change, and the exposed are compared with the others by regression:
   what happens within a shop, however long it lasts, is then no matter (Bertrand, Duflo and Mullainathan, "How much
   should we trust differences-in-differences estimates?", 2004; Donald and Lang, 2007).
3. With fewer the days themselves are compared, exposed less control, by generalised least squares: errors fade from day
   to day, and the two drift apart by a straight line of unknown slope. How fast errors fade is not known from a few
   weeks either: estimates for several rates are weighed by their restricted likelihood (Harville, 1974), and their
   differences widen the interval.
4. Without control the shop's own days are taken so, with its own trend.

Importing this takes a second, so it is imported where it is needed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.optimize import brentq
from scipy.sparse.linalg import lsqr
from statsmodels.regression.linear_model import GLS, OLS

Grid = NDArray[np.float64]
Mask = NDArray[np.bool_]
Days = NDArray[np.int64]

ENOUGH = 4  # shops, so that their spread has two degrees of freedom
FADING = (0.0, 0.2, 0.4, 0.6, 0.8)  # correlation of the errors of one day and the next
FLEETING = 0.3  # share of the variance that is of the day alone: chance in counting, and the sensor's error
SLOPE = 0.04  # spread of the drift a week, in spreads of a day
WEEK = 7
FEWEST = 2 * WEEK  # days, of which each weekday takes one degree of freedom
_TINY = 1e-12


class Change(NamedTuple):
    """A difference of logarithms, its standard error, and the degrees of freedom of that."""

    value: float
    error: float
    freedom: float

    def range(self, holds: float) -> tuple[float, float]:
        """The interval that holds the truth with probability `holds`."""
        half = float(stats.t.ppf((1 + holds) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half

    def chance(self) -> float:
        """The probability of a difference as large where there is none (two-sided)."""
        return float(2 * stats.t.sf(abs(self.value) / max(self.error, _TINY), self.freedom))


def change(logs: Grid, weekday: Days, during: Mask, exposed: Mask) -> Change | None:
    """How much more the `exposed` rows of `logs` (shops x days) changed `during` some days than the others did.

    None where nothing can be compared.
    """
    return change_of(less_usual(logs, weekday, ~during), weekday, during, exposed)


def change_of(rest: Grid, weekday: Days, during: Mask, exposed: Mask) -> Change | None:
    """The same of what `less_usual` left: it does not depend on who is exposed."""
    if len(exposed) >= ENOUGH and not exposed.all():
        return _by_shop(_apart(rest, exposed), during, exposed)
    return _by_day(_difference(rest, exposed), weekday, during, trend=bool(exposed.all()))


def drift(logs: Grid, weekday: Days, exposed: Mask) -> Change | None:
    """By how much a week the `exposed` moved away from the others on days that are all alike; None if unknown."""
    everything = np.ones(logs.shape[1], dtype=bool)
    rest, weeks = less_usual(logs, weekday, everything), np.arange(logs.shape[1]) / WEEK
    if len(exposed) >= ENOUGH:
        return _regressed(np.array([_slope(weeks, row) for row in _apart(rest, exposed)]), exposed)
    days = _difference(rest, exposed)
    known = ~np.isnan(days)
    if known.sum() < FEWEST:
        return None
    design = np.column_stack([weeks[known], *_weekdays(weekday[known])])
    return _generalised(days[known], design, np.flatnonzero(known), 0.0)


def less_usual(logs: Grid, weekday: Days, usual: Mask) -> Grid:
    """`logs` less what each shop has on that weekday on the `usual` days; NaN where it has none of that weekday.

    What a date has in common is learnt beside it, so that a gap on a rainy day makes no shop look busier.
    """
    shops, days = np.nonzero(~np.isnan(logs) & usual)
    cells, count = shops * WEEK + weekday[days], logs.shape[0] * WEEK
    both = sparse.csr_matrix(
        (np.ones(2 * len(cells)), np.column_stack([cells, count + days]).ravel(), np.arange(0, 2 * len(cells) + 1, 2)),
        shape=(len(cells), count + logs.shape[1]),
    )
    found = lsqr(both, logs[shops, days], atol=1e-10, btol=1e-10)[0]
    level, common = np.full(count, np.nan), np.full(logs.shape[1], np.nan)
    level[cells], common[days] = found[cells], found[count + days]
    usually = np.array([mean(common[weekday == one]) for one in range(WEEK)])  # a date is above or below its weekday
    rest: Grid = logs - (level.reshape(-1, WEEK) + usually)[:, weekday]
    return rest


def smallest(error: float, freedom: float, level: float, power: float) -> float:
    """The smallest rise told from none at `level` (two-sided) with probability `power`, by the non-central t."""
    bar = stats.t.ppf(1 - level / 2, freedom)
    return error * float(brentq(lambda many: stats.nct.sf(bar, freedom, many) - power, 0.1, 10.0))


def error_range(freedom: float, holds: float) -> tuple[float, float]:
    """By what the standard error is multiplied for the interval that its estimate leaves open."""
    ends = stats.chi2.ppf([(1 + holds) / 2, (1 - holds) / 2], freedom)
    low, high = np.sqrt(freedom / ends)
    return float(low), float(high)


def mean(values: Grid, axis: int = 0) -> Grid:
    """The mean of what is there; NaN where nothing is."""
    count = (~np.isnan(values)).sum(axis)
    found: Grid = np.full(count.shape, np.nan)
    np.divide(np.nansum(values, axis), count, out=found, where=count > 0)
    return found


def _apart(rest: Grid, exposed: Mask) -> Grid:
    """Every shop less the control of its date, on days that both sides have."""
    apart = rest - mean(rest[~exposed])
    apart[:, np.isnan(mean(rest[exposed]))] = np.nan
    return apart


def _difference(rest: Grid, exposed: Mask) -> Grid:
    return mean(rest[exposed]) if exposed.all() else mean(rest[exposed]) - mean(rest[~exposed])


def _slope(weeks: Grid, days: Grid) -> float:
    known = ~np.isnan(days)
    return float(np.polyfit(weeks[known], days[known], 1)[0]) if known.sum() >= FEWEST else np.nan


def _by_shop(apart: Grid, during: Mask, exposed: Mask) -> Change | None:
    return _regressed(mean(apart[:, during], 1) - mean(apart[:, ~during], 1), exposed)


def _regressed(moved: Grid, exposed: Mask) -> Change | None:
    known = ~np.isnan(moved)
    of, others = int(exposed[known].sum()), int((~exposed[known]).sum())
    if of + others < ENOUGH or not of or not others:
        return None
    fit = OLS(moved[known], np.column_stack([exposed[known], np.ones(of + others)]).astype(float)).fit()
    return Change(float(fit.params[0]), float(fit.bse[0]), float(fit.df_resid))


def _by_day(days: Grid, weekday: Days, during: Mask, *, trend: bool) -> Change | None:
    known = ~np.isnan(days)
    usual, special = weekday[known & ~during], weekday[known & during]
    if not len(special) or len(usual) < FEWEST:
        return None
    at = np.flatnonzero(known)
    weeks = (at - int(during.argmax())) / WEEK
    trends = [weeks] if trend else []
    design = np.column_stack([during[known].astype(float), *_weekdays(weekday[known]), *trends])
    return _generalised(days[known], design, at, SLOPE, weeks)


def _generalised(days: Grid, design: Grid, at: Days, slope: float, weeks: Grid | None = None) -> Change:
    """The first coefficient of the regression of `days`, at these days, on `design` (rule 3)."""
    apart = np.abs(at[:, None] - at[None])
    lines = 0.0 if weeks is None else slope**2 * np.outer(weeks, weeks)
    found = []
    for rate in FADING:
        spread = (1 - FLEETING) * rate ** apart.astype(float) + FLEETING * np.eye(len(days)) + lines
        fit = GLS(days, design, sigma=spread).fit()
        freedom = float(fit.df_resid)
        whitened = float(np.log(np.diag(fit.model.cholsigmainv)).sum())
        spread_of = float(np.linalg.slogdet(fit.normalized_cov_params)[1])
        likelihood = whitened + (spread_of - freedom * np.log(fit.scale + _TINY)) / 2
        found.append((likelihood, float(fit.params[0]), float(fit.bse[0]) ** 2, freedom))
    likelihoods, values, variances, freedoms = np.array(found).T
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    value = float(weights @ values)
    return Change(value, float(np.sqrt(weights @ (variances + (values - value) ** 2))), float(freedoms[0]))


def _weekdays(weekday: Days) -> list[Grid]:
    return [(weekday == one).astype(float) for one in np.unique(weekday)]
