"""Replay: a capture through the same core the sensor runs, as fast as it goes. Windows come out as they close."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agent.contract import Report
from agent.core.memory import Place
from agent.core.sensor import Sensor
from agent.core.window import Zones
from agent.radio import RadioError, capture


class Row(NamedTuple):
    """One closed window of a replay: times in UTC seconds, counts in devices, null where undefined."""

    window_start: int
    window_s: int
    devices: float | None
    low: float | None
    high: float | None
    inside: float | None
    outside: float | None
    listened_s: float
    coverage: float
    frames: int
    ignored: int
    damaged: int
    flooded: bool
    estimator: str


def windows(path: Path, draw_key: Callable[[], bytes], window_s: int, zones: Zones) -> Iterator[Row]:
    """Rows of every window from the first frame to the last. Raises RadioError, CaptureCutError after the last row."""
    radio = "ble" if capture.first_link(path) in capture.BLUETOOTH else "wifi"
    sensor = Sensor((radio,), draw_key, window_s, Place(zones))
    last: float | None = None
    cut: RadioError | None = None
    try:
        for frame in capture.read(path):
            if last is None:
                sensor.listen(radio, frame.at)
            last = max(frame.at, last or frame.at)
            sensor.feed(frame)
            yield from (_row(report) for report in sensor.poll(frame.at))
    except RadioError as error:  # what came before the damage counts; the window it fell in is closed early
        cut = error
    if last is not None:
        yield from (_row(report) for report in sensor.stop(last))
    if cut:
        raise cut


def _row(report: Report) -> Row:
    heard = report.wifi or report.ble
    if heard is None:
        raise ValueError("a replayed window names the radio that heard it")
    present, inside, outside = heard.present, heard.inside, heard.outside
    return Row(
        window_start=report.window_start,
        window_s=report.window_s,
        devices=present.devices if present else None,
        low=present.low if present else None,
        high=present.high if present else None,
        inside=inside.devices if inside else None,
        outside=outside.devices if outside else None,
        listened_s=heard.listened_s,
        coverage=round(min(1.0, heard.listened_s / report.window_s), 4),
        frames=heard.frames,
        ignored=heard.ignored,
        damaged=heard.damaged,
        flooded=heard.flooded,
        estimator=heard.estimator,
    )


def line(row: Row) -> str:
    """A row for a person's terminal."""
    start = datetime.fromtimestamp(row.window_start, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if row.devices is None:
        return f"{start:20} {'-':>8} {'not listened':>15}"
    interval = f"{row.low:.0f} to {row.high:.0f}"
    inside = "-" if row.inside is None else f"{row.inside:.1f}"
    return f"{start:20} {row.devices:8.1f} {interval:>15} {inside:>7} {row.coverage:8.0%} {row.frames:8d}"
