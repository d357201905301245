"""Presence: who is around in this window, by tag.

1. A node is what one tag did in one window. Nodes live for that window only; `forget` drops them with its key.
2. The table is bounded. When it is full, tags not yet in it are turned away and counted: an attacker with
   random addresses can cost us the window's accuracy, which the report then says, but not memory.
3. A signal is used only where the frame was sent on the channel listened to.
4. Nothing here depends on the value of a tag, or on the order of frames heard at the same time.
"""

from statistics import median

from agent.core.pseudonym import Trace

MAX_NODES = 20_000
_MAX_SIGNALS = 64  # per node and window: enough for a median, bounded for a device that never stops


class Node:
    """One tag in one window: whether its address is `stable`, its class, when (UTC s) and how strong (dBm)."""

    __slots__ = ("first", "frames", "last", "signals", "signature", "stable")

    def __init__(self, signature: int, at: float, *, stable: bool) -> None:
        self.stable = stable
        self.signature = signature
        self.first = self.last = at
        self.frames = 0
        self.signals: list[int] = []

    @property
    def level(self) -> float | None:
        """Median signal in dBm; None where no frame on our channel told one."""
        return median(self.signals) if self.signals else None


class Presence:
    """The nodes of the open window. `turned_away` counts frames of tags that no longer fit."""

    def __init__(self, limit: int = MAX_NODES) -> None:
        self.turned_away = 0
        self._limit = limit
        self._nodes: dict[int, Node] = {}

    def hear(self, trace: Trace, at: float) -> None:
        """Note one trace, heard at `at` (UTC seconds)."""
        node = self._nodes.get(trace.tag)
        if node is None:
            if len(self._nodes) >= self._limit:
                self.turned_away += 1
                return
            node = self._nodes[trace.tag] = Node(trace.signature, at, stable=trace.stable)
        node.frames += 1
        if at > node.last:
            node.last = at
        elif at < node.first:
            node.first = at
        if trace.signal is not None and len(node.signals) < _MAX_SIGNALS:
            node.signals.append(trace.signal)

    def nodes(self) -> list[Node]:
        """All nodes of the window, without their tags."""
        return list(self._nodes.values())

    def forget(self) -> None:
        """Drop every node: the window, and with it the key of its tags, is over."""
        self._nodes.clear()
        self.turned_away = 0
