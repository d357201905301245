"""Channels: how often a phone is caught by a receiver that goes round the channels, on recorded phones.

Recorded were eleven phones, one at a time and for twenty minutes each, by three receivers that stayed on channels 1, 6
and 11 at the same time and by one clock.

1. A scan is what any of the three heard with less than a sweep's gap in between (`agent/core/bursts.py`).
2. The product's own plan (`agent/core/channels.py`) is played over the recording from random starts. A frame is caught
   if the plan is on the channel of the receiver that recorded it, and has been there for 15 ms.
3. Scans of a device count alike, then devices count alike; intervals are of 95 %, by bootstrap over the devices.
4. The phones lay beside the receivers, where neighbouring channels are heard too, so there are three views: "beside"
   takes all that was recorded, "far" what is left if it had come 40 dB weaker, as across a shop, "own" only what was
   sent on the receiver's own channel. Sessions whose frames do not say their channel are left out of the last.

What it cannot say: what all three missed (they are the truth here), channels other than these, 5 GHz.
Run: PYTHONPATH=. python benchmarks/channels.py [--starts 300] [--plan 1,6,11@5 ...]
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from agent.core.bursts import BURST_GAP_S
from agent.core.channels import Hops
from agent.core.dot11 import Decoder
from agent.radio import capture
from benchmarks import parts

NAME = re.compile(r"([A-Z])-ts-(.+)-mode([A-Z]+)(?:_new)?-ch-(\d+)-")
PLACE = ZoneInfo("Europe/Rome")
PARKED = (1, 6, 11)
BLIND_S, WINDOW_S, LENGTH_S, LEAD_S = 0.015, 300.0, 1200.0, 300.0
RESAMPLES, SEED = 4000, 1

Receiver = tuple[tuple[int, ...], float]  # channels, seconds on each
Plan = tuple[Receiver, ...]
PLANS: dict[str, Plan] = {
    **{f"1/6/11 @ {stay:g} s": ((PARKED, stay),) for stay in (0.1, 0.25, 1, 5, 10)},
    **{f"parked on {one}": (((one,), 1.0),) for one in PARKED},
    "three radios": tuple(((one,), 1.0) for one in PARKED),
}

VIEWS = ("beside", "far", "own")
WEAKER_DB, FAINTEST_DBM = 40, -92

Shares = dict[str, tuple[float, float]]  # by device: of its scans, and of its windows with a scan, those caught


class Session(NamedTuple):
    """Frames of one device in one recording, in order of time.

    `views`: which of them each view takes. `scans`: the first frame of each; `windows`: the first scan of each.
    """

    device: str
    at: NDArray[np.float64]
    on: NDArray[np.int64]
    views: dict[str, NDArray[np.bool_]]
    scans: NDArray[np.int64]
    windows: NDArray[np.int64]


class Schedule(NamedTuple):
    """When a receiver changed, and to which channel."""

    at: NDArray[np.float64]
    on: NDArray[np.int64]


def sent_on(packet: bytes) -> int:
    """The channel in the DS parameter of a probe request, 0 where it has none."""
    at = int.from_bytes(packet[2:4], "little") + 24
    while at + 2 < len(packet):
        if packet[at] == 3:
            return packet[at + 2]
        at += 2 + packet[at + 1]
    return 0


def load(folder: Path) -> list[Session]:
    heard: dict[tuple[str, str], list[tuple[float, int, int, int]]] = {}
    decoder = Decoder()
    for path in sorted(folder.glob("*.pcap")):
        if name := NAME.match(path.name):
            frames = heard.setdefault((name[1], name[2]), [])
            for frame in capture.read(path):
                sighting = decoder.radiotap(frame.payload)
                if sighting is not None and sighting.signal is not None:
                    frames.append((frame.at, int(name[4]), sighting.signal, sent_on(bytes(frame.payload))))
    return [session(device, begun, sorted(frames)) for (device, begun), frames in heard.items() if frames]


def session(device: str, begun: str, frames: list[tuple[float, int, int, int]]) -> Session:
    at, on, level, sent = (np.array(column) for column in zip(*frames, strict=True))
    at = at - datetime.strptime(begun, "%Y-%b-%d-h%H-m%M-s%S").replace(tzinfo=PLACE).timestamp()
    scans = np.flatnonzero(np.diff(at, prepend=-np.inf) > BURST_GAP_S)
    windows = np.flatnonzero(np.diff(at[scans] // WINDOW_S, prepend=-1))
    views = {"beside": np.full(len(at), True), "far": level - WEAKER_DB >= FAINTEST_DBM}
    if (sent > 0).mean() > 0.5:
        views["own"] = sent == on
    return Session(device, at, on, views, scans, windows)


def schedule(receiver: Receiver, rng: np.random.Generator) -> Schedule:
    """What the product's plan does from a random start on."""
    channels, stay_s = receiver
    hops = Hops(channels, stay_s, rng.random)
    at, changed, on = -LEAD_S * (1 + rng.random()), [], []
    while at < LENGTH_S:
        changed.append(at)
        on.append(hops.due(at))
        at = hops.due_at
    return Schedule(np.array(changed), np.array(on))


