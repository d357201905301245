"""Rates: what kinds of phones do - sweeps per device and window, and how much levels vary.

All that lives longer than a window is here and in `kin`, and none of it belongs to a device.

Rules of this file
* Keys are hashes of stable information elements: a model family shared by many people.
* A class is written out only with at least SUPPORT device-windows; so is a bond of two classes.
* Bounded: MAX_CLASSES; the least supported go first.
* What is learnt is itself inferred, so it yields slowly to evidence and is forgotten over half a day.
"""

from math import exp, floor, log, sqrt
from typing import Annotated

from msgspec import Meta, Struct

from agent.core.kin import Kin
from agent.core.pace import Pace

SUPPORT = 8.0
MAX_CLASSES = 256
MOST_SWEEPS = 64
PERIODS_S = (60, 75, 120, 128, 160, 180, 270, 300)  # scan timers of phones' firmware, as measured
BESIDE = 0.15  # of the mass, one sweep more and one less: jitter and loss
TAIL, TAIL_RATIO = 0.02, 0.7  # awake phones scan more often
PRIOR_WINDOWS = 40.0
LEAST_DOUBT = 0.5  # of the firmware spread; some bias of learning does not average out
KEEP = 0.995  # per window: half-life 138 windows, 11.5 h at 300 s
NOISE_DB = 5.0  # fading of standing phones indoors
NOISE_LEAST_DB = 3.0  # two sweeps of a phone lying still differ by as much
NOISE_PAIRS = 2.0  # weight of that guess, in pairs of bursts
NOISE_MEMORY = 60.0  # pairs of bursts; longer memory would lag a change of the place
LARGE = 2.0  # a class divided by its rate is there because it is larger than the usual one
STEPS = 60  # of the integral over the number of devices


Support = Annotated[float, Meta(ge=0.0, le=1e6)]
Class = Annotated[int, Meta(ge=0)]
Sweeps = Annotated[int, Meta(ge=0, le=MOST_SWEEPS)]
Histogram = dict[Sweeps, Support]


class Learnt(Struct, frozen=True, forbid_unknown_fields=True):
    """What may outlive a restart: sweeps per device-window by class, bonds, noise of levels (dB^2), and the pace."""

    classes: Annotated[dict[Class, Histogram], Meta(max_length=MAX_CLASSES)] = {}
    kin: Annotated[dict[Class, Class], Meta(max_length=MAX_CLASSES)] = {}
    squares: Annotated[float, Meta(gt=0.0, le=1e6)] = NOISE_PAIRS * NOISE_DB**2
    pairs: Annotated[float, Meta(gt=0.0, le=NOISE_MEMORY)] = NOISE_PAIRS
    pace: tuple[Annotated[float, Meta(ge=-1e6, le=1e6)], Support, Support] = (0.0, 0.0, 0.0)


def firmware(window_s: float) -> list[float]:
    """p(k), k = 0..MOST_SWEEPS, of the sweeps of a heard device, from the scan timers.

    A timer T sweeps floor(W/T) or one more times; each timer is as likely as the next.
    """
    p = [0.0] * (MOST_SWEEPS + 1)
    for period in PERIODS_S:
        least = floor(window_s / period)
        part = window_s / period - least
        for k, mass in ((least, 1 - part), (least + 1, part)):
            for near, share in ((k - 1, BESIDE), (k, 1 - 2 * BESIDE), (k + 1, BESIDE)):
                if 1 <= near <= MOST_SWEEPS and k >= 1:
                    p[near] += mass * share
    for k in range(1, MOST_SWEEPS + 1):
        p[k] += TAIL * len(PERIODS_S) * TAIL_RATIO**k
    whole = sum(p)
    return [x / whole for x in p]


def moments(p: list[float]) -> tuple[float, float]:
    """Mean and squared coefficient of variation of a distribution over 0, 1, 2, ..."""
    mean = sum(k * x for k, x in enumerate(p))
    return mean, sum(k * k * x for k, x in enumerate(p)) / mean**2 - 1


