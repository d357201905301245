"""The desk: all that people and programs may ask of one tenant's shops, and all they may tell of them.

1. Pages and API ask here and nowhere else, so that both say the same. Another tenant's shop is an unknown one.
2. Whatever leaves is disclosed: whole people, bounds rounded outward.
3. What somebody sends is taken whole or refused (`Refusal`); sending it twice is sending it once.

Each module is one noun: a class over `(store, tenant, clock)` whose methods block.
"""

from cloud.desk.desk import Desk
from cloud.desk.reader import Reader, ShopLine, UnknownShopError, Visits

__all__ = ["Desk", "Reader", "ShopLine", "UnknownShopError", "Visits"]
