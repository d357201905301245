"""Undated: a report that was taken before the time of day was known, and gets it afterwards.

The time since boot goes on whatever is done to the clock, so that what it was as the window began says when that was,
as soon as the difference between the two is known. The grid of windows was another one then: the report gets the
nearest window of the true one, at most half a window off, and is marked `redated`. A rest was by plan only if the
clock, as it turns out, was right.
"""

from msgspec import UNSET
from msgspec.structs import replace

from agent.contract import Heard, Report


def dated(report: Report, ahead: float) -> Report:
    """The report with its date; `ahead`: by how many seconds UTC is ahead of the time since boot."""
    if report.clock != "untrusted" or report.boot_s is UNSET:
        return report
    start = int((report.boot_s + ahead + report.window_s / 2) // report.window_s) * report.window_s
    if start < 0:
        return report
    if abs(start - report.window_start) > report.window_s:
        report = replace(report, wifi=_restless(report.wifi), ble=_restless(report.ble))
    return replace(report, window_start=start, clock="redated")


def _restless(heard: Heard | None) -> Heard | None:
    return heard and replace(heard, rested_s=UNSET)
