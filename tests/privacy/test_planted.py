"""Every leak that the proofs plant still fits the source: they are planted in full only by `make prove`."""

from pathlib import Path

import pytest

from tests.privacy import planted

CHANGES = [one for one in vars(planted).values() if isinstance(one, planted.Change)]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_leak_can_be_planted(change: planted.Change, tmp_path: Path) -> None:
    planted.built(tmp_path, change)
    for file, _, put in change.edits:
        text = (tmp_path / file).read_text()
        assert put in text
        compile(text, file, "exec")
