"""Fall: many shops whose sensors fail together, told of as one.

1. It takes `quorum` shops that began within `TOGETHER_S` and are not told of yet, one of them due to be told of.
2. Who begins within `TOGETHER_S` of the first belongs to it, also later on.
3. It ends when fewer than half a quorum are left: between that and a quorum lies room, so that it does not flap.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Set

from msgspec import Struct

TOGETHER_S = 600
FEWEST = 3
SHARE = 0.3


class Fall(Struct, frozen=True):
    """The first of the `shops` fell at UTC second `since`. The shops are all that ever belonged to it, by id."""

    since: int
    shops: list[str]


def quorum(watched: int) -> int:
    """How many of the shops watched make a fall."""
    return max(FEWEST, math.ceil(SHARE * watched))


def after(before: Fall | None, waiting: Mapping[str, int], ripe: Set[str], watched: int) -> Fall | None:
    """The fall there is now; null: none, or no longer.

    `waiting`: since when it is so in shops nobody was told of, by id. `ripe`: those of them due to be told of.
    """
    if before is None:
        group = _together(waiting, ripe)
        return Fall(min(waiting[one] for one in group), sorted(group)) if len(group) >= quorum(watched) else None
    near = (one for one, since in waiting.items() if abs(since - before.since) <= TOGETHER_S)
    shops = sorted({*before.shops, *near})
    left = sum(one in waiting for one in shops)
    return Fall(before.since, shops) if 2 * left >= quorum(watched) else None


def _together(waiting: Mapping[str, int], ripe: Set[str]) -> list[str]:
    """The most shops that began within `TOGETHER_S`, one of them ripe; of groups as large the earliest."""
    order = sorted(waiting, key=lambda one: (waiting[one], one))
    begun = [waiting[one] for one in order]
    groups = (order[first : bisect_right(begun, since + TOGETHER_S)] for first, since in enumerate(begun))
    return max((group for group in groups if not ripe.isdisjoint(group)), key=len, default=[])
