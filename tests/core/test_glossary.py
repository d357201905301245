"""The glossary: every figure's definition has an entry, and no entry that figures were computed by ever goes."""

import ast
import re
from collections.abc import Iterator

import pytest

from cloud.core import glossary
from cloud.core.figures import Figure
from cloud.core.glossary import DEFINITIONS
from tests.conftest import ROOT

NAME = re.compile(r"[a-z]+(?:-[a-z]+)*/[0-9]+")
NAMES = {one.name for one in DEFINITIONS}
SHOWN_BEFORE = {
    "visitors/2", "occupancy/1", "passers-by/1", "capture-rate/1", "coverage/1", "coverage/2", "interval/1",
    "panel-arrivals/1", "panel-visits/1", "panel-returns/1", "panel-dwell/1", "panel-dwell-median/1", "noise/1",
    "draw-rate/1", "engaged/1", "conversion/1", "atv/1", "upt/1", "sales-per-visitor/1", "star/1",
    "panel-dwell-mean/1", "panel-bounce/1", "panel-engagement/1", "panel-return-rate/1",
}  # fmt: skip


def literals() -> Iterator[tuple[str, str]]:
    """(file, name) for every string in the cloud's source that is written as the name of a definition."""
    for path in sorted((ROOT / "cloud").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                yield str(path.relative_to(ROOT)), node.value


def test_every_definition_in_the_source_has_an_entry() -> None:
    found = list(literals())
    assert {name for _, name in found} >= SHOWN_BEFORE
    assert [(where, name) for where, name in found if name not in NAMES] == []


def test_names_are_once_each_and_none_is_taken_back() -> None:
    assert len(NAMES) == len(DEFINITIONS)
    assert SHOWN_BEFORE <= NAMES


@pytest.mark.parametrize("entry", DEFINITIONS, ids=lambda one: one.name)
def test_an_entry_says_everything(entry: glossary.Definition) -> None:
    assert NAME.fullmatch(entry.name)
    for words in (entry.title, entry.summary, entry.formula, entry.unit, entry.source, entry.caveat):
        assert words == words.strip() != ""
    assert entry.summary.endswith(".")
    assert entry.caveat.endswith(".")
    assert 0 <= entry.digits <= 3


@pytest.mark.parametrize("entry", DEFINITIONS, ids=lambda one: one.name)
def test_what_is_shown_never_holds_less_than_what_was_computed(entry: glossary.Definition) -> None:
    exact = Figure(value=12.34567, low=11.98765, high=12.71828, coverage=0.89999, definition=entry.name)
    shown = glossary.disclosed(exact)
    assert shown.low <= exact.low <= exact.high <= shown.high
    assert shown.low <= shown.value <= shown.high
    assert shown.coverage <= exact.coverage
    assert shown.value == pytest.approx(exact.value, abs=0.5 / 10**entry.digits)
