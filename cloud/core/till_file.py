"""Till file: sales by the hour as tills and spreadsheets export them, one line an hour, cells between separators.

1. A file is taken whole or refused, with the line and what belongs there. Nothing is guessed.
2. The first line names the columns: an hour (or a date and a time of day), transactions, and items and net sales where
   they are known; in any order, in English, German, French or Chinese. Other columns are passed over, and that is said.
3. A time without an offset is the shop's local time. An hour that is not in the file is not told: it is not zero.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from msgspec import Struct

from agent.contract.till import MOST_IN_AN_HOUR, MOST_MONEY
from cloud.core import spelling, till
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.till import Sale

MAX_BYTES = 5_000_000
SEPARATORS = (";", "\t", ",")
NAMES = {
    "date": "date, business date, datum, tag, buchungsdatum, jour, 日期, 营业日期",
    "hour": "hour, time, date time, datetime, timestamp, stunde, uhrzeit, zeit, zeitpunkt, zeitraum, datum uhrzeit, "
    "heure, horaire, date heure, date et heure, 小时, 时间, 时段, 日期时间",
    "transactions": "transactions, number of transactions, receipts, number of receipts, bons, anzahl bons, "
    "kassenbons, belege, anzahl belege, transaktionen, anzahl transaktionen, tickets, nb tickets, nombre de tickets, "
    "tickets de caisse, nombre de transactions, 交易, 交易数, 交易笔数, 笔数, 单数, 小票数, 订单数",
    "items": "items, items sold, units, pieces, quantity, qty, artikel, anzahl artikel, stück, stückzahl, menge, "
    "articles, nb articles, nombre d articles, quantité, qté, 件数, 数量, 商品数, 销售数量",
    "net_sales": "net sales, netsales, sales, revenue, umsatz, nettoumsatz, umsatz netto, ca, ca ht, "
    "chiffre d affaires, chiffre d affaires ht, ventes, ventes nettes, 销售额, 净销售额, 营业额",
}
_COLUMNS = {name: column for column, names in NAMES.items() for name in names.split(", ")}
_IN_MONEY = re.compile(r"( in)? (eur|chf|usd|gbp|cny|rmb|[€$£¥])$")
_MIDNIGHT = re.compile(r"[ T]0?0:00(:00(\.0+)?)?$")  # what a spreadsheet adds to a date
_NEEDED = Saying("Write a first line as hour;transactions;items;net_sales and below it 2026-11-24T14:00;31;54;812.50.")


class Content(Struct, frozen=True, kw_only=True):
    """The sales in a file, and what a person should know of how it was read."""

    sales: list[Sale]
    notes: list[Saying]


class _Table(Struct, frozen=True, kw_only=True):
    """Rows with their line in the file. `columns`: where each column we know stands; `unused`: the names of others."""

    separator: str
    width: int
    columns: dict[str, int]
    unused: list[str]
    rows: list[tuple[int, list[str]]]

    def cell(self, row: list[str], column: str) -> str:
        """What stands in a column; "" where there is none, or nothing in it."""
        at = self.columns.get(column, len(row))
        return row[at] if at < len(row) else ""

    def time(self, row: list[str]) -> str:
        """What stands for the hour: in a column of its own "9:00-10:00" is a span, and no offset."""
        date, hour = self.cell(row, "date"), self.cell(row, "hour")
        return f"{_MIDNIGHT.sub('', date)} {hour.replace('-', ' - ')}" if date and hour else date or hour


def read(payload: bytes, zone: str, source: str) -> Content:
    """The sales in a file as it was saved: in UTF-8, UTF-16, Windows-1252 or GB 18030. Raises Refusal."""
    if len(payload) > MAX_BYTES:
        raise Refusal(Saying("The file is larger than {most} MB: send it in parts.", most=MAX_BYTES // 1_000_000))
    text, notes = _decoded(payload)
    table = _table(text)
    if table.unused:
        notes.append(Saying("Columns that were not used: {names}.", names=", ".join(table.unused)[:200]))
    return Content(sales=_sales(table, zone, till.source_name(source)), notes=notes)


def from_csv(text: str, zone: str, source: str) -> list[Sale]:
    """The sales in the text of a file. Raises Refusal."""
    return _sales(_table(text), zone, till.source_name(source))


def _decoded(payload: bytes) -> tuple[str, list[Saying]]:
    """The text, and a note where its encoding had to be found: that in which the header is one."""
    try:
        return payload.decode("utf-16" if payload[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    for encoding, name in (("cp1252", "Windows-1252"), ("gb18030", "GB 18030")):
        try:
            text = payload.decode(encoding)
            _table(text)
        except (UnicodeDecodeError, Refusal):
            continue
        return text, [Saying("The file is not in UTF-8; it was read as {encoding}.", encoding=name)]
    raise Refusal(Saying("The file is not text in UTF-8, or has no header that we know: save it as CSV in UTF-8."))


def _table(text: str) -> _Table:
    """The rows below the header. Raises Refusal."""
    text = re.sub(r'\A\ufeff*"?sep=.?"?(?=[\r\n])', "", text)  # Excel's word to itself on how the cells are separated
    if not text.strip("\ufeff \r\n"):
        raise Refusal(Saying("The file is empty. {needed}", needed=_NEEDED))
    headers = {one: _header(text, one) for one in SEPARATORS}
    separator = max(SEPARATORS, key=lambda one: (len(_columns(headers[one])), len(headers[one])))
    header, columns = headers[separator], _columns(headers[separator])
    if "transactions" not in columns or not columns.keys() & {"date", "hour"}:
        found = separator.join(header)[:100]
        raise Refusal(Saying('The header is "{found}". {needed}', found=found, needed=_NEEDED))
    for column, at in columns.items():
        if len(at) > 1:
            two = {"one": header[at[0]], "other": header[at[1]]}
            raise Refusal(Saying('"{one}" and "{other}" are both {column}: leave one out.', column=column, **two))
    rows = list(_rows(text, separator))[1:]
    if not rows:
        raise Refusal(Saying("There is no line below the header. {needed}", needed=_NEEDED))
    known = {column: at[0] for column, at in columns.items()}
    unused = [name for at, name in enumerate(header) if name and at not in known.values()]
    return _Table(separator=separator, width=len(header), columns=known, unused=unused, rows=rows)


def _header(text: str, separator: str) -> list[str]:
    try:
        return next(_rows(text, separator))[1]
    except (Refusal, StopIteration):
        return []


def _columns(header: list[str]) -> dict[str, list[int]]:
    """Where each column that we know stands."""
    found: dict[str, list[int]] = {}
    for at, name in enumerate(header):
        bare = re.sub(r"[(\[].*?[)\]]", "", unicodedata.normalize("NFKC", name).casefold())
        words = " ".join(re.sub(r"[_\-./'\N{RIGHT SINGLE QUOTATION MARK}]", " ", bare).split())
        if column := _COLUMNS.get(_IN_MONEY.sub("", words)):
            found.setdefault(column, []).append(at)
    return found


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Every row in which something stands, with its line. Raises Refusal."""
    reader = csv.reader(StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error:
        with _line(reader.line_num):
            raise Refusal(Saying("a quotation mark is missing, or one too many.")) from None


def _sales(table: _Table, zone: str, source: str) -> list[Sale]:
    rows = [row for _, row in table.rows]
    numbers = [table.cell(row, name) for row in rows for name in ("transactions", "items", "net_sales")]
    mark = spelling.decimal_mark(numbers) or ("." if table.separator == "," else "")
    first = spelling.day_first(table.time(row) for row in rows)
    lines: dict[int, int] = {}
    sales: list[Sale] = []
    for line, row in table.rows:
        with _line(line):
            if any(row[table.width :]):
                raise Refusal(
                    Saying("more cells than the header has names: put a number with a comma in it into quotes.")
                )
            moment = till.second_of(zone, spelling.time(table.time(row), first))
            hour = till.whole_hour(zone, moment)
            if hour in lines:
                other = {"hour": till.written(zone, hour), "other": str(lines[hour])}
                raise Refusal(Saying("{hour} is in line {other} too: tell each hour once.", **other))
            lines[hour] = line
            sales.append(_sale(table, row, mark, hour, source))
    return sales


def _sale(table: _Table, row: list[str], mark: str, hour: int, source: str) -> Sale:
    transactions, items, money = (table.cell(row, name) for name in ("transactions", "items", "net_sales"))
    return Sale(
        hour=hour,
        source=source,
        transactions=_whole(transactions, mark, 0),
        items=_whole(items, mark, -MOST_IN_AN_HOUR) if items else None,
        net_sales=_within(money, mark, MOST_MONEY) if money else None,
    )


def _whole(text: str, mark: str, least: int) -> int:
    value = _within(text, mark, MOST_IN_AN_HOUR)
    if value < least or value != int(value):
        raise Refusal(Saying('"{text}" should be a whole number from {least} on.', text=text[:40], least=least))
    return int(value)


def _within(text: str, mark: str, most: float) -> float:
    value = spelling.number(text, mark)
    if abs(value) > most:
        raise Refusal(Saying('"{text}" is too much for one hour: is it in the right column?', text=text[:40]))
    return value


@contextmanager
def _line(number: int) -> Iterator[None]:
    """Puts the line before what is refused."""
    try:
        yield
    except Refusal as error:
        raise Refusal(Saying("Line {line}: {problem}", line=str(number), problem=error.args[0])) from None
