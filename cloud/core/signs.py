"""Signs: what of all that alerts are about is so in a shop now. Whatever is not known is said to be that.

1. A sensor is late when it has sent nothing for longer than a window and its way take, and silent for the rule's time;
   outside opening hours for `CLOSED_S`. One that was never heard is being set up: its page says so. Before the cloud
   itself has listened for `LATE_S`, none is known to be silent. Of a muted one nobody is told.
2. While a sensor is late or not well, that is what is to be told: nothing is known of coverage and of visitors.
3. Above a capacity is above it, even if some of the shop was not heard; not above takes the whole shop, and as long.
   What was counted while a radio was flooded is not believed.
4. Coverage is that of today's opening hours that have ended, from a shop's second day on.
5. What speaks of a day ends with its opening hours, whatever it was.
6. Figures are compared as they are shown: disclosed.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from cloud.core import cause, so_far, today, unusual
from cloud.core.alerts import Facts, Kind, Observation
from cloud.core.calendar import Span
from cloud.core.condition import COPIED, COUNTING, SILENT, Condition, certificate_until, is_muted, unheard
from cloud.core.figures import COMPLETE, Period, Shop
from cloud.core.glossary import disclosed, round_down
from cloud.core.rule import Rule
from cloud.core.so_far import SoFar
from cloud.core.unusual import Beside

LATE_S = 420  # a window of five minutes, its way, and a minute
CLOSED_S = 7200
CERTIFICATE_S = 7 * 86_400  # by then it should long have been renewed
CLEARLY = 0.02  # by so much coverage must be above its limit to be called enough again


class Sight(Struct, frozen=True, kw_only=True):
    """All that is to be known of a shop at the UTC second `now`.

    `hours` by start: those of today and of the weeks before. `begun_at`: the start of its very first hour, null where
    there is none. `listening_since`: when the cloud began to take reports. `factor_at`: since when its people per
    device holds. `windows`: the newest, in order; none where they are of no interest.
    """

    shop: Shop
    now: int
    open_now: bool
    sensors: list[Condition]
    so_far: SoFar
    hours: Mapping[int, Period]
    begun_at: int | None
    listening_since: int = 0
    factor_at: int = 0
    windows: Sequence[Period] = ()

    @property
    def late(self) -> list[Condition]:
        """The sensors that should have sent something by now, and that somebody wants to be told of."""
        return _late(self, self.wanted)

    @property
    def wanted(self) -> list[Condition]:
        """The sensors that somebody wants to be told of: those that are not muted."""
        return [one for one in self.sensors if not is_muted(one, self.now)]

    @property
    def all_well(self) -> bool:
        """Whether every sensor there is sends what it should."""
        if not self.sensors or _late(self, self.sensors):
            return False
        return all(one.state == COUNTING for one in self.sensors)


def _late(sight: Sight, sensors: Sequence[Condition]) -> list[Condition]:
    told = [(one, one.last_report_at) for one in sensors if one.last_report_at is not None]
    return [one for one, at in told if sight.now - at >= LATE_S or one.state == SILENT]


def observations(sight: Sight, rules: Mapping[Kind, Rule]) -> list[Observation]:
    """What is so of the kinds that a rule is on for."""
    on = [rule for rule in rules.values() if rule.on]
    beside = _beside(sight) if any(rule.kind in {"quiet", "busy"} for rule in on) else None
    found: list[Observation | None] = []
    for rule in on:
        match rule.kind:
            case "sensor-silent":
                found.append(_silent(sight, rule))
            case "coverage-low":
                found.append(_coverage(sight, rule))
            case "over-capacity":
                found.append(_crowded(sight, rule))
            case "quiet" | "busy":
                found.append(_unusual(sight, rule, beside))
            case _:
                found.append(_ill(sight, rule, _ILL[rule.kind]))
    return [one for one in found if one is not None]


def _silent(sight: Sight, rule: Rule) -> Observation:
    late = sight.late
    is_known = not late or sight.now - sight.listening_since >= LATE_S
    return Observation(
        shop=sight.shop.shop,
        kind=rule.kind,
        so=bool(late) if is_known else None,
        at=sight.now,
        since=min((one.last_report_at or 0 for one in late), default=sight.now),
        hold_s=rule.hold_s if sight.open_now else max(rule.hold_s, CLOSED_S),
        facts=_silence(sight, late),
    )


def _silence(sight: Sight, late: Sequence[Condition]) -> Facts:
    """Whose silence it is, and why. Two sensors or more that are all out have one cause."""
    if not late:
        return Facts()
    heard = [one for one in sight.sensors if one.last_report_at is not None]
    all_out = len(late) > 1 and len(late) == len(heard)
    return Facts(
        zones=_zones(late),
        cause=cause.likely(late[0], sight.now, all_out=all_out),
        last=cause.last_word(late[0]),
    )


def _ill(sight: Sight, rule: Rule, is_so: Callable[[Condition, int], bool]) -> Observation | None:
    """Whether a sensor is not well in some way; not known while one is late."""
    if sight.late:
        return None
    ill = [one for one in sight.wanted if is_so(one, sight.now)]
    reason = ill[0].reported.reason if ill and ill[0].reported is not None else ""
    facts = Facts(zones=_zones(ill), reason=reason if rule.kind == "sensor-settings" else "")
    return _now(sight, rule, so=bool(ill), facts=facts)


def _ends_soon(one: Condition, now: int) -> bool:
    until = certificate_until(one.health)
    return until is not None and until - now < CERTIFICATE_S


# What is the matter with a sensor, by its condition at a UTC second.
_ILL: dict[Kind, Callable[[Condition, int], bool]] = {
    "sensor-deaf": lambda one, _: one.state == "deaf",
    "sensor-clock": lambda one, _: one.state == "clock",
    "sensor-ble": lambda one, now: "ble" in unheard(one, now),
    "sensor-copied": lambda one, _: one.state == COPIED,
    "sensor-settings": lambda one, _: one.reported is not None and one.reported.state == "rolled_back",
    "sensor-certificate": _ends_soon,
}


def _coverage(sight: Sight, rule: Rule) -> Observation | None:
    hours, limit = sight.so_far.hours, rule.limit or COMPLETE
    share = so_far.listened(hours, sight.hours)
    facts = Facts(share=None if share is None else round_down(share), limit=limit, until=_until(hours))
    if sight.so_far.is_over or not hours:
        return _now(sight, rule, so=False, over=True, facts=facts)
    if facts.share is None or not sight.all_well or sight.begun_at is None or sight.begun_at >= hours[0][0]:
        return None
    if limit <= facts.share < min(1.0, limit + CLEARLY):
        return None
    return _now(sight, rule, so=facts.share < limit, facts=facts)


def _crowded(sight: Sight, rule: Rule) -> Observation | None:
    newest = sight.windows[-1] if sight.windows else None
    if newest is None or rule.limit is None or newest.end <= sight.now - today.STALE_S:
        return None
    if today.at_rest(newest, newest.end):
        return _now(sight, rule, so=False, over=True, facts=Facts(limit=rule.limit))
    above, since = _is_above(newest, rule.limit), newest.start
    for one in reversed(sight.windows[:-1]):
        if one.end != since or _is_above(one, rule.limit) is not above:
            break
        since = one.start
    return Observation(
        shop=sight.shop.shop,
        kind=rule.kind,
        so=above if newest.end - since >= rule.hold_s else None,
        at=newest.end,
        since=since,
        facts=Facts(figure=disclosed(newest.occupancy), limit=rule.limit, until=newest.end),
    )


def _is_above(window: Period, limit: float) -> bool | None:
    value = disclosed(window.occupancy).value
    if value is None or window.flooded:
        return None
    if value > limit:
        return True
    return False if window.coverage >= COMPLETE else None


def _beside(sight: Sight) -> Beside | None:
    return unusual.beside(sight.shop, sight.so_far, sight.hours, sight.factor_at) if sight.all_well else None


def _unusual(sight: Sight, rule: Rule, beside: Beside | None) -> Observation | None:
    hours, over = sight.so_far.hours, sight.so_far.is_over or not sight.so_far.hours
    if beside is None:
        return _now(sight, rule, so=False, over=True) if over else None
    figure, usual, past = beside
    facts = Facts(figure=figure, usual=usual, weeks=len(past), limit=rule.limit, until=_until(hours))
    if over:
        return _now(sight, rule, so=False, over=True, facts=facts)
    so = unusual.is_unusual(figure, past, rule.limit or 0.0, fewer=rule.kind == "quiet")
    at = hours[-1][1]
    return Observation(shop=sight.shop.shop, kind=rule.kind, so=so, at=at, since=at, hold_s=rule.hold_s, facts=facts)


def _now(sight: Sight, rule: Rule, *, so: bool, over: bool = False, facts: Facts | None = None) -> Observation:
    return Observation(
        shop=sight.shop.shop,
        kind=rule.kind,
        so=so,
        at=sight.now,
        since=sight.now,
        hold_s=rule.hold_s,
        over=over,
        facts=facts or Facts(),
    )


def _zones(sensors: Sequence[Condition]) -> list[str]:
    return sorted({one.zone for one in sensors})


def _until(hours: Sequence[Span]) -> int | None:
    return hours[-1][1] if hours else None
