"""Others: what one radio hears in a window that is no phone, as numbers of addresses by nature.

1. An address is an other from the first advertisement that says so until the window ends, whatever else it sends. What
   it sent before is taken out of the count: most things say what they are only when asked (a scan response follows the
   advertisement), or by turns.
2. Of an address that says two things the smaller nature holds, so the order does not matter.
3. Bounded by MOST. What comes new beyond that is not counted at all, and the window is flagged: so many are not there.
4. It dies with the window, as every tag does.
"""

from collections import Counter

from agent.contract.report import Other
from agent.core.nature import Nature
from agent.core.pseudonym import Trace

MOST = 4096
_NAMES: dict[Nature, Other] = {
    Nature.WEARABLE: "wearable",
    Nature.COMPUTER: "computer",
    Nature.TAG: "tag",
    Nature.BEACON: "beacon",
    Nature.FURNITURE: "furniture",
}


class Others:
    """Tags of one window that are no phone's, and what they are."""

    def __init__(self) -> None:
        self._natures: dict[int, Nature] = {}
        self.flooded = False

    def hear(self, trace: Trace) -> bool:
        """Whether a trace is of an other; it is remembered if so."""
        nature, known = trace.nature, self._natures.get(trace.tag)
        if nature <= Nature.PHONE:
            return known is not None
        if known is None and len(self._natures) >= MOST:
            self.flooded = True
        else:
            self._natures[trace.tag] = nature if known is None else min(nature, known)
        return True

    def counted(self) -> dict[Other, int]:
        """Addresses by nature, those heard only."""
        found = Counter(self._natures.values())
        return {name: found[nature] for nature, name in _NAMES.items() if nature in found}
