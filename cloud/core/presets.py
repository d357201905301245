"""Presets: whom a vendor calls a passer-by, a visitor and engaged, so that numbers of before can be understood.

1. A threshold has its unit. Some vendors publish dBm, some decibels above the noise, which are positive. Those become
   dBm over a noise of `NOISE_DBM`; that of a place is from -100 to -90, so such a level may be 5 dB off. (Aruba, "What
   RSSI value does Aruba use in mesh configurations": RSSI = signal - noise, with -97 dBm as the example.)
2. What a vendor does not publish is taken from us and named in `unpublished`.
3. `passage.visits` says what a preset makes of one device's sightings, in a simulation or a capture that is replayed.
   The cloud has counts and never sightings: of a preset it can follow the formula of the capture rate and the limit of
   engagement. All else is decided at the sensor, where the settings in `nearest` come closest.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cloud.core.metrics import DRAW_RATE
from cloud.core.rollup import CAPTURE_RATE
from cloud.core.saying import Saying

Unit = Literal["dBm", "dB above noise"]
NOISE_DBM = -95.0


class Level(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signal strength that a sighting reaches, or where `exceeds` is more than."""

    value: float
    unit: Unit = "dBm"
    exceeds: bool = False

    @property
    def dbm(self) -> float:
        """In dBm (rule 1)."""
        return self.value if self.unit == "dBm" else self.value + NOISE_DBM

    def met(self, signal_dbm: float) -> bool:
        """Whether a signal is strong enough."""
        return signal_dbm > self.dbm if self.exceeds else signal_dbm >= self.dbm


