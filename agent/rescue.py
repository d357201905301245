"""Rescue: the steps that bring a radio back, as the kernel and systemd offer them. Each needs root and no network.

1. A step that this machine or this radio does not have says so (False); the ladder then takes the next.
2. No step touches anything but the radio it is for. The two that do, the Bluetooth service and the machine, come last.
3. What a step does is done when it returns; whether it helped is seen by what the radio hears afterwards.

Sources: Documentation/ABI/stable/sysfs-class-rfkill, Documentation/usb/authorization.rst,
BlueZ doc/mgmt-api.txt (Set Powered).
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from agent.contract.health import Rung
from agent.radio import hci, nl80211

_CLASSES = {"wifi": Path("/sys/class/net"), "ble": Path("/sys/class/bluetooth")}
_OFF_S = 2.0
_PATIENCE_S = 20.0


class Rescue:
    """The steps for the radio called `name` of a kind ("wifi", "ble"). `note_reboot` is told before a restart."""

    def __init__(self, kind: str, name: str, note_reboot: Callable[[], None]) -> None:
        self._kind, self._name, self._note_reboot = kind, name, note_reboot
        self._usb = usb_device(_CLASSES[kind] / name)  # now, for it cannot be found once the radio is gone

    def take(self, rung: Rung) -> bool:
        """Take a step; whether there was one to take."""
        steps: dict[Rung, Callable[[], bool]] = {
            "unblock": lambda: unblock(_CLASSES[self._kind] / self._name),
            "power": self._power,
            "usb": lambda: self._usb is not None and reset_usb(self._usb),
            "service": lambda: self._kind == "ble" and _systemctl("restart", "bluetooth.service"),
            "reboot": self._reboot,
        }
        step = steps.get(rung)
        try:
            return step is not None and step()
        except OSError:
            return False

    def _power(self) -> bool:
        if self._kind == "wifi":
            return nl80211.power_cycle(self._name)
        return hci.power_cycle(self._name, _OFF_S)

    def _reboot(self) -> bool:
        self._note_reboot()
        return _systemctl("reboot")


def unblock(radio: Path) -> bool:
    """Lift a block by software (rfkill) from the radio of that class directory; False where there is none to lift."""
    lifted = False
    for switch in switches(radio):
        soft = switch / "soft"
        if soft.read_text().strip() == "1":
            soft.write_text("0")
            lifted = True
    return lifted


def switched_off(radio: Path) -> bool:
    """Whether a switch on the machine itself keeps the radio off, which only a hand can change."""
    return any(switch.joinpath("hard").read_text().strip() == "1" for switch in switches(radio))


def switches(radio: Path) -> list[Path]:
    """The rfkill directories of a radio."""
    return [*radio.glob("phy80211/rfkill*"), *radio.glob("rfkill*")]


def usb_device(radio: Path) -> Path | None:
    """The USB device that a radio's class directory belongs to; None where it is on no USB."""
    try:
        place = radio.joinpath("device").resolve(strict=True)
    except OSError:
        return None
    return next((one for one in (place, *place.parents) if one.joinpath("authorized").is_file()), None)


def reset_usb(device: Path) -> bool:
    """Take the device away from its driver and give it back, as if it were pulled and plugged in."""
    if device.name.startswith("usb"):
        return False  # a hub at the root: all the others hang on it
    switch = device / "authorized"
    switch.write_text("0")
    time.sleep(1.0)
    switch.write_text("1")
    return True


def _systemctl(*words: str) -> bool:
    try:
        done = subprocess.run(["/usr/bin/systemctl", *words], capture_output=True, timeout=_PATIENCE_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
