"""Definitions of what was counted, how much was listened to, and how far to trust it."""

from cloud.core.definitions.definition import Definition

COUNTED = (
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
)
