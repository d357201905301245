"""Condition: how one sensor is, and in which of six statuses a fleet's list shows it.

1. The state is that of `SensorState`; a status is a coarser word for it and never says otherwise.
2. What a person decided goes first: a muted sensor is muted, whatever it does. Then what is not there: a sensor that
   was never claimed, or is offline. Of what speaks, a change under way comes before what is the matter.
3. A radio that does not hear is named, whichever it is; without its Wi-Fi radio a sensor counts nobody.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct

from agent.contract import Health, ReportedConfig
from cloud.core.saying import Saying

Status = Literal["counting", "degraded", "offline", "updating", "unclaimed", "muted"]
Radio = Literal["wifi", "ble"]
COUNTING, NEW, SILENT, COPIED = "counting", "new", "silent", "copied"
HEALTH_AFTER_S = 600.0
LEFT = "left"  # said by a sensor that is stopped in order, where "offline" is what the broker says of one that vanished

STATUSES: dict[Status, Saying] = {
    "counting": Saying("Counting"),
    "degraded": Saying("Degraded"),
    "offline": Saying("Offline"),
    "updating": Saying("Updating"),
    "unclaimed": Saying("Unclaimed"),
    "muted": Saying("Muted"),
}
RADIOS: dict[Radio, Saying] = {"wifi": Saying("Wi-Fi"), "ble": Saying("Bluetooth")}


class Condition(Struct, frozen=True, kw_only=True):
    """How a sensor is: its state as of `SensorState`, and the UTC second at which its last report came.

    `link`: what was last said of its connection - "online", "offline", `LEFT`. `health` is the last it told, at
    `health_at`; `reported` what it said of its settings. Nobody is told of it before `muted_until`. `claimed`: whether
    the fleet knows it.
    """

    sensor: str
    zone: str
    state: str
    last_report_at: int | None
    link: str | None = None
    health: Health | None = None
    health_at: int | None = None
    reported: ReportedConfig | None = None
    muted_until: int | None = None
    claimed: bool = True


class Shown(NamedTuple):
    """A status, and the radios that do not hear."""

    status: Status
    radios: tuple[Radio, ...]


def shown(one: Condition, now: int) -> Shown:
    """The status of a sensor at UTC second `now`."""
    radios = unheard(one, now)
    if is_muted(one, now):
        return Shown("muted", radios)
    if one.state == NEW:
        return Shown("updating" if one.link == "online" else "offline" if one.claimed else "unclaimed", ())
    if one.state == SILENT:
        return Shown("offline", ())
    if one.reported is not None and one.reported.state == "pending":
        return Shown("updating", radios)
    return Shown("degraded" if radios or one.state != COUNTING else "counting", radios)


def is_muted(one: Condition, now: int) -> bool:
    """Whether nobody wants to be told of it now."""
    return one.muted_until is not None and now < one.muted_until


def unheard(one: Condition, now: int) -> tuple[Radio, ...]:
    """The kinds of radio of which the first does not hear, as far as the sensor has said so lately."""
    if one.health is None or one.health_at is None or now - one.health_at > holds_s(one.health):
        return ()
    told: dict[Radio, bool] = {}
    for radio in one.health.radios:
        told.setdefault(radio.radio, radio.state == "listening")
    return tuple(radio for radio, hears in told.items() if not hears)


def holds_s(health: Health) -> float:
    """For how long what a sensor told of its health is believed: until it should have told it twice more."""
    return HEALTH_AFTER_S if health.interval_s is UNSET else max(HEALTH_AFTER_S, 2.5 * health.interval_s)


def line(status: str, radios: Sequence[str]) -> str:
    """A status in words, with the radios meant; "" for a status there is none of."""
    name = next((said for one, said in STATUSES.items() if one == status), None)
    meant = [said for one, said in RADIOS.items() if one in radios]
    if name is None or status != "degraded" or not meant:
        return name or ""
    if len(meant) == 1:
        return Saying("{status}: {radio}", status=name, radio=meant[0])
    return Saying("{status}: {radio} and {other}", status=name, radio=meant[0], other=meant[1])


def certificate_until(health: Health | None) -> float | None:
    """The UTC second at which a sensor's certificate ends, as it said last; None where it did not say."""
    if health is None or health.machine is UNSET or health.machine.certificate_until is UNSET:
        return None
    return health.machine.certificate_until
