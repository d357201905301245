"""Count: how many devices the nodes of a window are, although phones change their address.

1. A stable address is one device. Addresses drawn at random are counted per class (devices that send the same
   stable elements): at least as many devices as were heard at once, at most as many as addresses.
2. The estimate lies between the two, at their geometric mean; the interval is the two themselves.
3. Nothing here is kept from one window to the next.
"""

from collections import defaultdict
from collections.abc import Iterable
from math import sqrt

from agent.contract.report import Estimate
from agent.core.presence import Node

NAME = "classes-and-tags/1"


def estimate(nodes: Iterable[Node]) -> Estimate:
    """Devices behind the nodes, with low and high bounds."""
    stable = 0
    classes: defaultdict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.stable:
            stable += 1
        else:
            classes[node.signature].append(node)
    low = high = devices = float(stable)
    for members in classes.values():
        least, most = at_once(members), len(members)
        low, high, devices = low + least, high + most, devices + sqrt(least * most)
    return Estimate(devices=round(devices, 2), low=low, high=high)


def at_once(nodes: Iterable[Node]) -> int:
    """The largest number of nodes whose times from first to last frame overlap."""
    edges = sorted((time, order) for node in nodes for time, order in ((node.first, 0), (node.last, 1)))
    most = now = 0
    for _, order in edges:
        now += -1 if order else 1
        most = max(most, now)
    return most
