"""Glossary: what every figure means, word for word as the page and the API show it.

1. A figure's `definition` is the name of an entry here. A definition that changes gets a new version and a
   new entry; the old one stays, because figures computed by it stay.
2. Whole people are shown. `disclosed` rounds a figure to what its definition can bear and its bounds outward,
   so that the shown interval never holds less than the computed one.
"""

import math

from msgspec import Struct
from msgspec.structs import replace

from cloud.core.figures import Figure, Period


class Definition(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry. `name` carries the version; `digits` is how many decimals of the figure are shown."""

    name: str
    title: str
    summary: str
    formula: str
    unit: str
    source: str
    caveat: str
    digits: int


_PANEL = (
    "The panel are devices whose address stays the same by itself: a minority of phones. Radios, not people. Noise was "
    "added on the sensor on purpose."
)
DEFINITIONS = (
    Definition(
        name="visitors/1",
        title="Visitors",
        summary="How many visits began in the period.",
        formula="sum of occupancy over the windows of the period / (mean dwell / window length + 1)",
        unit="people (visits begun)",
        source="Little's law (1961): people inside = arrivals per time x time each of them stays.",
        caveat="Nobody is followed, so who comes twice counts twice. The mean dwell is the shop's own "
        "setting: if it is wrong by a tenth, so are visitors, and the range does not know.",
        digits=0,
    ),
    Definition(
        name="occupancy/1",
        title="Inside now",
        summary="People inside, averaged over a window or a longer period.",
        formula="(devices heard inside - devices heard there in closed hours) x people per device",
        unit="people",
        source="The sensor estimates devices from the radio signals of one window and knows none of them.",
        caveat="Radios are counted, not people: some carry none, some two. Until the shop is calibrated one "
        "device counts as one person. What is taken off is a low level of the closed hours of two weeks; a shop "
        "that never closes has none, nor has one whose radios rest when it is closed: there a sensor that counts "
        "visits leaves out what never leaves.",
        digits=0,
    ),
    Definition(
        name="passers-by/1",
        title="Passers-by",
        summary="People in reach of the sensor who stayed outside.",
        formula="sum of people outside over the windows / (mean passing time / window length + 1)",
        unit="people",
        source="Little's law, with the time a passer-by is in reach in place of the dwell.",
        caveat="How far the sensor hears depends on the walls: compare a shop with itself, not with another.",
        digits=0,
    ),
    Definition(
        name="capture-rate/1",
        title="Capture rate",
        summary="The share of those around who came in.",
        formula="visitors / (visitors + passers-by)",
        unit="share from 0 to 1",
        source="Vendors disagree: some divide by passers-by alone, which gives a higher number.",
        caveat="Undefined, not zero, where nobody was around.",
        digits=2,
    ),
    Definition(
        name="coverage/2",
        title="Coverage",
        summary="The share of the time due that was actually listened to.",
        formula="seconds listened / (seconds of the period - seconds at rest by plan), over the sensors of the shop",
        unit="share from 0 to 1",
        source="Each sensor reports how long its radio listened in every window, and how long it rested by plan, "
        "outside opening hours.",
        caveat="Below 90 % a period is called incomplete and is compared with nothing. Time not listened to "
        "is never filled in and never shown as zero. Nothing is due of a period wholly at rest: its coverage is 0, and "
        "that is no gap.",
        digits=2,
    ),
    Definition(
        name="coverage/1",
        title="Coverage, before radios rested",
        summary="The share of the period that was actually listened to.",
        formula="seconds listened / seconds of the period, over the sensors placed in the shop",
        unit="share from 0 to 1",
        source="Each sensor reports how long its radio listened in every window.",
        caveat="Below 90 % a period is called incomplete and is compared with nothing. Time not listened to "
        "is never filled in and never shown as zero.",
        digits=2,
    ),
    Definition(
        name="interval/1",
        title="Range",
        summary="The two numbers beside a figure: the truth lies between them four times out of five.",
        formula="an 80 % interval, rounded outward to whole people",
        unit="as the figure's",
        source="The sensor's estimate and the phones-to-people factor. Ends are added, not averaged out: one "
        "estimator makes every window, so its error repeats.",
        caveat="It cannot know what nobody measured: a wrong dwell, or a sensor that was moved.",
        digits=0,
    ),
    Definition(
        name="panel-arrivals/1",
        title="First arrivals (panel)",
        summary="How many devices of the panel came in for the first time that day.",
        formula="sum of the hours' first arrivals + the noise that was added to each",
        unit="devices",
        source="A visit is two bursts of signals inside the shop. The key by which a device is recognised again is "
        "destroyed at 04:00, after 24 hours at most.",
        caveat=_PANEL + " Who was there before and after 04:00 arrives twice.",
        digits=0,
    ),
    Definition(
        name="panel-visits/1",
        title="Visits (panel)",
        summary="How many visits the devices of the panel made.",
        formula="sum of the hours' visits, at most three of a device and day + the noise that was added to each",
        unit="devices' visits",
        source="A visit ends with 15 minutes of silence.",
        caveat=_PANEL + " A phone that sleeps in a pocket for 15 minutes makes two visits of one.",
        digits=0,
    ),
    Definition(
        name="panel-returns/1",
        title="Same-day returns (panel)",
        summary="How many visits were by a device that had been there that day.",
        formula="visits - first arrivals",
        unit="devices' visits",
        source="The difference of two noised numbers, so it carries the noise of both.",
        caveat=_PANEL + " Nobody is recognised on another day.",
        digits=0,
    ),
    Definition(
        name="panel-dwell/1",
        title="Length of stay (panel)",
        summary="How many devices' first visits of a day lasted so long.",
        formula="devices by the time from first to last sighting of their first visit + the noise added to each",
        unit="devices",
        source="Told once, when the day's key is destroyed: it is of 04:00 to 04:00.",
        caveat=_PANEL + " A visit shorter than about three minutes with the screen off can be missed.",
        digits=0,
    ),
    Definition(
        name="panel-dwell-median/1",
        title="Median stay (panel)",
        summary="Half of the panel stayed shorter than this, half longer.",
        formula="where shorter and longer stays balance, within a length of stay evenly spread",
        unit="minutes",
        source="The noised counts by length of stay. The range is what the noise leaves open, four times out of five.",
        caveat=_PANEL + " Undefined where the noise could move it by more than a quarter of the panel.",
        digits=0,
    ),
    Definition(
        name="noise/1",
        title="Noise and its budget",
        summary="Chance numbers the sensor adds to what it tells of the panel, so that no number says for certain "
        "whether one device was there.",
        formula="P(k) proportional to exp(-|k| / scale). One device changes the probability of anything told of a day "
        "by a factor of exp(epsilon) at most",
        unit="epsilon, of one device, sensor and day",
        source="Discrete Laplace noise, drawn once, on the sensor: of scale 1 for first arrivals, 3 for visits (three "
        "of a device count), 2 for lengths of stay. Their epsilons 1 + 1 + 0.5 add to 2.5.",
        caveat="A device that two sensors hear spends at both, and every day anew. The range beside a figure of the "
        "panel is that of the noise alone: the true number lies in it at least four times out of five. Fewer than 10 "
        "are not shown: the noise is of that size.",
        digits=1,
    ),
)
_DIGITS = {definition.name: definition.digits for definition in DEFINITIONS}


def disclosed(figure: Figure) -> Figure:
    """The figure as anyone outside may see it: value rounded, `low` down, `high` up; coverage rounded down.

    Coverage goes down so that 89.99 % never reads as the 90 % it missed. An unknown definition shows none.
    """
    scale = 10 ** _DIGITS.get(figure.definition, 0)
    return replace(
        figure,
        value=None if figure.value is None else half_up(figure.value * scale) / scale,
        low=None if figure.low is None else math.floor(figure.low * scale) / scale,
        high=None if figure.high is None else math.ceil(figure.high * scale) / scale,
        coverage=round_down(figure.coverage),
    )


def disclosed_period(period: Period) -> Period:
    """A period with every figure of it `disclosed`."""
    return replace(
        period,
        coverage=round_down(period.coverage),
        occupancy=disclosed(period.occupancy),
        visitors=disclosed(period.visitors),
        passers_by=disclosed(period.passers_by),
        capture_rate=disclosed(period.capture_rate),
        rested=round_down(period.rested),
    )


def round_down(share: float) -> float:
    """A share from 0 to 1, down to three decimals."""
    return math.floor(share * 1000 + 1e-9) / 1000  # 0.999 * 1000 is 998.999...: that is not a loss


def half_up(number: float) -> int:
    """The nearest whole number, the greater of two as near."""
    return math.floor(number + 0.5)
