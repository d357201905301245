"""Till: what a till says it sold in local hours of its shop. It comes from a till, never from a sensor.

1. An hour is named by its start: a UTC second, or ISO 8601 text. Text without an offset is the shop's local time; an
   hour that a clock change repeats needs one.
2. (shop, hour, source) identifies a row. Told again, it is replaced, so sending anything twice changes nothing, and
   what was lost on the way is sent again with what follows. Sources of one shop add up.
3. A message is taken whole or not at all. What is not told is null, never 0.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract.desired import Second

MOST_IN_AN_HOUR = 1_000_000  # transactions or items: more is a column taken for another
MOST_MONEY = 1e12  # in an hour, in any currency
MOST_ROWS = 2_000

Moment = Annotated[
    str, Meta(max_length=25, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9:]{5})?$")
]
Source = Annotated[str, Meta(max_length=32, pattern=r"^[A-Za-z0-9._-]{1,32}$")]
Transactions = Annotated[int, Meta(ge=0, le=MOST_IN_AN_HOUR)]
Items = Annotated[int, Meta(ge=-MOST_IN_AN_HOUR, le=MOST_IN_AN_HOUR)]
Money = Annotated[float, Meta(ge=-MOST_MONEY, le=MOST_MONEY)]


class TillHour(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One local hour: `transactions` are receipts, `items` pieces, `net_sales` the shop's currency, without tax.

    Returns may make the last two negative; null says that the till does not tell them.
    """

    hour: Second | Moment
    transactions: Transactions
    items: Items | None = None
    net_sales: Money | None = None


class TillHours(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours of one till, or of whatever else `source` names within the shop."""

    v: Literal[1] = 1
    source: Source
    rows: Annotated[list[TillHour], Meta(min_length=1, max_length=MOST_ROWS)]
