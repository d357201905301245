"""As root: a real capture into a kernel interface, heard by `footfall-agent run`, over mosquitto with TLS to the API.

What the API shows must be what `footfall-agent replay` of the same file counts. The capture plays at its own
pace, started so that its minutes are the clock's minutes; that takes up to four minutes.
"""

import time
from pathlib import Path

import pytest

from tests.brokers import mosquitto, until
from tests.certificates import Authority
from tests.conftest import need, shared, tap_tool
from tests.e2e.test_path import SHOPS, stored, tls, windows_at
from tests.processes import cloud, fetch, replayed, sensor

CAPTURE = "data/argo_corridor/Capturing_021023_141629.pcap"
WINDOW_S = 60
EVERYTHING = "inside_dbm = -120\noutside_dbm = -120"


def in_step(packets: list) -> list[tuple[float, bytes]]:
    """(time to send, bytes): at the capture's own times, moved by whole windows to the near future."""
    first = packets[0].time
    ahead = time.time() + 10 - first
    moved = (ahead // WINDOW_S + 1) * WINDOW_S
    return [(packet.time + moved, packet.data) for packet in packets]


@pytest.mark.root
@pytest.mark.timeout(420)
def test_a_capture_on_the_air_counts_as_in_replay(tmp_path: Path) -> None:
    need("mosquitto")
    tap, capture = tap_tool(), shared(CAPTURE)
    rows = replayed(capture, WINDOW_S, "--inside-dbm", "-120", "--outside-dbm", "-120")
    authority = Authority(tmp_path)
    with mosquitto(tmp_path, more=tls(authority)) as port, tap.RadiotapTap("fftest0") as interface:
        ca = authority.certificate
        served = f'[mqtt]\nport = {port}\ntls = true\nca = "{ca}"\n{SHOPS}'
        settings = (
            f'sensor = "demo:door"\nwindow_s = {WINDOW_S}\nbattery_clock = true\n[zones]\n{EVERYTHING}\n'
            f'[radio.wifi]\nsource = "monitor"\ninterface = "fftest0"\n[mqtt]\nport = {port}\nca_file = "{ca}"\n'
        )
        with cloud(tmp_path, served) as address, sensor(tmp_path, settings):
            until(lambda: tap.sniffers_on("fftest0"), "the sensor to listen", 20)
            due = in_step(tap.frames_for_tap(str(capture)))
            for at, data in due:
                time.sleep(max(0.0, at - time.time()))
                interface.write(data)
            last = int(due[-1][0] // WINDOW_S) * WINDOW_S
            until(lambda: last in windows_at(tmp_path), "the last window to arrive", WINDOW_S + 30)
            time.sleep(3)  # the roll-up follows the commit
            day = time.strftime("%Y-%m-%d", time.localtime(last))
            answer = fetch(f"{address}/api/v1/shops/corner/windows?date={day}")
    heard = [stored(tmp_path)[start] for start in sorted(stored(tmp_path))]
    counted = [
        (r.wifi.present.devices, r.wifi.present.low, r.wifi.present.high) for r in heard if r.wifi and r.wifi.present
    ]
    assert counted == [(row["devices"], row["low"], row["high"]) for row in rows if row["frames"]]
    assert [report.wifi.frames for report in heard if report.wifi] == [row["frames"] for row in rows if row["frames"]]
    shown = {one["start"]: one["occupancy"]["value"] for one in answer["periods"]}
    assert [shown[report.window_start] for report in heard] == [round(row["inside"]) for row in rows if row["frames"]]
    for row, report in zip((row for row in rows if row["frames"]), heard, strict=True):
        print(f"replay {row['devices']:6.2f}   API {shown[report.window_start]:4.0f}   frames {row['frames']}")
