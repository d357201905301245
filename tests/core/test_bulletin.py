"""Bulletins: every alert is said in a sentence with its range, its beginning and what to do, in every language."""

from string import Formatter

import pytest
from msgspec.structs import replace

from cloud.core import bulletin
from cloud.core.alerts import KINDS, OF_SENSORS, Alert, End, Facts, Kind, News
from cloud.core.figures import Figure
from cloud.language import LANGUAGES
from tests.shops import a_shop, at

SINCE = at("2026-11-24 14:05")
SHOPS = {name: a_shop(name, name=name.upper(), calibrated=name == "a") for name in "abcdefghijkl"}


def figure(value: float, low: float, high: float, definition: str = "visitors/2") -> Figure:
    return Figure(value=value, low=low, high=high, coverage=1.0, definition=definition)


FACTS = {
    "over-capacity": Facts(figure=figure(63, 57, 70, "occupancy/1"), limit=60.0, until=SINCE + 600),
    "quiet": Facts(figure=figure(84, 75, 96), usual=figure(140, 118, 171), weeks=7, limit=0.3, until=SINCE),
    "busy": Facts(figure=figure(1840, 1700, 1996), usual=figure(1140, 1018, 1271), weeks=8, limit=0.3, until=SINCE),
    "sensor-silent": Facts(zones=["door", "till"]),
    "sensor-deaf": Facts(zones=["door"]),
    "sensor-clock": Facts(zones=["door"]),
    "sensor-ble": Facts(zones=["door"]),
    "sensor-copied": Facts(zones=["door"]),
    "sensor-settings": Facts(zones=["door"], reason="no acknowledgement came within ten minutes."),
    "sensor-certificate": Facts(zones=["door"]),
    "coverage-low": Facts(share=0.725, limit=0.9, until=SINCE),
}


def told(kind: Kind, end: End | None = None, shop: str = "a", **changes: object) -> News:
    alert = Alert(
        kind=kind, shop=shop, state="firing", began_at=SINCE, since=SINCE, fired_at=SINCE + 900, facts=FACTS[kind]
    )
    if end is not None:
        alert = replace(alert, state="resolved", ended_at=SINCE + 7200, end=end)
    return bulletin.news("acme", replace(alert, **changes), SHOPS)[-1]


def many(kind: Kind, end: End | None = None, left: int = 0) -> News:
    return told(kind, end, "", shops=sorted(SHOPS), facts=Facts(watched=20, left=left))


SENTENCES: dict[Kind, str] = {
    "over-capacity": "63 people (57\N{EN DASH}70) inside, where 60 people are allowed, since 14:05 on Tuesday 24 "
    "November. It may also be within what is allowed: count by eye, and let nobody in until you know.",
    "quiet": "84 people (75\N{EN DASH}96) up to 14:05 on Tuesday 24 November, where 140 are usual by then on this "
    "weekday (118\N{EN DASH}171 in 7 weeks). The sensors counted all the while: look at the door and the street, and "
    "note what it was.",
    "sensor-silent": "Nothing has come from the sensor (door, till) since 14:05 on Tuesday 24 November. Most often it "
    "is without power or network: check both. What it counts without a network comes later.",
    "coverage-low": "Of the opening hours up to 14:05 on Tuesday 24 November, 72.5\N{NARROW NO-BREAK SPACE}% were "
    "listened to; 90\N{NARROW NO-BREAK SPACE}% are enough. A sensor was off, or its radio was taken up: see that it "
    "keeps its power. Today's figures are incomplete and compared with nothing.",
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_it_says_what_how_much_since_when_why_and_what_to_do(kind: Kind) -> None:
    assert told(kind).sentence == SENTENCES[kind]


def test_until_the_shop_is_calibrated_people_are_devices() -> None:
    assert told("quiet", shop="b").sentence.startswith("84 devices (75\N{EN DASH}96)")


def test_of_many_shops_it_says_how_many_and_names_the_first() -> None:
    news = many("sensor-silent")
    assert (news.shop, news.shop_name, news.title) == ("", "", "12 shops fell silent together")
    assert "12 of 20 shops" in news.sentence and "A, B, C, D, E, F, G, H and 4 more" in news.sentence
    assert "told of one by one" in many("sensor-silent", "cleared", left=2).sentence
    assert many("sensor-silent", "cleared").sentence == "All 12 shops are back, after 2 hours."


def test_times_of_many_shops_in_several_zones_are_utc() -> None:
    shops = {"a": a_shop("a"), "b": a_shop("b", time_zone="Asia/Tokyo")}
    alert = many("sensor-silent").alert
    assert "13:05 UTC on Tuesday 24 November" in bulletin.sentence(replace(alert, shops=["a", "b"]), shops, "firing")


def test_a_shop_that_is_gone_is_called_by_its_id() -> None:
    news = told("quiet", "gone", shop="zz")
    assert (news.shop_name, news.sentence) == ("zz", "It is no longer watched: the shop is not there any more.")


def test_an_id_names_tenant_shop_kind_beginning_and_state() -> None:
    assert told("quiet").id == f"acme/a/quiet/{SINCE}/firing"
    assert told("quiet", "over").id == f"acme/a/quiet/{SINCE}/resolved"


@pytest.mark.parametrize("code", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_every_one_can_be_said_in_every_language(kind: Kind, code: str) -> None:
    ends: list[End | None] = [None, "cleared", "over", "off", "gone"]
    every = [told(kind, end) for end in ends] + [told(kind, end, facts=Facts()) for end in ends[1:]]
    every += [many(kind, end, left) for end in ends for left in (0, 3)] if kind in OF_SENSORS else []
    for one in every:
        for saying in (one.title, one.sentence):
            assert LANGUAGES[code].say(saying)
            assert not any(name for _, name, _, _ in Formatter().parse(saying)), "a value was left out"
