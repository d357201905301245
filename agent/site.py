"""Site: what was settled on the spot when the sensor was set up: who it is, where it stands, what its walk test found.

1. It is the sensor's own word, as its settings file is, and stands above that file. What the fleet signs can make it
   stricter only.
2. The file is replaced as a whole, by the process that sets up. Whoever else reads it begins anew when it changes.
3. The private key is not in it, and nobody but the process that talks may read that.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from agent import disk
from agent.contract import decode, encode
from agent.contract.handover import SensorId
from agent.contract.health import Level
from agent.contract.identity import Host, Keys, Port, Serial
from agent.contract.wire import ContractError

PAIR, AUTHORITY = "pair.pem", "authority.pem"  # in the folder of the identity: key and certificate; whom to believe


class Site(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is absent was not settled here, and the settings file says it.

    `serial`: of the board that was claimed; on another the card is a copy.
    """

    sensor: SensorId | UnsetType = UNSET
    serial: Serial | UnsetType = UNSET
    host: Host | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    shop_name: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    time_zone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] | UnsetType = UNSET
    root_keys: Keys | UnsetType = UNSET
    inside_dbm: Level | UnsetType = UNSET
    outside_dbm: Level | UnsetType = UNSET


class SiteError(Exception):
    """The site cannot be read or written. The message names the file and says what to do."""


def read(path: Path) -> Site:
    """What was settled; nothing where there is no file. Raises SiteError."""
    try:
        return decode(Site, path.read_bytes())
    except FileNotFoundError:
        return Site()
    except OSError as error:
        raise SiteError(f"{path}: cannot be read ({error.strerror}).") from None
    except ContractError as error:
        raise SiteError(
            f"{path}: is damaged ({error}): run 'footfall-agent reset' and claim the sensor anew."
        ) from None


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs once it is replaced; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def write(path: Path, site: Site) -> None:
    """Replace it, on the disk before this returns. Raises SiteError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.replace(path, encode(site), 0o640)
    except OSError as error:
        raise SiteError(f"{path}: cannot be written ({error.strerror}): check the disk.") from None


def settled(path: Path, **more: object) -> Site:
    """Settle something more, and leave the rest as it is. Raises SiteError."""
    site = msgspec.structs.replace(read(path), **more)
    write(path, site)
    return site
