"""How good the count is: the shared kit's crowds and rooms, our row beside the baselines.

    python benchmarks/counting/accuracy.py [--quick] [--streams warm,cold] [--kit ../shared]

The kit makes crowds of known size from captures of single devices, and feeds a real room's capture day by day; the
counting program is a black box to it. Prints Markdown tables (docs/accuracy.md holds them with the date). Where the
kit is not beside this checkout, nothing is measured.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = "A,C,D,E,G,I", "K,M,O,U,V"
STREAMS = {
    "warm": ("learnt five hours, then counted", ""),
    "cold": ("nothing learnt", "--history 0"),
    "unseen": ("phones never met before", f"--only {NEW} --cold {{pool}} --cold-only {OLD}"),
    "unseen, the other way": ("phones never met before", f"--only {OLD} --cold {{pool}} --cold-only {NEW}"),
    "idle to busy": ("learnt on idle phones, counted on busy ones", "--mode-shift standby2active"),
    "busy to idle": ("learnt on busy phones, counted on idle ones", "--mode-shift active2standby"),
    "fading": ("signal fades by 8 dB instead of 4", "--fading 8"),
    "loss": ("40 % of frames lost instead of 10", "--loss 0.4"),
}
SEEDS = ((1, 5), (11, 15), (31, 35))
OURS = "footfall-agent"


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--kit", type=Path, default=ROOT.parent / "shared", help="folder with benchmark/ and data/")
    ask.add_argument("--quick", action="store_true", help="one seed instead of three")
    ask.add_argument("--streams", help="only these, by comma; 'room' is one")
    asked = ask.parse_args()
    if not (asked.kit / "benchmark/crowd.py").exists():
        print(f"{asked.kit} has no benchmark kit: nothing measured.")
        return 0
    wanted = asked.streams.split(",") if asked.streams else [*STREAMS, "room"]
    kit = Kit(asked.kit)
    seeds = SEEDS[:1] if asked.quick else SEEDS
    crowds = [name for name in STREAMS if name in wanted]
    if crowds:
        print_crowds(kit, crowds, seeds)
    if "room" in wanted:
        print_rooms(kit)
    return 0


class Kit:
    """The black-box kit: makes streams, runs programs on them, scores."""

    def __init__(self, folder: Path) -> None:
        self._bench, self._data = folder / "benchmark", folder / "data"
        ours = f"{sys.executable} -m agent replay {{pcap}} --window 300 --json"
        self.programs = {
            OURS: ours,
            "element hash": f"{sys.executable} {self._bench}/iehash.py {{pcap}}",
            "addresses": f"{sys.executable} {self._bench}/naive.py {{pcap}}",
        }

    def crowd(self, options: str, seeds: tuple[int, int]) -> dict[str, dict[str, Any]]:
        """Scores of every program on one stream."""
        pool = self._data / "pintor_train"
        with tempfile.TemporaryDirectory() as folder:
            pcap, truth = Path(folder, "crowd.pcap"), Path(folder, "crowd.jsonl")
            words = shlex.split(options.format(pool=pool))
            words += ["--pool", str(pool), "--out", str(pcap), "--truth", str(truth)]
            words += ["--seed0", str(seeds[0]), "--history-seed", str(seeds[1])]
            run([sys.executable, str(self._bench / "crowd.py"), *words])
            score = [
                sys.executable,
                str(self._bench / "score.py"),
                "--json",
                "--pcap",
                str(pcap),
                "--truth",
                str(truth),
            ]
            return {name: json.loads(run([*score, "--cmd", cmd])) for name, cmd in self.programs.items()}

    def room(self, name: str, *options: str) -> dict[str, Any]:
        """Errors of one program in the room."""
        words = ["--data", str(self._data / "brno_cal"), "--cmd", self.programs[name], "--json", *options]
        return dict(json.loads(run([sys.executable, str(self._bench / "room.py"), *words])))


def run(words: list[str]) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def print_crowds(kit: Kit, names: list[str], seeds: tuple[tuple[int, int], ...]) -> None:
    print("Mean error of the count in %, crowds of 5, 10, 20, 50 and 100 devices in windows of 300 s.\n")
    print("| stream | what | ours (each seed) | 80 % interval holds | width | element hash | addresses |")
    print("|---|---|---|---|---|---|---|")
    sizes: list[dict[str, Any]] = []
    for name in names:
        what, options = STREAMS[name]
        rounds = [kit.crowd(options, seed) for seed in seeds]
        ours = [one[OURS] for one in rounds]
        each = " ".join(f"{one['mape']:.1f}" for one in ours)
        others = [f"{statistics.mean(one[other]['mape'] for one in rounds):.0f}" for other in list(kit.programs)[1:]]
        coverage, width = (statistics.mean(one[key] for one in ours) for key in ("coverage", "width"))
        mean = statistics.mean(one["mape"] for one in ours)
        print(f"| {name} | {what} | **{mean:.1f}** ({each}) | {coverage:.0f} % | {width:.2f} | {' | '.join(others)} |")
        if name == "warm":
            sizes = ours
    if sizes:
        print("\nBy size, warm: " + ", ".join(by_size(sizes, size) for size in ("5", "10", "20", "50", "100")) + ".")
        used = [one["run"] for one in sizes]
        print(
            f"Run time {statistics.median(one['cpu_s'] for one in used):.1f} s CPU, "
            f"peak memory {max(one['peak_rss_mib'] for one in used):.0f} MiB for the whole command.\n"
        )


def by_size(scores: list[dict[str, Any]], size: str) -> str:
    cells = [one["sizes"][size] for one in scores]
    error, ratio = (statistics.mean(cell[key] for cell in cells) for key in ("mape", "ratio"))
    return f"{size}: {error:.1f} % (ratio {ratio:.2f})"


def print_rooms(kit: Kit) -> None:
    print("Room of 0 to 16 people, 8 days, no labels.\n")
    print("| program | MAPE at 5 people or more | mean absolute error | r |")
    print("|---|---|---|---|")
    for name in kit.programs:
        for label, options in (("", ()), (" (days joined)", ("--joined",))):
            found = kit.room(name, *options)
            print(f"| {name}{label} | {found['mape5']:.1f} % | {found['mae']:.2f} | {found['r']:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
