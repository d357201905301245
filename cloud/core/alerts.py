"""Alerts: what a shop is to be told of, from the first sign of it to its end.

1. An alert is pending, then firing, then resolved. A shop has at most one of a kind that is not resolved.
2. It fires once it has been so for as long as its rule says, and is told of at its beginning and at its end.
   One that ends before that was nothing, and leaves nothing.
3. What is not known begins nothing and ends nothing. So does what lies between being so and not being so: an alert
   does not flap.
4. A rule that is switched off, or a shop that is gone, ends what fires.
5. Many shops that fall together are one alert of no shop (`cloud.core.fall`); theirs wait behind it.
6. `step` is a function of its arguments: where the cloud was restarted makes no difference, nor does asking twice.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from msgspec.structs import replace

from cloud.core import fall
from cloud.core.cause import Cause, LastWord
from cloud.core.fall import Fall
from cloud.core.figures import Figure
from cloud.core.saying import Saying
from cloud.core.visits import Share

Kind = Literal[
    "over-capacity",
    "quiet",
    "busy",
    "sensor-silent",
    "sensor-deaf",
    "sensor-clock",
    "sensor-ble",
    "sensor-copied",
    "sensor-settings",
    "sensor-certificate",
    "coverage-low",
]
State = Literal["pending", "firing", "resolved"]
Told = Literal["firing", "resolved"]
End = Literal["cleared", "over", "off", "gone"]
Key = tuple[str, str]  # (shop, kind)
Second = Annotated[int, Meta(ge=0, le=2**40)]
KINDS: tuple[Kind, ...] = get_args(Kind)
OF_SENSORS = frozenset[str](one for one in KINDS if one.startswith("sensor-") or one == "coverage-low")


class Facts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What an alert rests on, as anyone may see it.

    `figure` is up to the UTC second `until`; `usual` that of `weeks` same weekdays; `share` is listened to; `limit` is
    the rule's; `zones` are those of the sensors meant. Of many shops: how many are `watched`, how many are still so.
    Of the first sensor meant: the likely `cause` of its silence, and its `last` word; `reason` is what it said itself.
    """

    figure: Figure | None = None
    usual: Figure | None = None
    weeks: int = 0
    share: Share | None = None
    limit: float | None = None
    until: Second | None = None
    zones: list[str] = []
    watched: int = 0
    left: int = 0
    cause: Cause | None = None
    last: LastWord | None = None
    reason: str = ""


class Observation(Struct, frozen=True, kw_only=True):
    """What is so in a shop at the UTC second `at`, since `since`; null `so`: not known, or neither yes nor no.

    It fires after `hold_s` of it. `over`: it is not so because what it spoke of has ended.
    """

    shop: str
    kind: Kind
    so: bool | None
    at: int
    since: int
    hold_s: int = 0
    over: bool = False
    facts: Facts = Facts()


