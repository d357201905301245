"""Advertisements: what decoding one costs, what it costs to tell phones from other things, and whether anything raises.

1. Speed. Every known advertiser of the tests in each layout, decoded again and again; beside it the same without a look
   at what is advertised (an empty one), and scapy's full dissection. CPU time, medians of the rounds.
2. What setting others apart costs in a window: traces of phones only, and with every third one of something else.
3. `--fuzz N`. N mutated packets of all layouts (a million unless told), twice each: nothing may raise.

Run: PYTHONPATH=. python benchmarks/advertisements.py [--fuzz [N]]
"""

import argparse
import time

from agent.core.advertisement import Decoder
from agent.core.nature import Nature
from agent.core.pseudonym import Trace
from agent.core.window import Window, Zones
from benchmarks import parts
from tests import advertisers, oracle_ble

ROUNDS, REPEATS, FUZZED = 7, 200, 1_000_000
TRACES, ADDRESSES = 30_000, 300


def speed() -> None:
    rows = []
    for name, (link, wrap) in advertisers.LAYOUTS.items():
        packets = [wrap(one.address, one.data) for one in advertisers.KNOWN if one.data]
        empty = [wrap(one.address, b"") for one in advertisers.KNOWN if one.data]
        took: dict[str, list[float]] = {"ours": [], "empty": [], "scapy": []}
        for _ in range(ROUNDS):
            for arm, batch in (("ours", packets), ("empty", empty)):
                decode, begun = Decoder().sightings, time.process_time()
                for _ in range(REPEATS):
                    for packet in batch:
                        decode(link, packet)
                took[arm].append((time.process_time() - begun) / REPEATS / len(batch) * 1e6)
            begun = time.process_time()
            for packet in packets:
                oracle_ble.LAYERS[link](packet)
            took["scapy"].append((time.process_time() - begun) / len(packets) * 1e6)
        ours, nothing, scapy = (parts.median(took[arm]) for arm in ("ours", "empty", "scapy"))
        rows.append((name, ours, nothing, scapy, f"{1e6 / ours:,.0f}"))
    head = ("layout", "us each", "empty", "scapy", "advertisements/s")
    parts.table([head, *rows], (24, 10, 10, 10, 20))


def window() -> None:
    """A window of phones, and one in which every third trace is of something else."""
    rows = []
    for name, nature in (("phones only", Nature.UNKNOWN), ("every third another", Nature.FURNITURE)):
        traces = [
            Trace(n % ADDRESSES, False, -60, n % 7, nature=nature if n % 3 == 0 else Nature.UNKNOWN)
            for n in range(TRACES)
        ]
        hears, closes = [], []
        for _ in range(ROUNDS):
            one = Window(Zones(), 300)
            one.listen(0.0)
            begun = time.process_time()
            for n, trace in enumerate(traces):
                one.hear(trace, n / 100)
            hears.append((time.process_time() - begun) / TRACES * 1e6)
            begun = time.process_time()
            one.close(300.0)
            closes.append((time.process_time() - begun) * 1e3)
        rows.append((name, parts.median(hears), parts.median(closes)))
    parts.table([("\nwindow", "us a trace", "ms to close"), *rows], (24, 12, 14))


def fuzz(count: int) -> bool:
    begun = time.process_time()
    found = advertisers.survive(1, count)
    took = time.process_time() - begun
    print(
        f"\n{count:,} mutated packets, twice each: {found.raised} raised, {found.sightings:,} still sightings, "
        f"{found.damaged:,} damaged, {found.foreign:,} foreign; "
        f"{2 * count / took:,.0f} advertisements/s, making included"
    )
    return not found.raised


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fuzz", nargs="?", type=int, const=FUZZED, help="decode this many mutated packets")
    wanted = parser.parse_args()
    speed()
    window()
    return 0 if wanted.fuzz is None or fuzz(wanted.fuzz) else 1


if __name__ == "__main__":
    raise SystemExit(main())
