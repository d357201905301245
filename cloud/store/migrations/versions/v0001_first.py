"""The first tables. Written out here, not taken from `schema`: a step stays what it was."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Create every table."""
    _create_shops()
    _create_reports()
    _create_rollups()
    _create_quarantine()


def _create_shops() -> None:
    numbers = op.create_table("revision", _key("one", sa.Integer()), sa.Column("number", sa.BigInteger, nullable=False))
    op.bulk_insert(numbers, [{"one": 1, "number": 0}])
    op.create_table(
        "shop",
        _key("tenant", sa.String(32)),
        _key("shop", sa.String(32)),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "placement",
        _key("tenant", sa.String(32)),
        _key("sensor", sa.String(32)),
        _key("valid_from", sa.BigInteger()),
        sa.Column("valid_to", sa.BigInteger),
        sa.Column("shop", sa.String(32), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
    )


def _create_reports() -> None:
    op.create_table(
        "report",
        _key("tenant", sa.String(32)),
        _key("sensor", sa.String(32)),
        _key("epoch", sa.String(16)),
        _key("sequence", sa.BigInteger()),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_s", sa.Integer, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("report_by_window", "report", ["tenant", "sensor", "window_start"])
    op.create_table(
        "watermark",
        _key("tenant", sa.String(32)),
        _key("sensor", sa.String(32)),
        _key("epoch", sa.String(16)),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("missing", sa.BigInteger, nullable=False),
        sa.Column("last_report_at", sa.BigInteger),
    )
    op.create_table(
        "sensor_state",
        _key("tenant", sa.String(32)),
        _key("sensor", sa.String(32)),
        sa.Column("status", sa.String(16)),
        sa.Column("status_at", sa.BigInteger),
        sa.Column("hello", sa.LargeBinary),
        sa.Column("hello_at", sa.BigInteger),
        sa.Column("health", sa.LargeBinary),
        sa.Column("health_at", sa.BigInteger),
    )


def _create_rollups() -> None:
    op.create_table("dirty", _key("tenant", sa.String(32)), _key("shop", sa.String(32)), _key("hour", sa.BigInteger()))
    op.create_table(
        "period",
        _key("tenant", sa.String(32)),
        _key("shop", sa.String(32)),
        _key("grain", sa.String(4)),
        _key("start", sa.BigInteger()),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        _key("id", sa.String(32)),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("tenant", sa.String(32)),
        sa.Column("sensor", sa.String(32)),
        sa.Column("epoch", sa.String(16)),
        sa.Column("sequence", sa.BigInteger),
    )
    op.create_index("quarantine_by_sequence", "quarantine", ["tenant", "sensor", "epoch", "sequence"])
