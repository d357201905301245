"""Radios: bytes off the air, out of a capture file, or from the simulated street.

1. A radio gives frames and says how many the kernel lost. It does not decode: the core does.
2. A radio that is missing or goes away raises `RadioError`, whose text is one sentence for the person who can
   plug it in again. The sensing process then says "not listened" and tries anew; it never says zero.
3. An address lies only in the payload of a frame. No radio keeps, copies, formats or logs one.
"""

from collections.abc import Iterator
from typing import Protocol

from agent.core.frame import Frame


class RadioError(Exception):
    """The radio cannot be listened to. The message says why, and what to do about it."""


class Radio(Protocol):
    """What the sensing process needs of a radio. `source` is where it listens."""

    source: str

    @property
    def ready(self) -> bool:
        """Whether it has begun to listen; opening one may not wait for that."""

    def frames(self, wait_s: float) -> Iterator[Frame]:
        """The frames that are there, waiting for the first up to `wait_s` real seconds. Raises RadioError."""

    def dropped(self) -> int:
        """How many frames the kernel lost since this was last asked."""

    def signs(self) -> int | None:
        """A number that moves with everything it receives; None where silence is no wonder."""

    def close(self) -> None:
        """Stop listening."""
