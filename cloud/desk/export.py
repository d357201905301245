"""Exports: the periods of many shops as one table, CSV or Parquet, in pieces as they are made.

1. The cells are what the API answers for the same shops and dates. `cloud.core.table` says what they mean.
2. Never more than a month of one shop, or one row group, is in memory, however many shops and days are asked for.
3. CSV is RFC 4180 in UTF-8: a header, commas, CRLF; an empty cell is null. A text that a spreadsheet would take for
   a formula stands behind an apostrophe (OWASP, "CSV injection").
4. What cannot be given is refused before the first piece. A table that breaks off later has no end that a reader of
   Parquet takes for one, and over HTTP no last chunk.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Literal

from cloud.core import till
from cloud.core.figures import Shop
from cloud.core.table import COLUMNS, Cell, Row, row
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.till import Till

Grain = Literal["hour", "day"]
Spreadsheet = Literal["point", "comma"]
DAYS_AT_ONCE = 31
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Exports:
    """Tables of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods raise UnknownShopError at once."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._reader, self._till, self._tenant = Reader(store, tenant, clock), Till(store), tenant

    def today(self, shops: Sequence[str]) -> date:
        """The newest local date in any of the shops; no shop named means all."""
        return max(map(self._reader.local_date, self._found(shops)), default=date(1971, 1, 1))

    def csv(
        self, shops: Sequence[str], grain: Grain, first: date, last: date, spreadsheet: Spreadsheet | None = None
    ) -> Iterator[bytes]:
        """The periods of the local dates `first` to `last` that have begun, by shop and time; no shop named means all.

        `spreadsheet`: made to be opened in one whose decimal sign is this. It begins with a byte order mark, and where
        the sign is a comma, semicolons part the cells.
        """
        return _csv(self._rows(self._found(shops), grain, first, last), spreadsheet)

    def parquet(self, shops: Sequence[str], grain: Grain, first: date, last: date) -> Iterator[bytes]:
        """The same as Parquet, with types; units, meanings and definitions are the columns' metadata."""
        from cloud.desk import parquet  # noqa: PLC0415 - pyarrow takes 60 MB that only who wants Parquet pays for

        return parquet.pieces(self._rows(self._found(shops), grain, first, last), grain)

    def _found(self, shops: Sequence[str]) -> list[Shop]:
        return [self._reader.shop(one) for one in (shops or self._reader.names())]

    def _rows(self, shops: Iterable[Shop], grain: Grain, first: date, last: date) -> Iterator[list[Row]]:
        for shop in shops:
            begins = first
            while begins <= last:
                ends = min(last, begins + timedelta(days=DAYS_AT_ONCE - 1))
                yield self._some(shop, grain, begins, ends)
                begins = ends + timedelta(days=1)

    def _some(self, shop: Shop, grain: Grain, first: date, last: date) -> list[Row]:
        read = self._reader.hours if grain == "hour" else self._reader.days
        periods = read(shop, first, last)
        if not periods:
            return []
        sales = self._till.sales(self._tenant, shop.shop, periods[0].start, periods[-1].end)
        sold: dict[int, list[till.Sale]] = {}
        at = 0
        for sale in sales:  # both are in the order of time, and periods leave no gap
            while sale.hour >= periods[at].end:
                at += 1
            sold.setdefault(at, []).append(sale)
        return [
            row(shop, period, till.total(period.start, period.end, sold.get(number, ())))
            for number, period in enumerate(periods)
        ]


def _csv(batches: Iterable[list[Row]], spreadsheet: Spreadsheet | None) -> Iterator[bytes]:
    text = io.StringIO(BOM if spreadsheet else "", newline="")
    text.seek(0, io.SEEK_END)
    comma = spreadsheet == "comma"
    writer = csv.writer(text, delimiter=";" if comma else ",")
    writer.writerow(column.name for column in COLUMNS)
    for batch in batches:
        writer.writerows([_written(cell, comma=comma) for cell in one] for one in batch)
        if made := text.getvalue():
            yield made.encode()
        text.seek(0)
        text.truncate()
    if made := text.getvalue():
        yield made.encode()


def _written(cell: Cell, *, comma: bool) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return f"'{cell}" if cell.startswith(FORMULA) else cell
        case float() if not cell.is_integer():
            return repr(cell).replace(".", ",") if comma else repr(cell)
    return str(int(cell))
