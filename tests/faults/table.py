"""Table: what `make torture` prints, a line per fault."""

from typing import NamedTuple


class Line(NamedTuple):
    """One fault, how often it struck, and what became of the reports. `held`: nothing was lost or doubled unsaid."""

    fault: str
    count: int
    lost: int
    doubled: int
    longest_recovery_s: float
    note: str
    held: bool
