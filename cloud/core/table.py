"""Table: a shop's periods as flat rows, for whoever analyses them with tools of their own.

1. A row is one shop and one period, a column one cell of it. Columns are only ever added, at the end: what a name means
   never changes.
2. Figures are given as the API gives them, disclosed; null is undefined and never 0. A gap is a row.
3. `definitions` says of each row by which entries of the glossary its figures were computed: rows of one file may
   differ there, where a definition changed between them.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from cloud.core import rollup
from cloud.core.figures import Figure, Period, Shop
from cloud.core.till import Takings, written

Cell = str | int | float | bool | None
Row = tuple[Cell, ...]
Kind = Literal["text", "second", "truth", "whole", "number"]
SHARE = "share from 0 to 1"


class Column(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A column: `kind` of its cells (`second`: whole UTC seconds since 1970), their unit, and what they say.

    `definition` names the entry of the glossary that explains it, in its newest version; null where none is needed.
    """

    name: str
    kind: Kind
    unit: str
    says: str
    definition: str | None = None


FIGURES: tuple[tuple[str, str, str, Callable[[Period], Figure]], ...] = (
    ("occupancy", "people", rollup.OCCUPANCY, lambda period: period.occupancy),
    ("visitors", "people (visits begun)", rollup.VISITORS, lambda period: period.visitors),
    ("passers_by", "people", rollup.PASSERS_BY, lambda period: period.passers_by),
    ("capture_rate", SHARE, rollup.CAPTURE_RATE, lambda period: period.capture_rate),
)


def row(shop: Shop, period: Period, takings: Takings) -> Row:
    """The cells of one period, in the order of `COLUMNS`; `takings` are those of the same period."""
    figures = [of(period) for _, _, _, of in FIGURES]
    cells: list[Cell] = [shop.shop, shop.name, shop.region or None, shop.time_zone]
    cells += [written(shop.time_zone, period.start), period.start, period.end]
    cells += [period.open, period.coverage, period.rested, period.flooded]
    for one in figures:
        cells += [one.value, one.low, one.high, one.coverage]
    cells.append(" ".join(one.definition for one in figures))
    cells += [takings.hours, takings.transactions, takings.items, takings.net_sales]
    cells.append((shop.currency or None) if takings.net_sales is not None else None)
    return tuple(cells)


def _of_figure(name: str, unit: str, definition: str) -> list[Column]:
    def column(end: str, unit: str, says: str, definition: str) -> Column:
        return Column(name=name + end, kind="number", unit=unit, says=says, definition=definition)

    return [
        column("", unit, "The figure; empty where it is undefined, which is never 0.", definition),
        column("_low", unit, "The lower end of its 80 % interval.", "interval/1"),
        column("_high", unit, "The upper end of its 80 % interval.", "interval/1"),
        column("_coverage", SHARE, "How much of the time due the figure rests on.", "coverage/2"),
    ]


COLUMNS: tuple[Column, ...] = (
    Column(name="shop", kind="text", unit="", says="Id of the shop."),
    Column(name="name", kind="text", unit="", says="Its name."),
    Column(name="region", kind="text", unit="", says="The region it belongs to, empty for none."),
    Column(name="time_zone", kind="text", unit="", says="Its time zone, by the names of the IANA database."),
    Column(
        name="start_local", kind="text", unit="", says="The period's first moment, ISO 8601, with the offset to UTC."
    ),
    Column(name="start", kind="second", unit="s", says="The same moment in UTC."),
    Column(name="end", kind="second", unit="s", says="The first moment after the period, in UTC."),
    Column(name="open", kind="truth", unit="", says="Whether the shop was open at any time of the period."),
    Column(
        name="coverage",
        kind="number",
        unit=SHARE,
        says="How much of the time due was listened to. Below 0.9 the row is incomplete: compare it with nothing.",
        definition="coverage/2",
    ),
    Column(name="rested", kind="number", unit=SHARE, says="How much of the period the radios rested by plan: no gap."),
    Column(name="flooded", kind="truth", unit="", says="Whether a radio was flooded, so that figures may be wrong."),
    *(column for name, unit, definition, _ in FIGURES for column in _of_figure(name, unit, definition)),
    Column(
        name="definitions",
        kind="text",
        unit="",
        says=f"The entries of the glossary for {', '.join(name for name, *_ in FIGURES)}, in this order.",
    ),
    Column(name="till_hours", kind="whole", unit="hours", says="Of how many local hours of the period a till told."),
    Column(name="transactions", kind="whole", unit="receipts", says="Receipts; empty where no till told."),
    Column(name="items", kind="whole", unit="pieces", says="Pieces sold; empty where not every till told."),
    Column(name="net_sales", kind="number", unit="currency", says="Sales without tax, likewise."),
    Column(name="currency", kind="text", unit="", says="What net_sales are in, ISO 4217; empty where nobody said."),
)
