"""The keeping process: readies the radios, changes their channels, and brings back one that hears nothing.

1. It has the rights that takes, and hears nothing: no packet socket, no advertisement, no network. The process that
   hears has none of these rights. They know of each other by two files in memory (`status`).
2. It takes an interface that is free and never one that carries the sensor's own connection. It sets monitor mode on
   the interface itself and makes no second one, which some drivers leave without frames.
3. What it does for a radio that does not hear is decided by `core.ladder`, done by `rescue`, and counted in health.
4. What the fleet signed (`in_force`) holds from the next round on. The ladders begin anew then: what was tried under
   other settings says little of these.
5. The machine is restarted only outside opening hours, once in six hours at most, and the number is kept on the disk.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from agent import status
from agent.config import Bluetooth, Config, Monitor
from agent.contract import Health
from agent.core import hours, ladder
from agent.core.adapters import Adapter, Plan, choose
from agent.core.channels import Hops, frequency
from agent.core.ladder import Ladder
from agent.in_force import InForce
from agent.notify import Service
from agent.radio import RadioError, hci, nl80211
from agent.rescue import Rescue, switched_off
from agent.status import Kept, Radios

log = logging.getLogger("footfall.keep")

_ROUND_S = 1.0
_SEARCH_S, _LATER_S = 5.0, 60.0  # to look at the adapters again: while one refuses, and otherwise
_TELL_S = 5.0
_GRACE_S = 15.0  # the process that hears looks for a radio every few seconds, and says so every few more
_HELPLESS = "Nothing has brought it back: pull it out, wait ten seconds and plug it in; if it stays so, replace it."
_BLUETOOTH = Path("/sys/class/bluetooth")
_NET = Path("/sys/class/net")


class Reboots:
    """How often the machine was restarted for a radio's sake; on the disk, for it outlives them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.count = msgspec.json.decode(path.read_bytes(), type=int)
        except (OSError, msgspec.DecodeError):
            self.count = 0

    def note(self) -> None:
        """One more."""
        self.count += 1
        self._path.write_bytes(msgspec.json.encode(self.count))


class Care:
    """One radio that is looked after: its ladder, which outlives the adapter, and the adapter it has now.

    `radio`: "wifi" or "ble". `name` is "" where there is none.
    """

    def __init__(self, radio: Literal["wifi", "ble"], note_reboot: Callable[[], None]) -> None:
        self.radio, self.name, self.ready, self.sentence = radio, "", False, ""
        self._ready_at = 0.0
        self._note_reboot = note_reboot
        self._rescue: Rescue | None = None
        rungs = ladder.WIFI if radio == "wifi" else ladder.BLE
        self.ladder = Ladder(rungs, lambda rung: self._rescue is not None and self._rescue.take(rung))

    def found(self, name: str) -> None:
        """The adapter is `name` now."""
        self.name, self._rescue = name, Rescue(self.radio, name, self._note_reboot)

    def lost(self, sentence: str) -> None:
        """There is none now, and this is why."""
        self.ready, self.sentence, self.name = False, sentence, ""

    def readied(self, at: float) -> None:
        """It can be listened to now, and the process that hears will find that out."""
        if not self.ready:
            self._ready_at = at
        self.ready, self.sentence = True, ""

    def look(self, at: float, health: Health | None, *, may_reboot: bool) -> bool:
        """Take the next step, if the process that hears says it is needed; whether one was taken."""
        well = self._is_well(health)
        if well is None or self._rescue is None or (self.ready and at - self._ready_at < _GRACE_S):
            return False
        taken = self.ladder.look(at, well=well, may_reboot=may_reboot)
        if taken:
            log.warning("%s does not hear: %s", self.name or self.radio, taken)
        return taken is not None

    def _is_well(self, health: Health | None) -> bool | None:
        """Whether it hears; None where nothing is known."""
        if health is None:
            return None
        told = [one for one in health.radios if one.radio == self.radio and one.source in (self.name, "none")]
        if not told:
            return None if self.name else False
        return told[0].state == "listening"

    def shares(self, at: float) -> dict[int, float]:  # noqa: ARG002 - a radio without channels
        """The share of the last hour on each channel, where there are channels to be on."""
        return {}


