"""A process that has locked itself down, attacked from outside; each attack first on one that has not."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, need

LOCKED, OPEN = "from agent.lockdown import lock_down; lock_down()", "pass"
STATUS = Path("/proc/self/status").read_text()
MAY_LOCK = bool(int(STATUS.partition("CapEff:")[2].split()[0], 16) >> 14 & 1)  # CAP_IPC_LOCK
to_lock = pytest.mark.skipif(not MAY_LOCK, reason="locks memory without limit (CAP_IPC_LOCK): run it as root")

# A process that tells its parent of the same user where a secret lies, and the parent, which then reads there.
READER = """
import ctypes, os, time
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # becoming another user made it unreadable; a service starts readable
secret = bytearray(b"the key of the day")
place = ctypes.addressof(ctypes.c_char.from_buffer(secret))
ready, tell = os.pipe()
if (child := os.fork()) == 0:
    {action}
    os.write(tell, b".")
    time.sleep(30)
os.close(tell)
os.read(ready, 1)
try:
    with open(f"/proc/{{child}}/mem", "rb", buffering=0) as memory:
        memory.seek(place)
        print(memory.read(len(secret)).decode())
except PermissionError:
    print("refused")
finally:
    os.kill(child, 9)
"""

SIZES = """
from pathlib import Path
def size(name):
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(name + ":"))
    return int(line.split()[1])
"""

AGAIN = """
import ctypes, os, sys
from agent.lockdown import lock_down
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
told = lock_down() + lock_down()
after = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
if len(sys.argv) == 1:
    os.execv(sys.executable, [sys.executable, "-c", os.environ["SCRIPT"], f"{before}{after}"])
print(sys.argv[1], f"{before}{after}", told)
"""


def said(script: str, *options: str) -> str:
    words = [*options, sys.executable, "-c", script]
    environment = {**os.environ, "SCRIPT": script}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=20, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("action", "answer"), [(OPEN, "the key of the day"), (LOCKED, "refused")])
def test_its_memory_is_not_read_by_another_process_of_its_user(action: str, answer: str) -> None:
    script = READER.format(action=action)
    if os.geteuid() == 0:  # what it needs is imported before it becomes somebody who may not see this checkout
        script = f"import agent.lockdown\n{script}"
    assert said(script) == answer


@pytest.mark.parametrize(("action", "dumps"), [(OPEN, True), (LOCKED, False)])
def test_a_crash_writes_no_core(tmp_path: Path, action: str, dumps: bool) -> None:
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if most == 0:
        pytest.skip("no process may write a core file here (ulimit -Hc is 0), so nothing could be seen")
    script = (
        f"import os, resource, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(tmp_path)!r})\n"
        f"resource.setrlimit(resource.RLIMIT_CORE, ({most}, {most}))\n{action}\n"
        f"os.kill(os.getpid(), {int(signal.SIGSEGV)})"
    )
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", script], os.environ)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV
    assert os.WCOREDUMP(status) == dumps
    if not dumps:
        assert not list(tmp_path.iterdir())


@to_lock
def test_its_memory_is_locked_and_does_not_grow_by_that() -> None:
    """30 MB of Python: locking everything at once would fetch what is mapped and never used."""
    script = f"""{SIZES}
import json, sqlite3, ssl, asyncio
from agent.lockdown import lock_down
held = [bytes(1000) for _ in range(17_000)]
before = size("VmRSS")
told = lock_down()
locked, after = size("VmLck"), size("VmRSS")
more = bytearray(8 << 20)
print(json.dumps([told, before, after, locked, size("VmLck"), size("VmSwap")]))
"""
    told, before, after, locked, later, swapped = json.loads(said(script))
    print(f"resident before {before} kB, after {after} kB, locked {locked} kB")
    assert told == []
    assert 25_000 < before < 60_000
    assert after - before <= 1024
    assert locked >= before and later >= locked + 8000
    assert swapped == 0


@to_lock
def test_with_a_limit_nothing_is_locked_and_nothing_fails_later() -> None:
    script = f"""{SIZES}
import resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
from agent.lockdown import lock_down
told = lock_down()
more = bytearray(64 << 20)
print(len(told), size("VmLck"), told[0])
"""
    answer = said(script, need("setpriv"), "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    assert answer.startswith("1 0 This process's memory may be swapped to a disk: ")
    assert answer.endswith(".")


def test_it_can_gain_no_rights() -> None:
    script = f"{SIZES}\nfrom agent.lockdown import lock_down\nlock_down()\nprint(size('NoNewPrivs'))"
    assert said(script) == "1"


def test_it_is_locked_down_anew_by_the_program_it_becomes() -> None:
    first, second, told = said(AGAIN).split(" ", 2)
    assert (first, second) == ("10", "10")  # dumpable when the program starts, and no longer when it has run
    assert (told == "[]") == MAY_LOCK or resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
