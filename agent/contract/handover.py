"""The handover of reports: who has which, and from when the cloud is responsible.

1. A report is identified by (sensor, epoch, sequence). An epoch is one life of the sensing process, so numbers never
   repeat, whatever becomes of the sensor's disk. Delivering a report any number of times, in any order, changes
   nothing.
2. A sensor deletes a report only at a `Watermark`: "the cloud has committed everything of this epoch up to
   this sequence". A broker's PUBACK is not a receipt.
3. On connecting, a sensor says `Hello`: what it holds of its oldest epoch, and what it had to give up. The cloud
   answers with the watermark, so the sensor resumes where the cloud is. Another hello follows for each later epoch, and
   where reports in the middle are lost: those before `first` will not come.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from agent.contract.report import Count, Name

SensorId = Annotated[str, Meta(max_length=65, pattern=r"^[a-z0-9][a-z0-9-]{0,31}:[a-z0-9][a-z0-9-]{0,31}$")]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
Sequence = Annotated[int, Meta(ge=0, le=2**53)]
MAX_BATCH = 100
MAX_PAYLOAD_BYTES = 128 * 1024


class ReportBatch(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Consecutive reports of one epoch: the i-th has sequence `first + i`.

    The reports travel as the bytes the outbox holds (`msgspec.Raw`), so that what is sent again is sent byte
    for byte, and one that cannot be understood does not take the others with it. Each is a `Report`.
    """

    v: Literal[1] = 1
    sensor: SensorId
    epoch: Epoch
    first: Sequence
    reports: Annotated[list[Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class Hello(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a sensor holds of an epoch: sequences `first` to `last`, none if `last < first`.

    `evicted` counts the reports its outbox gave up so far: it was full, or the disk refused or damaged them.
    `boot` is a random name of the machine's boot, `board` says which machine it is (a hash of its serial number): two
    machines that speak by turns as one sensor are a copied card.
    """

    v: Literal[1] = 1
    sensor: SensorId
    epoch: Epoch
    first: Sequence
    last: Sequence
    evicted: Count
    software: Name
    boot: Epoch | UnsetType = UNSET
    board: Epoch | UnsetType = UNSET


class Watermark(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cloud has committed every report of `epoch` up to and including `sequence` (0: none)."""

    v: Literal[1] = 1
    epoch: Epoch
    sequence: Sequence


class Status(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Retained. The broker publishes `offline` as the last will of a sensor that vanished.

    One that is stopped in order says so itself, with a `goodbye`.
    """

    v: Literal[1] = 1
    state: Literal["online", "offline"]
    goodbye: Literal[True] | UnsetType = UNSET
