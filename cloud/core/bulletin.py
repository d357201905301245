"""Bulletin: what people read of an alert: what, how much and since when; then the likely cause and what to do next.

1. A number of people stands with its range. Until a shop is calibrated it is one of devices, and is called that.
2. Times are the shop's. An alert of many shops has their time where they share one, else UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from cloud.core import ailment, cause
from cloud.core.ailment import AILMENTS
from cloud.core.alerts import Alert, Facts, Kind, News, Told
from cloud.core.figures import Figure, Shop
from cloud.core.saying import Saying, span

MOST_NAMES = 8
_TITLES: dict[Kind, tuple[Saying, Saying]] = {  # while it is so, and once it has ended
    "over-capacity": (Saying("More inside than allowed"), Saying("No longer more inside than allowed")),
    "quiet": (Saying("Unusually quiet"), Saying("No longer unusually quiet")),
    "busy": (Saying("Unusually busy"), Saying("No longer unusually busy")),
    "coverage-low": (Saying("Too little was listened to"), Saying("No longer too little listened to")),
}


def news(tenant: str, alert: Alert, shops: Mapping[str, Shop]) -> list[News]:
    """What nobody was told yet of an alert, in order: that it fires, that it has ended. `shops` are the tenant's."""
    if alert.state == "pending":
        return []
    stages: tuple[Told, ...] = get_args(Told)
    first = 0 if alert.told is None else stages.index(alert.told) + 1
    untold = stages[first : stages.index(alert.state) + 1]
    return [_news(tenant, alert, shops, state) for state in untold]


def name(alert: Alert, shops: Mapping[str, Shop]) -> str:
    """The name of an alert's shop, its id where the shop is gone; "" for one of many."""
    return shops[alert.shop].name if alert.shop in shops else alert.shop


def title(alert: Alert, state: Told) -> Saying:
    """What it is, in a few words."""
    ended = state == "resolved"
    if alert.shop == "":
        return _title_of_many(alert, ended=ended)
    if alert.kind in AILMENTS:
        return AILMENTS[alert.kind].ended if ended else AILMENTS[alert.kind].title
    return _TITLES[alert.kind][ended]


def sentence(alert: Alert, shops: Mapping[str, Shop], state: Told) -> Saying:
    """What, how much, since when; why, and what to do next."""
    zone = _zone([shops[one] for one in [alert.shop, *alert.shops] if one in shops])
    if state == "resolved":
        return _ending(alert, shops, zone)
    if alert.shop == "":
        return Saying("{what} {why}", what=_fell(alert, shops, zone), why=ailment.why_many(alert.kind))
    calibrated = alert.shop in shops and shops[alert.shop].calibrated
    what, last = _what(alert, zone, calibrated=calibrated), _last(alert.facts, zone)
    if last is not None:
        return Saying("{what} {last} {why}", what=what, last=last, why=_why(alert))
    return Saying("{what} {why}", what=what, why=_why(alert))


def _news(tenant: str, alert: Alert, shops: Mapping[str, Shop], state: Told) -> News:
    at = alert.ended_at if state == "resolved" else alert.fired_at
    return News(
        id=f"{tenant}/{alert.shop}/{alert.kind}/{alert.began_at}/{state}",
        shop=alert.shop,
        shop_name=name(alert, shops),
        kind=alert.kind,
        state=state,
        at=at or alert.began_at,
        title=title(alert, state),
        sentence=sentence(alert, shops, state),
        alert=alert,
    )


def _what(alert: Alert, zone: str, *, calibrated: bool) -> Saying:
    facts, since = alert.facts, _when(alert.since, zone)
    match alert.kind:
        case "over-capacity":
            return Saying(
                "{inside} inside, where {limit} people are allowed, since {since}.",
                inside=_people(facts.figure, calibrated=calibrated),
                limit=facts.limit or 0,
                since=since,
            )
        case "quiet" | "busy":
            return _against_usual(facts, zone, calibrated=calibrated)
        case "coverage-low":
            return Saying(
                "Of the opening hours up to {until}, {share:percent1} were listened to; {limit:percent} are enough.",
                until=_when(facts.until or alert.since, zone),
                share=facts.share or 0.0,
                limit=facts.limit or 0.0,
            )
        case _:
            return ailment.what(alert.kind, _zones(facts), since, facts.reason)


def _why(alert: Alert) -> Saying:
    facts = alert.facts
    match alert.kind:
        case "over-capacity":
            if facts.figure is not None and (facts.figure.low or 0.0) > (facts.limit or 0.0):
                return Saying("Even the least it may be is too many: let nobody in until some have left.")
            return Saying("It may also be within what is allowed: count by eye, and let nobody in until you know.")
        case "quiet":
            return Saying("The sensors counted all the while: look at the door and the street, and note what it was.")
        case "busy":
            return Saying("The sensors counted all the while: see that enough staff are there, and note what it was.")
        case "coverage-low":
            return Saying(
                "A sensor was off, or its radio was taken up: see that it keeps its power. Today's figures are "
                "incomplete and compared with nothing."
            )
        case _:
            return ailment.why(alert.kind, facts.cause)


