"""Fleet folder: the certificates and keys a fleet begins with, as files.

1. What is there already stays: made twice, nothing changes. Who wants another takes the old file away first.
2. Keys can be read by their owner only. `root.key` signs the broker's certificate and the authority for sensors, and is
   needed for nothing else: it belongs away from every network.
"""

import os
from collections.abc import Callable
from pathlib import Path

from cloud.authority import BROKER_DAYS, Authority, AuthorityError, Pair, make_root, opened

CLOUD = "footfall-cloud"  # no sensor's id: those have a colon


def make(folder: Path, hosts: list[str], name: str, now: int) -> list[Path]:
    """Make what is not there yet; returns the files that were made. Sensors reach the broker by the names `hosts`.

    Raises OSError; AuthorityError where the key to sign with was taken away.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = _pair(folder, "root", lambda: make_root(name, now))
    made += _pair(folder, "ca", lambda: _authority(folder, "root").for_sensors(name, now))
    made += _pair(folder, "broker", lambda: _authority(folder, "root").broker(hosts, now))
    made += _pair(folder, "cloud", lambda: _authority(folder, "ca").client(CLOUD, now, BROKER_DAYS))
    revoked = folder / "revoked.pem"
    if not revoked.exists():
        _write(revoked, _authority(folder, "ca").revocation_list((), now), 0o644)
        made.append(revoked)
    return made


def settings(folder: Path, host: str) -> str:
    """The table for `cloud.toml` that uses the files."""
    at = folder.resolve()
    return "\n".join(
        [
            "[fleet]",
            f'ca = "{at}/ca.pem"',
            f'ca_key = "{at}/ca.key"',
            f'root = "{at}/root.pem"',
            f'broker_host = "{host}"',
            f'revoked = "{at}/revoked.pem"',
        ]
    )


def _pair(folder: Path, name: str, pair: Callable[[], Pair]) -> list[Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if certificate.exists():
        return []
    made = pair()
    _write(key, made.key, 0o600)
    _write(certificate, made.certificate, 0o644)
    return [certificate, key]


def _authority(folder: Path, name: str) -> Authority:
    key = folder / f"{name}.key"
    if not key.exists():
        raise AuthorityError(f"{key} is not there, and has to sign: bring it back for as long as this takes.")
    return opened((folder / f"{name}.pem").read_bytes(), key.read_bytes())


def _write(file: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as kept:
        kept.write(content)
