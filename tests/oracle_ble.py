"""A second opinion on advertisements: what scapy reads in them.

Written from the rules in `agent/core/advertisement.py` and from the standards, and shares no code with our decoder:
scapy finds reports, structures and Apple's messages, this file says what follows from them.
"""

from hashlib import blake2s

from scapy.contrib.ibeacon import Apple_BLE_Frame
from scapy.layers.bluetooth import (
    EIR_Appearance,
    EIR_CompleteList16BitServiceUUIDs,
    EIR_Flags,
    EIR_Hdr,
    EIR_Manufacturer_Specific_Data,
    EIR_ServiceData16BitUUID,
    EIR_TX_Power_Level,
    HCI_Hdr,
    HCI_LE_Meta_Advertising_Reports,
    HCI_LE_Meta_Extended_Advertising_Reports,
    HCI_PHDR_Hdr,
)
from scapy.layers.bluetooth4LE import BTLE, BTLE_ADV, BTLE_RF
from scapy.packet import Packet

from agent.core.frame import Link
from agent.core.nature import Advertised
from agent.core.sighting import AddressKind

LAYERS = {Link.HCI: HCI_Hdr, Link.HCI_WITH_DIRECTION: HCI_PHDR_Hdr, Link.BLE: BTLE, Link.BLE_WITH_RADIO: BTLE_RF}
LEADING = {0x01: 1, 0x02: 254, 0x03: 254, 0x16: 2, 0xFF: 2}
HOMEKIT, IBEACON, OVERFLOW = 0x06, 0x02, 0x01

Heard = tuple[bytes, AddressKind, int | None, Advertised]


def heard(link: Link, packet: bytes) -> list[Heard]:
    """Address, kind of address, signal and advertised data of each report that scapy finds."""
    layers = LAYERS[link](packet)
    for kind in (HCI_LE_Meta_Advertising_Reports, HCI_LE_Meta_Extended_Advertising_Reports):
        if kind in layers:
            return [
                (_address(one.addr), _kind(one.addr, one.addr_type), one.rssi, advertised(one.data))
                for one in layers[kind].reports
            ]
    signal = layers.signal if link == Link.BLE_WITH_RADIO else None
    sent = layers[BTLE_ADV].payload
    return [(_address(sent.AdvA), _kind(sent.AdvA, layers[BTLE_ADV].TxAdd), signal, advertised(sent.data))]


def advertised(structures: list[EIR_Hdr]) -> Advertised:
    """What scapy's structures tell."""
    said, told = Advertised(), b""
    for one in structures:
        if not one.len:
            break
        content = one.original[2 : one.len + 1]
        told += bytes((one.type, min(len(content), LEADING.get(one.type, 0)))) + content[: LEADING.get(one.type, 0)]
        _add(said, one.payload)
    said.signature = int.from_bytes(blake2s(told, digest_size=8).digest(), "little")
    return said


def _add(said: Advertised, found: Packet) -> None:
    match found:
        case EIR_Flags():
            said.flags = int(found.flags)
        case EIR_TX_Power_Level():
            said.tx_power = found.level
        case EIR_Appearance():
            said.appearance = found.appearance
        case EIR_CompleteList16BitServiceUUIDs():  # scapy's class of the other list is a kind of it
            said.services += found.svc_uuids
        case EIR_ServiceData16BitUUID():
            said.service_data.append((found.svc_uuid, _byte(bytes(found.payload), 0)))
        case EIR_Manufacturer_Specific_Data(payload=Apple_BLE_Frame(plist=messages)):
            said.messages += _apple(messages or [])
        case EIR_Manufacturer_Specific_Data():
            content = bytes(found.payload)
            said.messages.append((found.company_identifier, _byte(content, 0), _byte(content, 1)))


def _apple(messages: list[Packet]) -> list[tuple[int, int, int]]:
    told = []
    for one in messages:
        if one.subtype <= OVERFLOW:
            break
        content = bytes(one.payload)
        told.append((0x4C, one.subtype, one.len if one.subtype == IBEACON else _byte(content, 0)))
        if one.subtype == HOMEKIT:  # its length has a subtype in it, of which scapy does not know
            break
    return told


def _byte(content: bytes, at: int) -> int:
    return content[at] if at < len(content) else -1


def _address(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))[::-1]


def _kind(text: str, is_random: int) -> AddressKind:
    if not is_random:
        return AddressKind.BLE_PUBLIC
    top = int(text[:2], 16) >> 6
    return {0: AddressKind.BLE_NON_RESOLVABLE, 1: AddressKind.BLE_RESOLVABLE, 3: AddressKind.BLE_STATIC}[top]
