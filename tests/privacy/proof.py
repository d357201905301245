"""Proof: a promise about privacy, attacked, with the figure that came out and a control that must be caught.

Each `test_ptNN_*.py` in this folder has `prove(folder, full)`, which attacks one promise and gives a `Proof`. `make
test` runs it in a short form, `make prove` in full and prints the table.

A proof without its control proves nothing: an attack that finds nothing may be a bad attack. So each attacks, beside
the product, a copy that leaks on purpose, and `caught` says that the same attack saw it.
"""

from typing import NamedTuple


class Proof(NamedTuple):
    """One line of the table. `figure`: what was measured, with its size; `control`: the leak that was planted."""

    id: str
    claim: str
    figure: str
    held: bool
    control: str
    caught: bool

    @property
    def verdict(self) -> str:
        """One or two words."""
        if not self.caught:
            return "CONTROL MISSED"
        return "holds" if self.held else "BROKEN"


def check(proof: Proof) -> None:
    """Fail the test unless the promise held and the control was caught."""
    assert proof.caught, f"{proof.id}: the planted leak was not seen ({proof.control}): {proof.figure}"
    assert proof.held, f"{proof.id}: {proof.claim}: {proof.figure}"
