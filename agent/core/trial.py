"""Trial: whether a sensor can live with new settings, judged by what it hears and whether the cloud answers.

1. On trial are the Wi-Fi's tuning, Bluetooth and the broker (`ON_TRIAL`), where they are others than the last good
   document's. The rest of a document is in force at once and for good: what protects people has nothing to prove.
2. A trial lasts `length_s`. It is passed if at its end the cloud has answered on a connection made under the new
   settings, and every radio that heard before has heard for the last tenth of it; a break shorter than a twentieth is
   none. A radio that did not hear before is not held against them.
3. It has failed before its end if a radio that heard is missing for a fifth of it, or the machine restarts three times.
   A machine that restarts begins the trial anew; a process that does goes on with it, and looks for a fifth of the
   length at least before it judges, unless the trial is twice as old as it should be.
4. After a trial that failed, what was on trial is the last good document's again. Bluetooth that was turned off stays
   off: that made nothing deaf, and on again would be looser. A document that failed still counts as taken.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, structs

from agent.contract import DeviceConfig

ON_TRIAL = ("tuning", "bluetooth", "broker")
MOST_RESTARTS = 3
_STEADY, _BREAK, _GONE = 1 / 10, 1 / 20, 1 / 5  # of the length: 60, 30 and 120 s of ten minutes
_NAMES = {"wifi": "The Wi-Fi radio", "wifi 2": "The second Wi-Fi radio", "ble": "Bluetooth"}


class Trial(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A trial as it is kept: begun at `began` (seconds of CLOCK_BOOTTIME) in the machine's life `boot`.

    `hears`: the radios that heard before it. `restarts`: of the machine, since.
    """

    began: Annotated[float, Meta(ge=0)]
    boot: str
    hears: list[str]
    restarts: Annotated[int, Meta(ge=0)] = 0


class Hears(NamedTuple):
    """How a radio is, and why."""

    state: Literal["listening", "deaf", "missing"]
    detail: str = ""


class Verdict(NamedTuple):
    """How a trial ended; `why` it failed is one sentence."""

    passed: bool
    why: str = ""


def is_tried(wanted: DeviceConfig, good: DeviceConfig | None) -> bool:
    """Whether a document has to stand a trial, after the last `good` one."""
    return any(getattr(wanted, name) != _of(good, name) for name in ON_TRIAL)


def fallen_back(failed: DeviceConfig, good: DeviceConfig | None) -> DeviceConfig:
    """What is in force after the trial of `failed`: rule 4."""
    back = {name: _of(good, name) for name in ON_TRIAL}
    if failed.bluetooth == "off":
        back["bluetooth"] = "off"
    return structs.replace(failed, **back)


def resumed(trial: Trial, boot: str, at: float) -> Trial:
    """A trial that was kept, as it goes on at `at` in the machine's life `boot`."""
    if trial.boot == boot:
        return trial
    return structs.replace(trial, began=at, boot=boot, restarts=trial.restarts + 1)


class Course:
    """A trial as one process sees it, from `at` on. Times in seconds of CLOCK_BOOTTIME."""

    def __init__(self, trial: Trial, wanted: DeviceConfig, at: float, length_s: float) -> None:
        self._trial, self._length_s = trial, length_s
        end = trial.began + length_s
        self._ends = max(end, min(at + _GONE * length_s, end + length_s))
        hears = [one for one in trial.hears if not (one == "ble" and wanted.bluetooth == "off")]
        self._ears = {one: _Ear(length_s) for one in hears}
        self._answered = False

    def look(self, at: float, radios: Mapping[str, Hears], *, answered: bool) -> Verdict | None:
        """The verdict, if there is one yet. A radio that is not among `radios` is missing.

        `answered`: the cloud did, on a connection made under the settings on trial. Once is enough.
        """
        self._answered = self._answered or answered
        if self._trial.restarts >= MOST_RESTARTS:
            return Verdict(False, f"The machine was restarted {MOST_RESTARTS} times during the trial.")
        for name, ear in self._ears.items():
            ear.look(at, radios.get(name))
        for name, ear in self._ears.items():
            if ear.gone_s(at) >= _GONE * self._length_s:
                return Verdict(False, _sentence(f"{name_of(name)} heard before and is missing", ear.detail))
        return self._judged(at) if at >= self._ends else None

    def _judged(self, at: float) -> Verdict:
        if not self._answered:
            return Verdict(False, f"The cloud did not answer in {self._length_s:.0f} seconds of trial.")
        for name, ear in self._ears.items():
            if not ear.hears(at):
                return Verdict(False, _sentence(f"{name_of(name)} heard before and does not now", ear.detail))
        return Verdict(True)


class _Ear:
    """Since when one radio hears, breaks aside, and since when it is missing; None: it does not, it is not."""

    def __init__(self, length_s: float) -> None:
        self._steady_s, self._break_s = _STEADY * length_s, _BREAK * length_s
        self._since: float | None = None
        self._deaf_since: float | None = None
        self._gone_since: float | None = None
        self.detail = ""

    def look(self, at: float, told: Hears | None) -> None:
        self.detail = told.detail if told else "its process does not say how it is"
        is_gone = told is None or told.state == "missing"
        self._gone_since = (at if self._gone_since is None else self._gone_since) if is_gone else None
        if told is None or told.state != "listening":
            self._deaf_since = at if self._deaf_since is None else self._deaf_since
            return
        if self._since is None or self._broke(at):
            self._since = at
        self._deaf_since = None

    def hears(self, at: float) -> bool:
        return self._since is not None and not self._broke(at) and at - self._since >= self._steady_s

    def gone_s(self, at: float) -> float:
        return 0.0 if self._gone_since is None else at - self._gone_since

    def _broke(self, at: float) -> bool:
        return self._deaf_since is not None and at - self._deaf_since > self._break_s


def name_of(radio: str) -> str:
    """A radio's name as a sentence begins with it."""
    return _NAMES.get(radio, radio)


def _sentence(what: str, detail: str) -> str:
    return f"{what}: {detail[:1].lower() + detail[1:].rstrip('.')}." if detail else f"{what}."


def _of(document: DeviceConfig | None, name: str) -> object:
    return UNSET if document is None else getattr(document, name)
