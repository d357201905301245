"""Panel: the section on visits of the panel, as words: what was counted, its range, and the noise in it."""

from datetime import date

from msgspec import Struct

from cloud.core.figures import COMPLETE, Today
from cloud.core.visits import PanelFigure, PanelToday
from cloud.dashboard.words import NOTHING, clock, interval, number, percent

EPSILON = "\N{GREEK SMALL LETTER EPSILON}"


class Fact(Struct, frozen=True):
    """One figure: its name and where that is explained, the figure in words, and what stands beside it."""

    name: str
    anchor: str
    words: str
    note: str


def facts(today: Today) -> list[Fact]:
    """First arrivals and returns so far, and the median stay of the newest day that has ended; none without a panel."""
    panel = today.panel
    if panel is None:
        return []
    until = f"up to {clock(panel.until, today.time_zone)}"
    return [
        _count("First arrivals", panel.arrivals, f"devices {until}"),
        _count("Same-day returns", panel.returns, f"visits {until}"),
        _median(panel),
    ]


def noise(today: Today) -> str:
    """How much noise there is, in the unit of privacy; what it adds up to where a device may be heard by several."""
    if today.panel is None or today.panel.budget.epsilon is None:
        return ""
    budget = today.panel.budget
    said = f"{EPSILON} = {budget.epsilon:g} per device and day"
    sensors = len(budget.sensors)
    if sensors > 1 and budget.epsilon_shop is not None:
        every = "both" if sensors == 2 else f"all {sensors}"
        said += f" at each sensor, {budget.epsilon_shop:g} where {every} hear it"
    return said


def _count(name: str, figure: PanelFigure, what: str) -> Fact:
    if figure.fewer_than is not None:
        return _fact(name, figure, f"fewer than {figure.fewer_than}", f"{what[0].upper()}{what[1:]}")
    if figure.value is None:
        return _fact(name, figure, NOTHING, "No hour of today has been told yet")
    return _fact(name, figure, number(figure.value), f"{interval(figure)} {what}")


def _median(panel: PanelToday) -> Fact:
    day = f"on {date.fromisoformat(panel.stays_date):%A}"  # of this week: yesterday, or before 04:00 the day before
    if panel.stays is None:
        return Fact("Median stay", "panel-dwell-median-1", NOTHING, f"None was told {day}.")
    median = panel.stays.median
    if median.fewer_than is not None:
        return _fact("Median stay", median, NOTHING, f"Fewer than {median.fewer_than} devices {day}")
    if median.value is None:
        return _fact("Median stay", median, NOTHING, f"The noise leaves it open {day}")
    return _fact("Median stay", median, f"{number(median.value)} min", f"{interval(median)} minutes {day}")


def _fact(name: str, figure: PanelFigure, words: str, note: str) -> Fact:
    incomplete = f"; {percent(figure.coverage)} listened, incomplete" if 0 < figure.coverage < COMPLETE else ""
    return Fact(name, figure.definition.replace("/", "-"), words, f"{note}{incomplete}.")
