"""Alerts: whatever is seen, each one is told of once as it fires and once as it ends, and many at once are one."""

from collections.abc import Iterable, Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import bulletin, fall
from cloud.core.alerts import KINDS, Alert, Kind, News, Observation, step
from tests.shops import a_shop, at

SHOPS = {name: a_shop(name, name=name.upper()) for name in ("a", "b", "c", "d")}
NOW = at("2026-11-24 14:00")
HOLD_S = 600
SEEN = st.sampled_from([True, True, True, False, None])
MOVES = st.lists(
    st.fixed_dictionaries(
        {
            "seen": st.dictionaries(
                st.tuples(st.sampled_from(sorted(SHOPS)), st.sampled_from(["quiet", "sensor-silent"])), SEEN
            ),
            "off": st.sets(st.sampled_from(sorted(SHOPS)), max_size=1),
            "gone": st.sets(st.sampled_from(sorted(SHOPS)), max_size=1),
            "heard": st.booleans(),
            "pause_s": st.sampled_from([60, 300, 700]),
        }
    ),
    max_size=30,
)


def sees(shop: str, now: int, kind: Kind = "sensor-silent", *, so: bool | None = True, since: int = 0) -> Observation:
    return Observation(shop=shop, kind=kind, so=so, at=now, since=since or now, hold_s=HOLD_S)


def kept(alerts: list[Alert]) -> list[Alert]:
    """The alerts after a restart."""
    return msgspec.json.decode(msgspec.json.encode(alerts), type=list[Alert])


def unheard(alerts: list[Alert]) -> list[News]:
    return [one for alert in alerts for one in bulletin.news("acme", alert, SHOPS)]


def handed_on(alerts: list[Alert], news: Iterable[News]) -> list[Alert]:
    """The alerts once news of them was handed on, as the store keeps them."""
    last = {(one.alert.key, one.alert.began_at): one.state for one in news}
    told = [replace(one, told=last.get((one.key, one.began_at), one.told)) for one in alerts]
    return [one for one in told if one.told != "resolved"]


class Told:
    """A run of looks, and all that was handed on in it."""

    def __init__(self, watched: Mapping[str, set[Kind]]) -> None:
        self.watched, self.alerts, self.news = watched, list[Alert](), list[News]()

    def look(self, now: int, *seen: Observation) -> list[News]:
        self.alerts = kept(step(self.alerts, seen, self.watched, now))
        new = unheard(self.alerts)
        self.alerts = handed_on(self.alerts, new)
        self.news += new
        return new

    def whom(self) -> list[tuple[str, str]]:
        return [(one.shop, one.state) for one in self.news]


def watching(shops: Iterable[str], kind: Kind = "sensor-silent") -> Told:
    return Told({shop: {kind} for shop in shops})


@settings(max_examples=200)
@given(MOVES)
def test_every_alert_is_told_once_as_it_fires_and_once_as_it_ends(moves: list[dict[str, object]]) -> None:
    alerts: list[Alert] = []
    told: list[News] = []
    now = NOW
    for move in moves:
        now += move["pause_s"]
        watched = {shop: set() if shop in move["off"] else {*KINDS} for shop in SHOPS if shop not in move["gone"]}
        seen = [sees(shop, now, kind, so=so) for (shop, kind), so in move["seen"].items()]
        after = step(alerts, seen, watched, now)
        again = step(kept(alerts), reversed(seen), dict(reversed(watched.items())), now)
        assert again == after, "restarted, in another order"
        assert step(after, seen, watched, now) == after, "twice is once"
        open_keys = [one.key for one in after if one.state != "resolved"]
        assert len(open_keys) == len({*open_keys}), "pending and firing at once"
        news = unheard(after)
        if move["heard"]:
            told, after = told + news, handed_on(after, news)
        alerts = after
    alerts = step(alerts, [], {}, now + 1)
    told += unheard(alerts)
    ids = [one.id for one in told]
    assert len(ids) == len({*ids}), "told twice"
    begun, ended = (
        [one.id.rpartition("/")[0] for one in told if one.state == state] for state in ("firing", "resolved")
    )
    assert sorted(begun) == sorted(ended), "told of one end only"
    assert all(ids.index(f"{one}/firing") < ids.index(f"{one}/resolved") for one in begun)


def test_one_that_ends_before_its_time_was_nothing() -> None:
    run = watching("a")
    run.look(NOW, sees("a", NOW))
    run.look(NOW + 300, sees("a", NOW + 300, so=False))
    assert (run.alerts, run.news) == ([], [])


def test_it_fires_after_its_time_and_not_before() -> None:
    run = watching("a")
    assert run.look(NOW, sees("a", NOW)) == []
    assert run.look(NOW + HOLD_S - 1, sees("a", NOW + HOLD_S - 1)) == []
    (news,) = run.look(NOW + HOLD_S, sees("a", NOW + HOLD_S))
    assert (news.state, news.at, news.alert.since) == ("firing", NOW + HOLD_S, NOW)


def test_what_is_not_known_begins_and_ends_nothing() -> None:
    run = watching("a")
    run.look(NOW, sees("a", NOW, since=NOW - HOLD_S))
    for minute in range(1, 99):
        assert run.look(NOW + 60 * minute, *[sees("a", NOW, so=None)] * (minute % 2)) == []
    assert [one.state for one in run.alerts] == ["firing"]


