"""The sensing process: radios to core to outbox. It has no network and never will.

1. A closed window is committed to the outbox before anything else happens to it (`shelf`).
2. The open epoch lies in the kernel's keyring too, brought up to date with every window, so that a crash does not
   count the day's visitors again. It is never written to a disk.
3. At the end of an epoch the process becomes a new one (`renewal`): no tag, and no copy of a key, is left in memory.
   So it does when the fleet's settings change; the epoch goes on then, by way of the keyring.
"""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, structs

from agent import learnt, renewal, status
from agent.clock import Clock, ScaledClock, SystemClock, boot_id
from agent.config import Bluetooth, Capture, Config, Monitor
from agent.contract import Health, Privacy, RadioHealth
from agent.core.epoch import KEY_BYTES, LONGEST_EPOCH_S
from agent.core.gauge import Gauge
from agent.core.hours import opening
from agent.core.memory import Place, Visits
from agent.core.noise import EPSILON
from agent.core.panels import Held
from agent.core.sensor import Sensor
from agent.core.window import Zones
from agent.dial import Dial
from agent.ear import Ear
from agent.in_force import InForce
from agent.keyring import Keyring
from agent.notify import Service
from agent.outbox import Outbox
from agent.point import Point
from agent.radio import Radio, RadioError
from agent.radio.paced import Paced, played
from agent.radio.wifi import Wifi
from agent.renewal import Handed, Total
from agent.shelf import Shelf
from agent.status import Kept

log = logging.getLogger("footfall.sense")

_LOOK_S = 0.5
_ABSENT_S = 30.0  # a loop that took longer than this was not listening
_NOTE_S = 3600.0  # what is learnt is written so seldom that it wears no card


def make_clock(config: Config, told: float | None = None) -> Clock:
    """The clock the settings ask for: the machine's, or a scaled one for simulations; `told` as in `Handed`."""
    if config.time:
        return ScaledClock(config.time.start, config.time.real_start, config.time.speed)
    return SystemClock(battery=config.battery_clock, told=told)


def open_wifi(config: Config, clock: Clock) -> Radio:
    """The Wi-Fi radio the settings ask for. Raises RadioError."""
    source = config.radio.wifi
    if isinstance(source, Monitor):
        return Wifi(found(config, "wifi", source.interface), clock.now)
    if isinstance(source, Capture):
        return play(source, config, clock)
    from agent.radio import street  # noqa: PLC0415 - a simulation that no real sensor needs in memory

    return Paced("street", street.frames(street.Profile(**structs.asdict(source)), clock.now()), clock)


def open_second(config: Config, clock: Clock) -> Radio:
    """The second Wi-Fi stick, where there is one. Raises RadioError."""
    source = config.radio.wifi
    wanted = source.second_interface if isinstance(source, Monitor) else "none"
    return Wifi(found(config, "wifi", wanted, place=1), clock.now)


def open_ble(config: Config, clock: Clock) -> Radio:
    """The Bluetooth radio the settings ask for. Raises RadioError."""
    source = config.radio.ble
    if isinstance(source, Capture):
        return play(source, config, clock)
    asked = source or Bluetooth()
    from agent.radio.ble import Ble  # noqa: PLC0415 - not every sensor has it

    return Ble(asked.adapter, asked.mode, clock.now)


def play(source: Capture, config: Config, clock: Clock) -> Radio:
    """A capture in place of a radio. Raises RadioError."""
    start = None if config.time else clock.now()
    return Paced("capture", played(Path(source.path), start, loop=source.loop), clock)


def found(config: Config, radio: str, wanted: str, place: int = 0) -> str:
    """The name of the radio to open: the one that is wanted, or what the keeping process found. Raises RadioError."""
    if wanted != "auto":
        return wanted
    said = status.read_radios(config.radios_path)
    if said is None:
        raise RadioError(
            "Which Wi-Fi stick to listen with is found by the service footfall-keep, which has not said: start it, "
            "or name an interface in the settings (radio.wifi.interface)."
        )
    kept = [one for one in said.radios if one.radio == radio][place : place + 1]
    if not kept or not kept[0].ready:
        raise RadioError(kept[0].sentence if kept else "There is no second Wi-Fi stick.")
    return kept[0].name


def draw_key() -> bytearray:
    """32 bytes from the kernel's random source, in the one place where they will be overwritten."""
    key = bytearray(KEY_BYTES)
    with open("/dev/urandom", "rb", buffering=0) as source:  # noqa: PTH123 - random(4); straight into place
        source.readinto(key)
    return key


