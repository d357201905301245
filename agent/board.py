"""Board: which machine this is. A card that is put into another machine brings everything along but this.

1. The serial number is that of the device tree, as a Raspberry Pi has it; else the firmware's (DMI), which root alone
   may read; else one made from the system's id. That one begins with `mid`: it lies on the disk, and a copy has it too.
2. Not every process may read each of them. Only what could be read is compared.
3. Other machines are told a digest (`mark`), and the number itself only where the sensor is claimed.

A unit needs nothing for it: /sys/firmware/devicetree stays readable under ProcSubset= and ProtectKernelTunables=. Where
it does not, or a container has none of the three, `FOOTFALL_SERIAL` in the environment says the number.

Sources: Devicetree Specification 0.4, 2.3 (`serial-number` of the root node); machine-id(5), on what to tell of it.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from agent.contract.handover import Epoch
from agent.contract.identity import Serial

_SYSTEM = "mid"
_DISTINCT = 3  # digits or letters that differ: fewer are what a maker fills in
_COUNTED = "01234567890"


class Places(NamedTuple):
    """Where a machine says which one it is."""

    tree: Path = Path("/sys/firmware/devicetree/base/serial-number")
    firmware: Path = Path("/sys/class/dmi/id/product_serial")
    system: Path = Path("/etc/machine-id")


def serial(places: Places | None = None) -> Serial:
    """The serial number of this machine; "" where it has none that this process may read."""
    return next(iter(_read(places or Places())[0]), "")


def is_other(settled: str, places: Places | None = None) -> bool:
    """Whether this is for sure another machine than the one with the serial number `settled`."""
    found, hidden = _read(places or Places())
    may_be_hidden = hidden and not settled.startswith(_SYSTEM)
    return bool(found) and settled not in found and not may_be_hidden


def mark(of: str) -> Epoch:
    """What others are told in place of a serial number, or of the name of a boot."""
    return hashlib.blake2s(of.encode(), digest_size=8, person=b"footfall").hexdigest()


def _read(places: Places) -> tuple[list[str], bool]:
    """Every number that can be read, the best first, and whether there is one that this process may not read."""
    given = os.environ.get("FOOTFALL_SERIAL")
    if given:
        return [_plain(given)], False
    tree, _ = _text(places.tree)
    firmware, hidden = _text(places.firmware)
    system, _ = _text(places.system)
    found = [_plain(tree), _plain(firmware) if _is_number(_plain(firmware)) else ""]
    if system:
        found.append(f"{_SYSTEM}{mark(system)[:13]}")
    return [one for one in found if one], hidden


def _text(path: Path) -> tuple[str, bool]:
    """What stands there, and whether something does that this process may not read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip("\0 \n"), False
    except PermissionError:
        return "", True
    except OSError:
        return "", False


def _plain(text: str) -> str:
    """Small letters and digits, 4 to 32 of them; "" for anything that cannot be made so."""
    plain = re.sub(r"[^0-9a-z]", "", text.lower())
    return plain if 4 <= len(plain) <= 32 else ""


def _is_number(plain: str) -> bool:
    """Whether a maker meant it: makers also leave "To be filled by O.E.M." there, or count from one."""
    return any(one.isdigit() for one in plain) and len(set(plain)) >= _DISTINCT and plain not in _COUNTED
