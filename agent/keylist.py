"""Key list: which keys may sign settings for this sensor: those of the newest list, else those of its own settings.

1. A list is taken if a root key of the sensor's settings signed it and its version is higher than any taken. From then
   on it alone counts: a key that is not on it signs nothing more, though the sensor's own settings name it.
2. What a key signed before it was taken off stays in force: a document is kept with the list it was taken under.
3. A list that lies on the disk and cannot be trusted lets nobody sign until one comes that can.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from msgspec import UNSET, UnsetType

from agent import desired
from agent.config import Config
from agent.contract import KeyList, Signed, encode
from agent.desired import RefusedError

log = logging.getLogger("footfall.keylist")


class Keys:
    """Who may sign. `version` and `signed`: the list in force, 0 and UNSET without one."""

    def __init__(self, own: Config) -> None:
        self._own, self._path = own.fleet.config_keys, own.keys_path
        self._roots = own.fleet.root_keys
        self.version = 0
        self.signed: Signed | UnsetType = UNSET
        self.may_sign: Mapping[str, str] = self._own
        if self._roots:
            self._recall()

    def take(self, payload: bytes) -> bool:
        """Take the list in `payload`; whether it is a new one. Raises RefusedError."""
        if not payload:
            return False  # a retained message was withdrawn, which ends nothing
        signed = desired.message(payload)
        if signed == self.signed:
            return False
        listed = desired.newer_keys(signed, self._roots, self.version)
        desired.keep(self._path, encode(signed))
        self._hold(signed, listed)
        log.info("the key list of version %d says who signs settings", listed.version)
        return True

    def _recall(self) -> None:
        kept = read_file(self._path)
        if kept is None:
            return
        try:
            signed = desired.message(kept)
            self._hold(signed, desired.key_list(signed, self._roots))
        except RefusedError as error:
            self.may_sign = {}
            log.warning("%s is not used, so nobody may sign settings until a key list comes: %s", self._path, error)

    def _hold(self, signed: Signed, listed: KeyList) -> None:
        self.signed, self.version, self.may_sign = signed, listed.version, listed.keys


def keys_under(own: Config, listed: Signed | UnsetType) -> Mapping[str, str]:
    """Who might sign while `listed` was the newest list. Raises RefusedError where no root of ours signed it."""
    return own.fleet.config_keys if listed is UNSET else desired.key_list(listed, own.fleet.root_keys).keys


def read_file(path: Path) -> bytes | None:
    """What lies at `path`; None where nothing does; empty, which is no document, where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be read (%s)", path, error.strerror)
        return b""
