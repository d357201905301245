"""Standing: what the cloud knows of one sensor and its settings, which is what it was sent and what it said itself.

1. What was sent is `wanted`; what is in force only the sensor can say. The two are compared by version.
2. A document is whole. What it does not name stays as the sensor's own settings have it.
3. Who opted out is carried from document to document, also to one that puts back what was before: nobody is let in
   again by a change of settings.
"""

import base64
import binascii
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.contract import ContractError, DeviceConfig, Health, OptOuts, ReportedConfig, Signed, decode
from agent.contract.desired import Broker, Opening, Tuning
from agent.contract.health import Level

VersionState = Literal["none", "unsaid", "applied", "pending", "behind", "rejected", "rolled_back", "foreign"]
FAILED: frozenset[VersionState] = frozenset(("rejected", "rolled_back"))


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a document may want of a sensor, but for who opted out; as in `agent.contract.DeviceConfig`."""

    profile: Literal["F5", "D24"] | UnsetType = UNSET
    inside_dbm: Level | UnsetType = UNSET
    outside_dbm: Level | UnsetType = UNSET
    hours: Annotated[list[Opening], Meta(min_length=1, max_length=14)] | UnsetType = UNSET
    bluetooth: Literal["off", "passive"] | UnsetType = UNSET
    tuning: Tuning | UnsetType = UNSET
    broker: Broker | UnsetType = UNSET
    health_interval_s: Annotated[float, Meta(ge=10, le=3600)] | UnsetType = UNSET


class Standing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sensor at one moment; "" is not known. Times are UTC seconds.

    `state` is how it counts, `well` whether that is as it should be; `shop_open` whether people may be in its shop now.
    `wanted`: the version it shall have (0: none), since `put_at`; `reported`: what it last said, at `reported_at`.
    """

    sensor: str
    shop: str = ""
    region: str = ""
    zone: str = ""
    labels: dict[str, str] = {}
    software: str = ""
    model: str = ""
    kernel: str = ""
    adapter: str = ""
    state: str = "new"
    well: bool = False
    shop_open: bool = False
    wanted: int = 0
    put_at: int | None = None
    reported: ReportedConfig | None = None
    reported_at: int | None = None

    @property
    def version(self) -> int:
        """The version in force (0: none, or it has never said)."""
        return 0 if self.reported is None else self.reported.version

    @property
    def version_state(self) -> VersionState:
        """How the version wanted and the one in force stand to each other."""
        found = version_state(self.reported, self.wanted)
        return "behind" if found in FAILED and not self.answers(self.put_at) else found

    def answers(self, sent_at: int | None) -> bool:
        """Whether what it last said may be about a document sent at `sent_at`: it names its version, or came later."""
        if self.reported is None or self.reported_at is None:
            return False
        return self.reported.wanted is not UNSET or sent_at is None or self.reported_at > sent_at


def version_state(reported: ReportedConfig | None, wanted: int) -> VersionState:
    """What a sensor made of the version `wanted`, by what it last said."""
    if reported is None:
        return "unsaid" if wanted else "none"
    if reported.version > wanted:
        return "foreign"
    if reported.version == wanted:
        return "none" if not wanted else "pending" if reported.state == "pending" else "applied"
    if reported.state in ("rejected", "rolled_back") and reported.wanted in (UNSET, wanted):
        return "rejected" if reported.state == "rejected" else "rolled_back"
    return "behind"


def told(health: Health | None) -> dict[str, str]:
    """What a sensor says it is made of: `software`, `model`, `kernel`, and its Wi-Fi `adapter`."""
    if health is None:
        return {}
    found = {"software": health.software}
    if health.machine is not UNSET:
        found |= {name: _text(getattr(health.machine, name)) for name in ("model", "kernel")}
    return found | {"adapter": next((one.source for one in health.radios if one.radio == "wifi"), "")}


def opened(payload: bytes) -> DeviceConfig | None:
    """The document in the JSON of a `Signed`; None where there is none. Nobody looks at the signature here."""
    try:
        return decode(DeviceConfig, base64.b64decode(decode(Signed, payload).payload, validate=True))
    except (ContractError, binascii.Error):
        return None


def settings_of(document: DeviceConfig) -> Settings:
    """What a document wants, but for who opted out."""
    return Settings(**{name: getattr(document, name) for name in Settings.__struct_fields__})


def document(
    sensor: str, version: int, wanted: Settings, opt_outs: OptOuts | UnsetType, valid: tuple[int, int]
) -> DeviceConfig:
    """The document that wants this of a sensor, taken from the first to the second UTC second of `valid`."""
    fields: dict[str, Any] = {name: getattr(wanted, name) for name in Settings.__struct_fields__}
    return DeviceConfig(
        sensor=sensor, version=version, not_before=valid[0], expires=valid[1], opt_outs=opt_outs, **fields
    )


def _text(value: str | UnsetType) -> str:
    return "" if value is UNSET else value