class Band(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A length of stay as the vendor names it: from `least_s` seconds, or where `exceeds` more, up to the next band."""

    name: str
    least_s: float
    exceeds: bool = False
    engaged: bool = True

    def met(self, stay_s: float) -> bool:
        """Whether a stay is that long."""
        return stay_s > self.least_s if self.exceeds else stay_s >= self.least_s


class Preset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vendor's definitions. A level that is null is met by every sighting.

    A visit is a run of sightings at `inside` with no silence over `gap_s`, of at least `least_s` seconds and `bursts`
    bursts. Where `within_s` is set, it is instead a run of sightings of which each lies within so many seconds of one
    at `inside` that is followed within them by at least `sightings` at `stays`, itself included.

    `capture`: the definition of its capture rate. `unpublished` names the fields that are ours for want of theirs. For
    people: `source`, `same` and `other` (what of it our figures follow, and what not), `nearest` (a sensor's settings).
    """

    name: str
    title: str
    heard: Level | None = None
    inside: Level
    gap_s: float
    least_s: float = 0.0
    bursts: int = 1
    within_s: float | None = None
    sightings: int = 1
    stays: Level | None = None
    bands: list[Band] = []
    capture: str = CAPTURE_RATE
    unpublished: list[str] = []
    source: str
    same: str
    other: str
    nearest: str

    @property
    def engaged_s(self) -> float | None:
        """The stay in seconds from which a visitor is engaged; None: as the shop says."""
        return next((band.least_s for band in self.bands if band.engaged), None)


_OWN = Preset(
    name="default",
    title="Footfall",
    heard=Level(value=-90),
    inside=Level(value=-70),
    gap_s=900,
    bursts=2,
    source="This system's own definitions, at the sensor's default zones.",
    same=Saying("These are our own definitions: every figure follows them."),
    other=Saying("Visits and stays are those of phones whose address stays the same by itself."),
    nearest=Saying("[zones] inside_dbm and outside_dbm as the walk test found them."),
)
_PRESETS = (
    _OWN,
    replace(
        _OWN,
        name="per-passer-by",
        title="Footfall, capture rate per passer-by",
        capture=DRAW_RATE,
        source="Bumbee Labs, retail metrics glossary: capture rate = visitors entering / passers-by.",
        same=Saying("Our own definitions, but for the capture rate: visitors are divided by passers-by alone."),
    ),
    Preset(
        name="meraki",
        title="Cisco Meraki",
        inside=Level(value=20, unit="dB above noise"),
        gap_s=1200,
        within_s=1200,
        sightings=5,
        stays=Level(value=15, unit="dB above noise"),
        bands=[
            Band(name="5-20 min", least_s=300),
            Band(name="20-60 min", least_s=1200),
            Band(name="1-6 h", least_s=3600),
            Band(name="6 h+", least_s=21600),
        ],
        unpublished=["capture"],
        source="grcamp/meraki_cmx_analyze on GitHub, by a Cisco engineer after Meraki's own documentation. "
        "Under the name of capture rate it divides the connected by the visitors.",
        same=Saying("Engaged is a stay of five minutes or more. The capture rate is visitors of all who were heard."),
        other=Saying(
            "Five sightings in 20 minutes cannot be asked of counts: here two bursts make a visit, and 15 minutes of "
            "silence end it, not 20. Devices connected to your Wi-Fi are not told apart."
        ),
        nearest=Saying("[zones] inside_dbm = -75, which is 20 above a noise of -95 dBm; give or take 5 dB."),
    ),
    Preset(
        name="aruba",
        title="Aruba Central",
        heard=Level(value=-90, exceeds=True),
        inside=Level(value=-65, exceeds=True),
        gap_s=900,
        least_s=300,
        unpublished=["gap_s", "capture", "bands"],
        source="MarQuest, on Aruba Central: passers-by above -90 dBm, visitors above -65 dBm and for 5 min.",
        same=Saying("Visitors are a part of the passers-by there: the capture rate is visitors of all who were heard."),
        other=Saying(
            "Visitors here need not have stayed for five minutes: compare theirs with those who stayed, in the funnel."
        ),
        nearest=Saying("[zones] inside_dbm = -65 and outside_dbm = -90, and five minutes as the limit of engaged."),
    ),
    Preset(
        name="purple",
        title="Purple",
        inside=Level(value=30, unit="dB above noise"),
        gap_s=900,
        bands=[
            Band(name="not engaged", least_s=0, engaged=False),
            Band(name="partially engaged", least_s=180, exceeds=True),
            Band(name="fully engaged", least_s=900),
        ],
        unpublished=["gap_s", "capture"],
        source="Purple support: Presence Explained (an RSSI of 30 or above has come in); Behavioral Analytics "
        "(not engaged up to 3 min, fully from 15).",
        same=Saying("Bounce is a stay of up to three minutes. The capture rate is who came in of all who were heard."),
        other=Saying(
            "One strong signal makes a visitor there, two bursts here. Stays under three minutes are often not heard, "
            "so bounce is lower here."
        ),
        nearest=Saying("[zones] inside_dbm = -65, which is 30 above a noise of -95 dBm; give or take 5 dB."),
    ),
    Preset(
        name="cloud4wi",
        title="Cloud4Wi",
        inside=Level(value=-70),
        gap_s=900,
        least_s=300,
        unpublished=["inside", "capture", "bands"],
        source="Cloud4Wi help centre, Calibrate Traffic Parameters: a level held for 5 min (2 to 30), and a visit ends "
        "after 15 min (15 to 1440). The level was each location's setting.",
        same=Saying("A visit ends with 15 minutes of silence, and engaged is what the shop says, in both."),
        other=Saying(
            "Visitors here need not have stayed for five minutes: compare theirs with those who stayed, in the funnel."
        ),
        nearest=Saying("[zones] inside_dbm = the minimum signal level that was set for the location, in dBm."),
    ),
    Preset(
        name="cisco-spaces",
        title="Cisco Spaces",
        inside=Level(value=-70),
        gap_s=10800,
        unpublished=["inside", "capture", "bands"],
        source="Cisco Spaces runbooks, How Data is Interpreted: visitors are users of the Wi-Fi; a visit ends "
        "after three hours without them.",
        same=Saying("Engaged is what the shop says."),
        other=Saying(
            "There, only who is connected to the Wi-Fi is a visitor, and three hours of silence end a visit: fewer and "
            "longer visits than here."
        ),
        nearest=Saying("None comes near: the sensor cannot see who is connected, and its 15 minutes are fixed."),
    ),
)
PRESETS = {one.name: one for one in _PRESETS}
