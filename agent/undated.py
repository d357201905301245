"""Undated: a report that was taken before the time of day was known, and gets it afterwards.

The time since boot goes on whatever is done to the clock, so that what it was as the window began says when that was,
as soon as the difference between the two is known. The grid of windows was another one then: the report gets the
window in which its own began, and is marked `redated`.
"""

from msgspec import UNSET
from msgspec.structs import replace

from agent.contract import Report


def dated(report: Report, ahead: float) -> Report:
    """The report with its date; `ahead`: by how many seconds UTC is ahead of the time since boot."""
    if report.clock != "untrusted" or report.boot_s is UNSET:
        return report
    start = int((report.boot_s + ahead) // report.window_s) * report.window_s
    return replace(report, window_start=start, clock="redated") if start >= 0 else report
