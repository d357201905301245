"""The estimator's parts on hand-made cases."""

from agent.core import count
from agent.core.presence import Node


def node(first: float, last: float, signature: int = 1, *, stable: bool = False) -> Node:
    made = Node(signature, first, stable=stable)
    made.last = last
    return made


def test_nobody_is_zero() -> None:
    found = count.estimate([])
    assert (found.devices, found.low, found.high) == (0, 0, 0)


def test_stable_addresses_are_devices() -> None:
    found = count.estimate([node(0, 1, stable=True) for _ in range(5)])
    assert (found.devices, found.low, found.high) == (5, 5, 5)


def test_addresses_that_follow_each_other_may_be_one_device() -> None:
    found = count.estimate([node(0, 1), node(2, 3), node(4, 5), node(6, 7)])
    assert (found.low, found.devices, found.high) == (1, 2, 4)


def test_addresses_heard_at_once_are_devices() -> None:
    assert count.at_once([node(0, 10), node(5, 15), node(12, 20)]) == 2


def test_classes_are_counted_apart() -> None:
    assert count.estimate([node(0, 1, 1), node(2, 3, 2)]).devices == 2
