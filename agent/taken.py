"""Taken: the documents of the fleet that this sensor holds, and how the trial of the newest stands. One file.

1. Each document lies there as it was signed, with the key list it was taken under, and every reader checks it
   again. A file that cannot be trusted is none: then the sensor keeps to its own settings.
2. The file is replaced as a whole, so that a kill or a power cut leaves what was in force before, or after, and never
   some of each.
3. In force is the newest document, on trial or passed. If it failed, `core.trial` says what of it stays.
"""

import base64
import hashlib
import logging
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from agent import desired
from agent.config import Config
from agent.contract import ContractError, DeviceConfig, Signed, decode, encode
from agent.core import trial
from agent.core.trial import Trial
from agent.desired import RefusedError
from agent.keylist import keys_under, read_file

log = logging.getLogger("footfall.taken")


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document as it came, and the key list it was taken under; without one its own settings named the key."""

    signed: Signed
    keys: Signed | UnsetType = UNSET


class Taken(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The newest document; on `trial`, or `failed` and why, or else passed. `good`: the last that passed before it."""

    newest: Document
    good: Document | UnsetType = UNSET
    trial: Trial | UnsetType = UNSET
    failed: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class Held:
    """What is held, read: `newest`, and `good`, the last that passed; None where none did."""

    def __init__(self, taken: Taken, own: Config) -> None:
        """Raises RefusedError where the newest document is not authentic."""
        self.taken = taken
        self.newest = _settings(taken.newest, own)
        self.good = self.newest if taken.trial is UNSET and taken.failed is UNSET else _good(taken.good, own)

    @property
    def in_force(self) -> DeviceConfig:
        """The document to keep to."""
        return self.newest if self.taken.failed is UNSET else trial.fallen_back(self.newest, self.good)

    @property
    def version(self) -> int:
        """Of the document in force; of one that failed, the last good one's (0: none)."""
        if self.taken.failed is UNSET:
            return self.newest.version
        return 0 if self.good is None else self.good.version

    @property
    def last_good(self) -> Document | UnsetType:
        """The last document that passed, as it came."""
        taken = self.taken
        if taken.trial is UNSET and taken.failed is UNSET:
            return taken.newest
        return UNSET if self.good is None else taken.good

    @property
    def hash(self) -> str | UnsetType:
        """SHA-256 (hex) of the document of `version`, as it was signed."""
        found = self.taken.newest if self.taken.failed is UNSET else self.last_good
        return UNSET if found is UNSET else hashlib.sha256(base64.b64decode(found.signed.payload)).hexdigest()

    @property
    def listed_at(self) -> int | None:
        """When the opt-out list in force was made; None without one."""
        return None if self.newest.opt_outs is UNSET else self.newest.opt_outs.made_at


def read(own: Config) -> Held | None:
    """What a sensor with these settings of its own holds; None where there is none, or none to be trusted.

    Its time is not looked at: it was when the document was taken, and a clock that is wrong must end no opt-out.
    """
    kept = read_file(own.desired_path)
    if kept is None:
        return None
    try:
        return Held(_taken(kept), own)
    except RefusedError as error:
        log.warning("%s is not used: %s", own.desired_path, error)
        return None


def write(own: Config, taken: Taken) -> None:
    """Replace what is held, on the disk before this returns. Raises RefusedError if the disk refuses."""
    desired.keep(own.desired_path, encode(taken))


def _taken(kept: bytes) -> Taken:
    try:
        return decode(Taken, kept)
    except ContractError:
        # What stood there before there were trials: one document, which was in force.
        return Taken(newest=Document(signed=desired.message(kept)))


def _settings(document: Document, own: Config) -> DeviceConfig:
    return desired.settings(document.signed, keys_under(own, document.keys), own.sensor)


def _good(document: Document | UnsetType, own: Config) -> DeviceConfig | None:
    try:
        return None if document is UNSET else _settings(document, own)
    except RefusedError as error:
        log.warning("the last good settings in %s are not used: %s", own.desired_path, error)
        return None
