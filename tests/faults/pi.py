"""A sensor as the contract of settings has it, in simulated time: it takes a document, tries it, keeps it or goes back.

What a document does to it is decided by what is in it: a channel nobody sends on makes it deaf, a broker that is
nowhere cuts it off, a looser floor is rejected, and a higher floor halves what it counts.
"""

import base64
import random
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import UNSET

from agent.contract import DeviceConfig, Health, ReportedConfig, Signed, decode, encode, topics
from agent.contract.desired import PROBATION_S, to_sign
from agent.contract.health import RadioHealth
from cloud.store import Delivery, receive
from tests import fleet

WINDOW_S = 300
DEAD_CHANNELS, NOWHERE, LOOSER_DBM, HALVING_DBM = [177], "nowhere.invalid", -100, -50


@dataclass
class Pi:
    """One sensor; `away` until a UTC second, `broken` once and for all."""

    sensor: str
    public: Ed25519PublicKey
    dice: random.Random
    kernel: str
    away: float = 0.0
    broken: bool = False
    devices: float = 20.0
    in_force: DeviceConfig | None = None
    before: DeviceConfig | None = None
    trial_ends: int | None = None
    failed: str = ""
    seen: bytes = b""
    takes: list[int] = field(default_factory=list)
    sequence: int = 0
    unsaid: list[ReportedConfig] = field(default_factory=list)
    told_deaf: bool = False

    @property
    def deaf(self) -> bool:
        """Whether its radio hears nothing."""
        tuning = self.in_force.tuning if self.in_force else UNSET
        return self.broken or (tuning is not UNSET and tuning.channels == DEAD_CHANNELS)

    def online(self, now: int) -> bool:
        """Whether it reaches the broker."""
        broker = self.in_force.broker if self.in_force else UNSET
        return now >= self.away and not (broker is not UNSET and broker.host == NOWHERE)

    def turn(self, retained: bytes | None, now: int) -> list[Delivery]:
        """A minute: what it says until UTC second `now`, having read what the broker keeps for it."""
        if self.trial_ends is not None and now >= self.trial_ends:
            self._confirm_or_roll_back(now)
        if retained is not None and retained != self.seen and self.online(now):
            self._take(retained, now)
        if not self.online(now):
            return []
        said = [receive(topics.up(self.sensor, "config"), encode(one), now) for one in self.unsaid]
        self.unsaid = []
        if now % WINDOW_S == 0:
            said += self._window(now)
        return said

    def _take(self, payload: bytes, now: int) -> None:
        self.seen = payload
        signed = decode(Signed, payload)
        body = base64.b64decode(signed.payload)
        try:
            self.public.verify(base64.b64decode(signed.sig), to_sign(body))
        except InvalidSignature:
            raise AssertionError(f"{self.sensor} was sent what nobody signed") from None
        told = decode(DeviceConfig, body)
        assert told.sensor == self.sensor
        newest = max([0, *self.takes])
        assert told.version > newest, f"{self.sensor} has taken {newest} and was sent {told.version}"
        assert told.not_before <= now < told.expires
        self.takes.append(told.version)
        if told.outside_dbm is not UNSET and told.outside_dbm <= LOOSER_DBM:
            self._say("rejected", "outside_dbm would be lower than its own.", told.version)
            return
        tried = any(
            getattr(told, name) != (getattr(self.in_force, name) if self.in_force else UNSET)
            for name in ("tuning", "bluetooth", "broker")
        )
        if self.trial_ends is None:
            self.before = self.in_force
        self.in_force, self.trial_ends = told, now + PROBATION_S if tried else None
        self._say("pending" if tried else "applied")

    def _confirm_or_roll_back(self, now: int) -> None:
        self.trial_ends = None
        if not self.deaf and self.online(now):
            self._say("applied")
            return
        failed, self.in_force = self.in_force, self.before
        assert failed is not None
        self._say("rolled_back", "ten minutes without a frame or an answer.", failed.version)

    def _say(self, state: str, reason: str = "", wanted: int | None = None) -> None:
        version = self.in_force.version if self.in_force else 0
        more = {} if wanted is None else {"wanted": wanted}
        self.unsaid.append(ReportedConfig(sensor=self.sensor, version=version, state=state, reason=reason, **more))

    def _window(self, now: int) -> list[Delivery]:
        self.sequence += 1
        floor = self.in_force.outside_dbm if self.in_force else UNSET
        heard = self.dice.gauss(self.devices, self.devices / 10) * (0.5 if floor == HALVING_DBM else 1.0)
        wifi = fleet.heard(listened_s=0.0, inside=None) if self.deaf else fleet.heard(max(0.0, heard), max(0.0, heard))
        report = fleet.report(now - WINDOW_S, WINDOW_S, wifi)
        found = [fleet.delivery(self.sequence, [report], self.sensor, now=now)]
        if self.deaf or self.told_deaf or self.sequence == 1:
            self.told_deaf = self.deaf
            found.append(receive(topics.up(self.sensor, "health"), encode(self._health(now)), now))
        return found

    def _health(self, now: int) -> Health:
        radio = RadioHealth(
            radio="wifi",
            state="missing" if self.deaf else "listening",
            source=f"phy-{self.kernel}",
            frames=1,
            dropped=0,
            last_frame_age_s=1.0,
        )
        return Health(
            sensor=self.sensor,
            at=float(now),
            uptime_s=9.0,
            software=f"1.{self.kernel}",
            clock="trusted",
            profile="F5",
            radios=[radio],
        )