class Stick(Care):
    """A Wi-Fi stick with its plan of channels."""

    def __init__(self, plan: Plan, stay_s: float, note_reboot: Callable[[], None]) -> None:
        super().__init__("wifi", note_reboot)
        self.plan = plan
        self.hops = Hops(plan.channels, stay_s, random.random)

    def take(self, adapter: Adapter, at: float) -> None:
        """Make it listen, if it does not yet."""
        if adapter.interface != self.name:
            self.found(adapter.interface)
            self.hops.lost(at)
        try:
            nl80211.listen_on(self.name)
            self.readied(at)
        except RadioError as error:
            self._fail(error, at)

    def look(self, at: float, health: Health | None, *, may_reboot: bool) -> bool:
        """As for any radio; after a step its channel is set anew."""
        taken = super().look(at, health, may_reboot=may_reboot)
        if taken:
            self.hops.lost(at)
        return taken

    def hop(self, tuner: nl80211.Tuner, at: float) -> None:
        """Change the channel if it is time to."""
        channel = self.hops.due(at) if self.ready else None
        if channel is None:
            return
        try:
            tuner.tune(self.name, frequency(channel))
            self.hops.parked(channel, at)
        except RadioError as error:
            self._fail(error, at)

    def shares(self, at: float) -> dict[int, float]:
        """The share of the last hour on each channel."""
        return self.hops.shares(at)

    def _fail(self, error: RadioError, at: float) -> None:
        if str(error) != self.sentence:
            log.warning("%s", error)
        self.ready, self.sentence = False, str(error)
        self.hops.lost(at)


