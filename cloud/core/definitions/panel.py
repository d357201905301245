"""Definitions of the panel, devices whose address stays the same by itself, and the noise in its figures."""

from cloud.core.definitions.definition import Definition

_PANEL = (
    "The panel are devices whose address stays the same by itself: a minority of phones. Radios, not people. Noise was "
    "added on the sensor on purpose."
)
PANEL = (
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
