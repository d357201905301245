"""Engagement: how many of those who came stayed, for how long on average, and how many came again that day.

1. All of it is of the panel (`panel`), and its range is that of the noise alone.
2. Below as many devices as a median needs (`stays.fewest`), there is no figure, and `fewer_than` says so.
3. Within a length of stay devices are taken to be spread evenly, as for the median. The longest has no upper end: a
   limit within it cannot be judged, and the mean counts who stayed longer as having stayed to its beginning.
"""

from collections.abc import Sequence
from itertools import pairwise

from cloud.core import laplace, stays
from cloud.core.figures import Figure, undefined
from cloud.core.panel import Lengths
from cloud.core.visits import PanelFigure

BOUNCE = "panel-bounce/1"
ENGAGEMENT = "panel-engagement/1"
MEAN = "panel-dwell-mean/1"
RETURN_RATE = "panel-return-rate/1"
ENGAGED = "engaged/1"


def bounce(lengths: Lengths, engaged_s: float) -> PanelFigure:
    """The share of first visits shorter than `engaged_s` seconds; null where that is beyond the last edge."""
    edges = [0.0, *map(float, lengths.edges_s)]
    if engaged_s > edges[-1]:
        return _undefined(lengths.coverage, BOUNCE)
    below = [min(1.0, max(0.0, (engaged_s - start) / (end - start))) for start, end in pairwise(edges)]
    return _average(lengths, [*below, 0.0], BOUNCE)


def engagement(bounced: PanelFigure) -> PanelFigure:
    """1 - bounce."""
    if bounced.value is None or bounced.low is None or bounced.high is None:
        return _undefined(bounced.coverage, ENGAGEMENT, bounced.fewer_than)
    return PanelFigure(
        value=1.0 - bounced.value,
        low=1.0 - bounced.high,
        high=1.0 - bounced.low,
        coverage=bounced.coverage,
        definition=ENGAGEMENT,
    )


def mean_stay(lengths: Lengths) -> PanelFigure:
    """The mean first visit in minutes, none counted as longer than the last edge."""
    edges = [0.0, *map(float, lengths.edges_s)]
    middles = [(start + end) / 2 for start, end in pairwise(edges)]
    return _average(lengths, [one / 60 for one in (*middles, edges[-1])], MEAN)


def return_rate(visits: PanelFigure, returns: PanelFigure) -> PanelFigure:
    """Visits by a device that had been there that day / visits.

    The rate r is possible where returns - r visits is noise; that is at most the noise of the returns, whose range is
    known. So the range is that of the returns over the visits, and holds the truth at least as often.
    """
    covered = min(visits.coverage, returns.coverage)
    if visits.value is None or returns.value is None or returns.low is None or returns.high is None:
        return _undefined(covered, RETURN_RATE, visits.fewer_than)
    fewest = stays.fewest(round((returns.high - returns.low) / 2))
    if visits.value <= 0 or visits.value < fewest:
        return _undefined(covered, RETURN_RATE, fewest)
    value, low, high = (min(1.0, max(0.0, one / visits.value)) for one in (returns.value, returns.low, returns.high))
    return PanelFigure(value=value, low=low, high=high, coverage=covered, definition=RETURN_RATE)


def engaged(visitors: Figure, share: PanelFigure) -> Figure:
    """People who stayed: visitors x `engagement`, end by end."""
    covered = min(visitors.coverage, share.coverage)
    if visitors.value is None or share.value is None:
        return undefined(covered, ENGAGED)
    return Figure(
        value=visitors.value * share.value,
        low=(visitors.low or 0.0) * (share.low or 0.0),
        high=(visitors.high or 0.0) * (share.high or 0.0),
        coverage=covered,
        definition=ENGAGED,
    )


def _average(lengths: Lengths, weights: Sequence[float], definition: str) -> PanelFigure:
    devices = [float(sum(number for number, _ in terms)) for terms in lengths.bins]
    variances = [sum(laplace.variance(scale) for _, scale in terms) for terms in lengths.bins]
    fewest = stays.fewest(laplace.half_width(scale for terms in lengths.bins for _, scale in terms))
    found = None if sum(devices) < fewest else stays.average(weights, devices, variances)
    if found is None:
        return _undefined(lengths.coverage, definition, fewest)
    value, low, high = found
    return PanelFigure(value=value, low=low, high=high, coverage=lengths.coverage, definition=definition)


def _undefined(covered: float, definition: str, fewer_than: int | None = None) -> PanelFigure:
    return PanelFigure(value=None, low=None, high=None, coverage=covered, definition=definition, fewer_than=fewer_than)
