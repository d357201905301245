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
        name="visitors/2",
        title="Visitors",
        summary="How many visits began in the period, those of staff left out.",
        formula="sum over windows of (devices heard inside - staff on the floor) / (mean dwell / window length + 1) "
        "x people per device",
        unit="people (visits begun)",
        source="Little's law (1961): people inside = arrivals per time x time each of them stays. Staff are those of "
        "the shop's rota, each as one device; without a rota none are taken off.",
        caveat="Nobody is followed, so who comes twice counts twice. The mean dwell is the shop's own "
        "setting: if it is wrong by a tenth, so are visitors, and the range does not know. Where no rota is set, staff "
        "count as visitors over and over: set one.",
        digits=0,
    ),
    Definition(
        name="visitors/1",
        title="Visitors, with staff",
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
        name="draw-rate/1",
        title="Capture rate, per passer-by",
        summary="How many came in for each one who passed by.",
        formula="visitors / passers-by",
        unit="visitors per passer-by",
        source="The capture rate of those vendors who leave the visitors out of the divisor, such as Bumbee Labs.",
        caveat="Always higher than the capture rate, and above 1 where more came in than passed. Undefined where there "
        "may have been no passer-by.",
        digits=2,
    ),
    Definition(
        name="engaged/1",
        title="Stayed",
        summary="How many of the visitors stayed at least as long as the shop calls engaged.",
        formula="visitors x engagement of the panel",
        unit="people",
        source="The visitors are estimated; the share of them that stayed is that of the panel.",
        caveat="It takes everybody to stay like the panel, a minority of phones. The range holds the noise of the "
        "panel and that of the visitors, not whether the panel is like the others.",
        digits=0,
    ),
    Definition(
        name="conversion/1",
        title="Conversion",
        summary="How many transactions there were for each visitor.",
        formula="transactions / visitors, over the hours that the till told of and the sensors listened to",
        unit="transactions per visitor",
        source="The till's transactions, which are exact, by the estimated visitors of the same hours.",
        caveat="Undefined where there may have been no visitor. Hours listened to for less than 90 % are left out of "
        "both sides, and coverage is the share of the transactions that is left. From the first to the last hour a "
        "till tells of on a date, an hour it leaves out sold nothing; earlier and later hours are left out. Families "
        "buy once, and who only collects buys nothing. While one device counts as one person, it shows change, not "
        "level.",
        digits=3,
    ),
    Definition(
        name="atv/1",
        title="Average transaction value",
        summary="What was paid in a transaction, on average.",
        formula="net sales / transactions",
        unit="the shop's currency",
        source="The till alone, so there is no range.",
        caveat="Returns lower it. Coverage is the share of the transactions whose sales the till tells.",
        digits=2,
    ),
    Definition(
        name="upt/1",
        title="Units per transaction",
        summary="How many items were sold in a transaction, on average.",
        formula="items / transactions",
        unit="items",
        source="The till alone, so there is no range.",
        caveat="Tills differ in what is an item: bags and deposits may count.",
        digits=2,
    ),
    Definition(
        name="sales-per-visitor/1",
        title="Sales per visitor",
        summary="What was sold for each visitor, buyer or not; also called shopper yield.",
        formula="net sales / visitors, over the hours that the till told of and the sensors listened to",
        unit="the shop's currency",
        source="The till's net sales by the estimated visitors of the same hours.",
        caveat="As for conversion: hours not listened to are left out of both sides. Negative where more was returned "
        "than sold.",
        digits=2,
    ),
    Definition(
        name="star/1",
        title="Visitors per staff hour",
        summary="How many came in for each hour that somebody worked on the floor (STAR, shoppers to associates).",
        formula="visitors / hours worked on the floor, over the hours that were staffed and listened to",
        unit="visitors per hour of one member of staff",
        source="Traffic by labour hours, as ShopperTrak defines it. The shop's rota says who is on the floor.",
        caveat="How many visitors there are at a time for each member of staff is this times the mean stay in hours. "
        "The rota is what was planned, not who was there; staff who carry phones may count as visitors.",
        digits=1,
    ),
    Definition(
        name="usual-visitors/1",
        title="Usual visitors",
        summary="How many visitors such a weekday usually has.",
        formula="median of the visitors on the same weekday of the last 8 weeks",
        unit="people (visits begun)",
        source="Only days that are complete, no holidays, and counted with the same people per device; undefined where "
        "fewer than 4 of them are left.",
        caveat="The range is that of one such day's figure, not how much such days differ.",
        digits=0,
    ),
    Definition(
        name="usual-so-far/1",
        title="Usual visitors by this time",
        summary="How many visitors such a weekday usually has had by this time.",
        formula="median of the visitors in the same opening hours of the same weekday of the last 8 weeks",
        unit="people (visits begun)",
        source="Only days whose hours so far are complete, no holidays, and counted with the same people per device; "
        "undefined where fewer than 4 of them are left.",
        caveat="The range is no 80 % interval: it goes from the least to the most of those days.",
        digits=0,
    ),
    Definition(
        name="usual-capture-rate/1",
        title="Usual capture rate",
        summary="The share of those around who came in, as on such a weekday usually.",
        formula="median of the capture rate on the same weekday of the last 8 weeks",
        unit="share from 0 to 1",
        source="The same days as those of the usual visitors.",
        caveat="The range is that of one such day's figure, not how much such days differ.",
        digits=2,
    ),
    Definition(
        name="usual-hour/1",
        title="Usual hour",
        summary="How many come in such an hour of the week, usually.",
        formula="median of the visitors of the same weekday and hour over the last 8 weeks that have ended",
        unit="people (visits begun)",
        source="Only hours that are complete, no holidays, and counted with the same people per device; undefined "
        "where fewer than 3 of them are left.",
        caveat="The range is where four of five of those weeks lie: how much such hours differ, not how well each was "
        "counted.",
        digits=0,
    ),
    Definition(
        name="change/1",
        title="Change",
        summary="By how much a figure differs from the one it is compared with.",
        formula="figure / figure compared with - 1, over days that were opening days both times",
        unit="share, 0.1 being a tenth more",
        source="Each end takes the worse of both ranges; that of people per device is taken out, being one in both.",
        caveat="Undefined where either is incomplete, or people per device were calibrated in between. It says nothing "
        "of the cause.",
        digits=2,
    ),
    Definition(
        name="daily-visitors/1",
        title="Visitors a day",
        summary="How many visitors an opening day had, on average.",
        formula="visitors of the opening days / opening days",
        unit="people (visits begun) a day",
        source="Weeks of which every opening day is complete.",
        caveat="The range is that of the counting: it does not narrow with the days, because its error repeats.",
        digits=0,
    ),
    Definition(
        name="moving-visitors/1",
        title="Moving mean",
        summary="How many visitors an opening day had, on average over the seven days up to this one.",
        formula="visitors of the opening days among seven / those opening days",
        unit="people (visits begun) a day",
        source="Every weekday is in it once, so what is left is not the rhythm of the week.",
        caveat="Undefined unless every opening day of the seven is complete.",
        digits=0,
    ),
    Definition(
        name="before-after/1",
        title="Difference after",
        summary="How many more visitors a day there were after something than before it.",
        formula="mean of up to 4 whole weeks after - mean of up to 4 whole weeks before, each as visitors a day",
        unit="people (visits begun) a day",
        source="Welch's interval for the difference of two means (Biometrika 34, 1947), over weeks with the same "
        "opening days.",
        caveat="A bare before and after: season, weather and whatever else changed are in it. Weeks that follow each "
        "other are alike, so the range is rather too narrow.",
        digits=0,
    ),
    Definition(
        name="conversion-of-days/1",
        title="Conversion, by days",
        summary="How many transactions there were for each visitor, over whole days.",
        formula="transactions / visitors, over the days that are complete and that the till tells of",
        unit="transactions per visitor",
        source="As conversion, but whole days are taken or left where that takes hours: many shops are read at once.",
        caveat="Coverage is the share of the opening days that is left. A day the till tells of in part counts as if "
        "that were all it sold.",
        digits=3,
    ),
    Definition(
        name="zone-lag/1",
        title="How much later a zone fills",
        summary="So many minutes after one zone changes, the other does.",
        formula="the lag at which the changes of one zone and the later changes of the other correlate most",
        unit="minutes",
        source="How many were in each zone, from five minutes to five minutes. The range holds every lag that cannot "
        "be told to be worse, and half of five minutes on either side.",
        caveat="Nobody is followed: that people went from one to the other is the plainest reason, not the only one. "
        "Zones that hear each other seem to fill together.",
        digits=1,
    ),
    Definition(
        name="zone-correlation/1",
        title="How closely a zone follows",
        summary="How much of the changes in one zone is found again in the other.",
        formula="mean over the days of the correlation of changes over a quarter of an hour, less what is usual then",
        unit="0 for not at all, 1 for all of it",
        source="Student's interval over the days, of Fisher's z.",
        caveat="Small numbers are to be expected: most changes are chance.",
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
        name="panel-dwell-mean/1",
        title="Mean stay (panel)",
        summary="How long the panel's first visits of a day lasted on average, none counted as longer than four hours.",
        formula="sum of (devices x middle of their length of stay) / devices; who stayed beyond the last edge "
        "counts as having stayed to it",
        unit="minutes",
        source="The noised counts by length of stay. The range is every mean the noise leaves possible (Fieller 1954).",
        caveat=_PANEL + " A few who stay for hours move it much: the median says more of most.",
        digits=0,
    ),
    Definition(
        name="panel-bounce/1",
        title="Bounce (panel)",
        summary="The share of the panel's first visits of a day that were shorter than what the shop calls engaged.",
        formula="devices that stayed shorter / devices",
        unit="share from 0 to 1",
        source="The noised counts by length of stay, spread evenly within a length where the limit lies inside one. "
        "The range is every share that the noise leaves possible (Fieller 1954).",
        caveat=_PANEL
        + " A visit shorter than about three minutes with the screen off can be missed, so bounce is rather "
        "too low. Undefined beyond the longest length of stay.",
        digits=2,
    ),
    Definition(
        name="panel-engagement/1",
        title="Engagement (panel)",
        summary="The share of the panel's first visits of a day that lasted as long as what the shop calls engaged.",
        formula="1 - bounce",
        unit="share from 0 to 1",
        source="As bounce.",
        caveat=_PANEL + " A visit shorter than about three minutes with the screen off can be missed, so engagement is "
        "rather too high.",
        digits=2,
    ),
    Definition(
        name="panel-return-rate/1",
        title="Same-day return rate (panel)",
        summary="The share of visits that were by a device that had been there that day.",
        formula="same-day returns / visits",
        unit="share from 0 to 1",
        source="Two noised numbers of the panel. The range is that of the returns, over the visits.",
        caveat=_PANEL
        + " Nobody is recognised on another day. A phone that sleeps in a pocket for 15 minutes makes two "
        "visits of one, so it is rather too high.",
        digits=2,
    ),
    Definition(
        name="lift/1",
        title="Lift of a campaign",
        summary="By how much more its shops changed than shops in which it did not run.",
        formula="exp(mean over its shops of log(day / usual day before) - the same of the other shops) - 1, on days "
        "that both have",
        unit="share, 0.08 for 8 % more",
        source="Difference-in-differences of logarithms. From four shops on each shop is one change (Bertrand, Duflo "
        "and Mullainathan 2004; Donald and Lang 2007); with fewer, days are compared by generalised least squares.",
        caveat="It is the mean of the shops' own lifts, so a small shop counts as much as a large one. Whatever else "
        "changed in its shops and not in the others counts as the campaign; without others, whatever changed at all.",
        digits=3,
    ),
    Definition(
        name="detectable-lift/1",
        title="Lift that can be seen",
        summary="The smallest lift that would be called a rise four times out of five.",
        formula="non-central t: power 0.8 at a two-sided level of 0.1, with the variance of the same comparison on the "
        "newest weeks without the campaign",
        unit="share, 0.08 for 8 % more",
        source="Power analysis of the t test (Cohen 1988). The range is what the variance of so few shops leaves open.",
        caveat="It holds if the weeks to come vary as those before. A smaller lift may be there and stay unseen.",
        digits=2,
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


def digits(definition: str) -> int:
    """How many decimals of a figure by this definition are shown; none of one that is unknown."""
    return _DIGITS.get(definition, 0)


def disclosed(figure: Figure) -> Figure:
    """The figure as anyone outside may see it: value rounded, `low` down, `high` up; coverage rounded down.

    Coverage goes down so that 89.99 % never reads as the 90 % it missed. An unknown definition shows none.
    """
    scale = 10 ** digits(figure.definition)
    return Figure(
        value=None if figure.value is None else half_up(figure.value * scale) / scale,
        low=None if figure.low is None else math.floor(figure.low * scale) / scale,
        high=None if figure.high is None else math.ceil(figure.high * scale) / scale,
        coverage=round_down(figure.coverage),
        definition=figure.definition,
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
