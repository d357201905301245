"""The fleet: sensors that were claimed, their certificates, changes of their settings, and who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables; nothing was claimed or changed yet."""
    op.add_column("sensor_state", sa.Column("boots", sa.LargeBinary))
    op.create_table(
        "sensor",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("sensor", sa.String(32), primary_key=True),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("sensor_by_serial", "sensor", ["serial"])
    op.create_table(
        "claim",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("claim_by_expiry", "claim", ["expires_at"])
    op.create_table(
        "certificate",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("sensor", sa.String(32), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    _changes()


def _changes() -> None:
    op.create_table(
        "rollout",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("rollout", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "part",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("rollout", sa.String(64), primary_key=True),
        sa.Column("sensor", sa.String(32), primary_key=True),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("forward", sa.LargeBinary, nullable=False),
        sa.Column("back", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "wanted",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("sensor", sa.String(32), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("put_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "keylist",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "deed",
        sa.Column("tenant", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
