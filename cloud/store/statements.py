"""Statements: the SQL of the hot path, compiled once for the database at hand.

Rows are tuples in the order of the table's columns, a quarter of the time of a parameter dictionary per row.
As many of them as there is a statement for (`ROWS_AT_ONCE`) go into one: sqlite3 gives up the interpreter at every
statement, and beside a busy network thread it takes up to 5 ms to get it back. With one row each, most of a commit
was that waiting; with fifty, a tenth of it was still SQLAlchemy's share of each statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from cloud.store import schema

ROWS_AT_ONCE = (250, 50, 10, 1)


@dataclass(frozen=True)
class Insert:
    """An INSERT: (how many rows, the statement for so many), as in `ROWS_AT_ONCE`."""

    of_rows: tuple[tuple[int, str], ...]

    def run(self, db: Connection, rows: Sequence[tuple[object, ...]]) -> int:
        """Insert rows; returns how many the database took."""
        taken = at = 0
        for many, statement in self.of_rows:
            while len(rows) - at >= many:
                values = tuple(chain.from_iterable(rows[at : at + many]))
                taken += db.exec_driver_sql(statement, values).rowcount
                at += many
        return taken


@dataclass(frozen=True)
class Hold:
    """A query of rows by key that holds them until the end of the transaction, those not there yet included."""

    begin: str
    slot: str
    end: str

    def of(self, many: int) -> str:
        """The query for so many keys."""
        return f"{self.begin}{', '.join([self.slot] * many)}{self.end}"


@dataclass(frozen=True)
class Statements:
    """INSERTs by what they do: `keep` ignores a row whose key is known, `put` replaces it, `mark` holds it."""

    keep_report: Insert
    keep_quarantine: Insert
    keep_refused: Insert
    keep_sensor: Insert
    mark_dirty: Insert
    put_watermark: Insert
    put_period: Insert
    put_shop: Insert
    put_factor: Insert
    hold_watermarks: Hold


def compiled(engine: Engine) -> Statements:
    """The statements in the SQL of `engine`."""
    return Statements(
        keep_report=_keep(engine, schema.report),
        keep_quarantine=_keep(engine, schema.quarantine),
        keep_refused=_keep(engine, schema.refused),
        keep_sensor=_keep(engine, schema.sensor_state),
        mark_dirty=_mark(engine, schema.dirty),
        put_watermark=_put(engine, schema.watermark),
        put_period=_put(engine, schema.period),
        put_shop=_put(engine, schema.shop),
        put_factor=_put(engine, schema.factor),
        hold_watermarks=_hold_watermarks(engine),
    )


def put(db: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows in place of those with their keys, off the hot path: the statement is made for this call."""
    _put(db.engine, table).run(db, rows)


def keep(db: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> int:
    """The same, but rows whose keys are there already change nothing; returns how many were new."""
    return _keep(db.engine, table).run(db, rows)


def _insert(engine: Engine, table: Table) -> Any:
    # The two dialects spell ON CONFLICT alike, but SQLAlchemy has one insert() for each.
    return sqlite.insert(table) if engine.dialect.name == "sqlite" else postgresql.insert(table)


def _keep(engine: Engine, table: Table) -> Insert:
    return _repeated(engine, table, _insert(engine, table).on_conflict_do_nothing())


def _mark(engine: Engine, table: Table) -> Insert:
    """A mark that is there already is held in PostgreSQL: else it could be taken by whoever rolls up without seeing
    what this transaction has written. In SQLite only one transaction writes at a time."""
    if engine.dialect.name == "sqlite":
        return _keep(engine, table)
    statement, last = _insert(engine, table), list(table.primary_key.columns)[-1].name
    held = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={last: statement.excluded[last]}
    )
    return _repeated(engine, table, held)


def _hold_watermarks(engine: Engine) -> Hold:
    columns = "tenant, sensor, epoch, sequence, highest, gaps, untrusted, last_report_at"
    if engine.dialect.name == "sqlite":
        select = f"SELECT {columns} FROM watermark WHERE (tenant, sensor, epoch) IN (VALUES "  # noqa: S608 - our own names
        return Hold(select, _slots(engine, 3), ")")
    # A row that is not there cannot be locked, and two workers may bring the first batches of one sensor.
    return Hold(
        "INSERT INTO watermark (tenant, sensor, epoch, sequence, highest, missing) VALUES ",
        "(%s, %s, %s, 0, 0, 0)",
        f" ON CONFLICT (tenant, sensor, epoch) DO UPDATE SET epoch = excluded.epoch RETURNING {columns}",
    )


def _put(engine: Engine, table: Table) -> Insert:
    statement = _insert(engine, table)
    others = [column.name for column in table.columns if not column.primary_key]
    return _repeated(
        engine,
        table,
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in others},
        ),
    )


def _repeated(engine: Engine, table: Table, statement: Any) -> Insert:
    names = ", ".join(column.name for column in table.columns)
    row = _slots(engine, len(table.columns))
    # Only the list of values is written here; how to treat a known key is the dialect's to say.
    _, _, conflict = str(statement.compile(dialect=engine.dialect)).partition(" ON CONFLICT ")
    start = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 - names of our own schema
    return Insert(tuple((many, f"{start}{', '.join([row] * many)} ON CONFLICT {conflict}") for many in ROWS_AT_ONCE))


def _slots(engine: Engine, count: int) -> str:
    slot = "?" if engine.dialect.name == "sqlite" else "%s"
    return f"({', '.join([slot] * count)})"
