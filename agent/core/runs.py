"""Sweeps that keep time are one device.

Firmware scans by a timer, so the sweeps of one idle phone form an arithmetic progression even
when every sweep has a new address. A progression is taken for one device when so long a one
would hardly arise by chance: among n sweeps of a window W, with tolerance d, about
    n^2 / 2 * (2 d n / W)^(m - 2)
progressions of m members are expected, and that must stay below CHANCE.

Rules of this file
* Pure; deterministic: the longest progression first, then the least likely, then the earliest.
* Members agree in level within AGREE sigma of the mean of those before.
"""

from bisect import bisect_left
from itertools import pairwise

from agent.core.bursts import Sweep

TOLERANCE_S = 0.5  # timer jitter plus the place of the channel within the sweep
SHORTEST_S = 4.0  # below this a progression is one long sweep
CHANCE = 0.05
AGREE = 3.0
MOST = 96  # sweeps; more are too dense for timing to tell devices apart
MISSED = 1  # beats in a row that may be lost


def agrees(level: int | None, levels: list[int], sigma: float) -> bool:
    """A level fits those before it, as far as they are known."""
    if level is None or not levels:
        return True
    return abs(level - sum(levels) / len(levels)) <= AGREE * sigma


def follow(sweeps: list[Sweep], i: int, j: int, sigma: float) -> list[int]:
    """Indices of the progression that starts with sweeps i and j."""
    members, beat, period, missed = [i, j], sweeps[j].peak, sweeps[j].peak - sweeps[i].peak, 0
    levels = [one.level for one in (sweeps[i], sweeps[j]) if one.level is not None]
    if not agrees(sweeps[j].level, levels[:1], sigma):
        return []
    while beat <= sweeps[-1].peak and missed <= MISSED:
        found = _at(sweeps, members[-1] + 1, beat + period, levels, sigma)
        if found is None:
            missed, beat = missed + 1, beat + period
            continue
        missed, beat = 0, sweeps[found].peak
        members.append(found)
        level = sweeps[found].level
        if level is not None:
            levels.append(level)
    return members


def _at(sweeps: list[Sweep], first: int, due: float, levels: list[int], sigma: float) -> int | None:
    """Index, from `first` on, of the sweep nearest to the time `due` that agrees in level; None where none is."""
    best, off = None, TOLERANCE_S
    for k in range(bisect_left(sweeps, due - TOLERANCE_S, first, key=_peak), len(sweeps)):
        away = abs(sweeps[k].peak - due)
        if sweeps[k].peak > due + TOLERANCE_S:
            break
        if away <= off and agrees(sweeps[k].level, levels, sigma):
            best, off = k, away
    return best


def _peak(sweep: Sweep) -> float:
    return sweep.peak


def best_run(sweeps: list[Sweep], sigma: float, window_s: float) -> list[int]:
    """Longest progression that is unlikely by chance, or []."""
    n = len(sweeps)
    density = min(0.9, 2 * TOLERANCE_S * n / window_s)
    best: list[int] = []
    for i in range(n - 2):
        for j in range(i + 1, n - 1):
            period = sweeps[j].peak - sweeps[i].peak
            room = window_s - (sweeps[i].peak - sweeps[0].peak)
            if period * max(2, len(best) - 2) > room:
                break
            if period < SHORTEST_S:
                continue
            found = follow(sweeps, i, j, sigma)
            by_chance = n * n / 2 * density ** (len(found) - 2)
            if len(found) > max(2, len(best)) and by_chance < CHANCE:
                best = found
    return best


def take_runs(sweeps: list[Sweep], sigma: float, window_s: float) -> tuple[list[int], list[Sweep]]:
    """Lengths of the progressions, each one device, and the sweeps in none of them."""
    runs: list[list[Sweep]] = []
    rest = sorted(sweeps, key=lambda u: (u.peak, u.start))
    while 3 <= len(rest) <= MOST:
        found = best_run(rest, sigma, window_s)
        if not found:
            break
        runs.append([rest[k] for k in found])
        taken = set(found)
        rest = [u for k, u in enumerate(rest) if k not in taken]
    return [len(run) for run in restarted(runs, sigma)], rest


def restarted(runs: list[list[Sweep]], sigma: float) -> list[list[Sweep]]:
    """Runs of one period and level, one after the other, are a timer that was set anew."""
    out: list[list[Sweep]] = []
    for run in sorted(runs, key=lambda one: one[0].peak):
        for before in out:
            if before[-1].peak < run[0].peak and same_timer(before, run, sigma):
                before.extend(run)
                break
        else:
            out.append(list(run))
    return out


def same_timer(a: list[Sweep], b: list[Sweep], sigma: float) -> bool:
    """Equal median gap and mean level."""
    levels = [[sweep.level for sweep in run if sweep.level is not None] for run in (a, b)]
    if levels[1] and not agrees(round(sum(levels[1]) / len(levels[1])), levels[0], sigma):
        return False
    return abs(median_gap(a) - median_gap(b)) <= TOLERANCE_S


def median_gap(run: list[Sweep]) -> float:
    """Seconds between neighbours; a missed beat has little weight."""
    gaps = sorted(after.peak - before.peak for before, after in pairwise(run))
    return gaps[len(gaps) // 2]
