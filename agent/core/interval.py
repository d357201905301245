"""From a mean and a variance to an 80 % interval.

Rules of this file
* Pure. The interval is log-normal: a count is not negative and its errors multiply.
"""

from bisect import bisect_left
from math import exp, log, sqrt

Z80 = 1.2816  # 10th and 90th percentile of the normal distribution

# Share of present phones that speak at least once on one channel, by window length in seconds:
# mean of two measurements, 107 sessions of 22 phones (.56 .78 .977 .986) and 11 other phones, mostly in
# standby (.49 .69 .925 .957).
HEARD = ((0.0, 0.0), (60.0, 0.53), (120.0, 0.74), (300.0, 0.95), (600.0, 0.97))


def heard_share(window_s: float) -> float:
    """Linear between the measured lengths; constant beyond the last."""
    if window_s >= HEARD[-1][0]:
        return HEARD[-1][1]
    k = bisect_left([w for w, _ in HEARD], window_s)
    (w0, s0), (w1, s1) = HEARD[k - 1], HEARD[k]
    return s0 + (s1 - s0) * (window_s - w0) / (w1 - w0)


def bounds(mean: float, variance: float) -> tuple[float, float]:
    """10 % and 90 % point of the log-normal law of this mean and variance."""
    if mean <= 0:
        return 0.0, 0.0
    shape = log(1 + variance / (mean * mean))
    centre = log(mean) - shape / 2
    half = Z80 * sqrt(shape)
    return exp(centre - half), exp(centre + half)
