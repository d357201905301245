"""Count: devices present in a window, from probe requests whose addresses mean nothing.

How: an address kept for longer than one sweep over the channels is one device. The others are gathered into sweeps
by class (hash of the stable elements) and time. Sweeps in step are one device (`runs`). The rest are shared out
among devices by the likelihood of their levels and of the sweeps a device makes (`partition`) where they are few,
and divided by the mean sweeps per device where they are many. What a class's devices do is learnt from the sparse
windows (`rates`).

Rules of this file
* One pass; closing a window uses nothing but that window and the class statistics.
* The result does not depend on the values of tags, nor on the order of traces of equal time (a full table
  excepted: then who comes first gets in, and the window is flagged).
* After `close` no tag, level or time of the window is held.
* Learning never uses a flooded window. A flood of unknown classes is no crowd: it is flagged, and where nothing
  else is known the count is unknown, not zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from agent.contract.report import Estimate
from agent.core.bursts import Family, Node, Sweep, Table, clumps, unclumped
from agent.core.interval import bounds, heard_share
from agent.core.pace import surroundings
from agent.core.partition import share, spread, thinned
from agent.core.pseudonym import Trace
from agent.core.rates import BESIDE, SUPPORT, Learnt, Rates
from agent.core.runs import take_runs

NAME = "sweeps/2"
EXACT = 7  # sweeps of one class shared out exactly (3^n steps)
EXACT_STEPS = 40_000  # for all classes of a window; about 20 ms
SPARSE = 3.5  # devices; with fewer the levels tell them apart, so the class may learn
LEVELS = 5  # known levels needed to read their spread
ROTATES = 0.01  # chance at which single-sweep global addresses are not believed: 6 of 6
MOSTLY = 0.9  # upper bound of the chance that a device makes one sweep only
HEARD_DOUBT = 0.07  # spread of the share that is heard, between data sets and channels: .855 to .977
RUN_VARIANCE = 0.1  # of a device: a progression by chance, or a phone that also breaks step

Part = tuple[float, float]  # mean and variance of a number of devices


class Counted(NamedTuple):
    """A window's devices: all of them, and by zone. None where the number is unknown."""

    present: Estimate | None
    inside: Estimate | None
    outside: Estimate | None
    flooded: bool


