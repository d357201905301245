"""Fleet settings: the table [fleet] of `cloud.toml`: where the certificates are, and what sensors are told.

Without an authority (`ca`) nothing can be claimed and no certificate renewed; the rest of the cloud needs none.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from agent.contract.identity import Host, Keys, Port
from cloud import authority
from cloud.authority import AuthorityError, Issuing

File = Annotated[str, Meta(min_length=1, max_length=255)]


class FleetTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files are PEM. `ca` and `ca_key`: the authority that makes certificates for sensors, and its key.

    `root`: the root above it. Sensors are told the broker's `broker_host` and `broker_port`, and that they believe
    certificates under `root`, and under `broker_ca` too where another has made the broker's. `root_keys`, Ed25519 in
    base64 by name, sign lists of keys for settings. A sensor's certificate is good for `certificate_days`. `revoked` is
    the list for the broker of those that are not good any more.
    """

    ca: File | None = None
    ca_key: File | None = None
    root: File | None = None
    broker_host: Host | None = None
    broker_port: Port = 8883
    broker_ca: File | None = None
    certificate_days: Annotated[int, Meta(ge=1, le=825)] = 90
    revoked: File | None = None
    root_keys: Keys = field(default_factory=dict)


def check(table: FleetTable) -> None:
    """Raises ValueError, naming the key, for what could be written and cannot be."""
    needed = {"ca": table.ca, "ca_key": table.ca_key, "root": table.root, "broker_host": table.broker_host}
    missing = [name for name, value in needed.items() if value is None]
    if missing and (table.ca or table.ca_key):
        raise ValueError(f"fleet: `ca`, `ca_key`, `root`, `broker_host` go together, and `{missing[0]}` is missing")


def opened(table: FleetTable) -> Issuing | None:
    """The authority, with what sensors are told; None where there is none.

    Raises ValueError, naming the key, where a file cannot be read or is another.
    """
    if table.ca is None or table.ca_key is None or table.root is None or table.broker_host is None:
        return None
    believed = _read("root", table.root)  # always: by it a sensor also tells its own next certificate from another's
    if table.broker_ca:
        believed += b"\n" + _read("broker_ca", table.broker_ca)
    try:
        return Issuing(
            authority=authority.opened(_read("ca", table.ca), _read("ca_key", table.ca_key)),
            days=table.certificate_days,
            terms=authority.terms(table.broker_host, table.broker_port, believed, table.root_keys),
        )
    except AuthorityError as error:
        raise ValueError(f"fleet: {error}") from None


def _read(key: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"fleet.{key}: {file} cannot be read: {error.strerror}.") from None