class Rates:
    """Histograms of sweeps per device-window, by class, on top of what firmware timers say."""

    def __init__(self, window_s: float, learnt: Learnt | None = None) -> None:
        learnt = learnt or Learnt()
        self.prior = firmware(window_s)
        self.kin = Kin(learnt.kin)
        self.pace = Pace(learnt.pace)
        self._counts = {name: _row(found) for name, found in learnt.classes.items()}
        self._squares, self._pairs = learnt.squares, learnt.pairs

    @property
    def sigma(self) -> float:
        """Standard deviation of a level about its median, dB."""
        return max(NOISE_LEAST_DB, sqrt(self._squares / self._pairs))

    def met(self, name: int) -> bool:
        """Whether anything has been learnt of a class."""
        return name in self._counts

    def support(self, name: int) -> float:
        """Device-windows learnt of a class."""
        return sum(self._counts.get(name, ()))

    def sweeps(self, name: int) -> list[float]:
        """p(k) of a class: learnt counts on top of the firmware prior."""
        counts = self._counts.get(name)
        if counts is None:
            return self.prior
        whole = PRIOR_WINDOWS + sum(counts)
        return [(PRIOR_WINDOWS * a + b) / whole for a, b in zip(self.prior, counts, strict=True)]

    def doubt(self, name: int) -> float:
        """Squared relative error of a class's mean rate, common to all its devices.

        Devices of one class share their timer: unlearnt, the class mean is as uncertain as a draw from the
        firmware prior; learning shrinks that as the mean itself is shrunk, but not to nothing.
        """
        _, vary = moments(self.prior)
        unlearnt = PRIOR_WINDOWS / (PRIOR_WINDOWS + self.support(name))
        return vary * max(LEAST_DOUBT, unlearnt) ** 2

    def mean(self, name: int) -> float:
        """Sweeps per heard device and window."""
        return moments(self.sweeps(name))[0]

    def devices(self, name: int, sweeps: float, usual: float) -> tuple[float, float]:
        """Mean and variance of the devices that made so many sweeps, from the rate alone.

        Likelihood: log-normal about N times the class mean; its variance is that of one device over N plus the
        doubt about the class. Prior: exponential with mean LARGE times `usual`, the mean size of a class in this
        window. The integral runs over log N.
        """
        each, vary = moments(self.sweeps(name))
        each *= self.pace.value
        doubt = self.doubt(name)
        whole = first = second = 0.0
        for step in range(STEPS + 1):
            n = sweeps ** (step / STEPS)
            spread = doubt + min(1.0, vary) / n
            miss = log(sweeps / (n * each))
            weight = exp(-miss * miss / (2 * spread)) / sqrt(spread)
            weight *= n * exp(-n / (LARGE * usual))
            whole += weight
            first += weight * n
            second += weight * n * n
        mean = first / whole
        return mean, max(0.0, second / whole - mean * mean)

    def learn(self, name: int, makers: list[float]) -> None:
        """Add expected devices by number of sweeps."""
        counts = self._counts.setdefault(name, [0.0] * (MOST_SWEEPS + 1))
        for k, x in enumerate(makers):
            counts[min(k, MOST_SWEEPS)] += x

    def learn_noise(self, squares: float, pairs: int) -> None:
        """Add half squared differences of levels of one address, dB^2."""
        self._squares += squares
        self._pairs += pairs
        if self._pairs > NOISE_MEMORY:
            keep = NOISE_MEMORY / self._pairs
            self._squares *= keep
            self._pairs *= keep

    def meet(self, levels: dict[int, list[int]]) -> None:
        """Learn which classes are one phone; what was learnt of each apart is void then."""
        for name in self.kin.meet(levels, self.sigma):
            self._counts.pop(name, None)

    def age(self) -> None:
        """Forget a little, once a window, and keep the bound."""
        self.pace.age(KEEP)
        for counts in self._counts.values():
            for k, x in enumerate(counts):
                counts[k] = x * KEEP
        while len(self._counts) > MAX_CLASSES:
            del self._counts[min(self._counts, key=lambda c: (self.support(c), c))]

    def learnt(self) -> Learnt:
        """What is worth keeping over a restart: classes with enough support, and bonds between them."""
        kept = {name: counts for name, counts in sorted(self._counts.items()) if sum(counts) >= SUPPORT}
        seen, due, misses = self.pace.sums
        return Learnt(
            classes={
                name: {k: round(x, 3) for k, x in enumerate(counts) if x >= 0.0005} for name, counts in kept.items()
            },
            kin={a: b for a, b in sorted(self.kin.bonds.items()) if self.kin.root(b) in kept},
            squares=round(self._squares, 3),
            pairs=round(self._pairs, 3),
            pace=(round(seen, 3), round(due, 3), round(misses, 3)),
        )


def _row(found: Histogram) -> list[float]:
    row = [0.0] * (MOST_SWEEPS + 1)
    for k, x in found.items():
        row[k] += x
    return row
