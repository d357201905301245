"""Standing: what of the fleet's settings is in force, as the talking process knows it, and what the next document does.

1. It is the only one that takes a document, a key list or a verdict; each is on the disk before it is in force or told.
2. A document that has to stand a trial (`core.trial`) is taken once the sensing process has said which radios hear, or
   has been silent for a minute. It is in force during its trial, and `pending`.
3. What cannot be taken yet waits: for its time, for a key list that names its signer, for the sensing process.
4. A disk that refuses: a document is not taken; a verdict holds in memory, and is found again after a restart.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from msgspec import UNSET, structs

from agent import desired, effective, status, taken
from agent.clock import boot_s
from agent.config import Config, Mqtt
from agent.contract import DeviceConfig, ReportedConfig, Signed
from agent.contract.desired import PROBATION_S
from agent.core.trial import Course, Hears, Trial, is_tried, resumed
from agent.desired import EarlyError, RefusedError, StrangerError
from agent.keylist import Keys
from agent.taken import Document, Held, Taken

log = logging.getLogger("footfall.standing")

_SILENT_S = 60.0  # a sensing process that has not said how it is for so long will not
_SETTLE_S = 120.0  # of a trial, after the window in which the sensing process learnt of it


class Moment(NamedTuple):
    """`now`: UTC second; `at`: second of CLOCK_BOOTTIME; `radios`: how they are, by name; None where nobody says."""

    now: float
    at: float
    radios: Mapping[str, Hears] | None


def moment(config: Config) -> Moment:
    """This moment on this sensor."""
    return Moment(time.time(), boot_s(), _radios(config))


def trial_s(config: Config) -> float:
    """How long a trial lasts here: what the sensing process changes, it changes at the end of a window."""
    return max(PROBATION_S, config.window_s + _SETTLE_S)


class Standing:
    """`report` is the last word on it, for the cloud; `config` the settings in force."""

    def __init__(self, own: Config, at: float, boot: str, length_s: float | None = None) -> None:
        """`at`: second of CLOCK_BOOTTIME in the machine's life `boot`; `length_s`: of a trial."""
        self._own, self._boot, self._began = own, boot, at
        self._length_s = trial_s(own) if length_s is None else length_s
        self._keys = Keys(own)
        self._waiting: tuple[float, Signed] | None = None  # from which UTC second to try it again
        self._course: Course | None = None
        self._tried = 0
        self._hold(taken.read(own))
        self._resume(at)
        self.report = self._as_it_is()

    @property
    def terms(self) -> tuple[Mqtt, int]:
        """What a connection is made under, the broker and the last version on trial: others need another connection."""
        return self.config.mqtt, self._tried

    @property
    def is_busy(self) -> bool:
        """Whether something waits or is on trial, and so `look` has something to do."""
        return self._course is not None or self._waiting is not None

    def take(self, payload: bytes, here: Moment) -> ReportedConfig | None:
        """Take the document in `payload`, or do not, and say so.

        None for an empty payload: a broker sends it when a retained message is withdrawn, and that ends nothing here.
        """
        if not payload:
            return None
        try:
            signed = desired.message(payload)
        except RefusedError as error:
            self.report = self._rejected(str(error))
            return self.report
        if self._held is None or signed != self._held.taken.newest.signed:
            self.report = self._judge(signed, here)
        elif self.report.state == "rejected":
            self.report = self._as_it_is()
        return self.report

    def take_keys(self, payload: bytes) -> ReportedConfig | None:
        """Take the key list in `payload`; None unless it is a new one, and right."""
        try:
            if not self._keys.take(payload):
                return None
        except RefusedError as error:
            log.warning("a key list is not taken: %s", error)
            return None
        if self._waiting is not None:
            self._waiting = 0.0, self._waiting[1]
        self.report = structs.replace(self.report, keys=self._keys.version)
        return self.report

    def look(self, here: Moment, *, answered: bool) -> ReportedConfig | None:
        """Go on with what waits and what is on trial; None if there is nothing to tell.

        `answered`: the cloud did, on a connection made under these `terms`.
        """
        if self._course is not None and self._held is not None:
            verdict = self._course.look(here.at, here.radios or {}, answered=answered)
            if verdict is not None:
                self._end(self._held, None if verdict.passed else verdict.why)
                self.report = self._as_it_is()
                return self.report
        if self._waiting is None or here.now < self._waiting[0]:
            return None
        before, (_, signed) = self.report, self._waiting
        self._waiting = None
        self.report = self._judge(signed, here)
        return None if self.report == before else self.report

    def _judge(self, signed: Signed, here: Moment) -> ReportedConfig:
        """Take the document or not; the report on that."""
        wanted: DeviceConfig | None = None
        try:
            wanted = desired.settings(signed, self._keys.may_sign, self._own.sensor)
            desired.check_taken(wanted, here.now, self._held.newest.version if self._held else 0)
            desired.check_list_stays(wanted, self._held.listed_at if self._held else None)
            effective.tightened(self._own, wanted)
            trial = self._trial(here) if is_tried(wanted, self._held.good if self._held else None) else None
            if trial is not None and here.radios is None and here.at - self._began < _SILENT_S:
                self._waiting = here.now + 1, signed
                return self.report
            self._keep(signed, trial)
        except RefusedError as error:
            if isinstance(error, EarlyError):
                self._waiting = error.opens, signed
            elif isinstance(error, StrangerError) and self._own.fleet.root_keys:
                self._waiting = float("inf"), signed
            return self._rejected(str(error), UNSET if wanted is None else wanted.version)
        self._waiting = None
        self._try(trial, wanted, here.at)
        log.info("settings of version %d are in force%s", wanted.version, "" if trial is None else ", on trial")
        return self._as_it_is()

    def _trial(self, here: Moment) -> Trial:
        hears = sorted(name for name, told in (here.radios or {}).items() if told.state == "listening")
        return Trial(began=here.at, boot=self._boot, hears=hears)

    def _keep(self, signed: Signed, trial: Trial | None) -> None:
        """The document is the newest from now on, and in force."""
        fresh = Taken(newest=Document(signed=signed, keys=self._keys.signed))
        if trial is not None:
            good = self._held.last_good if self._held else UNSET
            fresh = structs.replace(fresh, good=good, trial=trial)
        held = Held(fresh, self._own)
        taken.write(self._own, fresh)
        self._hold(held)

    def _end(self, held: Held, why: str | None) -> None:
        """The trial is over: passed, or failed and why."""
        version = held.newest.version
        if why is None:
            log.info("settings of version %d have passed their trial", version)
            fresh = Taken(newest=held.taken.newest)
        else:
            log.warning("settings of version %d failed their trial, the last good ones are back: %s", version, why)
            fresh = structs.replace(held.taken, trial=UNSET, failed=why[:200])
        self._course = None
        self._write(fresh)

    def _resume(self, at: float) -> None:
        """Go on with a trial that another process, or another life of the machine, began."""
        if self._held is None or self._held.taken.trial is UNSET:
            return
        before = self._held.taken.trial
        trial = resumed(before, self._boot, at)
        self._try(trial, self._held.newest, at)
        if trial != before:
            self._write(structs.replace(self._held.taken, trial=trial))

    def _try(self, trial: Trial | None, wanted: DeviceConfig, at: float) -> None:
        self._course = None if trial is None else Course(trial, wanted, at, self._length_s)
        self._tried = self._tried if trial is None else wanted.version

    def _write(self, fresh: Taken) -> None:
        try:
            taken.write(self._own, fresh)
        except RefusedError as error:
            log.warning("how the trial stands is not kept: %s", error)
        self._hold(Held(fresh, self._own))

    def _hold(self, held: Held | None) -> None:
        self._held = held
        self.config = self._own if held is None else effective.strictest(self._own, held.in_force)
        self._digest = effective.digest(self.config)

    def _as_it_is(self) -> ReportedConfig:
        held = self._held
        if held is None:
            return self._said("applied")
        if held.taken.failed is not UNSET:
            return self._said("rolled_back", held.taken.failed, held.newest.version)
        return self._said("applied" if held.taken.trial is UNSET else "pending")

    def _rejected(self, why: str, wanted: Any = UNSET) -> ReportedConfig:
        found = self._said("rejected", why[:200], wanted)
        if found != self.report:  # a retained document comes again with every connection
            log.warning("settings from the fleet are not taken: %s", why)
        return found

    def _said(
        self, state: Literal["applied", "rejected", "pending", "rolled_back"], reason: str = "", wanted: Any = UNSET
    ) -> ReportedConfig:
        return ReportedConfig(
            sensor=self._own.sensor,
            version=self._held.version if self._held else 0,
            state=state,
            reason=reason,
            wanted=wanted,
            hash=self._held.hash if self._held else UNSET,
            effective=self._digest,
            keys=self._keys.version,
        )


def _radios(config: Config) -> dict[str, Hears] | None:
    """How the sensing process says that the radios are, if it says so of now."""
    health = status.read_fresh(config.status_path, time.time())
    if health is None:
        return None
    found: dict[str, Hears] = {}
    for one in health.radios:
        name = one.radio if one.radio not in found else f"{one.radio} 2"
        found[name] = Hears(one.state, one.detail)
    return found
