"""Decode: our decoder against others on the same real frames, and whether it reads what scapy reads.

1. Speed. All frames of a folder of captures. Each round runs all arms one after another; ours reads every frame
   with one decoder, as in the product. scapy dissects the whole frame, dpkt its radiotap and 802.11 layers; both
   are slow, so each round gives them the next part, and all rounds together every frame. tshark and tcpdump are
   programs: their CPU time over the whole file, start included. Medians over the rounds.
2. `--oracle`. Every field we read equals scapy's, over every frame of all captures and 20,000 generated ones.
3. `--fuzz N`. N mutated packets, Wi-Fi and Bluetooth, raise nothing, as bytes and as slices of a buffer.

Run: PYTHONPATH=. python benchmarks/decode.py [FOLDER] [--oracle] [--fuzz [N]]
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dpkt
from scapy.layers.dot11 import RadioTap

from agent.core.dot11 import Decoder
from benchmarks import parts
from tests import oracle

ROUNDS = 7
GENERATED, FUZZED = 20_000, 1_000_000
GOAL, LEAST = 600, 200
FIELDS = ("radiotap.dbm_antsignal", "radiotap.channel.freq", "wlan.sa", "wlan.ds.current_channel", "wlan.tag.number")


def us_per_frame(decode: Callable[[bytes], object], packets: list[bytes]) -> float:
    begun = time.process_time()
    for packet in packets:
        decode(packet)
    return (time.process_time() - begun) / len(packets) * 1e6


def by_dpkt(packet: bytes) -> object:
    try:
        return dpkt.radiotap.Radiotap(packet)
    except (dpkt.UnpackError, IndexError, AttributeError):  # some real frames are beyond it
        return None


def by_program(command: list[str], frames: int) -> float | None:
    if shutil.which(command[0]) is None:
        return None
    before = parts.children_cpu_s()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (parts.children_cpu_s() - before) / frames * 1e6


def speed(folder: Path) -> None:
    packets = oracle.captured(folder)
    slices = [memoryview(bytearray(packet)) for packet in packets]
    ours: dict[str, Decoder] = {"ours, bytes": Decoder(), "ours, receive buffer": Decoder()}
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "all.pcap")
        parts.write_capture(file, packets)
        programs = {
            "tshark, 5 fields": ["tshark", "-n", "-r", str(file), "-T", "fields", *(f"-e{name}" for name in FIELDS)],
            "tcpdump -w /dev/null": ["tcpdump", "-r", str(file), "-w", "/dev/null"],
        }
        for number in range(ROUNDS):
            some = packets[number::ROUNDS]
            took.setdefault("ours, bytes", []).append(us_per_frame(ours["ours, bytes"].radiotap, packets))
            buffered = us_per_frame(ours["ours, receive buffer"].radiotap, slices)  # type: ignore[arg-type]
            took.setdefault("ours, receive buffer", []).append(buffered)
            took.setdefault("scapy, full dissect", []).append(us_per_frame(RadioTap, some))
            took.setdefault("dpkt", []).append(us_per_frame(by_dpkt, some))
            for name, command in programs.items():
                needed = by_program(command, len(packets))
                if needed is not None:
                    took.setdefault(name, []).append(needed)
    print(f"{len(packets)} frames of {folder.name}, median of {ROUNDS} interleaved rounds, CPU time")
    scapy = parts.median(took["scapy, full dissect"])
    rows = [(name, parts.median(values), f"{scapy / parts.median(values):.1f}") for name, values in took.items()]
    parts.table([("arm", "us/frame", "x faster than scapy"), *rows], (24, 10, 22))
    print(f"wanted: ours at least {LEAST}x, goal {GOAL}x\n")


def reads(decoder: Decoder, packet: bytes) -> tuple[object, ...] | str:
    foreign = decoder.foreign
    sighting = decoder.radiotap(packet)
    if sighting is not None:
        return tuple(sighting)
    return oracle.FOREIGN if decoder.foreign > foreign else oracle.DAMAGED


def compare(name: str, frames: list[oracle.Made]) -> bool:
    decoder, seen = Decoder(), Counter[str]()
    for made in frames:
        told, wanted = reads(decoder, made.packet), oracle.expected(made)
        seen["different" if told != wanted else told if isinstance(told, str) else "sightings"] += 1
        if told != wanted and seen["different"] <= 3:
            print(f"different: {made.packet.hex()}\n  ours  {told}\n  scapy {wanted}")
    counts = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    print(f"{name}: {len(frames)} frames, {seen['different']} different from scapy ({counts})", flush=True)
    return not seen["different"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="captures to decode (pintor_train of the shared data)")
    parser.add_argument("--oracle", action="store_true", help="compare every field with scapy")
    parser.add_argument("--fuzz", nargs="?", type=int, const=FUZZED, help="decode this many mutated packets")
    wanted = parser.parse_args()
    speed(wanted.folder or parts.shared("data/pintor_train"))
    equal = True
    if wanted.oracle:
        for folder in sorted(path for path in parts.shared("data").iterdir() if path.is_dir()):
            equal &= compare(folder.name, [oracle.Made(packet) for packet in oracle.captured(folder)])
        equal &= compare("generated", list(oracle.generated(1, GENERATED)))
    if wanted.fuzz:
        found = oracle.survive(1, wanted.fuzz, oracle.seeds(oracle.captured(parts.shared("data/pintor_train"))[::50]))
        print(f"{wanted.fuzz} mutated packets, twice each: nothing raised, {found} were still sightings")
    return 0 if equal else 1


if __name__ == "__main__":
    raise SystemExit(main())
