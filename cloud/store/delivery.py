"""Delivery: what a message from a sensor, or from a till, turned out to be.

1. Every report is decoded against the contract before it is stored. One that is not a report goes to the
   quarantine alone, under its own sequence; the cloud has its bytes, so the watermark may pass it.
   So does one on a window that has not begun: its sensor's clock is wrong, and it would be counted a second time
   when that time comes. One whose sensor says itself that it did not know the time is kept, without a date.
2. A message that is no batch at all, or that speaks for another sensor than its topic, is quarantined whole
   and moves nothing: whoever sent it keeps what it holds.
3. Nothing a sensor or a till can send raises. The broker decides who may publish on a topic; the topic says who
   spoke.
4. Which hours a till's message means depends on the shop's time zone, so the rest of it is judged where it is kept.
"""

import re
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from agent.contract import (
    ContractError,
    Health,
    Hello,
    Report,
    ReportBatch,
    ReportedConfig,
    Status,
    TillHours,
    decode,
    topics,
)
from agent.contract.handover import MAX_PAYLOAD_BYTES
from cloud.store.schema import UNDATED

MAX_REASON = 500
AHEAD_S = 3600  # how far a sensor's clock may be ahead of ours
_SENSOR_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}:[a-z0-9][a-z0-9-]{0,31}")
SAID: dict[str, Any] = {"hello": Hello, "status": Status, "health": Health, "config": ReportedConfig}  # by leaf
_report = msgspec.json.Decoder(Report)
# (tenant, sensor, epoch, sequence, window_start, window_s, received_at, body): a row of `report`
Row = tuple[str, str, str, int, int, int, int, bytes]


class Quarantined(Struct, frozen=True):
    """A payload nobody can use, and why. `sequence` is None where a whole message is meant."""

    topic: str
    reason: str
    payload: bytes
    tenant: str | None = None
    sensor: str | None = None
    epoch: str | None = None
    sequence: int | None = None

    @property
    def id(self) -> str:
        """32 hex digits, the same for the same payload from the same place."""
        key = f"{self.topic}\0{self.epoch}\0{self.sequence}\0".encode()
        return blake2b(key + self.payload, digest_size=16).hexdigest()


class Reports(Struct, frozen=True):
    """A batch: sequences `first` to `last` of one epoch, each either a row or quarantined.

    `untrusted`: those of the rows whose sensor did not know the time.
    """

    tenant: str
    sensor: str
    epoch: str
    first: int
    last: int
    rows: list[Row]
    quarantined: list[Quarantined]
    untrusted: list[int] = []


class Said(Struct, frozen=True):
    """A sensor said how it is: hello, status, health or the settings in force, with the bytes it said it in."""

    tenant: str
    sensor: str
    message: Hello | Status | Health | ReportedConfig
    body: bytes


class Sold(Struct, frozen=True):
    """A till said what it sold in a shop, with the topic and the bytes it said it in."""

    tenant: str
    shop: str
    told: TillHours
    topic: str
    payload: bytes


Delivery = Reports | Said | Sold | Quarantined


def receive(topic: str, payload: bytes, now: int) -> Delivery:
    """What a message is, at UTC second `now`. Never raises."""
    address = topics.parse_up(topic)
    try:
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ContractError(f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed")
        if address is not None and _SENSOR_ID.fullmatch(address[0]):
            if address[1] == "report":
                return _reports(topic, address[0], payload, now)
            return _said(topic, *address, payload)
        if shop := topics.parse_till(topic):
            return Sold(*shop, decode(TillHours, payload), topic, payload)
    except ContractError as error:
        return _refused(topic, payload, str(error))
    return _refused(topic, payload, "the topic names no sensor and no till")


def _reports(topic: str, sensor_id: str, payload: bytes, now: int) -> Delivery:
    batch = decode(ReportBatch, payload)
    if batch.sensor != sensor_id:
        return _refused(topic, payload, f"the batch speaks for {batch.sensor}")
    if batch.first == 0:
        return _refused(topic, payload, "sequence 0 stands for none: the first report of an epoch is 1")
    tenant, _, sensor = sensor_id.partition(":")
    epoch, first = batch.epoch, batch.first
    rows: list[Row] = []
    bad: list[Quarantined] = []
    untrusted: list[int] = []
    parse = _report.decode
    for sequence, raw in enumerate(batch.reports, first):
        body = bytes(raw)
        try:
            report = parse(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            bad.append(_bad(topic, (tenant, sensor, epoch, sequence), body, f"not a Report: {error}"))
            continue
        if report.window_start % report.window_s:
            bad.append(_bad(topic, (tenant, sensor, epoch, sequence), body, "the window is not aligned to UTC"))
            continue
        window = report.window_start
        if report.clock == "untrusted":
            untrusted.append(sequence)
            window = UNDATED
        elif window > now + AHEAD_S:
            bad.append(_bad(topic, (tenant, sensor, epoch, sequence), body, "the window has not begun yet"))
            continue
        rows.append((tenant, sensor, epoch, sequence, window, report.window_s, now, body))
    return Reports(tenant, sensor, epoch, first, first + len(batch.reports) - 1, rows, bad, untrusted)


def _said(topic: str, sensor_id: str, leaf: str, payload: bytes) -> Delivery:
    message: Hello | Status | Health | ReportedConfig = decode(SAID[leaf], payload)
    if not isinstance(message, Status) and message.sensor != sensor_id:
        return _refused(topic, payload, f"the {leaf} speaks for {message.sensor}")
    tenant, _, sensor = sensor_id.partition(":")
    return Said(tenant, sensor, message, payload)


def _bad(topic: str, key: tuple[str, str, str, int], body: bytes, reason: str) -> Quarantined:
    return Quarantined(topic, reason[:MAX_REASON], body, *key)


def _refused(topic: str, payload: bytes, reason: str) -> Quarantined:
    """The whole message; what an oversized one had beyond the limit is cut off."""
    address = topics.parse_up(topic)
    known = address is not None and _SENSOR_ID.fullmatch(address[0]) is not None
    tenant, _, sensor = address[0].partition(":") if address is not None and known else ("", "", "")
    return Quarantined(topic[:200], reason[:MAX_REASON], payload[:MAX_PAYLOAD_BYTES], tenant or None, sensor or None)
