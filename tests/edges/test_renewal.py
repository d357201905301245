"""A process that becomes a new one: it keeps its id and what it hands over, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys
from agent import renewal
from agent.contract import Report
from agent.outbox import Life
from agent.renewal import Handed, Total
handed = renewal.taken()
if handed is None:
    lost = bytearray(os.urandom(16))
    print(os.getpid(), flush=True)
    waits = [Report(window_start=300, window_s=300, clock="trusted")]
    totals = [Total(7, 3, 1)]
    renewal.become(Handed(12.5, True, {}, waits, 2, Life("0" * 16, 9), totals), ["-c", sys.argv[1], sys.argv[1]])
(total,) = handed.totals
print(os.getpid(), handed.began, handed.epoch_over, total.frames, total.dropped, handed.unsaved[0].window_start,
      handed.lost, handed.life.given)
print(renewal.taken(), [name for name in os.listdir("/proc/self/fd") if int(name) > 3])
"""


def test_it_keeps_its_id_and_what_it_hands_over(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM, PROGRAM]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    before, after, rest = done.stdout.splitlines()
    assert after == f"{before} 12.5 True 7 3 300 2 9"
    assert rest == "None []"


def test_a_process_that_was_started_has_nothing_handed_over() -> None:
    program = "from agent import renewal; import json; print(json.dumps(renewal.taken()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert json.loads(done.stdout) is None
