"""Alerts: what a tenant's shops are to be told of: the rules, what fires, what has been.

1. `look` is one evaluation of all shops, and the only one that changes alerts; one process looks at a tenant.
2. What it returns is handed on, and `told` then says so: until it has, every look returns it again, by the same id.
   So nothing is lost where the process dies in between, and nothing is told twice by who keeps the ids.
3. A shop is looked at with what `Survey` reads of all at once; more is read only of those that may be too full.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from cloud.core import bulletin, calendar, rule, so_far, unusual
from cloud.core.alerts import KINDS, Alert, Kind, News, State, Told, step
from cloud.core.coverage import PlacedShop
from cloud.core.figures import Figure, Period, Shop
from cloud.core.refusal import Refusal
from cloud.core.rule import Rule, RuleWanted
from cloud.core.saying import Saying
from cloud.core.signs import Sight, observations
from cloud.core.so_far import SoFar
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.alerts import Alerts as Kept
from cloud.store.survey import Survey

DAYS, MOST_DAYS = 28, 400
_DAY_S = 86_400
_WINDOWS_S = 1800  # how far back a crowd is looked for


class AlertLine(Struct, frozen=True, kw_only=True):
    """An alert as people read it: `shop` is "" where it is of many `shops`; times are UTC seconds.

    `figure` and `usual` are null where it is not about visitors or people inside.
    """

    shop: str
    shop_name: str
    kind: Kind
    state: State
    began_at: int
    since: int
    fired_at: int | None
    ended_at: int | None
    title: str
    sentence: str
    figure: Figure | None
    usual: Figure | None
    shops: list[str]


class Alerts:
    """The alerts of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._tenant, self._clock = store, tenant, clock
        self._kept, self._survey, self._reader = Kept(store), Survey(store), Reader(store, tenant, clock)
        self._looking, self._since = Lock(), int(clock())

    def rules(self, shop_id: str) -> list[Rule]:
        """The rules in force in a shop, one of every kind. Raises UnknownShopError."""
        shop = self._reader.shop(shop_id)
        told = self._kept.rules(self._tenant, shop.shop)
        return [rule.in_force(shop, kind, told.get((shop.shop, kind))) for kind in KINDS]

    def put_rule(self, shop_id: str, kind: str, wanted: RuleWanted) -> Rule:
        """Have a shop told of `kind` as somebody wants. Raises UnknownShopError, Refusal."""
        shop, known = self._reader.shop(shop_id), _kind(kind)
        taken = rule.checked(shop, known, wanted)
        self._kept.put_rule(self._tenant, (shop.shop, known), taken)
        return rule.in_force(shop, known, taken)

    def firing(self) -> list[AlertLine]:
        """What fires now, the newest first."""
        found = [one for one in self._kept.open(self._tenant) if one.state == "firing"]
        return self._lines(sorted(found, key=lambda one: (-(one.fired_at or 0), one.shop, one.kind)))

    def history(self, shop_id: str, days: int = DAYS) -> list[AlertLine]:
        """What fires in a shop, or has ended in the last `days`; newest first. Raises UnknownShopError, Refusal."""
        if not 1 <= days <= MOST_DAYS:
            raise Refusal(Saying("days is {n}: ask for 1 to {most} days.", n=days, most=MOST_DAYS))
        shop = self._reader.shop(shop_id)
        found = self._kept.history(self._tenant, shop.shop, int(self._clock()) - days * _DAY_S)
        return self._lines([one for one in found if one.state != "pending"])

    def look(self, now: int | None = None) -> list[News]:
        """Look at every shop at UTC second `now`, and return what nobody was told of yet."""
        at = int(self._clock()) if now is None else now
        with self._looking:
            placed, known = self._store.placed(self._tenant), self._kept.open(self._tenant)
            told = self._kept.rules(self._tenant)
            rules = {one.shop.shop: _rules(one.shop, told) for one in placed}
            sights = self._sights(placed, rules, {one.shop for one in known if one.kind == "over-capacity"}, at)
            seen = [each for one in sights for each in observations(one, rules[one.shop.shop])]
            watched = {shop: {one.kind for one in some.values() if one.on} for shop, some in rules.items()}
            after = step(known, seen, watched, at)
            self._kept.keep(self._tenant, known, after)
        shops = {one.shop.shop: one.shop for one in placed}
        return [one for each in after for one in bulletin.news(self._tenant, each, shops)]

    def told(self, news: Iterable[News]) -> None:
        """What a look returned has been handed on."""
        last = {(one.alert.key, one.alert.began_at): one.state for one in news}
        with self._looking:
            known = self._kept.open(self._tenant)
            now_told = [replace(one, told=last.get((one.key, one.began_at), one.told)) for one in known]
            self._kept.keep(self._tenant, known, now_told)

    def _lines(self, found: Sequence[Alert]) -> list[AlertLine]:
        shops = {one.shop: one for one in self._store.shops(self._tenant)} if found else {}
        return [_line(one, shops) for one in found]

    def _sights(
        self, placed: Sequence[PlacedShop], rules: Mapping[str, Mapping[Kind, Rule]], crowded: set[str], now: int
    ) -> list[Sight]:
        days = {one.shop.shop: so_far.so_far(one.shop, now) for one in placed}
        hours = self._hours([one.shop for one in placed], days, rules)
        conditions = self._survey.conditions(self._tenant, placed, now)
        begun, full = self._survey.begun(self._tenant), crowded | self._may_be_full(placed, rules, now)
        return [
            Sight(
                shop=one.shop,
                now=now,
                open_now=calendar.is_open(one.shop, now, now + 1),
                sensors=conditions[one.shop.shop],
                so_far=days[one.shop.shop],
                hours=hours[one.shop.shop],
                begun_at=begun.get(one.shop.shop),
                listening_since=self._since,
                factor_at=self._factor_at(one.shop) if _compares(rules[one.shop.shop]) else 0,
                windows=self._windows(rules[one.shop.shop], one.shop.shop, now) if one.shop.shop in full else (),
            )
            for one in placed
        ]

    def _hours(
        self, shops: Sequence[Shop], days: Mapping[str, SoFar], rules: Mapping[str, Mapping[Kind, Rule]]
    ) -> dict[str, dict[int, Period]]:
        """By shop and start: the opening hours of today, and where the rules need them those of the weeks before."""
        found: dict[str, dict[int, Period]] = {one.shop: {} for one in shops}
        self._read(found, {one.shop: [start for start, _ in days[one.shop].hours] for one in shops})
        compared = [one for one in shops if _compares(rules[one.shop])]
        for weeks in range(1, unusual.WEEKS + 1):
            starts = {one.shop: so_far.weeks_before(one, days[one.shop].hours, weeks) or [] for one in compared}
            self._read(found, starts)
        return found

    def _read(self, found: dict[str, dict[int, Period]], starts: Mapping[str, Sequence[int]]) -> None:
        shops = [shop for shop, some in starts.items() if some]
        if not shops:
            return
        first, last = min(min(starts[one]) for one in shops), max(max(starts[one]) for one in shops)
        for shop, periods in self._survey.hours(self._tenant, shops, first, last + 1).items():
            found[shop].update((one.start, one) for one in periods)

    def _may_be_full(
        self, placed: Sequence[PlacedShop], rules: Mapping[str, Mapping[Kind, Rule]], now: int
    ) -> set[str]:
        limits = {shop: one["over-capacity"].limit for shop, one in rules.items() if one["over-capacity"].on}
        if not limits:
            return set()
        most = self._survey.most_inside(self._tenant, now - _WINDOWS_S, now)
        inside = {one.shop.shop: sum(most.get(each.sensor, 0.0) for each in one.placements) for one in placed}
        people = {one.shop.shop: inside[one.shop.shop] * one.shop.people_per_device for one in placed}
        return {shop for shop, limit in limits.items() if limit is not None and people[shop] > limit}

    def _windows(self, rules: Mapping[Kind, Rule], shop_id: str, now: int) -> list[Period]:
        start = now - _WINDOWS_S - rules["over-capacity"].hold_s
        return self._store.windows(self._tenant, shop_id, start, now)

    def _factor_at(self, shop: Shop) -> int:
        return max((one.valid_from for one in self._store.factors(self._tenant, shop.shop)), default=0)


def _rules(shop: Shop, told: Mapping[tuple[str, str], RuleWanted]) -> dict[Kind, Rule]:
    return {kind: rule.in_force(shop, kind, told.get((shop.shop, kind))) for kind in KINDS}


def _compares(rules: Mapping[Kind, Rule]) -> bool:
    return rules["quiet"].on or rules["busy"].on


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise Refusal(Saying('kind is "{kind}": send one of {known}.', kind=text[:40], known=", ".join(KINDS)))


def _line(alert: Alert, shops: Mapping[str, Shop]) -> AlertLine:
    state: Told = "resolved" if alert.state == "resolved" else "firing"
    return AlertLine(
        shop=alert.shop,
        shop_name=bulletin.name(alert, shops),
        kind=alert.kind,
        state=alert.state,
        began_at=alert.began_at,
        since=alert.since,
        fired_at=alert.fired_at,
        ended_at=alert.ended_at,
        title=bulletin.title(alert, state),
        sentence=bulletin.sentence(alert, shops, state),
        figure=alert.facts.figure,
        usual=alert.facts.usual,
        shops=alert.shops,
    )
