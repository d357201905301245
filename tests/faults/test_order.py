"""Any order, any repetition, any batches: the same bytes."""

import json
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import order

TOLD = order.tale(random.Random(7), days=1)
ONCE = order.in_order(TOLD)


def test_a_bad_week_gives_the_bytes_of_a_good_one(tmp_path: Path) -> None:
    for line in order.torture(tmp_path, full=False):
        assert line.held, line


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[list[int], bool]]:
    """Every message of ONCE, some again, in any order, cut into commits, each followed by a roll-up or not."""
    again = draw(st.lists(st.sampled_from(range(len(ONCE))), max_size=8))
    coming = draw(st.permutations([*range(len(ONCE)), *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(coming) - 1), max_size=8)))
    parts = [coming[a:b] for a, b in zip([0, *cuts], [*cuts, len(coming)], strict=True)]
    return [(part, draw(st.booleans())) for part in parts]


@settings(max_examples=6, deadline=None)
@given(arrivals())
def test_order_repetition_batches_and_rollups_between_change_no_byte(commits: list[tuple[list[int], bool]]) -> None:
    with order.opened(TOLD) as store:
        for some, rolls in commits:
            store.commit([ONCE[one] for one in some], order.NOW)
            while rolls and store.recompute(3):
                pass
        assert order.compared(_wanted(), order.told_by(store)) == (0, 0)


def test_every_figure_that_is_answered_carries_its_coverage() -> None:
    bare: list[str] = []
    figures = 0

    def look(place: str, one: object) -> None:
        nonlocal figures
        if isinstance(one, dict):
            if {"value", "low", "high"} <= one.keys():
                figures += 1
                bare.extend([place] if not 0 <= one.get("coverage", -1) <= 1 else [])
            for name, part in one.items():
                look(f"{place}.{name}", part)
        if isinstance(one, list):
            for part in one:
                look(place, part)

    for name, answers in _wanted().items():
        for _, body, *_ in answers if name.startswith("API of") else []:
            assert isinstance(body, bytes)
            look(name, json.loads(body))
    assert figures > 1000
    assert not bare


def _wanted() -> order.Tables:
    if not _known:
        with order.opened(TOLD) as store:
            order.deliver(store, [ONCE], lambda: False)
            _known.update(order.told_by(store))
    return _known


_known: order.Tables = {}