def make_place(config: Config, outbox: Outbox) -> Place:
    """Where the settings say the sensor stands."""
    return Place(
        zones=Zones(config.zones.inside_dbm, config.zones.outside_dbm),
        zone=ZoneInfo(config.time_zone),
        week=tuple(opening(one.days, one.opens, one.closes) for one in config.hours),
        visits=Visits(secrets.randbelow, outbox.open_budget) if config.profile == "D24" else None,
    )


class Vault:
    """The open epoch in the kernel's keyring, under a name that belongs to this outbox."""

    def __init__(self, outbox: Path, clock: Clock) -> None:
        self._keyring, self._clock = Keyring(f"footfall:{outbox.absolute()}"), clock

    def recall(self) -> Held | None:
        """What was kept before a crash; None after a restart of the machine."""
        found = self._keyring.recall()
        try:
            return None if found is None else msgspec.msgpack.decode(found, type=Held)
        except msgspec.DecodeError:
            return None  # another version's

    def keep(self, held: Held | None) -> None:
        """Replace what is kept; where the kernel refuses, a crash costs the rest of the day's visits."""
        if held is None:
            self._keyring.destroy()
            return
        left = LONGEST_EPOCH_S - (self._clock.boot() - held.boot)
        self._keyring.keep(msgspec.msgpack.encode(held), max(1.0, self._clock.real(left)))

    def destroy(self) -> None:
        """Keep nothing."""
        self._keyring.destroy()


