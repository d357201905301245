"""Watermark: which sequences of an epoch have come, and up to where the cloud has everything.

1. What has come is every sequence from 1 to `highest` but for the `gaps`. That is a set: order, batches and
   repetition change nothing, and nothing has to be looked up in a table.
2. Up to `sequence` everything has come, or the sensor has said that it has it no more. That part of the gaps is
   missing; what comes late after all is missing no more.
3. `sequence` and `highest` only grow.
4. There are at most `MOST_GAPS`: what would tear another is not taken. A sensor sends in order, so its next batch
   closes a gap and is always taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Span = tuple[int, int]  # the first and the last sequence of a run
MOST_GAPS = 1000


@dataclass
class Mark:
    """One epoch of one sensor. `gaps`: ascending and apart. `untrusted`: reports whose date means nothing."""

    sequence: int = 0
    highest: int = 0
    gaps: list[Span] = field(default_factory=list)
    untrusted: int = 0
    last_report_at: int | None = None

    @property
    def missing(self) -> int:
        """How many reports the sensor gave up that never came."""
        return sum(min(last, self.sequence) - first + 1 for first, last in self.gaps if first <= self.sequence)

    def new(self, first: int, last: int) -> list[Span]:
        """The parts of `first` to `last` that have never come."""
        found = [(max(first, one), min(last, other)) for one, other in self.gaps if one <= last and first <= other]
        if last > self.highest:
            found.append((max(first, self.highest + 1), last))
        return found

    def arrive(self, first: int, last: int) -> bool:
        """`first` to `last` have come. False, and nothing has changed, where that would tear too many gaps."""
        gaps = self.gaps
        if first > self.highest + 1:
            gaps = self._up_to(first - 1)
        elif first <= self.highest and gaps:
            gaps = list(_without(gaps, first, last))
        if len(gaps) > MOST_GAPS and len(gaps) > len(self.gaps):
            return False
        self.gaps, self.highest = gaps, max(self.highest, last)
        self._follow()
        return True

    def give_up(self, first: int) -> None:
        """The sensor holds nothing before `first`: what has not come until now is missing."""
        if first - 1 > self.highest:
            self.gaps, self.highest = self._up_to(first - 1), first - 1
        self.sequence = max(self.sequence, first - 1)
        self._follow()

    def _up_to(self, last: int) -> list[Span]:
        """The gaps with one from beyond `highest` to `last`: the same one, where what was given up ends in one."""
        if self.gaps and self.gaps[-1][1] == self.highest:
            return [*self.gaps[:-1], (self.gaps[-1][0], last)]
        return [*self.gaps, (self.highest + 1, last)]

    def _follow(self) -> None:
        """Up to the first gap that is still open."""
        for first, last in self.gaps:
            if last > self.sequence:
                self.sequence = max(self.sequence, first - 1)
                return
        self.sequence = self.highest


def _without(gaps: list[Span], first: int, last: int) -> Iterator[Span]:
    for one, other in gaps:
        if one < first:
            yield one, min(other, first - 1)
        if last < other:
            yield max(one, last + 1), other
