"""Raw: the reports on windows of a span, by sensors while they stood there. They are only ever added.

A report whose sensor did not know the time is kept, and belongs to no span: its date means nothing.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from agent.contract import Report
from cloud.core.coverage import Placement
from cloud.core.rollup import Reading
from cloud.store import schema

_report = msgspec.json.Decoder(Report)
_HERE = (
    schema.report.c.tenant == bindparam("tenant"),
    schema.report.c.sensor == bindparam("sensor"),
    schema.report.c.window_start >= bindparam("first"),
    schema.report.c.window_start < bindparam("last"),
)
# Built once: to build one takes longer than to look a row up.
_READINGS = select(schema.report.c.epoch, schema.report.c.sequence, schema.report.c.body).where(*_HERE)
_NUMBER = select(func.count()).select_from(schema.report).where(*_HERE)


def readings(
    db: Connection,
    placements: Iterable[Placement],
    start: int,
    end: int,
    wanted: Callable[[bytes], bool] = lambda _: True,
) -> list[Reading]:
    """The reports on windows that start in `start` to `end`; only those whose bytes are `wanted`."""
    found = [
        Reading(one.sensor, epoch, sequence, _report.decode(body))
        for one, here in _placed(placements, start, end)
        for epoch, sequence, body in db.execute(_READINGS, here).all()
        if wanted(body)
    ]
    return [one for one in found if one.report.clock != "untrusted"]


def tells_of_panel(body: bytes) -> bool:
    """Whether a report may tell of the panel, of a rest, or of a lost key: one of twelve does.

    To look costs a tenth of decoding it.
    """
    return b'"visits":' in body or b'"dwell":' in body or b'"rested_s":' in body or b'"key_reset":' in body


def number(db: Connection, placements: Iterable[Placement], start: int, end: int) -> int:
    """How many reports are held of the span. Where that has not changed, neither has what `readings` gives."""
    return sum(int(db.execute(_NUMBER, here).scalar_one()) for _, here in _placed(placements, start, end))


def _placed(placements: Iterable[Placement], start: int, end: int) -> Iterator[tuple[Placement, dict[str, str | int]]]:
    for one in placements:
        first, last = max(start, one.valid_from), end if one.valid_to is None else min(end, one.valid_to)
        if first < last:
            tenant, _, sensor = one.sensor.partition(":")
            yield one, {"tenant": tenant, "sensor": sensor, "first": first, "last": last}
