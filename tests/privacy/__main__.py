"""All proofs in full, as a table: python -m tests.privacy [PT-1 ...]. Exit code 1 unless every promise holds."""

import importlib
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.privacy.proof import Proof

HERE = Path(__file__).parent


def main(wanted: list[str]) -> int:
    names = sorted(path.stem for path in HERE.glob("test_pt*.py"))
    chosen = [name for name in names if not wanted or f"PT-{int(name[7:9])}" in wanted]
    print("| id | claim | figure | control | verdict | s |\n|---|---|---|---|---|---|", flush=True)
    bad = 0
    for name in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="footfall-prove-") as folder:
            try:
                line = importlib.import_module(f"tests.privacy.{name}").prove(Path(folder), full=True)
            except pytest.skip.Exception as why:
                line = Proof(f"PT-{int(name[7:9])}", f"not run: {why}", "-", False, "-", True)
            except Exception as fault:  # a proof that falls over proves nothing, and must not take the others with it
                line = Proof(f"PT-{int(name[7:9])}", "could not be tried", repr(fault)[:300], False, "-", True)
        verdict = line.verdict if line.figure != "-" else "NOT RUN"
        bad += verdict != "holds"
        spent = time.monotonic() - began
        print(f"| {line.id} | {line.claim} | {line.figure} | {line.control} | {verdict} | {spent:.0f} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
