"""Table: what `make torture` prints, a line per fault."""

from typing import NamedTuple

HEAD = (
    "| fault | count | lost | doubled | longest recovery s | note | holds | took s |\n|---|---|---|---|---|---|---|---|"
)


class Line(NamedTuple):
    """One fault, how often it struck, and what became of the reports. `held`: nothing was lost or doubled unsaid."""

    fault: str
    count: int
    lost: int
    doubled: int
    longest_recovery_s: float
    note: str
    held: bool


def row(line: Line, took_s: float) -> str:
    """The line as a row of the table; `took_s`: of all the lines of its kind."""
    verdict = "yes" if line.held else "NO"
    return (
        f"| {line.fault} | {line.count:,} | {line.lost:,} | {line.doubled:,} | {line.longest_recovery_s:.1f} "
        f"| {line.note} | {verdict} | {took_s:.0f} |"
    )
