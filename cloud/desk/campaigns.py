"""Campaigns: what a tenant's shops try, what that will show, and what came of it.

1. A date counts once it has ended in all of the campaign's shops: what runs is judged by the days so far.
2. What a campaign would show is told from the newest weeks before it, and by the same rules it is refused by.
3. Nothing is kept of a result: it follows from the figures, which a late report may change.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloud.core import calendar, campaign, lift
from cloud.core.campaign import Campaign
from cloud.core.cohort import Cohort, ShopHistory, changes, shop_days
from cloud.core.figures import Shop
from cloud.core.lift import Indexed, Lift, Power
from cloud.core.saying import Saying
from cloud.desk.reader import Reader
from cloud.store import Store, Till
from cloud.store.campaigns import Campaigns as Kept

State = Literal["planned", "running", "ended"]
_MORE_WEEKS = 3  # before a look ahead, which is tried on several spans


class CampaignLine(Struct, frozen=True, kw_only=True):
    """A campaign in the list, and where it is."""

    campaign: Campaign
    state: State


class CampaignResult(Struct, frozen=True, kw_only=True):
    """What came of a campaign. `chart` has every date from the weeks before, `from`, to the last that ended, `to`.

    `names` are those of its shops.
    """

    campaign: Campaign
    state: State
    from_: str = msgspec.field(name="from")
    to: str
    names: dict[str, str]
    lift: Lift
    chart: list[Indexed]


class UnknownCampaignError(LookupError):
    """There is no such campaign."""


class Campaigns:
    """The campaigns of `tenant` in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._tenant, self._clock = store, tenant, clock
        self._kept, self._till, self._reader = Kept(store), Till(store), Reader(store, tenant, clock)

    def lines(self) -> list[CampaignLine]:
        """All campaigns, the newest first."""
        return [CampaignLine(campaign=one, state=self._state(one)) for one in self._kept.all(self._tenant)]

    def get(self, campaign_id: str) -> Campaign:
        """One campaign. Raises UnknownCampaignError."""
        for one in self._kept.all(self._tenant):
            if one.id == campaign_id:
                return one
        raise UnknownCampaignError(
            Saying('there is no campaign "{campaign}": see the list of campaigns.', campaign=campaign_id[:80])
        )

    def put(self, told: Campaign) -> Campaign:
        """Write a campaign, or write it anew; returns it as it is kept. Raises Refusal."""
        campaign.check(told, self._reader.names())
        self._kept.put(self._tenant, told)
        return told

    def delete(self, campaign_id: str) -> None:
        """Take a campaign back; nothing where there is none of that id."""
        self._kept.delete(self._tenant, campaign_id)

    def power(self, draft: Campaign) -> Power:
        """What lift a campaign would show, from the newest weeks before it. Raises Refusal, as `put` does."""
        campaign.check(draft, self._reader.names())
        campaign.check_apart(draft, self._kept.all(self._tenant))
        from cloud.core import trial  # noqa: PLC0415 - statsmodels takes a second to import

        last = min(draft.dates[0], self._today(draft)) - timedelta(days=1)
        last -= timedelta(days=(last - draft.dates[1]).days % 7)  # tried on its own weekdays
        first = last - timedelta(days=draft.days - 1, weeks=draft.baseline_weeks + _MORE_WEEKS)
        return trial.power(_compared(draft, self._histories(draft, first, last), first, last), draft.days)

    def result(self, campaign_id: str) -> CampaignResult:
        """What came of a campaign, by the days that have ended. Raises UnknownCampaignError."""
        told = self.get(campaign_id)
        begins, ends = told.dates
        first, last = told.baseline, min(ends, self._today(told) - timedelta(days=1))
        if begins <= last:
            found, chart = self._tried(told, first, last)
        else:
            found, chart = lift.unknown(Saying("no day of it has ended yet"), []), []
        return CampaignResult(
            campaign=told,
            state=self._state(told),
            from_=first.isoformat(),
            to=last.isoformat(),
            names={one.shop: one.name for one in self._shops(told)},
            lift=found,
            chart=chart,
        )

    def _tried(self, told: Campaign, first: date, last: date) -> tuple[Lift, list[Indexed]]:
        from cloud.core import trial  # noqa: PLC0415 - statsmodels takes a second to import

        known = self._histories(told, first, last)
        if not known:
            return lift.unknown(Saying("none of its shops is there any more"), []), []
        asked = _compared(told, known, first, last)
        found = trial.result(asked)
        used = {*found.exposed, *found.control}
        changed = [said for one in known if one.shop.shop in used for said in changes(one, _dates(first, last))]
        running = [Saying("It still runs: this is what the days so far say.")] if last < told.dates[1] else []
        return replace(found, warnings=[*running, *found.warnings, *changed]), trial.chart(asked)

    def _state(self, told: Campaign) -> State:
        first, last = told.dates
        today = self._today(told)
        if today < first:
            return "planned"
        return "running" if today <= last else "ended"

    def _today(self, told: Campaign) -> date:
        """The date where it is furthest behind, of the shops that there are."""
        zones = {one.time_zone for one in self._shops(told)} or {"Etc/UTC"}
        return min(calendar.date_at(zone, int(self._clock())) for zone in zones)

    def _shops(self, told: Campaign) -> list[Shop]:
        known = {one.shop: one for one in self._store.shops(self._tenant)}
        return [known[one] for one in (*told.exposed, *told.control) if one in known]

    def _histories(self, told: Campaign, first: date, last: date) -> list[ShopHistory]:
        """What is known of its shops from `first` to `last`."""
        shops, others = self._shops(told), campaign.elsewhere(told, self._kept.all(self._tenant))
        spans = {one.shop: _span(one, first, last) for one in shops}
        start = min((one[0] for one in spans.values()), default=0)
        end = max((one[1] for one in spans.values()), default=0)
        lines = self._store.lines(self._tenant, list(spans), start, end)
        with_till = told.metric in {"conversion", "sales"}
        return [
            ShopHistory(
                shop=self._store.shop(self._tenant, one.shop, 0) or one,
                lines=lines[one.shop],
                factors=self._store.factors(self._tenant, one.shop),
                sales=self._till.sales(self._tenant, one.shop, *spans[one.shop]) if with_till else [],
                placements=self._store.placements(self._tenant, one.shop),
                elsewhere=others.get(one.shop, []),
            )
            for one in shops
        ]


def _compared(told: Campaign, known: Sequence[ShopHistory], first: date, last: date) -> Cohort:
    dates, exposed = _dates(first, last), {*told.exposed}
    shops = [shop_days(one, told.metric, dates, exposed=one.shop.shop in exposed) for one in known]
    return Cohort(metric=told.metric, first=first, begins=(told.dates[0] - first).days, shops=shops)


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=one) for one in range((last - first).days + 1)]


def _span(shop: Shop, first: date, last: date) -> calendar.Span:
    return calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