def caught(frames: Session, plan: Sequence[Schedule]) -> NDArray[np.bool_]:
    found = np.zeros(len(frames.at), bool)
    for receiver in plan:
        stay = np.searchsorted(receiver.at, frames.at, "right") - 1
        found |= (receiver.on[stay] == frames.on) & (frames.at - receiver.at[stay] >= BLIND_S)
    return found


def play(plan: Plan, sessions: Iterable[Session], starts: int) -> dict[str, Shares]:
    """By view and device, of its scans and of its windows with a scan, the share caught."""
    rng = np.random.default_rng(SEED)
    played = [[schedule(receiver, rng) for receiver in plan] for _ in range(starts)]
    sums: dict[str, dict[str, NDArray[np.float64]]] = {view: {} for view in VIEWS}
    for frames in sessions:
        for one in played:
            found = caught(frames, one)
            for view, taken in frames.views.items():
                scans = np.logical_or.reduceat(found & taken, frames.scans)
                windows = np.logical_or.reduceat(scans, frames.windows)
                total = sums[view].setdefault(frames.device, np.zeros(4))
                total += (scans.sum(), len(scans), windows.sum(), len(windows))
    return {
        view: {device: (total[0] / total[1], total[2] / total[3]) for device, total in by_device.items()}
        for view, by_device in sums.items()
    }


def interval(values: Sequence[float]) -> str:
    """The mean and its 95 % interval, in percent."""
    every = np.array(values) * 100
    means = every[np.random.default_rng(SEED).integers(0, len(every), (RESAMPLES, len(every)))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return f"{every.mean():.1f} ({low:.0f}-{high:.0f})"


def describe(sessions: Sequence[Session]) -> None:
    """What was recorded, in one sentence."""
    begun = [one.at[one.scans] for one in sessions]
    gaps = np.concatenate([np.diff(times) for times in begun])
    lasts = np.concatenate([one.at[[*(one.scans[1:] - 1), -1]] - one.at[one.scans] for one in sessions])
    present = sum(len(one.windows) for one in sessions)
    print(
        f"{len({one.device for one in sessions})} devices, {len(sessions)} recordings, {len(lasts)} scans of "
        f"{np.median(lasts):.2f} s, one every {np.median(gaps):.0f} s (medians); "
        f"a scan in {present} of {len(sessions) * int(LENGTH_S / WINDOW_S)} windows of five minutes\n"
    )


def written(text: str) -> tuple[str, Plan]:
    """A plan like 1,11@5."""
    channels, _, stay = text.partition("@")
    return text, ((tuple(int(one) for one in channels.split(",")), float(stay or 1)),)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=300, help="random starts of each plan")
    parser.add_argument("--plan", action="append", type=written, default=[], help="one more, like 1,11@5")
    wanted = parser.parse_args()
    sessions = load(parts.shared("data/pintor_train"))
    describe(sessions)
    results = {name: play(plan, sessions, wanted.starts) for name, plan in {**PLANS, **dict(wanted.plan)}.items()}
    rows: list[Sequence[object]] = [
        ("caught, %", *(f"{what}, {view}" for what in ("scan", "window") for view in VIEWS))
    ]
    for name, views in results.items():
        cells = [interval([shares[of] for shares in views[view].values()]) for of in (0, 1) for view in VIEWS]
        rows.append((name, *cells))
    parts.table(rows, (18, *[18] * 6))
    print()
    devices = sorted({one.device for one in sessions})
    rows = [("scans, far, %", *devices)]
    rows += [(name, *(f"{views['far'][one][0] * 100:.0f}" for one in devices)) for name, views in results.items()]
    parts.table(rows, (18, *[6] * len(devices)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
