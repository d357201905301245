"""Panel: the section on visits of the panel, as words: what was counted, its range, and the noise in it."""

from datetime import date

from msgspec import Struct

from cloud.core.figures import COMPLETE, Today
from cloud.core.visits import PanelFigure, PanelToday
from cloud.dashboard.words import NOTHING, Words

EPSILON = "\N{GREEK SMALL LETTER EPSILON}"


class Fact(Struct, frozen=True):
    """One figure: its name and where that is explained, the figure in words, and what stands beside it."""

    name: str
    anchor: str
    words: str
    note: str


def facts(today: Today, w: Words) -> list[Fact]:
    """First arrivals and returns so far, and the median stay of the newest day that has ended; none without a panel."""
    panel = today.panel
    if panel is None:
        return []
    until = w.clock(panel.until, today.time_zone)
    return [
        _count(w, w.t("First arrivals"), panel.arrivals, w.t("devices up to {until}", until=until)),
        _count(w, w.t("Same-day returns"), panel.returns, w.t("visits up to {until}", until=until)),
        _median(w, panel),
    ]


def noise(today: Today, w: Words) -> str:
    """How much noise there is, in the unit of privacy; what it adds up to where a device may be heard by several."""
    if today.panel is None or today.panel.budget.epsilon is None:
        return ""
    budget, sensors = today.panel.budget, len(today.panel.budget.sensors)
    each, shop = f"{EPSILON} = {budget.epsilon:g}", f"{budget.epsilon_shop or 0:g}"
    if sensors < 2 or budget.epsilon_shop is None:
        return w.t("{each} per device and day", each=each)
    if sensors == 2:
        return w.t("{each} per device and day at each sensor, {shop} where both hear it", each=each, shop=shop)
    return w.t(
        "{each} per device and day at each sensor, {shop} where all {n} hear it", each=each, shop=shop, n=sensors
    )


def _count(w: Words, name: str, figure: PanelFigure, what: str) -> Fact:
    if figure.fewer_than is not None:
        return _fact(w, name, figure, w.t("fewer than {n}", n=figure.fewer_than), f"{what[0].upper()}{what[1:]}")
    if figure.value is None:
        return _fact(w, name, figure, NOTHING, w.t("No hour of today has been told yet"))
    return _fact(w, name, figure, w.number(figure.value), f"{w.interval(figure)} {what}")


def _median(w: Words, panel: PanelToday) -> Fact:
    day, name = date.fromisoformat(panel.stays_date), w.t("Median stay")  # of this week: yesterday or the day before
    if panel.stays is None:
        return Fact(name, "panel-dwell-median-1", NOTHING, w.t("None was told on {day:weekday}.", day=day))
    median = panel.stays.median
    if median.fewer_than is not None:
        return _fact(
            w, name, median, NOTHING, w.t("Fewer than {n} devices on {day:weekday}", n=median.fewer_than, day=day)
        )
    if median.value is None:
        return _fact(w, name, median, NOTHING, w.t("The noise leaves it open on {day:weekday}", day=day))
    note = w.t("{range} minutes on {day:weekday}", range=w.interval(median), day=day)
    return _fact(w, name, median, w.t("{n} min", n=median.value), note)


def _fact(w: Words, name: str, figure: PanelFigure, words: str, note: str) -> Fact:
    if 0 < figure.coverage < COMPLETE:
        note += w.t("; {share} listened, incomplete", share=w.percent(figure.coverage))
    return Fact(name, figure.definition.replace("/", "-"), words, f"{note}.")