def _against_usual(facts: Facts, zone: str, *, calibrated: bool) -> Saying:
    usual, now = facts.usual, facts.figure
    until = _when(facts.until or 0, zone)
    people = _people(now, calibrated=calibrated)
    if usual is None or now is None:
        return Saying("{people} up to {until}.", people=people, until=until)
    return Saying(
        "{people} up to {until}, where {usual} are usual by then on this weekday ({range} in {weeks} weeks).",
        people=people,
        until=until,
        usual=usual.value or 0,
        range=_range(usual),
        weeks=facts.weeks,
    )


def _ending(alert: Alert, shops: Mapping[str, Shop], zone: str) -> Saying:
    ended_at = alert.ended_at or alert.since
    lasted = span(max(0, ended_at - alert.since))
    if alert.end == "off":
        return Saying("It is no longer watched: its rule was switched off after {lasted}.", lasted=lasted)
    if alert.end == "gone":
        return Saying("It is no longer watched: the shop is not there any more.")
    if alert.shop == "":
        return _rose(alert, lasted)
    calibrated = alert.shop in shops and shops[alert.shop].calibrated
    what = _what_then(alert, zone, lasted, calibrated=calibrated)
    return Saying("The day is over. {what}", what=what) if alert.end == "over" else what


def _what_then(alert: Alert, zone: str, lasted: Saying, *, calibrated: bool) -> Saying:
    facts = alert.facts
    if alert.kind in {"quiet", "busy"} and facts.figure is not None:
        return _against_usual(facts, zone, calibrated=calibrated)
    if alert.kind == "over-capacity" and facts.figure is not None:
        return Saying(
            "{inside} inside, where {limit} people are allowed, at {until}. It lasted {lasted}.",
            inside=_people(facts.figure, calibrated=calibrated),
            limit=facts.limit or 0,
            until=_when(facts.until or 0, zone),
            lasted=lasted,
        )
    if alert.kind == "coverage-low" and facts.share is not None:
        return Saying("{share:percent1} of the opening hours were listened to.", share=facts.share)
    if alert.kind == "sensor-silent":
        return Saying(
            "It lasted {lasted}. What was counted meanwhile comes in by itself; if there was no power, a gap stays.",
            lasted=lasted,
        )
    if alert.kind in {"sensor-deaf", "sensor-clock"}:
        return Saying("It lasted {lasted}. What passed meanwhile is in no figure: a gap stays.", lasted=lasted)
    return Saying("It lasted {lasted}.", lasted=lasted)


def _last(facts: Facts, zone: str) -> Saying | None:
    """What the sensor told last, where that may be a reason."""
    said = None if facts.last is None else cause.told(facts.last)
    if facts.last is None or said is None:
        return None
    return Saying("It last told, at {at}: {said}.", at=_when(facts.last.at, zone), said=said)


def _title_of_many(alert: Alert, *, ended: bool) -> Saying:
    n = len(alert.shops)
    if ended:
        return Saying("{n} shops are no longer out together", n=n)
    return ailment.of_many(alert.kind, n)


def _fell(alert: Alert, shops: Mapping[str, Shop], zone: str) -> Saying:
    return Saying(
        "{n} of {all} shops, within ten minutes, since {since}: {names}.",
        n=len(alert.shops),
        all=alert.facts.watched,
        since=_when(alert.since, zone),
        names=_names([shops[one].name if one in shops else one for one in alert.shops]),
    )


def _rose(alert: Alert, lasted: Saying) -> Saying:
    n, left = len(alert.shops), alert.facts.left
    if left == 0:
        return Saying("All {n} shops are back, after {lasted}.", n=n, lasted=lasted)
    return Saying(
        "{back} of {n} shops are back, after {lasted}. Those that stay out are told of one by one.",
        back=n - left,
        n=n,
        lasted=lasted,
    )


def _people(figure: Figure | None, *, calibrated: bool) -> Saying:
    value, range_ = (0.0, _range(None)) if figure is None else (figure.value or 0.0, _range(figure))
    if calibrated:
        if value == 1:
            return Saying("1 person ({range})", range=range_)
        return Saying("{n} people ({range})", n=value, range=range_)
    if value == 1:
        return Saying("1 device ({range})", range=range_)
    return Saying("{n} devices ({range})", n=value, range=range_)


def _range(figure: Figure | None) -> Saying:
    low, high = (0.0, 0.0) if figure is None else (figure.low or 0.0, figure.high or 0.0)
    return Saying("{low}\N{EN DASH}{high}", low=low, high=high)


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MOST_NAMES])
    if len(names) <= MOST_NAMES:
        return listed
    return Saying("{names} and {n} more", names=listed, n=len(names) - MOST_NAMES)


def _zones(facts: Facts) -> str:
    return ", ".join(facts.zones)


def _zone(shops: Sequence[Shop]) -> str:
    zones = {one.time_zone for one in shops}
    return zones.pop() if len(zones) == 1 else "UTC"


def _when(second: int, zone: str) -> Saying:
    local = datetime.fromtimestamp(second, ZoneInfo(zone))
    clock = local.hour * 60 + local.minute
    if zone == "UTC":
        return Saying("{clock:clock} UTC on {day:date}", clock=clock, day=local.date())
    return Saying("{clock:clock} on {day:date}", clock=clock, day=local.date())
