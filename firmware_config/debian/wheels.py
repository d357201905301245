"""Wheels: the libraries of the sensor, for the machine and the Pythons it will run on, and the agent itself.

1. What is fetched is what `requirements.lock` names, by its hashes, and no more than the agent needs.
2. Nothing is compiled: what has no wheel for a machine cannot be a part of the sensor there.
3. The agent's own wheel holds the agent and not the cloud, and is the same, byte by byte, of the same sources.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.13")  # of Debian 12 and 13
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = ("2014", "_2_17", "_2_26", "_2_27", "_2_28", "_2_34", "_2_35", "_2_36")  # up to Debian 12's


def fetch(arch: str, into: Path) -> None:
    """The libraries' wheels for both Pythons on a machine of that kind."""
    for python in PYTHONS:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
            wanted.write(_locked(arch, python))
            wanted.flush()
            platforms = [f"--platform=manylinux{glibc}_{MACHINES[arch]}" for glibc in _GLIBC]
            _pip(
                *("download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp"),
                *(f"--python-version={python}", f"--abi=cp{python.replace('.', '')}", "--abi=abi3", "--abi=none"),
                *(*platforms, "--dest", str(into), "-r", wanted.name),
            )


def build(into: Path, epoch: int) -> None:
    """The agent's wheel."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "footfall"
        shutil.copytree(ROOT / "agent", here / "agent", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, here)
        project = (ROOT / "pyproject.toml").read_text()
        here.joinpath("pyproject.toml").write_text(re.sub(r"^footfall-cloud = .*\n", "", project, flags=re.M))
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(here), epoch=epoch)


def _locked(arch: str, python: str) -> str:
    """The part of the lock file that the agent needs there."""
    resolve = ("pip", "compile", "pyproject.toml", "--extra=agent", "--constraint=requirements.lock", "--quiet")
    where = (f"--python-version={python}", f"--python-platform={MACHINES[arch]}-manylinux_2_36")
    plain = ("--no-header", "--no-annotate", "--only-binary=:all:")
    uv = Path(sys.executable).with_name("uv")
    command = [uv, *resolve, *where, *plain]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"The agent's libraries for {arch}, Python {python}, cannot be settled: {done.stderr.strip()}")
    named = {line.split(" ")[0] for line in done.stdout.splitlines() if "==" in line}
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    return "\n".join(re.sub(r" ; [^\\]*", " ", block) for block in blocks if block.split(" ")[0] in named)


def _pip(*words: str, epoch: int | None = None) -> None:
    environment = os.environ if epoch is None else {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"pip {words[0]}: {done.stderr.strip()}")
