"""Member: a sensor that belongs to the fleet, and what people know of it.

1. A board has one member at a time, and a member one board at a time. A name is never given to another board: counts
   of two places would lie under one sensor.
2. A member that is retired stays known, so that nobody believes what comes under its name, and its name is not used
   again. Claimed anew it is a member as before.
3. Labels are for people and for queries; nothing that is counted follows from one.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from agent.contract.handover import SensorId
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

MOST_LABELS = 32
LONGEST_MUTE_S = 366 * 86_400
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


class Member(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A sensor and its board; times in UTC seconds.

    `serial`: of the board, "" for a sensor whose certificate was made by hand. `claimed_at`: when it last came to its
    certificate so. `software`: what it said then that it runs. Until `muted_until` nobody is told of it. From
    `retired_at` on it is not believed.
    """

    sensor: SensorId
    serial: Annotated[str, Meta(pattern=r"^([0-9a-z]{4,32})?$")] = ""
    claimed_at: int
    software: str = ""
    labels: dict[str, str] = {}
    muted_until: int | None = None
    retired_at: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is believed."""
        return self.retired_at is None


def labelled(labels: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """`labels` with `changes`, of which an empty text takes one away. Raises Refusal."""
    for name, value in changes.items():
        if not _NAME.fullmatch(name):
            raise Refusal(
                Saying(
                    '"{name}" is no name of a label: use up to 32 small letters, digits, "_", "." and "-".',
                    name=name[:40],
                )
            )
        if value and not _VALUE.fullmatch(value):
            raise Refusal(Saying('The label "{name}" is too long: use up to 64 letters on one line.', name=name))
    found = {name: value for name, value in sorted({**labels, **changes}.items()) if value}
    if len(found) > MOST_LABELS:
        raise Refusal(Saying("A sensor has at most {n} labels: take one away first.", n=MOST_LABELS))
    return found
