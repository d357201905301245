"""How many devices made these sweeps? Likelihood of every way to share them out.

Model of one class in one window: each device makes k sweeps with probability p(k); its median
level is uniform over RANGE_DB; a sweep is heard at the median plus noise of standard deviation
sigma, or WIDE times that for a phone in a moving hand. A partition of the sweeps into blocks then
weighs  prod p(k) k! L(block),  where L integrates the Gaussian over the median,
    L = (RANGE / (sqrt(2 pi) sigma))^(q-1) q^(-1/2) exp(-SS / 2 sigma^2),
q the levels known in the block and SS their sum of squares about the mean. The number of devices
has a geometric prior: ratio^N, which is N! ratio^N for unordered blocks.

Rules of this file
* Pure functions; levels in dB, sigma in dB; adding a constant to all levels changes nothing.
* `share` is exact and costs 3^n; `spread` is for more sweeps and reads levels only.
"""

from math import exp, factorial, log, pi, sqrt

from agent.core.bursts import Sweep

RANGE_DB = 40.0  # levels indoors run from about -85 to -45 dBm
RARE = 0.2  # share of phones that are being carried or handled
WIDE = 2.5  # their levels vary this much more
SPREAD_RATIO = 0.5

Split = tuple[float, float, list[float]]  # devices, variance, expected devices making k sweeps


def scales(sigma: float) -> list[tuple[float, float, float]]:
    """(share, 1 / 2 variance, RANGE / sqrt(2 pi) sigma) of steady and of handled phones."""
    out = []
    for part, s in ((1 - RARE, sigma), (RARE, WIDE * sigma)):
        out.append((part, 1 / (2 * s * s), max(1.0, RANGE_DB / (sqrt(2 * pi) * s))))
    return out


def block_weights(sweeps: list[Sweep], p: list[float], sigma: float) -> list[float]:
    """p(k) k! L of every subset of the sweeps, indexed by bit mask."""
    modes, full = scales(sigma), 1 << len(sweeps)
    base = min((u.level for u in sweeps if u.level is not None), default=0)
    levels = [None if u.level is None else float(u.level - base) for u in sweeps]
    sums = [(0, 0, 0.0, 0.0)] * full
    out = [0.0] * full
    for mask in range(1, full):
        low = mask & -mask
        k, q, total, square = sums[mask ^ low]
        level = levels[low.bit_length() - 1]
        if level is not None:
            q, total, square = q + 1, total + level, square + level * level
        k += 1
        sums[mask] = (k, q, total, square)
        weight = p[k] * factorial(k) if k < len(p) else 0.0
        if q > 1:
            ss = square - total * total / q
            weight *= sum(a * c ** (q - 1) * exp(-ss * v) for a, v, c in modes) / sqrt(q)
        out[mask] = weight
    return out


def share(sweeps: list[Sweep], p: list[float], sigma: float, ratio: float) -> Split:
    """Exact posterior of the number of devices, by recursion over subsets.

    `ratio`: of the geometric prior; 1 - 1/m for classes of m devices on average.
    """
    n = len(sweeps)
    weights = block_weights(sweeps, p, sigma)
    ways: list[list[float]] = [[1.0]]  # by mask: weight of its partitions into j blocks
    for mask in range(1, 1 << n):
        low = mask & -mask
        rest = mask ^ low
        row = [0.0] * (mask.bit_count() + 1)
        sub = rest
        while True:
            weight = weights[sub | low]
            for j, value in enumerate(ways[rest ^ sub], 1):
                row[j] += weight * value
            if not sub:
                break
            sub = (sub - 1) & rest
        ways.append(row)
    prior = [factorial(j) * ratio**j for j in range(n + 2)]
    chance = [g * w for g, w in zip(prior, ways[-1], strict=False)]
    whole = sum(chance)
    mean = sum(j * c for j, c in enumerate(chance)) / whole
    var = sum(j * j * c for j, c in enumerate(chance)) / whole - mean * mean
    makers = [0.0] * len(p)
    for mask in range(1, 1 << n):
        others = ways[-1 - mask]
        again = sum(prior[j] * w for j, w in enumerate(others, 1))
        makers[min(mask.bit_count(), len(p) - 1)] += weights[mask] * again / whole
    return mean, max(0.0, var), makers


def thinned(p: list[float], kept: float) -> list[float]:
    """Distribution of the sweeps with a known level, each kept independently."""
    if kept > 0.999:
        return p
    out = [0.0] * len(p)
    for k, chance in enumerate(p):
        term = chance * (1 - kept) ** k
        for j in range(k + 1):
            out[j] += term
            term *= kept / (1 - kept) * (k - j) / (j + 1)
    return out


def spread(levels: list[float], p: list[float], sigma: float) -> float:
    """Devices needed for these levels if each holds a contiguous stretch of them.

    Sums over all contiguous partitions of the sorted levels (expectation semiring), so it is
    right for devices far apart in level and low for devices that overlap.
    """
    ordered = sorted(levels)
    n, gain = len(ordered), log(RANGE_DB / (sqrt(2 * pi) * sigma))
    sums, squares = [0.0], [0.0]
    for x in ordered:
        sums.append(sums[-1] + x - ordered[0])
        squares.append(squares[-1] + (x - ordered[0]) ** 2)
    scale, mean = [0.0] * (n + 1), [0.0] * (n + 1)
    costs = [log(SPREAD_RATIO * x) if x > 1e-30 else -70.0 for x in p]
    for j in range(1, n + 1):
        terms = []
        for k in range(1, min(len(p) - 1, j) + 1):
            total = sums[j] - sums[j - k]
            ss = squares[j] - squares[j - k] - total * total / k
            fit = (k - 1) * gain - log(k) / 2 - ss / (2 * sigma * sigma)
            if ss > 120 * sigma * sigma:
                break
            terms.append((costs[k] + fit + scale[j - k], mean[j - k] + 1))
        top = max(t for t, _ in terms)
        whole = sum(exp(t - top) for t, _ in terms)
        scale[j] = top + log(whole)
        mean[j] = sum(exp(t - top) * m for t, m in terms) / whole
    return mean[n]