class Counter:
    """Counts the devices of one window after another. `learnt` is what an earlier counter knew of classes."""

    def __init__(self, window_s: int, learnt: Learnt | None = None) -> None:
        self.rates = Rates(float(window_s), learnt)
        self._window_s = float(window_s)
        self._table = Table()
        self._usual = 2.0

    def hear(self, trace: Trace, at: float) -> None:
        """Take a trace, heard at `at` (UTC seconds)."""
        known = self.rates.met(self.rates.kin.root(trace.signature))
        self._table.hear(trace, at, known=known)

    def forget(self, tag: int) -> None:
        """Take an address out of the window: it is no phone's."""
        self._table.nodes.pop(tag, None)

    def close(self, inside_dbm: int) -> Counted:
        """Count, learn, and forget the window. Inside is what is heard at `inside_dbm` or more at its strongest."""
        table, self._table = self._table, Table()
        nodes, flooded = list(table.nodes.values()), table.flooded
        families = self._families(nodes, flooded=flooded)
        if flooded and not families:
            return Counted(None, None, None, flooded)
        if not flooded:
            self._learn(nodes, families)
        present = self._estimate(families, learn=not flooded)
        self.rates.age()
        zones = self._zones(nodes, present.devices, inside_dbm, flooded=flooded)
        return Counted(present, *zones, flooded)

    def _learn(self, nodes: Iterable[Node], families: dict[int, Family]) -> None:
        for node in nodes:
            node.end_burst()
            self.rates.learn_noise(node.squares, node.pairs)
        self.rates.meet({name: known_levels(family.sweeps) for name, family in families.items()})

    def _zones(
        self, nodes: list[Node], present: float, inside_dbm: int, *, flooded: bool
    ) -> tuple[Estimate | None, Estimate | None]:
        """Inside and outside. Nodes of unknown level are shared out in proportion to the others."""
        told = [(node, node.level) for node in nodes if node.level is not None]
        if nodes and not told:
            return None, None
        near = self._families([node for node, level in told if level >= inside_dbm], flooded=flooded)
        far = self._families([node for node, level in told if level < inside_dbm], flooded=flooded)
        zones = self._estimate(near, learn=False), self._estimate(far, learn=False)
        known = zones[0].devices + zones[1].devices
        scale = present / known if known else 1.0
        return _rounded(zones[0], scale), _rounded(zones[1], scale)

    def _estimate(self, families: dict[int, Family], *, learn: bool) -> Estimate:
        """Devices present, with interval: those heard, and the share of phones that stay silent for a window."""
        mean, variance = self._total(families, learn=learn)
        heard = heard_share(self._window_s)
        mean /= heard
        variance = variance / heard**2 + mean * (1 - heard) + (HEARD_DOUBT * mean) ** 2
        low, high = bounds(mean, variance)
        return _rounded(Estimate(devices=mean, low=low, high=high), 1.0)

    def _families(self, nodes: Iterable[Node], *, flooded: bool) -> dict[int, Family]:
        """Classes of the window that may be people.

        One frame of a kind never met is no evidence; in a flood only old acquaintances count.
        """
        out = {}
        for name, found in self._grouped(nodes).items():
            known = self.rates.support(name) >= SUPPORT
            met = self.rates.met(name) or any(node.frames > 1 for node in found)
            if known or (met and not flooded):
                out[name] = self._family(name, found)
        return out

    def _family(self, name: int, nodes: list[Node]) -> Family:
        """Held addresses and sweeps of one class.

        A class that changes its addresses also does so with a global address now and then; and some phones draw all
        48 bits at random. So where hardly any address outlives one sweep, though most devices sweep twice, being
        global proves nothing.
        """
        fleeting = sum(not node.kept for node in nodes)
        once = min(MOSTLY, self.rates.sweeps(name)[1] + BESIDE)
        changes = any(not node.held for node in nodes) or at_least(fleeting, len(nodes), once) < ROTATES
        held = [node for node in nodes if node.kept or (node.held and not changes)]
        short = [node for node in nodes if not node.kept and (changes or not node.held)]
        levels = sorted(node.level for node in held if node.level is not None)
        return Family(len(held), len(short), clumps(short), levels)

    def _grouped(self, nodes: Iterable[Node]) -> dict[int, list[Node]]:
        """Addresses by class. Element sets seen under one address are one class, this window.

        It takes the name of its best supported element set.
        """
        parent: dict[int, int] = {}

        def find(name: int) -> int:
            while parent.setdefault(name, name) != name:
                name = parent[name]
            return name

        tags: dict[int, int] = defaultdict(int)
        members: list[tuple[int, Node]] = []
        for node in nodes:
            names = sorted({self.rates.kin.root(signature) for signature in node.signatures})
            for name in names:
                tags[name] += 1
                a, b = find(names[0]), find(name)
                parent[max(a, b)] = min(a, b)
            members.append((names[0], node))
        best: dict[int, int] = {}
        for name in sorted(tags, key=lambda c: (self.rates.support(c), tags[c], c)):
            best[find(name)] = name
        groups: dict[int, list[Node]] = defaultdict(list)
        for name, node in members:
            groups[best[find(name)]].append(node)
        return groups

    def _total(self, families: dict[int, Family], *, learn: bool) -> Part:
        """Mean and variance of the devices heard. Small classes first, while steps last."""
        sigma, steps = self.rates.sigma, EXACT_STEPS
        self._usual = self._class_size(families)
        if learn:
            self._learn_pace(families)
        mean = variance = 0.0
        for name, one in sorted(families.items(), key=lambda item: (len(item[1].sweeps), item[0])):
            lengths, rest = take_runs(one.sweeps, sigma, self._window_s)
            mean += one.held + len(lengths)
            variance += RUN_VARIANCE * len(lengths)
            if learn:
                self.rates.learn(name, _makers(lengths))
            if not rest:
                continue
            cost = 3 ** len(rest)
            if len(rest) <= EXACT and cost <= steps:
                steps -= cost
                part = self._few(name, rest, learn=learn)
            else:
                part = self._many(name, rest, one.tags, learn=learn)
            mean += part[0]
            variance += part[1]
        return mean, variance

    def _learn_pace(self, families: dict[int, Family]) -> None:
        """Compare the levels of each large class with those of all others of the window."""
        levels = {name: known_levels(one.sweeps) for name, one in sorted(families.items())}
        held = [level for one in families.values() for level in one.levels]
        for name, others in surroundings(levels, held, EXACT):
            devices = max(1.0, len(families[name].sweeps) / self.rates.mean(name))
            self.rates.pace.learn(devices, levels[name], others, self.rates.sigma)

    def _class_size(self, families: dict[int, Family]) -> float:
        """Devices of a class of this window, on average and at first sight.

        Smoothed as if one more class of two devices had been seen; more than 1.
        """
        first = 2.0
        for name, one in families.items():
            sweeps = len(one.sweeps)
            first += one.held + (max(1.0, sweeps / self.rates.mean(name)) if sweeps else 0.0)
        return first / (len(families) + 1)

    def _few(self, name: int, sweeps: list[Sweep], *, learn: bool) -> Part:
        """Share the sweeps out; learn what their makers do where it is clear who they are."""
        ratio = 1 - 1 / self._usual
        mean, variance, makers = share(sweeps, self.rates.sweeps(name), self.rates.sigma, ratio)
        variance += mean * max(0.0, mean - 1) * self.rates.doubt(name)  # common to its devices
        if learn and mean <= SPARSE:
            self.rates.learn(name, makers)
        return mean, variance

    def _many(self, name: int, seen: list[Sweep], tags: int, *, learn: bool) -> Part:
        """Divide the sweeps by those of a device; lean on the levels if they show few devices."""
        rates = self.rates
        sweeps = unclumped(seen, tags, self._window_s)
        levels = [float(level) for level in known_levels(seen)]
        apart = None
        if len(levels) >= LEVELS:
            kept = thinned(rates.sweeps(name), min(1.0, len(levels) / sweeps))
            apart = max(1.0, spread(levels, kept, rates.sigma))
            if learn and apart <= SPARSE:
                rates.learn(name, evenly(len(seen), apart))
        mean, variance = rates.devices(name, sweeps, self._usual)
        if apart is not None:
            trust = 1 / (1 + (apart / 1.5) ** 2)
            mean, was = apart**trust * mean ** (1 - trust), mean
            variance += (mean - was) ** 2 / 4
        return mean, variance