class Sensing:
    """The parts of a running sensor, put together."""

    def __init__(self, own: Config, handed: Handed | None) -> None:
        self._in_force = InForce(own)
        config = self._config = self._in_force.config
        renewed = handed is not None and handed.epoch_over
        self.clock = make_clock(config, handed.told if handed else None)
        life = handed.life if handed else None
        outbox = Outbox(config.outbox_path, config.outbox_max_reports, boot_id(), life)
        self._outbox, self._vault = outbox, Vault(config.outbox_path, self.clock)
        self._shelf = Shelf(outbox, *((handed.unsaved, handed.lost) if handed else ()))
        self._sensor = Sensor(
            ("wifi", "ble") if config.radio.ble else ("wifi",),
            draw_key,
            config.window_s,
            make_place(config, outbox),
            handed.learnt if handed else learnt.read(config.learnt_path),
            None if renewed else self._vault.recall(),
            renewed=renewed,
            one_epoch=True,
        )
        self._leave_out()
        self._ears = self._make_ears(handed.totals if handed else [])
        self._point, self._dial = Point(config.leave_path), Dial(config.dial_path)
        self._real = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._began = handed.began if handed else self._real
        self._told, self._noted = 0.0, self._real
        self._states: Sequence[str] = ()  # of the radios, as last told

    def turn(self) -> bool:
        """One round, about half a second; whether this process has to become a new one."""
        self.clock.follow()
        now, before = self.clock.now(), self._real
        for ear in self._ears:
            ear.look(now)
        trusted, boot = self.clock.trusted(), self.clock.boot()
        closed = self._sensor.poll(now, trusted=trusted, boot=boot)
        self._shelf.keep(closed, now - boot if trusted else None)
        if closed:
            self._vault.keep(self._sensor.memory.hold())
        if self._sensor.memory.epoch_ended or (closed and self._config != self._in_force.config):
            return True
        for ear in self._ears:
            ear.listen(_LOOK_S if ear is self._ears[0] else 0.0)
        self._attend()
        self._show()
        self._real = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self._real - before > _ABSENT_S:
            log.warning("absent for %.0f s: that time counts as not listened to", self._real - before)
            for ear in self._ears:
                ear.pause(now)
        states = [ear.state for ear in self._ears]
        if states != self._states or self._real - self._told > min(self._config.health_interval_s, 5.0):
            if self._in_force.look():
                self._leave_out()
            status.write(self._config.status_path, self._health())
            self._told, self._states = self._real, states
        if self._real - self._noted > _NOTE_S:
            learnt.write(self._config.learnt_path, self._sensor.learnt())
            self._noted = self._real
        return False

    def tell(self, service: Service) -> None:
        """The service manager hears of it: ready once a radio is open for sure, alive while no silence is in doubt."""
        told = [ear for ear in self._ears if not ear.second or ear.was_open]
        service.turned(
            " ".join(ear.sentence for ear in told),
            ready=any(ear.proven for ear in told),
            works=all(ear.accounted for ear in told),
        )

    def handed(self) -> Handed:
        """What the next process goes on with."""
        self._close()
        over = self._sensor.memory.epoch_ended
        if over:
            self._vault.destroy()
        learnt_by_now, totals = self._sensor.learnt(), [ear.total for ear in self._ears]
        unsaved, lost, life = self._shelf.unsaved, self._shelf.lost, self._outbox.life
        return Handed(self._began, over, learnt_by_now, unsaved, lost, life, totals, self.clock.told)

    def stop(self) -> None:
        """Close the open window and everything else. In a simulation the epoch ends with it."""
        now, boot = self.clock.now(), self.clock.boot()
        self._shelf.keep(self._sensor.stop(now), now - boot if self.clock.trusted() else None)
        if self._config.time:
            self._vault.destroy()
        else:
            self._vault.keep(self._sensor.memory.hold())
        learnt.write(self._config.learnt_path, self._sensor.learnt())
        self._close()

    def _make_ears(self, totals: list[Total]) -> list[Ear]:
        config, clock = self._config, self.clock
        ears = [Ear("wifi", partial(open_wifi, config, clock), self._sensor, clock, *totals[:1])]
        if config.radio.ble:
            ears.append(Ear("ble", partial(open_ble, config, clock), self._sensor, clock, *totals[1:2]))
        if isinstance(config.radio.wifi, Monitor) and config.radio.wifi.second_interface != "none":
            total = totals[len(ears) : len(ears) + 1]
            ears.append(Ear("wifi", partial(open_second, config, clock), self._sensor, clock, *total, second=True))
        return ears

    def _leave_out(self) -> None:
        listed = self._in_force.listed
        self._sensor.memory.leave_out(None if listed is None else listed.holds)

    def _attend(self) -> None:
        """Who stands at the point, asking to be left out."""
        now = self.clock.now()
        if self._point.asked():
            self._sensor.memory.ask_to_leave(now)
        answer = self._sensor.memory.answer(now)
        if answer is not None:
            self._point.answer(answer)

    def _show(self) -> None:
        """What is heard just now, to who sets the sensor up."""
        sensor, now = self._sensor, self.clock.now()
        if not self._dial.looked_at():
            sensor.gauge = None
        elif sensor.gauge is None:
            sensor.gauge = Gauge(now)
        else:
            self._dial.show(sensor.gauge.read(now, rests=sensor.resting, walks=self._dial.walks))

    def _close(self) -> None:
        for ear in self._ears:
            ear.close()
        self._point.close()
        self._dial.close()
        self._outbox.close()

    def _health(self) -> Health:
        config, memory = self._config, self._sensor.memory
        counts_visits = config.profile == "D24"
        age, listed = memory.epoch_age(self.clock.boot()), self._in_force.opt_outs
        return Health(
            sensor=config.sensor,
            at=self.clock.now(),
            uptime_s=round(self._real - self._began, 1),
            software=version("footfall"),
            clock="trusted" if self.clock.trusted() else "untrusted",
            profile=config.profile,
            radios=self._radios(),
            time=self.clock.kept() or UNSET,
            privacy=Privacy(
                site=config.privacy.site,
                inside_dbm=config.zones.inside_dbm,
                outside_dbm=config.zones.outside_dbm,
                longest_key_s=LONGEST_EPOCH_S if counts_visits else float(config.window_s),
                epsilon=EPSILON if counts_visits else 0.0,
                panel=memory.panel,
                epoch_age_s=None if age is None else round(age, 1),
                opt_outs=len(listed.entries) if listed else 0,
                opt_outs_age_s=max(0.0, round(self.clock.now() - listed.made_at, 1)) if listed else None,
            ),
        )

    def _radios(self) -> list[RadioHealth]:
        """How each radio is, with what the keeping process says of it. A second stick counts once there is one."""
        for ear in self._ears:
            ear.end_span(max(self._config.window_s, self._config.health_interval_s))
        said = status.read_radios(self._config.radios_path)
        kept = {one.name: one for one in said.radios} if said else {}
        told = [ear.health() for ear in self._ears if not ear.second or ear.was_open]
        return [_with(one, kept[one.source]) if one.source in kept else one for one in told]


def _with(heard: RadioHealth, kept: Kept) -> RadioHealth:
    channels = {str(channel): share for channel, share in kept.channels.items()}
    rungs = {} if heard.rungs is UNSET else heard.rungs
    detail = heard.detail if heard.state == "listening" else kept.sentence or heard.detail
    return structs.replace(heard, channels=channels or UNSET, rungs={**rungs, **kept.rungs}, detail=detail)


def run(config: Config, stopping: Callable[[], bool]) -> Handed | None:
    """Sense until `stopping` says so, or until the process has to become a new one.

    What the new one goes on with, or None.
    """
    service = Service()
    service.opening("Opens the outbox.")
    sensing = Sensing(config, renewal.taken())
    while not stopping():
        if sensing.turn():
            return sensing.handed()
        sensing.tell(service)
    sensing.stop()
    return None