class Keeping:
    """All radios of a sensor, round by round; `at` is in seconds of CLOCK_BOOTTIME."""

    def __init__(self, config: Config) -> None:
        self._config, self._reboots = config, Reboots(config.reboots_path)
        self._week = tuple(hours.opening(one.days, one.opens, one.closes) for one in config.hours)
        self._sticks: list[Stick] = []
        wifi = config.radio.wifi
        if isinstance(wifi, Monitor):
            plans = [Plan(wifi.interface, wifi.channels)]
            if wifi.second_interface != "none":
                plans.append(Plan(wifi.second_interface, wifi.second_channels))
            self._sticks = [Stick(plan, wifi.stay_s, self._reboots.note) for plan in plans]
            self._tuner = nl80211.Tuner()
            self._country = wifi.country
        ble = config.radio.ble
        self._ble = Care("ble", self._reboots.note) if isinstance(ble, Bluetooth) else None
        self._wanted_ble = ble.adapter if isinstance(ble, Bluetooth) else "auto"
        self._search_at = self._tell_at = 0.0
        self._was_there: set[str] = set()

    def keeps(self, config: Config) -> bool:
        """Whether it goes by these settings already."""
        return (config.radio, config.hours) == (self._config.radio, self._config.hours)

    def close(self) -> None:
        """Let go of what it asks the kernel by; the radios stay as they are."""
        if self._sticks:
            self._tuner.close()

    def turn(self, at: float) -> float:
        """One round; how long to wait for the next, in seconds."""
        there = self._there()
        changed = there != self._was_there
        if changed and self._sticks:
            self._set_country()
        if changed or at >= self._search_at:
            self._search(at)
            self._was_there = there
            failed = any(care.name and not care.ready for care in self._cared())
            self._search_at = at + (_SEARCH_S if failed else _LATER_S)
        for stick in self._sticks:
            stick.hop(self._tuner, at)
        health = self._health()
        may_reboot = any(care.ladder.flagged for care in self._cared()) and self._may_reboot(at)
        taken = [care.look(at, health, may_reboot=may_reboot) for care in self._cared()]
        if any(taken):
            self._search_at = at  # what was done may have undone what it had been set to
        if changed or at >= self._tell_at:
            status.write(self._config.radios_path, Radios(at=at, radios=[self._kept(one, at) for one in self._cared()]))
            self._tell_at = at + _TELL_S
        due_s = min((stick.hops.due_at - at for stick in self._sticks if stick.ready), default=_ROUND_S)
        return max(0.0, min(_ROUND_S, due_s))

    @property
    def sentence(self) -> str:
        """How the radios are, for a person."""
        return " ".join(f"{one.name or one.radio}: {one.sentence or 'ready.'}" for one in self._cared()) or "No radio."

    def _cared(self) -> list[Care]:
        return [*self._sticks, *([self._ble] if self._ble else [])]

    def _there(self) -> set[str]:
        """The names of all interfaces and Bluetooth adapters: cheap to ask for, and new whenever one comes or goes."""
        return {one.name for place in (_NET, _BLUETOOTH) if place.is_dir() for one in place.iterdir()}

    def _search(self, at: float) -> None:
        """Which adapters there are now, and which of them each plan gets."""
        if self._sticks:
            try:
                choices = choose(nl80211.adapters(), [stick.plan for stick in self._sticks])
            except RadioError as error:
                choices = [(None, str(error))] * len(self._sticks)
            for stick, (adapter, sentence) in zip(self._sticks, choices, strict=True):
                if adapter is None:
                    stick.lost(sentence)
                    stick.hops.lost(at)
                else:
                    stick.take(adapter, at)
        if self._ble:
            self._search_ble(self._ble, at)

    def _search_ble(self, care: Care, at: float) -> None:
        name = hci.adapter(self._wanted_ble)
        if name is None:
            care.lost(
                "There is no Bluetooth adapter: plug a Bluetooth stick in, or take radio.ble out of the settings."
            )
            return
        if name != care.name:
            care.found(name)
        if switched_off(_BLUETOOTH / name):
            care.ready, care.sentence = False, "Bluetooth is switched off by a switch on the machine: switch it on."
        else:
            care.readied(at)

    def _kept(self, care: Care, at: float) -> Kept:
        rungs = dict(care.ladder.counts)
        if self._reboots.count:
            rungs["reboot"] = self._reboots.count
        return Kept(
            radio=care.radio,
            name=care.name,
            ready=care.ready,
            sentence=care.sentence or (_HELPLESS if care.ladder.flagged else ""),
            channels={str(one): round(share, 3) for one, share in care.shares(at).items()},
            rungs=rungs,
        )

    def _health(self) -> Health | None:
        """What the process that hears says, if it is of now."""
        return status.read_fresh(self._config.status_path, time.time())

    def _may_reboot(self, at: float) -> bool:
        now = time.time()
        zone = ZoneInfo(self._config.time_zone)
        is_open, _ = hours.look(self._week, zone, now)
        hour = datetime.fromtimestamp(now, zone).hour
        return ladder.may_reboot(at, is_open=is_open, has_hours=bool(self._week), local_hour=hour)

    def _set_country(self) -> None:
        """Whenever adapters change, for the kernel may have forgotten it. A refusal leaves what is in force."""
        try:
            if self._country and nl80211.country() != self._country:
                nl80211.set_country(self._country)
        except RadioError as error:
            log.warning("%s", error)


def run(config: Config, stopping: Callable[[], bool]) -> None:
    """Look after the radios until `stopping` says so; from the beginning when the fleet changes what it goes by."""
    in_force, service = InForce(config), Service()
    keeping = Keeping(in_force.config)
    while not stopping():
        if in_force.look() and not keeping.keeps(in_force.config):
            keeping.close()
            keeping = Keeping(in_force.config)
        wait_s = keeping.turn(time.clock_gettime(time.CLOCK_BOOTTIME))
        service.turned(keeping.sentence)
        time.sleep(wait_s)
