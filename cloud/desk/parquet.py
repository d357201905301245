"""Parquet: rows of the table as one file, in pieces as its row groups are full.

The format puts its directory at the end, so a file can be handed on while it is made. Units, meanings and definitions
are metadata of the columns for readers that know Arrow, and for all others JSON under `footfall` in the file's own.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa  # it ships no types
from pyarrow import parquet

from cloud.core.table import COLUMNS, Cell, Kind, Row

ROWS_OF_GROUP = 50_000
VERSION = 1
TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "second": pa.timestamp("ms", tz="UTC"),
    "truth": pa.bool_(),
    "whole": pa.int64(),
    "number": pa.float64(),
}


def pieces(batches: Iterable[list[Row]], grain: str) -> Iterator[bytes]:
    """The bytes of the file, a row group or more at a time."""
    schema, file = schema_of(grain), _Pieces()
    with parquet.ParquetWriter(file, schema) as writer:
        for group in _groups(_packed(batch, schema) for batch in batches if batch):
            writer.write_table(pa.Table.from_batches(group))
            yield file.taken()
    yield file.taken()


def schema_of(grain: str) -> pa.Schema:
    """The columns with their types and metadata."""
    fields = [
        pa.field(
            one.name,
            TYPES[one.kind],
            metadata={"says": one.says, "unit": one.unit, "definition": one.definition or ""},
        )
        for one in COLUMNS
    ]
    told = {"version": VERSION, "grain": grain, "columns": msgspec.to_builtins(COLUMNS)}
    return pa.schema(fields, metadata={"footfall": json.dumps(told)})


class _Pieces(io.RawIOBase):
    """A file that hands on what is written to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        made, self._pieces = self._pieces, []
        return b"".join(made)


def _packed(batch: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    cells = zip(*batch, strict=True)
    columns = [_column(one, field.type) for one, field in zip(cells, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(cells: Sequence[Cell], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(cells, pa.timestamp("s", tz=kind.tz)).cast(kind)
    return pa.array(cells, kind)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(one.num_rows for one in group) >= ROWS_OF_GROUP:
            yield group
            group = []
    if group:
        yield group
