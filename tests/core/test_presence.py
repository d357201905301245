"""Who is around in a window: nodes, levels, and a table that is bounded."""

from agent.core.presence import Presence
from agent.core.pseudonym import Trace


def test_a_node_keeps_first_and_last_whatever_the_order() -> None:
    presence = Presence()
    for at in (20.0, 10.0, 30.0):
        presence.hear(Trace(1, False, -60, 7), at)
    (node,) = presence.nodes()
    assert (node.first, node.last, node.frames) == (10.0, 30.0, 3)


def test_the_level_is_the_median_of_usable_signals() -> None:
    presence = Presence()
    for signal in (-60, None, -90, -62):
        presence.hear(Trace(1, False, signal, 7), 1.0)
    (node,) = presence.nodes()
    assert node.level == -62


def test_a_level_never_told_is_unknown() -> None:
    presence = Presence()
    presence.hear(Trace(1, False, None, 7), 1.0)
    assert presence.nodes()[0].level is None


def test_a_full_table_turns_new_tags_away_and_keeps_the_old() -> None:
    presence = Presence(limit=3)
    for tag in range(10):
        presence.hear(Trace(tag, False, -60, 7), 1.0)
    presence.hear(Trace(0, False, -60, 7), 2.0)
    assert len(presence.nodes()) == 3
    assert presence.turned_away == 7
    assert presence.nodes()[0].frames == 2


def test_forgetting_leaves_nothing() -> None:
    presence = Presence(limit=1)
    presence.hear(Trace(1, False, -60, 7), 1.0)
    presence.hear(Trace(2, False, -60, 7), 1.0)
    presence.forget()
    assert presence.nodes() == []
    assert presence.turned_away == 0
