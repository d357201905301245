"""Nature: what kind of thing sends an advertisement - a phone, or something that is none.

1. By kind of data, never by name: the company and the type of its message, services, and the category of appearance.
   All of it is the same for every device of a kind, so it tells kinds apart and no two devices of one kind.
2. Where nothing is certain the nature is UNKNOWN, and unknown devices count as phones do. So what phones send too stays
   in the count: Nearby Info, Handoff and AirDrop (of Macs and watches; action 10, "watch on the wrist", is reported of
   phones), Find My of an Apple device that is no accessory, Quick Share, Samsung's and Xiaomi's company ids. Flags and
   the kind of address say nothing certain either.
3. Where two signs disagree, a phone's wins, since what is wrongly left out is a person; then the smaller nature.
4. Anybody can send anything: a nature is what a sender says of itself.

Sources: Bluetooth Assigned Numbers (appearance 2.6, services 3.4 and 3.8, companies 7.1). Apple: Martin et al. 2019,
Celosia and Cunche 2020 and github.com/furiousMAC/continuity (Continuity messages); HAP-BLE 2.0 7.4 (types 6 and 17);
Apple's Find My ADK and github.com/seemoo-lab/AirGuard (device type in bits 4 and 5 of the status); iBeacon. Microsoft:
MS-CDP 2.2.2.2.3 (device types), Swift Pair. Google: Fast Pair, Find Hub, Eddystone; Chromium (FC128E of Quick Share,
phones as passkeys). AltBeacon 1.0. IETF draft-detecting-unwanted-location-trackers-01 (FCB2).
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final


class Nature(IntEnum):
    """What a sender is. UNKNOWN and PHONE are counted as devices; the rest are others."""

    UNKNOWN = 0
    PHONE = 1
    WEARABLE = 2  # worn or carried by somebody who has a phone already: watch, headphones, ring, glucose meter
    COMPUTER = 3  # and what belongs to one: keyboard, mouse
    TAG = 4  # shows where a thing is: on keys, in a bag
    BEACON = 5  # shows where a place is
    FURNITURE = 6  # what stays where it is: television, printer, shelf label, lamp, sensor, a parked car

    @property
    def counts(self) -> bool:
        """Whether it may be a phone."""
        return self <= Nature.PHONE


@dataclass(slots=True, repr=False)
class Advertised:
    """What one advertisement tells of the kind of its sender. What is not told is None, or -1 within a tuple.

    `signature`: 64-bit hash of what all devices of a model share. `tx_power`: dBm as sent; nothing uses it yet.
    `messages`: (company id, type, detail) of manufacturer data, where Apple's holds several; type and detail are the
    first two bytes, of Apple's messages the type and the first byte of content (of an iBeacon its length).
    `services`: 16-bit UUIDs listed. `service_data`: (UUID, first byte).
    """

    signature: int = 0
    flags: int | None = None
    tx_power: int | None = None
    appearance: int | None = None
    messages: list[tuple[int, int, int]] = field(default_factory=list)
    services: list[int] = field(default_factory=list)
    service_data: list[tuple[int, int]] = field(default_factory=list)

    def __repr__(self) -> str:
        return "Advertised(redacted)"


def nature_of(said: Advertised) -> Nature:
    """The nature that follows from an advertisement."""
    found = [_of_message(*message) for message in said.messages]
    found += [_SERVICES.get(uuid, Nature.UNKNOWN) for uuid in said.services]
    found += [_of_service_data(*told) for told in said.service_data]
    if said.appearance is not None:
        found.append(_APPEARANCES.get(said.appearance >> 6, Nature.UNKNOWN))
    return min(filter(None, found), default=Nature.UNKNOWN)


def _of_message(company: int, kind: int, detail: int) -> Nature:
    if (kind, detail) == _ALTBEACON:
        return Nature.BEACON
    general = _MESSAGES.get((company, kind), _COMPANIES.get(company, Nature.UNKNOWN))
    mask = _DETAIL_BITS.get((company, kind))
    return general if mask is None or detail < 0 else _DETAILS.get((company, kind, detail & mask), general)


def _of_service_data(uuid: int, first: int) -> Nature:
    return _SERVICE_DATA.get((uuid, first), _SERVICE_DATA.get((uuid, -1), _SERVICES.get(uuid, Nature.UNKNOWN)))


_APPLE, _MICROSOFT = 0x004C, 0x0006
_ALTBEACON: Final = (0xBE, 0xAC)  # behind any company's id

_MESSAGES: Final = {
    (_APPLE, 0x03): Nature.FURNITURE,  # AirPrint: a printer
    (_APPLE, 0x06): Nature.FURNITURE,  # HomeKit accessory
    (_APPLE, 0x07): Nature.WEARABLE,  # proximity pairing: headphones
    (_APPLE, 0x09): Nature.FURNITURE,  # AirPlay target
    (_APPLE, 0x0B): Nature.WEARABLE,  # magic switch: a watch that lost its phone
    (_APPLE, 0x0E): Nature.PHONE,  # tethering source: has a mobile connection and lends it
    (_APPLE, 0x11): Nature.FURNITURE,  # HomeKit accessory, encrypted notification
    (_MICROSOFT, 0x03): Nature.COMPUTER,  # Swift Pair: what wants to be paired with a computer
}
_DETAIL_BITS: Final = {(_APPLE, 0x02): 0xFF, (_APPLE, 0x07): 0xFF, (_APPLE, 0x12): 0x30, (_MICROSOFT, 0x01): 0x1F}
_DETAILS: Final = {
    (_APPLE, 0x02, 0x15): Nature.BEACON,  # iBeacon
    (_APPLE, 0x07, 0x05): Nature.TAG,  # an AirTag that is not paired yet
    (_APPLE, 0x12, 0x10): Nature.TAG,  # AirTag
    (_APPLE, 0x12, 0x20): Nature.TAG,  # another maker's Find My accessory
    (_APPLE, 0x12, 0x30): Nature.WEARABLE,  # AirPods
    (_MICROSOFT, 0x01, 1): Nature.FURNITURE,  # Xbox
    (_MICROSOFT, 0x01, 6): Nature.PHONE,
    (_MICROSOFT, 0x01, 8): Nature.PHONE,
    (_MICROSOFT, 0x01, 9): Nature.COMPUTER,
    (_MICROSOFT, 0x01, 11): Nature.PHONE,
    (_MICROSOFT, 0x01, 12): Nature.COMPUTER,
    (_MICROSOFT, 0x01, 13): Nature.FURNITURE,
    (_MICROSOFT, 0x01, 14): Nature.FURNITURE,
    (_MICROSOFT, 0x01, 15): Nature.COMPUTER,
    (_MICROSOFT, 0x01, 16): Nature.COMPUTER,
}

# Companies that make no phones. Not here, because apps on phones send it as a number of their own: 0x03FF.
_COMPANIES: Final = {
    0x0055: Nature.WEARABLE,  # Plantronics
    0x0057: Nature.WEARABLE,  # Harman
    0x0067: Nature.WEARABLE,  # GN Audio
    0x0089: Nature.WEARABLE,  # GN Hearing
    0x009E: Nature.WEARABLE,  # Bose
    0x00CC: Nature.WEARABLE,  # Beats
    0x0103: Nature.WEARABLE,  # Bang & Olufsen
    0x0494: Nature.WEARABLE,  # Sennheiser
    0x065A: Nature.WEARABLE,  # Zound (Marshall)
    0x07C9: Nature.WEARABLE,  # Skullcandy
    0x00BA: Nature.WEARABLE,  # Starkey: hearing aids
    0x01BB: Nature.WEARABLE,  # Cochlear
    0x0497: Nature.WEARABLE,  # Cochlear
    0x0282: Nature.WEARABLE,  # Sonova
    0x0BA3: Nature.WEARABLE,  # Sonova
    0x006B: Nature.WEARABLE,  # Polar
    0x0087: Nature.WEARABLE,  # Garmin
    0x009F: Nature.WEARABLE,  # Suunto
    0x0154: Nature.WEARABLE,  # Pebble
    0x0157: Nature.WEARABLE,  # Huami
    0x0178: Nature.WEARABLE,  # Casio
    0x018E: Nature.WEARABLE,  # Fitbit
    0x01FC: Nature.WEARABLE,  # Wahoo
    0x02B2: Nature.WEARABLE,  # Oura
    0x01DA: Nature.COMPUTER,  # Logitech
    0x067C: Nature.TAG,  # Tile
    0x08C3: Nature.TAG,  # Chipolo
    0x008C: Nature.BEACON,  # Gimbal
    0x0118: Nature.BEACON,  # Radius Networks
    0x015D: Nature.BEACON,  # Estimote
    0x01FD: Nature.BEACON,  # Kontakt.io
    0x0500: Nature.BEACON,  # Wiliot
    0x0639: Nature.BEACON,  # Minew
    0x0A89: Nature.FURNITURE,  # SES-imagotag: shelf labels
    0x0B6D: Nature.FURNITURE,  # SoluM: shelf labels
    0x0CBD: Nature.FURNITURE,  # Pricer: shelf labels
    0x0040: Nature.FURNITURE,  # Epson
    0x0755: Nature.FURNITURE,  # Brother
    0x0058: Nature.FURNITURE,  # Vizio
    0x00C4: Nature.FURNITURE,  # LG: no phones since 2021
    0x05A7: Nature.FURNITURE,  # Sonos
    0x07A2: Nature.FURNITURE,  # Roku
    0x0499: Nature.FURNITURE,  # Ruuvi
    0x06D5: Nature.FURNITURE,  # Sensirion
    0x07D0: Nature.FURNITURE,  # Tuya
    0x0969: Nature.FURNITURE,  # Woan (SwitchBot)
    0x0BA9: Nature.FURNITURE,  # Allterco (Shelly)
    0xEC88: Nature.FURNITURE,  # not assigned; Govee sends it
    0x012E: Nature.FURNITURE,  # Assa Abloy
    0x01D1: Nature.FURNITURE,  # August
    0x0600: Nature.FURNITURE,  # iRobot
    0x060F: Nature.FURNITURE,  # Signify
    0x0A12: Nature.FURNITURE,  # Dyson
    0x0BC1: Nature.FURNITURE,  # Miele
}

_SERVICES: Final = {
    0xFD6F: Nature.PHONE,  # Exposure Notification
    0xFDE2: Nature.PHONE,  # Google's passkey, the phone's part
    0xFFF9: Nature.PHONE,  # FIDO's passkey, the phone's part
    0x1808: Nature.WEARABLE,  # glucose
    0x180D: Nature.WEARABLE,  # heart rate
    0x1814: Nature.WEARABLE,  # running speed and cadence
    0x1816: Nature.WEARABLE,  # cycling speed and cadence
    0x1818: Nature.WEARABLE,  # cycling power
    0x181F: Nature.WEARABLE,  # continuous glucose
    0x1822: Nature.WEARABLE,  # pulse oximeter
    0x183A: Nature.WEARABLE,  # insulin delivery
    0x183E: Nature.WEARABLE,  # physical activity
    0x184E: Nature.WEARABLE,  # audio stream control: what plays LE Audio
    0x184F: Nature.WEARABLE,  # broadcast audio scan
    0x1853: Nature.WEARABLE,  # common audio
    0x1854: Nature.WEARABLE,  # hearing access
    0xFDF0: Nature.WEARABLE,  # Google's hearing aids
    0xFD5F: Nature.WEARABLE,  # Meta
    0xFDB0: Nature.WEARABLE,  # Oura
    0xFDB1: Nature.WEARABLE,  # Oura
    0xFDCE: Nature.WEARABLE,  # Sennheiser
    0xFDD2: Nature.WEARABLE,  # Bose
    0xFE1F: Nature.WEARABLE,  # Garmin
    0xFE21: Nature.WEARABLE,  # Bose
    0xFE46: Nature.WEARABLE,  # Bang & Olufsen
    0xFE89: Nature.WEARABLE,  # Bang & Olufsen
    0xFEBE: Nature.WEARABLE,  # Bose
    0xFED9: Nature.WEARABLE,  # Pebble
    0xFEE0: Nature.WEARABLE,  # Huami
    0xFEE1: Nature.WEARABLE,  # Huami
    0xFEEE: Nature.WEARABLE,  # Polar
    0xFEEF: Nature.WEARABLE,  # Polar
    0xFEFE: Nature.WEARABLE,  # GN Hearing
    0xFEFF: Nature.WEARABLE,  # GN Audio
    0x1812: Nature.COMPUTER,  # human interface device
    0xFD72: Nature.COMPUTER,  # Logitech
    0xFE61: Nature.COMPUTER,  # Logitech
    0xFD84: Nature.TAG,  # Tile
    0xFEEC: Nature.TAG,  # Tile
    0xFEED: Nature.TAG,  # Tile
    0xFD59: Nature.TAG,  # SmartTag, not paired
    0xFD5A: Nature.TAG,  # SmartTag; Samsung's phones send FD69
    0xFA25: Nature.TAG,  # Pebblebee
    0xFE33: Nature.TAG,  # Chipolo
    0xFE65: Nature.TAG,  # Chipolo
    0xFCB2: Nature.TAG,  # tracker of any maker
    0xFD44: Nature.TAG,  # Find My accessory, not paired
    0xFC90: Nature.BEACON,  # Wiliot
    0xFCC6: Nature.BEACON,  # Wiliot
    0xFDAF: Nature.BEACON,  # Wiliot
    0xFE6A: Nature.BEACON,  # Kontakt.io
    0xFE9A: Nature.BEACON,  # Estimote
    0xFEAA: Nature.BEACON,  # Eddystone
    0xFEFC: Nature.BEACON,  # Gimbal
    0xFEFD: Nature.BEACON,  # Gimbal
    0x1857: Nature.FURNITURE,  # electronic shelf label
    0xFC8C: Nature.FURNITURE,  # SES-imagotag: shelf labels
    0x1809: Nature.FURNITURE,  # thermometer
    0x1810: Nature.FURNITURE,  # blood pressure
    0x181A: Nature.FURNITURE,  # environmental sensing
    0x181B: Nature.FURNITURE,  # body composition
    0x181D: Nature.FURNITURE,  # weight scale
    0x1826: Nature.FURNITURE,  # fitness machine
    0x1827: Nature.FURNITURE,  # mesh provisioning
    0x1828: Nature.FURNITURE,  # mesh proxy
    0xFFF6: Nature.FURNITURE,  # Matter
    0xFFF7: Nature.FURNITURE,  # Zigbee Direct
    0xFFFB: Nature.FURNITURE,  # Thread
    0xFE77: Nature.FURNITURE,  # HP
    0xFE78: Nature.FURNITURE,  # HP
    0xFFF8: Nature.FURNITURE,  # Mopria: printers
    0xFC98: Nature.FURNITURE,  # Ruuvi
    0xFCD2: Nature.FURNITURE,  # BTHome
    0xFD3D: Nature.FURNITURE,  # Woan (SwitchBot)
    0xFD50: Nature.FURNITURE,  # Tuya
    0xFDCD: Nature.FURNITURE,  # Qingping
    0xFE95: Nature.FURNITURE,  # Xiaomi's sensors (MiBeacon)
    0xFDFF: Nature.FURNITURE,  # Osram
    0xFE0F: Nature.FURNITURE,  # Signify (Hue)
    0xFE4B: Nature.FURNITURE,  # Signify
    0xFE4D: Nature.FURNITURE,  # Casambi
    0xFE07: Nature.FURNITURE,  # Sonos
    0xFEA0: Nature.FURNITURE,  # Google Cast
    0xFEAF: Nature.FURNITURE,  # Nest
    0xFEB0: Nature.FURNITURE,  # Nest
    0xFEB9: Nature.FURNITURE,  # LG
    0xFE24: Nature.FURNITURE,  # August
    0xFE96: Nature.FURNITURE,  # Tesla
    0xFE97: Nature.FURNITURE,  # Tesla
}

_SERVICE_DATA: Final = {
    (0xFE2C, -1): Nature.WEARABLE,  # Fast Pair: headphones, watches
    (0xFE2C, 0xFC): Nature.UNKNOWN,  # Quick Share under the same number: a phone that shares, or a computer
    (0xFEAA, 0x40): Nature.TAG,  # Find Hub
    (0xFEAA, 0x41): Nature.TAG,
}

# By category: the ten highest bits.
_APPEARANCES: Final = {
    0x01: Nature.PHONE,  # phone
    0x03: Nature.WEARABLE,  # watch
    0x07: Nature.WEARABLE,  # glasses
    0x0D: Nature.WEARABLE,  # heart rate sensor
    0x10: Nature.WEARABLE,  # glucose meter
    0x11: Nature.WEARABLE,  # running or walking sensor
    0x12: Nature.WEARABLE,  # cycling
    0x25: Nature.WEARABLE,  # wearable audio device
    0x29: Nature.WEARABLE,  # hearing aid
    0x31: Nature.WEARABLE,  # pulse oximeter
    0x34: Nature.WEARABLE,  # continuous glucose monitor
    0x35: Nature.WEARABLE,  # insulin pump
    0x36: Nature.WEARABLE,  # medication delivery
    0x51: Nature.WEARABLE,  # outdoor sports activity
    0x02: Nature.COMPUTER,  # computer
    0x0F: Nature.COMPUTER,  # human interface device
    0x08: Nature.TAG,  # tag
    0x09: Nature.TAG,  # keyring
    0x04: Nature.FURNITURE,  # clock
    0x05: Nature.FURNITURE,  # display
    0x06: Nature.FURNITURE,  # remote control
    0x0B: Nature.FURNITURE,  # barcode scanner
    0x0C: Nature.FURNITURE,  # thermometer
    0x0E: Nature.FURNITURE,  # blood pressure
    0x13: Nature.FURNITURE,  # control device
    0x14: Nature.FURNITURE,  # network device
    0x15: Nature.FURNITURE,  # sensor
    0x16: Nature.FURNITURE,  # light fixture
    0x17: Nature.FURNITURE,  # fan
    0x18: Nature.FURNITURE,  # ventilation
    0x19: Nature.FURNITURE,  # air conditioning
    0x1A: Nature.FURNITURE,  # humidifier
    0x1B: Nature.FURNITURE,  # heating
    0x1C: Nature.FURNITURE,  # access control
    0x1D: Nature.FURNITURE,  # motorised device
    0x1E: Nature.FURNITURE,  # power device
    0x1F: Nature.FURNITURE,  # light source
    0x20: Nature.FURNITURE,  # window covering
    0x21: Nature.FURNITURE,  # audio sink
    0x22: Nature.FURNITURE,  # audio source
    0x23: Nature.FURNITURE,  # motorised vehicle
    0x24: Nature.FURNITURE,  # domestic appliance
    0x26: Nature.FURNITURE,  # aircraft
    0x27: Nature.FURNITURE,  # audio and video equipment
    0x28: Nature.FURNITURE,  # display equipment
    0x2A: Nature.FURNITURE,  # gaming
    0x2B: Nature.FURNITURE,  # signage
    0x32: Nature.FURNITURE,  # weight scale
    0x33: Nature.FURNITURE,  # personal mobility device
    0x37: Nature.FURNITURE,  # spirometer
}
