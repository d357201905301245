"""PT-15: every deliberate fault in privacy is seen by the test that stands for it.

Each is planted in a copy of the source, and its test is run there, in a process of its own. The control runs all those
tests in a copy in which nothing was planted: there they must pass, or they see nothing but themselves.
"""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import ROOT
from tests.privacy.bugs import BUGS, Bug
from tests.privacy.proof import Proof, check

COPIED = ("agent", "cloud", "tests", "docs", "firmware_config", "systemd", "pyproject.toml", "README.md")
FAILED, PASSED = 1, 0  # exit codes of pytest; others mean that it could not run


def copy(to: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to / name)
    return to


def run(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    pytest = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *words.split()]
    return subprocess.run(pytest, cwd=folder, capture_output=True, text=True, timeout=300)


def seen(folder: Path, bug: Bug) -> str:
    """Empty if the bug is seen; else what happened instead."""
    place = copy(folder) / bug.file
    text = place.read_text()
    if text.count(bug.stands) != 1:
        return f"{bug.name}: it stands {text.count(bug.stands)} times in {bug.file}, not once"
    place.write_text(text.replace(bug.stands, bug.planted))
    done = run(folder, bug.seen_by)
    shutil.rmtree(folder)
    if done.returncode == PASSED:
        return f"{bug.name}: not seen by {bug.seen_by}"
    if done.returncode != FAILED or "FAILED" not in done.stdout:
        return f"{bug.name}: {bug.seen_by} could not run: {(done.stdout + done.stderr)[-300:]}"
    return ""


def prove(folder: Path, *, full: bool) -> Proof:
    bugs = BUGS if full else [bug for bug in BUGS if bug.name in ("an address in the log", "no floor")]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(seen, [folder / str(number) for number in range(len(bugs))], bugs))
        clean = copy(folder / "clean")
        passed = list(pool.map(lambda words: run(clean, words).returncode, sorted({bug.seen_by for bug in bugs})))
    missed = [one for one in found if one]
    return Proof(
        "PT-15",
        "deliberate faults in privacy are seen",
        f"{len(bugs) - len(missed)} of {len(bugs)} planted bugs seen" + "".join(f"; {one}" for one in missed),
        not missed,
        f"the same {len(passed)} tests where nothing is planted: {passed.count(PASSED)} pass",
        passed.count(PASSED) == len(passed),
    )


def test_deliberate_faults_are_seen(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))


def test_every_planted_bug_still_fits_the_source() -> None:
    for bug in BUGS:
        assert (ROOT / bug.file).read_text().count(bug.stands) == 1, f"{bug.name}: bring it up to date"
