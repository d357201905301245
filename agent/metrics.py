"""Metrics: how the sensor is, as OpenMetrics text for a Prometheus on the same machine.

1. It is off unless the settings name a port. It listens on 127.0.0.1 alone, and answers one question, GET /metrics.
2. Names are in base units; counters end in `_total` and begin anew with their process. No label names the sensor, a
   device or an address: whoever collects knows whom it asked.
3. What is not known is not there; it is never shown as 0.
4. The levels are a gauge histogram: those of the last span, for there is no histogram below 0 that could be summed up.

prometheus-client would do the same for 8 MB of memory more, in a process of 25.

Source: OpenMetrics 1.0.0, "Text format" and "GaugeHistogram".
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from msgspec import UNSET

from agent.contract import Health, RadioHealth, ReportedConfig
from agent.contract.health import Machine, TimeHealth, Uplink
from agent.core.levels import STEP_DB

log = logging.getLogger("footfall.metrics")

TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_MOST_BYTES = 8192  # of a question
_PATIENCE_S = 2.0
Value = float | int | bool | None
_HEARS = {"wifi": "frames", "ble": "adverts"}


class Family(NamedTuple):
    """One metric: its samples as (suffix of the name, labels, value)."""

    name: str
    kind: str
    says: str
    samples: list[tuple[str, Mapping[str, str], Value]]


def text(health: Health | None, connected: bool | None, reported: ReportedConfig | None) -> str:  # noqa: FBT001
    """All that is known, as OpenMetrics text. `connected`: whether the cloud answers."""
    families = [_gauge("uplink_connected", "Whether the cloud answers.", connected)]
    if reported is not None:
        labels = {"version": str(reported.version), "hash": reported.hash or ""}
        families.append(_info("config", "The settings from the fleet that are in force (version 0: none).", labels))
    if health is not None:
        families += [*_sensing(health), *_queue(health)]
        families += _time(health.time) if health.time is not UNSET else []
        families += _machine(health.machine) if health.machine is not UNSET else []
    return "".join(_written(one) for one in families) + "# EOF\n"


def _written(family: Family) -> str:
    known = [one for one in family.samples if one[2] is not None]
    if not known:
        return ""
    name = f"footfall_{family.name}"
    lines = [f"# HELP {name} {family.says}", f"# TYPE {name} {family.kind}"]
    for suffix, labels, value in known:
        inner = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
        lines.append(f"{name}{suffix}{{{inner}}} {_number(value)}" if inner else f"{name}{suffix} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else repr(value)


def _gauge(name: str, says: str, value: Value | object) -> Family:
    return Family(name, "gauge", says, [("", {}, value if isinstance(value, int | float) else None)])


def _counter(name: str, says: str, value: Value | object) -> Family:
    return Family(name, "counter", says, [("_total", {}, value if isinstance(value, int | float) else None)])


def _info(name: str, says: str, labels: Mapping[str, str]) -> Family:
    return Family(name, "info", says, [("_info", labels, 1)])


def _sensing(health: Health) -> Iterable[Family]:
    yield _info("software", "The program of this sensor.", {"version": health.software})
    yield _gauge("sensing_uptime_seconds", "For how long the sensing process has run.", health.uptime_s)
    for kind, what in _HEARS.items():
        mine = [one for one in health.radios if one.radio == kind]
        if mine:
            yield from _radios(kind, what, mine)


def _radios(kind: str, what: str, radios: list[RadioHealth]) -> Iterable[Family]:
    first = radios[0]
    yield _gauge(f"{kind}_listening", "Whether the first radio hears.", first.state == "listening")
    yield _counter(f"{kind}_{what}", f"{what.title()} heard, of all radios.", sum(one.frames for one in radios))
    dropped = sum(one.dropped for one in radios)
    yield _counter(f"{kind}_dropped_{what}", f"{what.title()} the kernel lost before they were seen.", dropped)
    yield _gauge(f"{kind}_last_heard_seconds", "How long ago the first radio heard anything.", first.last_frame_age_s)
    steps = {} if first.rungs is UNSET else first.rungs
    samples: list[tuple[str, Mapping[str, str], Value]] = [("_total", {"step": key}, n) for key, n in steps.items()]
    yield Family(f"{kind}_recoveries", "counter", "Steps taken to bring a deaf radio back.", samples)
    if first.levels is not UNSET:
        yield _levels(kind, first.levels)


def _levels(kind: str, levels: Mapping[str, int]) -> Family:
    """Buckets by the strongest signal of a step; the sum is made of the middles of the steps."""
    counts = {int(step): count for step, count in levels.items()}
    samples: list[tuple[str, Mapping[str, str], Value]] = []
    below = 0
    for step in sorted(counts):
        below += counts[step]
        samples.append(("_bucket", {"le": f"{step + STEP_DB - 1}.0"}, below))
    samples.append(("_bucket", {"le": "+Inf"}, below))
    middle = (STEP_DB - 1) / 2
    total = sum((step + middle) * count for step, count in counts.items())
    return Family(
        f"{kind}_signal_dbm",
        "gaugehistogram",
        "How strongly frames came in the last span of at least a window.",
        [*samples, ("_gsum", {}, total), ("_gcount", {}, below)],
    )


def _queue(health: Health) -> Iterable[Family]:
    if health.outbox is not None:
        yield _gauge("queue_reports", "Reports that wait for the cloud.", health.outbox.pending)
        yield _gauge("queue_oldest_seconds", "Age of the oldest of them.", health.outbox.oldest_age_s)
        yield _counter("queue_evicted_reports", "Reports that had to be given up.", health.outbox.evicted)
    yield _gauge("clock_trusted", "Whether the time of day can be trusted.", health.clock == "trusted")


def _time(kept: TimeHealth) -> Iterable[Family]:
    yield _gauge("clock_offset_seconds", "What of the time of day is still to be made up for.", kept.off_s)
    yield _gauge("clock_error_seconds", "By how much the time of day may be wrong at most.", kept.error_s)


def _machine(told: Machine) -> Iterable[Family]:
    yield _gauge("machine_uptime_seconds", "For how long the machine has run.", told.up_s)
    yield _gauge("cpu_temperature_celsius", "How hot the processor is.", told.cpu_c)
    if told.strained is not UNSET and told.was_strained is not UNSET:
        yield _gauge("under_voltage", "Whether the power supply is too weak now.", "under-voltage" in told.strained)
        was = "under-voltage" in told.was_strained
        yield _gauge("was_under_voltage", "Whether it was since the machine started.", was)
        yield _gauge("throttled", "Whether the machine is slowed down now.", "throttled" in told.strained)
    yield _gauge("disk_free_ratio", "The share of the disk that is free.", told.disk_free)
    yield _counter("disk_written_bytes", "What was written to the disk.", told.disk_written)
    yield _gauge("disk_errors", "Errors of the file system since it was last checked.", told.disk_errors)
    yield _gauge("memory_free_ratio", "The share of the memory that can be had.", told.memory_free)
    yield _gauge("load_ratio", "Programs that wanted to run in the last minute, by core.", told.load)
    until = told.certificate_until
    yield _gauge("certificate_expiry_timestamp_seconds", "When the sensor's certificate ends.", until)
    if told.uplink is not UNSET:
        yield from _uplink(told.uplink)


def _uplink(way: Uplink) -> Iterable[Family]:
    yield _info("uplink", "By which kind of network the sensor is connected.", {"kind": way.kind})
    yield _gauge("uplink_signal_dbm", "How strongly it hears its access point.", way.signal_dbm)
    yield _gauge("uplink_round_trip_seconds", "How long the way to the broker and back takes.", way.round_trip_s)
    yield _gauge("uplink_sent_today_bytes", "What was sent to the broker since UTC midnight.", way.sent_today)


class Exporter:
    """Answers on 127.0.0.1 at `port` with what `page` gives, in a thread of its own. Raises OSError."""

    def __init__(self, port: int, page: Callable[[], str]) -> None:
        self._page = page
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, name="footfall-metrics", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        with suppress(OSError):  # wakes the thread up
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            with asking, suppress(OSError):
                asking.settimeout(_PATIENCE_S)
                self._answer(asking)

    def _answer(self, asking: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked and len(asked) < _MOST_BYTES:
            more = asking.recv(_MOST_BYTES)
            if not more:
                return
            asked += more
        if asked.startswith((b"GET /metrics ", b"GET /metrics?")):
            status, body = "200 OK", self._page().encode()
        else:
            status, body = "404 Not Found", b"Ask for /metrics.\n"
        kind = TYPE if status.startswith("200") else "text/plain"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        asking.sendall(head.encode() + body)
