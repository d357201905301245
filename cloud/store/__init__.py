"""The store: every report once, what follows from it, and where each sensor stood when.

1. A report is keyed by (tenant, sensor, epoch, sequence): delivering it again changes nothing.
2. Rollups are recomputed from reports, never incremented; a lost rollup is a recomputation away.
3. What cannot be understood is kept with the reason, within limits, and blocks nobody.
4. SQLAlchemy Core, so that SQLite and PostgreSQL are one code. SQLite is the default.
"""

from cloud.store.delivery import Delivery, Quarantined, Reports, Said, Sold, receive
from cloud.store.errors import StoreError, StoreTooNewError, StoreTooOldError
from cloud.store.intake import Committed
from cloud.store.migration import migrate
from cloud.store.quarantine import Limits
from cloud.store.rollups import Rolled
from cloud.store.sales import Kept
from cloud.store.store import Glance, Seen, Store, Wanted
from cloud.store.till import Till

__all__ = [
    "Committed",
    "Delivery",
    "Glance",
    "Kept",
    "Limits",
    "Quarantined",
    "Reports",
    "Rolled",
    "Said",
    "Seen",
    "Sold",
    "Store",
    "StoreError",
    "StoreTooNewError",
    "StoreTooOldError",
    "Till",
    "Wanted",
    "migrate",
    "receive",
]