class Alert(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One time that something was so; times are UTC seconds. `shop` is "" where it is that of many `shops`.

    It was first seen at `began_at`, which with shop and kind is its name, and was so `since`. It must not fire before
    `not_before`. `told` is how much of it has been handed on to people.
    """

    kind: Kind
    shop: str
    state: State
    began_at: Second
    since: Second
    not_before: Second = 0
    fired_at: Second | None = None
    ended_at: Second | None = None
    end: End | None = None
    told: Told | None = None
    shops: list[str] = []
    facts: Facts = Facts()

    @property
    def key(self) -> Key:
        """Of alerts with the same key, one at most is not resolved."""
        return self.shop, self.kind


class News(Struct, frozen=True, kw_only=True):
    """An alert began to fire, or has ended: to be told once. `id` is the same however often it is handed on.

    `shop` and `shop_name` are "" where the alert is of many shops (`alert.shops`). `at`: UTC seconds.
    """

    id: str
    shop: str
    shop_name: str
    kind: Kind
    state: Told
    at: int
    title: Saying
    sentence: Saying
    alert: Alert


def step(
    known: Iterable[Alert], observations: Iterable[Observation], watched: Mapping[str, Set[Kind]], now: int
) -> list[Alert]:
    """The alerts after what was observed at UTC second `now`, at most once for each key.

    `watched`: of every shop there is, the kinds that a rule is on for. Resolved ones stay until they are taken away.
    """
    before = list(known)
    current: dict[Key, Alert] = {one.key: one for one in before if one.state != "resolved"}
    seen: dict[Key, Observation] = {(one.shop, one.kind): one for one in observations}
    keys = sorted(key for key in {*current, *seen} if key[0])
    after = [_next(current.get(key), seen.get(key), _unwatched(key, watched), now) for key in keys]
    ended = [one for one in before if one.state == "resolved"]
    others: list[Alert] = []
    for kind in KINDS:
        alive = [one for one in after if one is not None and one.kind == kind]
        many = sum(kind in kinds for kinds in watched.values())
        others += _of_kind(kind, current.get(("", kind)), alive, seen, many, now)
    return sorted([*ended, *others], key=lambda one: (one.began_at, one.shop, one.kind))


def _unwatched(key: Key, watched: Mapping[str, Set[Kind]]) -> End | None:
    shop, kind = key
    if shop not in watched:
        return "gone"
    return None if kind in watched[shop] else "off"


def _next(alert: Alert | None, seen: Observation | None, unwatched: End | None, now: int) -> Alert | None:
    """One alert, as far as its shop alone decides; whether it fires, the others decide too."""
    if unwatched is not None:
        return _ended(alert, unwatched, now)
    if seen is None or seen.so is None:
        return alert
    if not seen.so:
        return _ended(alert, "over" if seen.over else "cleared", now, seen.facts)
    if alert is not None:
        return alert
    return Alert(kind=seen.kind, shop=seen.shop, state="pending", began_at=now, since=seen.since, facts=seen.facts)


def _ended(alert: Alert | None, end: End, now: int, facts: Facts | None = None) -> Alert | None:
    if alert is None or alert.state == "pending":
        return None
    return replace(alert, state="resolved", ended_at=now, end=end, facts=facts or alert.facts)


def _of_kind(
    kind: Kind, shared: Alert | None, mine: list[Alert], seen: Mapping[Key, Observation], watched: int, now: int
) -> list[Alert]:
    """The alerts of one kind once it is decided which of them fire: by themselves, or as one."""
    ripe = {one.shop for one in mine if _is_ripe(one, seen.get(one.key), now)}
    common = None
    if kind in OF_SENSORS:
        waiting = {one.shop: one.since for one in mine if one.state == "pending"}
        common = _common(kind, shared, waiting, ripe, watched, now)
    if common is not None:
        ripe -= {*common.shops}
        if common.state == "resolved":
            mine = [_spared(one, now) if one.shop in common.shops else one for one in mine]
    told = [_fired(one, seen[one.key], now) if one.shop in ripe else one for one in mine]
    return told if common is None else [common, *told]


def _is_ripe(alert: Alert, seen: Observation | None, now: int) -> bool:
    if alert.state != "pending" or seen is None or not seen.so:
        return False
    return now >= alert.not_before and seen.at - alert.since >= seen.hold_s


def _fired(alert: Alert, seen: Observation, now: int) -> Alert:
    return replace(alert, state="firing", fired_at=now, facts=seen.facts)


def _spared(alert: Alert, now: int) -> Alert:
    """One that was part of a fall: it is told of by itself only if it does not end soon after that."""
    return replace(alert, not_before=now + fall.TOGETHER_S) if alert.state == "pending" else alert


def _common(
    kind: Kind, shared: Alert | None, waiting: Mapping[str, int], ripe: Set[str], watched: int, now: int
) -> Alert | None:
    """The alert of many shops after this look: firing, just resolved, or none."""
    before = None if shared is None else Fall(shared.since, shared.shops)
    found = fall.after(before, waiting, ripe, watched)
    if found is None:
        if shared is None:
            return None
        left = sum(shop in waiting for shop in shared.shops)
        facts = replace(shared.facts, left=left)
        return _ended(shared, "cleared" if watched else "off", now, facts)
    if shared is not None:
        return replace(shared, shops=found.shops)
    return Alert(
        kind=kind,
        shop="",
        state="firing",
        began_at=now,
        since=found.since,
        fired_at=now,
        shops=found.shops,
        facts=Facts(watched=watched),
    )
