"""Which sequences never came, to be looked up no more; and how much the quarantine holds of each sensor."""

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = "tenant = :tenant AND sensor = :sensor AND epoch = :epoch"


def upgrade() -> None:
    """Add the columns and the table, and fill them from what is there."""
    op.add_column("watermark", sa.Column("untrusted", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("watermark", sa.Column("gaps", sa.LargeBinary))
    op.create_index("quarantine_by_age", "quarantine", ["received_at", "id"])
    op.create_table(
        "refused",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("sensor", sa.String(32), primary_key=True),
        sa.Column("kept", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("given_up", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO refused SELECT coalesce(tenant, ''), coalesce(sensor, ''), count(*), sum(length(payload)), 0 "
        "FROM quarantine GROUP BY coalesce(tenant, ''), coalesce(sensor, '')"
    )
    db = op.get_bind()
    for row in db.execute(sa.text("SELECT tenant, sensor, epoch, sequence, highest FROM watermark")).all():
        _fill(db, row._asdict())


def _fill(db: sa.Connection, mark: dict[str, Any]) -> None:
    came = sa.text(
        f"SELECT sequence FROM report WHERE {_KEY} UNION SELECT sequence FROM quarantine "  # noqa: S608 - our own text
        f"WHERE {_KEY} AND sequence IS NOT NULL ORDER BY sequence"
    )
    key = {name: mark[name] for name in ("tenant", "sensor", "epoch")}
    gaps = _gaps((row.sequence for row in db.execute(came, key)), mark["highest"])
    if gaps:
        missing = sum(min(last, mark["sequence"]) - first + 1 for first, last in gaps if first <= mark["sequence"])
        told = sa.text(f"UPDATE watermark SET gaps = :gaps, missing = :missing WHERE {_KEY}")  # noqa: S608 - our own text
        db.execute(told, {**key, "gaps": msgspec.json.encode(gaps), "missing": missing})


def _gaps(came: Iterable[int], highest: int) -> list[tuple[int, int]]:
    found, due = [], 1
    for sequence in (*came, highest + 1):
        if sequence > due:
            found.append((due, sequence - 1))
        due = max(due, sequence + 1)
    return found
