"""Bluez: the Bluetooth service as one adapter shows it over D-Bus, and what its refusals mean for the person there.

1. It is asked over a connection of our own; the one bleak has to itself brings the traffic of all devices.
2. bleak does not notice that an adapter, or the service, went away. So the adapter's properties are asked for every
   few seconds, and the answer shows by its sender whether the service is still the same one.
3. No answer's free text is passed on. What is said is one of the sentences here.

Sources: BlueZ doc/org.bluez.Adapter.rst and org.bluez.AdvertisementMonitorManager.rst; the D-Bus specification's names
of errors; Documentation/ABI/stable/sysfs-class-rfkill.
"""

from pathlib import Path
from typing import Any, NamedTuple

from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError
from dbus_fast import AuthError, BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

_SERVICE, _PROPERTIES = "org.bluez", "org.freedesktop.DBus.Properties"
_ADAPTER, _MONITORS = "org.bluez.Adapter1", "org.bluez.AdvertisementMonitorManager1"
_BY_HARDWARE = "controller-patterns"

_NOT_RUNNING = "The Bluetooth service is not running: start it with 'sudo systemctl start bluetooth.service'."
_DENIED = (
    "This user may not speak to the Bluetooth service: add the user to the group bluetooth, and start the service "
    "footfall-sense anew."
)
_UNKNOWN = "The Bluetooth service does not have the adapter {name}: plug it in again."
_BLOCKED = "Bluetooth is blocked on this machine: lift it with 'sudo rfkill unblock bluetooth', or use its switch."
_OFF = "The Bluetooth adapter {name} is switched off: switch it on with 'bluetoothctl power on'."
_HANGS = "The Bluetooth service does not answer: restart it with 'sudo systemctl restart bluetooth.service'."
_NO_DBUS = "There is no D-Bus on this machine: start it with 'sudo systemctl start dbus.service'."
_OTHER = "The Bluetooth scan cannot be kept running ({kind}): see 'journalctl -u bluetooth.service' for why."
_BY_NAME = {
    "org.freedesktop.DBus.Error.AccessDenied": _DENIED,
    "org.freedesktop.DBus.Error.AuthFailed": _DENIED,
    "org.freedesktop.DBus.Error.UnknownObject": _UNKNOWN,
    "org.freedesktop.DBus.Error.UnknownMethod": _UNKNOWN,
    "org.freedesktop.DBus.Error.InvalidArgs": _UNKNOWN,
    "org.bluez.Error.NotReady": _OFF,
}


class Adapter(NamedTuple):
    """How an adapter is. `service`: who answered; another one after a restart."""

    powered: bool
    service: str


class Monitors(NamedTuple):
    """What passive scans can be asked of an adapter. `by_hardware`: the adapter itself leaves out what is not asked."""

    there: bool
    by_hardware: bool


class Bluez:
    """The adapter `name` over D-Bus. `connect` first. Everything raises what `why` puts into words."""

    def __init__(self, name: str) -> None:
        self._path = f"/org/bluez/{name}"
        self._bus: MessageBus

    async def connect(self) -> None:
        """Connect to the system's bus."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    async def adapter(self) -> Adapter:
        """How the adapter is now."""
        reply = await self._ask("GetAll", "s", _ADAPTER)
        return Adapter(bool(reply.body[0]["Powered"].value), str(reply.sender))

    async def monitors(self) -> Monitors:
        """What passive scans it can do; none where BlueZ does not have its experimental interfaces on."""
        try:
            reply = await self._ask("GetAll", "s", _MONITORS)
        except BleakDBusError:
            return Monitors(there=False, by_hardware=False)
        features = reply.body[0].get("SupportedFeatures")
        return Monitors(there=True, by_hardware=features is not None and _BY_HARDWARE in features.value)

    async def switch_on(self) -> None:
        """Switch the adapter on."""
        await self._ask("Set", "ssv", _ADAPTER, "Powered", Variant("b", True))

    async def _ask(self, member: str, signature: str, *body: Any) -> Message:
        asked = Message(
            destination=_SERVICE,
            path=self._path,
            interface=_PROPERTIES,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await self._bus.call(asked)
        if reply is None or reply.message_type == MessageType.ERROR:
            raise BleakDBusError(reply.error_name or "" if reply else "", [])
        return reply


def why(error: Exception, name: str) -> str:
    """A sentence for the person who can do something about it."""
    kind = type(error).__name__
    if isinstance(error, BleakDBusError):
        kind = error.dbus_error
        unnamed = _OTHER if kind.startswith("org.bluez.") else _NOT_RUNNING  # it could not be started on demand
        sentence = _BY_NAME.get(kind, unnamed)
        if _is_blocked(name):  # BlueZ does not say that this is why it fails
            sentence = _BLOCKED
    elif isinstance(error, TimeoutError):
        sentence = _HANGS
    elif isinstance(error, (AuthError, BleakBluetoothNotAvailableError)):
        sentence = _DENIED
    elif isinstance(error, (OSError, EOFError)):
        sentence = _NO_DBUS
    else:
        sentence = _OTHER
    return sentence.format(name=name, kind=kind)


def off(name: str) -> str:
    """The sentence for an adapter that is off."""
    return _OFF.format(name=name)


def _is_blocked(name: str) -> bool:
    """Whether a switch, of software or on the machine, keeps the adapter off."""
    found = [one / kind for one in Path("/sys/class/bluetooth", name).glob("rfkill*") for kind in ("soft", "hard")]
    return any(switch.is_file() and switch.read_text().strip() == "1" for switch in found)
