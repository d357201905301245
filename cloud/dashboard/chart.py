"""Chart: the hours of a day as rows, which the page draws as bars and prints as a table.

1. Every row says in words what it is; the bars draw the same rows and nothing else.
2. Shown are the hours the shop is open or was visited, with one closed hour on either side.
3. A rest by plan is drawn like a closed hour, and never like a gap.
"""

import json

from msgspec import Struct

from cloud.core import slots
from cloud.core.figures import Period, Today
from cloud.core.slots import NAMES, SILENT, State
from cloud.dashboard.words import Words


class Row(Struct, frozen=True):
    """One hour: its period, its local name ("12:00-13:00"), its state, and a sentence for a pointer."""

    period: Period
    name: str
    state: State
    sentence: str


def rows(today: Today, w: Words) -> list[Row]:
    """The rows of today's chart, in time order; none where the shop never opens and nobody was heard."""
    told = [i for i, hour in enumerate(today.hours) if hour.open or (hour.visitors.value or 0) > 0]
    if not told:
        return []
    shown = today.hours[max(0, told[0] - 1) : told[-1] + 2]
    return [_row(hour, today, w) for hour in shown]


def remark(row: Row, w: Words) -> str:
    """How much of a row's hour was listened to, and what else there is to know: "66 %, incomplete"."""
    told = [] if row.state in SILENT else [w.percent(row.period.coverage)]
    told += [] if row.state == "heard" else [w.t(NAMES[row.state])]
    told += [] if row.period.open or row.state == "closed" else [w.t("closed")]
    return ", ".join(told)


def chart_json(today: Today, w: Words) -> str:
    """What the script draws: parallel lists, one item per row; null where a number is undefined."""
    shown = rows(today, w)
    figures = [row.period.visitors for row in shown]
    return json.dumps(
        {
            "hour": [w.clock(row.period.start, today.time_zone)[:2] for row in shown],
            "value": [figure.value for figure in figures],
            "low": [figure.low for figure in figures],
            "high": [figure.high for figure in figures],
            "state": [row.state for row in shown],
            "open": [row.period.open for row in shown],
            "sentence": [row.sentence for row in shown],
        },
        separators=(",", ":"),
    )


def _row(hour: Period, today: Today, w: Words) -> Row:
    name, state, figure = w.hour_name(hour, today.time_zone), slots.state(hour, today.now), hour.visitors
    told = [w.t(NAMES[state])] if state != "heard" else []
    if figure.value is not None:
        told.insert(0, w.t("{n} people ({range})", n=figure.value, range=w.interval(figure)))
    return Row(hour, name, state, f"{name}: {', '.join(told)}")
