"""Campaign: shops that did something on some dates, and shops that did not, to be told apart by their figures.

1. A shop is exposed or control, never both. Without control an exposed shop is compared with its own weeks before,
   which is weaker and says so.
2. An exposed shop is in one campaign at a time: of two on the same dates nobody can tell which it was. A control shop
   is in none.
3. What a shop does in another campaign at any time is no day to compare: those days are left out on both sides.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.written import date_of

Metric = Literal["visitors", "passers_by", "capture_rate", "conversion", "sales"]
LONGEST_DAYS = 180
LONGEST_TITLE, LONGEST_NOTE = 80, 500
MOST_SHOPS = 500


class Campaign(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ran in the shops `exposed` on the local dates `first` to `last` (ISO, both included).

    `control` are shops that it did not run in. `metric` is what it was to change, `baseline_weeks` how many weeks
    before it are compared with. `id` is made up by whoever writes it, so that what is sent twice is there once.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    title: str
    first: str
    last: str
    exposed: list[str]
    control: list[str] = []
    metric: Metric = "visitors"
    baseline_weeks: Annotated[int, Meta(ge=4, le=26)] = 8
    note: str = ""

    @property
    def dates(self) -> tuple[date, date]:
        """The first and the last date. Raises Refusal."""
        return date_of("first", self.first), date_of("last", self.last)

    @property
    def days(self) -> int:
        """How many dates it runs."""
        first, last = self.dates
        return (last - first).days + 1

    @property
    def baseline(self) -> date:
        """The first date that it is compared with."""
        return self.dates[0] - timedelta(weeks=self.baseline_weeks)

    def shares_dates(self, other: "Campaign") -> bool:
        """Whether both run on some date."""
        first, last = self.dates
        begins, ends = other.dates
        return first <= ends and begins <= last


def check(told: Campaign, known: Collection[str]) -> None:
    """Whether a campaign makes sense by itself, of a tenant whose shops are `known`. Raises Refusal."""
    first, last = told.dates
    if last < first:
        raise Refusal(Saying("last ({last}) is before first ({first}): swap them.", first=told.first, last=told.last))
    if told.days > LONGEST_DAYS:
        raise Refusal(
            Saying("{n} days are too long to tell from the season: {most} at most.", n=told.days, most=LONGEST_DAYS)
        )
    if not told.title.strip() or len(told.title) > LONGEST_TITLE:
        raise Refusal(Saying("title is empty or too long: name it in {most} letters at most.", most=LONGEST_TITLE))
    if len(told.note) > LONGEST_NOTE:
        raise Refusal(Saying("note is too long: write {most} letters at most.", most=LONGEST_NOTE))
    _check_shops(told, known)


def check_apart(told: Campaign, others: Iterable[Campaign]) -> None:
    """Whether it can be told from the tenant's other campaigns (rule 2). Raises Refusal."""
    for other in others:
        if other.id == told.id or not told.shares_dates(other):
            continue
        if shared := sorted({*told.exposed} & {*other.exposed}):
            raise Refusal(
                Saying(
                    '{shop} is exposed in "{title}" too, from {first} to {last}, and nobody could tell which of the '
                    "two it was: choose other dates, or take the shop out of one.",
                    shop=shared[0],
                    title=other.title,
                    first=other.first,
                    last=other.last,
                )
            )
        if shared := sorted({*told.control} & {*other.exposed}):
            raise Refusal(
                Saying(
                    '{shop} is exposed in "{title}" from {first} to {last}, so it cannot be control then: take it out.',
                    shop=shared[0],
                    title=other.title,
                    first=other.first,
                    last=other.last,
                )
            )


def elsewhere(told: Campaign, others: Iterable[Campaign]) -> dict[str, list[tuple[date, date]]]:
    """By shop, when it is exposed in other campaigns: days that `told` leaves out."""
    found: dict[str, list[tuple[date, date]]] = {}
    for other in others:
        for shop in other.exposed if other.id != told.id else ():
            found.setdefault(shop, []).append(other.dates)
    return found


def _check_shops(told: Campaign, known: Collection[str]) -> None:
    named = [*told.exposed, *told.control]
    if not told.exposed:
        raise Refusal(Saying("exposed is empty: name at least one shop that the campaign ran in."))
    if len(named) > MOST_SHOPS:
        raise Refusal(Saying("{n} shops are too many: {most} at most.", n=len(named), most=MOST_SHOPS))
    if strange := [one for one in named if one not in known]:
        raise Refusal(Saying('There is no shop "{shop}": see the list of shops.', shop=strange[0][:80]))
    if both := sorted({*told.exposed} & {*told.control}):
        raise Refusal(Saying("{shop} is both exposed and control: take it out of one.", shop=both[0]))
    if twice := [one for one in named if named.count(one) > 1]:
        raise Refusal(Saying("{shop} is named twice: name it once.", shop=twice[0]))
