"""Rows beside the periods, to be read instead of many: backgrounds, newest windows, pages of the ledger.

No table changes. An hour of every fortnight is marked, so that the roller makes the pages of all months there are.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

FORTNIGHT_S = 14 * 86_400


def upgrade() -> None:
    """Mark the hours."""
    op.execute(
        "INSERT INTO dirty (tenant, shop, hour) "  # noqa: S608 - a number of our own
        "SELECT found.tenant, found.shop, found.hour FROM ("
        "SELECT tenant, shop, MIN(start) AS hour FROM period WHERE grain = 'hour' "
        f"GROUP BY tenant, shop, start / {FORTNIGHT_S}) AS found "
        "WHERE NOT EXISTS (SELECT 1 FROM dirty WHERE dirty.tenant = found.tenant AND dirty.shop = found.shop "
        "AND dirty.hour = found.hour)"
    )
