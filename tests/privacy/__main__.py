"""All proofs in full, as a table: python -m tests.privacy [PT-1 ...]. Exit code 1 unless every promise holds."""

import importlib
import sys
import tempfile
import time
from pathlib import Path

from _pytest.outcomes import Skipped

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
            except Skipped as why:
                line = Proof(f"PT-{int(name[7:9])}", f"not run: {why}", "-", False, "-", True)
        verdict = line.verdict if line.figure != "-" else "NOT RUN"
        bad += verdict != "holds"
        spent = time.monotonic() - began
        print(f"| {line.id} | {line.claim} | {line.figure} | {line.control} | {verdict} | {spent:.0f} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
