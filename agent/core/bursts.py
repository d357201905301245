"""What one window holds: addresses seen, and the bursts of each class.

Rules of this file
* A tag stands for one address in one window. It is compared for equality and nothing else.
* Frames of equal time may come in any order: only minima, maxima, sums and sets are kept.
* The table is bounded. Its second half is for element sets already known, so that a flood of
  invented addresses cannot push the regulars out. A full table drops addresses and says so.
* Nothing here outlives the window; `Table` is thrown away whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp

from agent.core.pseudonym import Trace

MAX_TAGS = 16384  # 200 of the most talkative phones measured (70 addresses in 600 s) fit
MAX_SIGNATURES = 512  # a street shows some dozens a day
MAX_SIGNATURES_PER_TAG = 8
BURST_GAP_S = 1.5  # one sweep over the 2.4 GHz channels takes 0.3 to 1.5 s
CLUMP_GAP_S = 1.0  # addresses of one class closer than this are one sweep
HELD_S = 20.0  # an address kept this long is kept by its owner, not by one sweep
DECORRELATED_S = 40.0  # two coherence times of indoor fading (20 s)
LARGEST_SQUARE = 400.0  # a 28 dB step is a carried phone, not fading


class Node:
    """One address of the window. Times in UTC seconds, levels in dBm (None: only heard off channel).

    `level` is the strongest signal and `peak` its time: a sweep passes the tuned channel then. `squares` and
    `pairs` are half squared differences of the levels of far bursts, for the noise of levels.
    """

    __slots__ = (
        "_burst_level", "_burst_start", "_steady_at", "_steady_level",
        "first", "frames", "last", "level", "pairs", "peak", "signatures", "squares", "stable",
    )  # fmt: skip

    def __init__(self, trace: Trace, at: float) -> None:
        self.stable = trace.stable
        self.signatures = [trace.signature]
        self.first = self.last = self.peak = at
        self.frames = 1
        self.level = trace.signal
        self.squares, self.pairs = 0.0, 0
        self._burst_level, self._burst_start = trace.signal, at
        self._steady_level: int | None = None
        self._steady_at = at

    @property
    def kept(self) -> bool:
        """The address outlived one sweep."""
        return self.last - self.first > HELD_S

    @property
    def held(self) -> bool:
        """Its owner keeps the address, so it is one device."""
        return self.stable or self.kept

    def hear(self, trace: Trace, at: float) -> None:
        """Take one more trace of the same address."""
        if at - self.last > BURST_GAP_S:
            self.end_burst()
            self._burst_level, self._burst_start = None, at
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.frames += 1
        signal, burst = trace.signal, self._burst_level
        if signal is not None:
            if self.level is None or signal > self.level:
                self.level, self.peak = signal, at
            self._burst_level = signal if burst is None else max(burst, signal)
        if trace.signature not in self.signatures and len(self.signatures) < MAX_SIGNATURES_PER_TAG:
            self.signatures.append(trace.signature)

    def end_burst(self) -> None:
        """Half the squared difference of two far bursts estimates the variance of the noise (dB^2)."""
        level = self._burst_level
        if level is None:
            return
        if self._steady_level is None:
            self._steady_level, self._steady_at = level, self._burst_start
        elif self._burst_start - self._steady_at >= DECORRELATED_S:
            self.squares += min(LARGEST_SQUARE, (level - self._steady_level) ** 2 / 2)
            self.pairs += 1
            self._steady_level, self._steady_at = level, self._burst_start


@dataclass(slots=True)
class Sweep:
    """One sweep of a class: the short-lived addresses that began within a second."""

    start: float
    end: float
    level: int | None
    peak: float  # time of the strongest frame: the sweep passes the tuned channel

    def merge(self, node: Node) -> None:
        """Add an address of the same sweep."""
        self.end = max(self.end, node.last)
        if node.level is not None and (self.level is None or node.level > self.level):
            self.level, self.peak = node.level, node.peak


@dataclass(slots=True)
class Family:
    """All of one class in a window: held addresses, short-lived addresses, and the sweeps of those.

    `levels`: of the held addresses, dBm, as far as known.
    """

    held: int = 0
    tags: int = 0
    sweeps: list[Sweep] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)


class Table:
    """Addresses of one window."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.signatures: set[int] = set()
        self.dropped = 0

    def hear(self, trace: Trace, at: float, *, known: bool) -> None:
        """Take one trace, heard at `at`; `known`: its element set has been met in earlier windows."""
        node = self.nodes.get(trace.tag)
        if node is not None:
            node.hear(trace, at)
            if len(node.signatures) > 1:
                self._note(trace.signature)
        elif len(self.nodes) >= (MAX_TAGS if known else MAX_TAGS // 2):
            self.dropped += 1
        elif self._note(trace.signature) or known:
            self.nodes[trace.tag] = Node(trace, at)

    def _note(self, signature: int) -> bool:
        """Remember an element set; False when there are too many of them."""
        if signature in self.signatures:
            return True
        if len(self.signatures) >= MAX_SIGNATURES:
            self.dropped += 1
            return False
        self.signatures.add(signature)
        return True

    @property
    def flooded(self) -> bool:
        """Whether more came than fits: its numbers are then not people's."""
        return self.dropped > 0


def clumps(nodes: Iterable[Node]) -> list[Sweep]:
    """Sweeps of one class, by start. The strongest frame of a sweep is the on-channel one."""
    out: list[Sweep] = []
    for node in sorted(nodes, key=lambda n: (n.first, n.last, n.level or 0, n.peak)):
        if out and node.first <= out[-1].end + CLUMP_GAP_S:
            out[-1].merge(node)
        else:
            out.append(Sweep(node.first, node.last, node.level, node.peak))
    return out


def unclumped(sweeps: list[Sweep], tags: int, window_s: float) -> float:
    """Sweeps there were, given the clumps seen: B = C exp(B h / W), h = mean length + gap.

    Dead time of a counter (Poisson); never more than there were addresses.
    """
    seen = len(sweeps)
    dead = (sum(one.end - one.start for one in sweeps) / seen + CLUMP_GAP_S) / window_s
    made = float(seen)
    for _ in range(20):
        made = min(seen * exp(min(1.0, made * dead)), float(tags))
    return made