def known_levels(sweeps: list[Sweep]) -> list[int]:
    """On-channel levels of the sweeps, dBm."""
    return [sweep.level for sweep in sweeps if sweep.level is not None]


def at_least(k: int, n: int, p: float) -> float:
    """Chance of k or more of n events of chance p each (p < 1)."""
    term, whole = p**n, 0.0
    for j in range(n, k - 1, -1):
        whole += term
        term *= j / (n - j + 1) * (1 - p) / p
    return whole


def evenly(sweeps: int, devices: float) -> list[float]:
    """Devices by sweeps each, if they share them evenly."""
    n = max(1, round(devices))
    makers = [0.0] * (sweeps // n + 2)
    makers[sweeps // n + 1] = devices / n * (sweeps % n)
    makers[sweeps // n] += devices / n * (n - sweeps % n)
    return makers


def _makers(lengths: list[int]) -> list[float]:
    makers = [0.0] * (1 + max(lengths, default=0))
    for length in lengths:
        makers[length] += 1
    return makers


def _rounded(estimate: Estimate, by: float) -> Estimate:
    """An estimate times a factor, to a hundredth of a device: more digits would claim a precision there is not."""
    return Estimate(*(round(value * by, 2) for value in (estimate.devices, estimate.low, estimate.high)))
