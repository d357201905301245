"""The package and the units for real: python -m tests.boxes [bookworm|trixie ...] prints a table.

1. Each box is a throw-away container with Debian's own systemd (`box.sh`, root); its kernel is this machine's. It has
   no radio, but for an interface in monitor mode that the test makes there, and no network but its own loopback.
2. The package is built from this checkout, for this machine, in two versions.
3. Exit code 1 unless every step holds.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.boxes import air
from tests.boxes.box import Box, Step
from tests.boxes.life import NEXT, NOW, Life, taken
from tests.conftest import ROOT

HEAD = "| box | step | found | holds | took s |\n|---|---|---|---|---|"
SUITES = ("bookworm", "trixie")


def main() -> int:
    """Print the table as it grows."""
    asked = argparse.ArgumentParser(prog="python -m tests.boxes", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("suites", nargs="*", choices=[[], *SUITES], metavar="SUITE", help=", ".join(SUITES))
    wanted = asked.parse_args().suites or SUITES
    if os.geteuid() != 0:
        print("not tried: a box is made by root", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        share = Path(folder)
        try:
            boxes = [Box(suite, share) for suite in wanted]
        except pytest.skip.Exception as why:
            print(f"not tried: {why}", file=sys.stderr)
            return 1
        arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
        here = sources(share)
        for version in (NOW, NEXT):
            build(here, arch, version, share)
        print(HEAD, flush=True)
        held = tell("-", taken("The same sources make the same package", partial(_twice, here, arch, share)))
        for suite, box in zip(wanted, boxes, strict=True):
            for step in _steps(box, arch, share):
                held = tell(suite, step) and held
    return 0 if held else 1


def tell(suite: str, step: Step) -> bool:
    """A line of the table; whether the step held."""
    print(f"| {suite} | {step.name} | {step.found} | {'yes' if step.held else 'NO'} | {step.took_s} |", flush=True)
    return step.held


def _steps(box: Box, arch: str, share: Path) -> Iterator[Step]:
    for story in (Life(box, arch), air.Air(box, arch, share)):
        box.start()
        try:
            yield from story.steps()
        finally:
            box.stop()


def sources(folder: Path) -> Path:
    """A copy of what the package is made of, as it is now: somebody may be working on it."""
    here = folder / "sources"
    for part in ("agent", "systemd", "firmware_config"):
        shutil.copytree(ROOT / part, here / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, here)
    return here


def build(here: Path, arch: str, version: str, into: Path, *, mask: int = 0o022, zone: str = "UTC") -> None:
    """The package of these sources, in `into`, made under that mask for new files and in that time zone."""
    which = ("--arch", arch, "--version", version, "--dest", str(into))
    words = (sys.executable, str(here / "firmware_config/debian/build.py"), *which)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "TZ": zone}
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, umask=mask)


def _twice(here: Path, arch: str, share: Path) -> str:
    """Once more, in another time zone and under another mask for new files."""
    with tempfile.TemporaryDirectory() as folder:
        build(here, arch, NOW, Path(folder), mask=0o077, zone="Pacific/Auckland")
        name = f"footfall-agent_{NOW}_{arch}.deb"
        first, second = (share / name).read_bytes(), (Path(folder) / name).read_bytes()
    assert first == second, "they differ"
    return f"{len(first) / 1e6:.1f} MB, sha256 {hashlib.sha256(first).hexdigest()[:16]}... twice"


if __name__ == "__main__":
    sys.exit(main())
