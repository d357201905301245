"""What each sensor last said about the settings it has from the fleet."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; no sensor has said anything yet."""
    op.add_column("sensor_state", sa.Column("config", sa.LargeBinary))
    op.add_column("sensor_state", sa.Column("config_at", sa.BigInteger))
