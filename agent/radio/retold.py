"""Retold: what BlueZ tells of a device, put back into the report an adapter makes of an advertisement.

1. It is the way for a machine on which this process may not look at the adapter's own reports.
2. What BlueZ does not tell cannot be put back: the order of the data, whether a list of services is complete, and what
   it could not read. So a device looks different this way and by the adapter's report, but always the same this way.
3. The name is left out, though BlueZ tells it.

Sources: BlueZ doc/org.bluez.Device.rst (what it tells); Core 6.0 Vol 4 Part E 7.7.65.2 (the report); Core Supplement 12
Part A (the data).
"""

from collections.abc import Iterator, Mapping
from typing import Any

_EVENT, _LE_META, _REPORT, _UNDIRECTED = 0x04, 0x3E, 0x02, 0x00
_FLAGS, _SERVICES_16, _SERVICES_128, _TX_POWER, _APPEARANCE = 0x01, 0x03, 0x07, 0x0A, 0x19
_SERVICE_DATA_16, _SERVICE_DATA_128, _COMPANY = 0x16, 0x21, 0xFF
_BASE = "-0000-1000-8000-00805f9b34fb"  # services with a short number are within it (Vol 3 Part B 2.5.1)
_NO_SIGNAL = 127
_MOST = 255 - 12  # of an event's 255 bytes, what is left for data


def report(told: Mapping[str, Any]) -> bytes:
    """An HCI event with its packet type (`Link.HCI`), from the properties of an org.bluez.Device1 object."""
    data = bytearray()
    for structure in _structures(told):
        if len(data) + len(structure) <= _MOST:
            data += structure
    sender = bytes.fromhex(told["Address"].replace(":", ""))[::-1]
    is_random = told.get("AddressType") == "random"
    signal = max(-127, min(_NO_SIGNAL, told.get("RSSI", _NO_SIGNAL))) & 0xFF
    head = bytes((_EVENT, _LE_META, len(data) + 12, _REPORT, 1, _UNDIRECTED, is_random))
    return head + sender + bytes((len(data),)) + data + bytes((signal,))


def _structures(told: Mapping[str, Any]) -> Iterator[bytes]:
    """The advertising data: each its length, its kind, its content."""
    if flags := told.get("AdvertisingFlags"):
        yield _structure(_FLAGS, bytes(flags))
    services = [_service(one) for one in told.get("UUIDs", ())]
    for size, kind in ((2, _SERVICES_16), (16, _SERVICES_128)):
        if listed := [one for one in services if len(one) == size]:
            yield _structure(kind, b"".join(listed))
    if "TxPower" in told:
        yield _structure(_TX_POWER, bytes((told["TxPower"] & 0xFF,)))
    if "Appearance" in told:
        yield _structure(_APPEARANCE, int(told["Appearance"]).to_bytes(2, "little"))
    for uuid, content in told.get("ServiceData", {}).items():
        service = _service(uuid)
        yield _structure(_SERVICE_DATA_16 if len(service) == 2 else _SERVICE_DATA_128, service + bytes(content))
    for company, content in told.get("ManufacturerData", {}).items():
        yield _structure(_COMPANY, company.to_bytes(2, "little") + bytes(content))


def _structure(kind: int, content: bytes) -> bytes:
    content = content[: _MOST - 2]
    return bytes((len(content) + 1, kind)) + content


def _service(uuid: str) -> bytes:
    """A service's id as it is sent: two bytes where it has a short number, else sixteen."""
    if uuid.startswith("0000") and uuid.endswith(_BASE):
        return bytes.fromhex(uuid[4:8])[::-1]
    return bytes.fromhex(uuid.replace("-", ""))[::-1]