def test_news_nobody_took_are_told_again_by_the_same_id() -> None:
    alerts = step([], [sees("a", NOW, since=NOW - HOLD_S)], {"a": {"sensor-silent"}}, NOW)
    later = step(alerts, [sees("a", NOW + 60, so=False)], {"a": {"sensor-silent"}}, NOW + 60)
    assert [one.id for one in unheard(alerts)] == [one.id for one in unheard(later)][:1]
    assert [one.state for one in unheard(later)] == ["firing", "resolved"]
    assert handed_on(later, unheard(later)) == []


@pytest.mark.parametrize(("watched", "end"), [({"a": set()}, "off"), ({"b": {"quiet"}}, "gone")])
def test_a_rule_switched_off_and_a_shop_that_is_gone_end_what_fires(watched: dict[str, set[Kind]], end: str) -> None:
    run = watching("a", "quiet")
    run.look(NOW, sees("a", NOW, "quiet", since=NOW - HOLD_S))
    run.watched = watched
    (news,) = run.look(NOW + 60, sees("a", NOW + 60, "quiet"))
    assert (news.state, news.alert.end, run.alerts) == ("resolved", end, [])


# Many at once

FLEET = [f"s{number:03}" for number in range(200)]


def silent(shops: Iterable[str], now: int, since: int, spread_s: int = 0) -> list[Observation]:
    """Shops that fell silent one after another within `spread_s`, seen at `now`."""
    names = list(shops)
    return [sees(one, now, since=since + spread_s * number // len(names)) for number, one in enumerate(names)]


@pytest.mark.parametrize("spread_s", [0, 120, 480])
def test_a_fall_of_the_whole_fleet_is_one_alert(spread_s: int) -> None:
    run = watching(FLEET)
    for minute in range(30):
        now = NOW + 60 * minute
        run.look(now, *[one for one in silent(FLEET, now, NOW, spread_s) if now - one.since >= 60])
    assert run.whom() == [("", "firing")]
    (fell,) = [one for one in run.alerts if one.state == "firing"]
    assert (fell.shops, fell.since) == (FLEET, NOW)
    for minute in range(30, 35):
        now, back = NOW + 60 * minute, 50 * (minute - 30)
        run.look(now, *(sees(one, now, so=False) for one in FLEET[:back]), *silent(FLEET[back:], now, NOW))
    assert run.whom() == [("", "firing"), ("", "resolved")] and run.alerts == []


def test_shops_that_are_left_are_told_of_singly_if_they_stay_away() -> None:
    run = watching(FLEET)
    run.look(NOW, *silent(FLEET, NOW, NOW - HOLD_S))
    for minute in range(1, 15):
        now = NOW + 60 * minute
        out = ["s000"] + (["s001"] if minute < 5 else [])
        run.look(now, *(sees(one, now, so=one in out, since=NOW - HOLD_S) for one in FLEET))
    assert run.whom() == [("", "firing"), ("", "resolved"), ("s000", "firing")]


@pytest.mark.parametrize(("out", "watched", "one"), [(2, 3, False), (3, 3, True), (29, 100, False), (30, 100, True)])
def test_a_fall_takes_three_shops_and_three_tenths_of_those_watched(out: int, watched: int, one: bool) -> None:
    run = watching(FLEET[:watched])
    run.look(NOW, *silent(FLEET[:out], NOW, NOW - HOLD_S))
    assert run.whom() == ([("", "firing")] if one else [(shop, "firing") for shop in FLEET[:out]])


def test_shops_that_fell_at_other_times_are_not_part_of_it() -> None:
    run = watching(FLEET[:10])
    run.look(NOW, sees("s009", NOW, since=NOW - 9000))
    run.look(NOW + 60, *silent(FLEET[:5], NOW + 60, NOW - HOLD_S))
    run.look(NOW + 120, sees("s008", NOW + 120, since=NOW + 120 - HOLD_S - 9000))
    assert run.whom() == [("s009", "firing"), ("", "firing"), ("s008", "firing")]


def test_who_falls_soon_after_joins_untold() -> None:
    run = watching(FLEET[:10])
    run.look(NOW, *silent(FLEET[:5], NOW, NOW - HOLD_S))
    run.look(NOW + 900, *silent(FLEET[:6], NOW + 900, NOW - HOLD_S, 60))
    assert run.whom() == [("", "firing")]
    assert [one.shops for one in run.alerts if one.shop == ""] == [FLEET[:6]]


def test_what_is_of_the_shops_and_not_of_their_sensors_is_never_one() -> None:
    run = watching(FLEET, "quiet")
    run.look(NOW, *(sees(one, NOW, "quiet", since=NOW - HOLD_S) for one in FLEET))
    assert run.whom() == [(one, "firing") for one in FLEET]


@given(st.dictionaries(st.sampled_from(FLEET[:12]), st.integers(0, 2000), max_size=12), st.data())
def test_a_group_is_the_largest_within_ten_minutes(waiting: dict[str, int], data: st.DataObject) -> None:
    ripe = data.draw(st.sets(st.sampled_from(sorted(waiting)))) if waiting else set()
    found = fall.after(None, waiting, ripe, 12)
    ends = {first + fall.TOGETHER_S for first in waiting.values()}
    groups = [{one for one, since in waiting.items() if end - fall.TOGETHER_S <= since <= end} for end in ends]
    sizes = [len(one) for one in groups if one & ripe]
    assert (found is not None) == (max(sizes, default=0) >= fall.quorum(12))
    if found is not None:
        assert len(found.shops) == max(sizes) and {*found.shops} & ripe
        assert max(waiting[one] for one in found.shops) - found.since <= fall.TOGETHER_S
