"""PT-7: the process that hears opens no network socket; the one that talks no radio, no keyring, and no code of either.

Both real processes are watched by strace(1) from their first instruction, with all their threads, children and the
programs they become: sense through the end of an epoch, where it becomes itself anew, and sync while it hands over to
a real broker and a real cloud. In full, sense hears frames from a kernel interface through a packet socket. The
controls are copies of the agent with one line planted in each process.
"""

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.air import probe, radiotap
from tests.brokers import free_port, mosquitto, until
from tests.conftest import ROOT, need
from tests.e2e.test_path import SHOPS, stored
from tests.faults.test_kills import sequences
from tests.monitor import Feed, interface
from tests.privacy.proof import Proof, check
from tests.processes import cloud

CLAIM = "sense opens no network socket; sync opens no radio and no keyring, and loads no code of either"
WATCHED = "socket,socketpair,connect,execve,?open,openat,add_key,keyctl,request_key,io_uring_setup"
NIGHT = 1700017020  # 03:57 in Berlin: three minutes of simulated time before an epoch ends
STREET = 'source = "street"\nvisitors_per_day = 100'

MAY_OPEN = {
    "sense": re.compile(r"AF_UNIX|AF_PACKET"),
    "sync": re.compile(r"AF_UNIX|AF_INET6?|AF_NETLINK, .*NETLINK_ROUTE"),  # the resolver asks for our addresses by it
}
MAY_NOT_LOAD = {
    "sense": re.compile(r"/agent/(__pycache__/)?sync\b|/paho/|/_?ssl\.(py|cpython|abi3)"),
    "sync": re.compile(
        r"/agent/(__pycache__/)?(sense|keyring|ear|renewal|point|radio)\b"
        r"|/agent/core/(__pycache__/)?(sensor|pseudonym|sighting|frame|memory|epoch)\b"
    ),
}
MAY_NOT_CALL = {"sense": {"io_uring_setup"}, "sync": {"add_key", "keyctl", "request_key", "io_uring_setup"}}

PLANTED = {
    "sense": '__import__("socket").socket(2, 2).connect(("127.0.0.1", 9))',
    "sync": '__import__("ctypes").CDLL(None).socket(17, 3, 0)\n'
    '__import__("agent.keyring").keyring.Keyring("footfall-test").recall()\n'
    "import agent.core.pseudonym",
}
LEAKS = {
    "sense": {"socket AF_INET", "connect AF_INET"},
    "sync": {"socket AF_PACKET", "keyctl", "loads agent/keyring", "loads agent/core/pseudonym"},
}


class Seen(NamedTuple):
    """What a trace shows: calls and sockets by their number, and what should not be there."""

    calls: Counter[str]
    sockets: Counter[str]
    wrong: set[str]


def read(part: str, trace: Path) -> Seen:
    """A trace of strace -f, judged."""
    calls, sockets, wrong = Counter[str](), Counter[str](), set[str]()
    for line in trace.read_text(errors="replace").splitlines():
        found = re.match(r"\d+ +(\w+)\((.*)", line)
        if not found:
            continue  # the end of a call that began on another line, a signal, the end of a process
        call, words = found.groups()
        calls[call] += 1
        family = re.search(r"[AP]F_\w+|^\w+", words)
        if call in ("socket", "socketpair"):
            sockets[family[0] if family else words] += 1
            if not MAY_OPEN[part].match(words):
                wrong.add(f"{call} {family[0] if family else words}")
        elif call == "connect" and (reached := re.search(r"sa_family=(\w+)", words)):
            if not MAY_OPEN[part].match(reached[1]):
                wrong.add(f"connect {reached[1]}")
        elif call in MAY_NOT_CALL[part]:
            wrong.add(call)
        elif call in ("open", "openat") and (loaded := MAY_NOT_LOAD[part].search(words)) and " = -1 " not in words:
            wrong.add(f"loads {loaded[0].strip('/').replace('__pycache__/', '')}")
    return Seen(calls, sockets, wrong)


@contextmanager
def traced(part: str, folder: Path, package: Path) -> Iterator[Path]:
    """`part` of the agent found in the folder `package`, watched for as long as the block runs; gives the trace."""
    trace, log = folder / f"{part}.trace", folder / f"{part}.log"
    words = ["-m", "agent.daemon", part, str(folder / "agent.toml")]
    # -D: strace is the grandchild, so that a signal to our child reaches the sensor and not strace.
    watching = [need("strace"), *f"-D -f -s 1024 -e trace={WATCHED} -e signal=none -o".split(), str(trace)]
    with log.open("ab") as output:
        process = subprocess.Popen([*watching, sys.executable, *words], cwd=package, stdout=output, stderr=output)
    try:
        until(trace.exists, "strace to begin")
        yield trace
    finally:
        process.terminate()
        process.wait(20)
        ended = re.compile(rf"^{process.pid} +\+\+\+ (exited|killed)", re.MULTILINE)
        until(lambda: ended.search(trace.read_text(errors="replace")), "strace to end")


def copied(folder: Path, planted: dict[str, str]) -> Path:
    """A copy of the agent with lines planted at the end of its modules."""
    shutil.copytree(ROOT / "agent", folder / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    for module, lines in planted.items():
        with (folder / "agent" / f"{module}.py").open("a") as file:
            file.write(f"\n{lines}\n")
    return folder


def settings(folder: Path, radio: str, port: int) -> None:
    clock = f"[time]\nstart = {NIGHT}\nreal_start = {time.time() + 0.5}\nspeed = 300\n" if radio == STREET else ""
    (folder / "agent.toml").write_text(
        'sensor = "demo:door"\nwindow_s = 60\nbattery_clock = true\nhealth_interval_s = 1\n'
        'time_zone = "Europe/Berlin"\n'
        f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n'
        f"[radio.wifi]\n{radio}\n[mqtt]\nport = {port}\n{clock}"
    )


@contextmanager
def at_work(folder: Path, radio: str) -> Iterator[dict[str, Path]]:
    """Both processes between a radio and a cloud; gives their traces, which are whole once the block has ended."""
    folder.mkdir()
    with mosquitto(folder) as port, cloud(folder, f"[mqtt]\nport = {port}\n{SHOPS}"):
        settings(folder, radio, port)
        with traced("sense", folder, ROOT) as sense, traced("sync", folder, ROOT) as sync:
            yield {"sense": sense, "sync": sync}


def on_the_street(folder: Path, windows: int) -> dict[str, Seen]:
    """Simulated frames at 300 times the speed, through the end of an epoch and on."""
    with at_work(folder, STREET) as traces:
        until(lambda: renewed(traces["sense"]), "the end of an epoch", 30)
        until(lambda: len(sequences(folder)) >= windows, "reports to arrive", 30)
    return {part: read(part, trace) for part, trace in traces.items()}


def on_the_air(folder: Path) -> dict[str, Seen]:
    """Frames through the kernel and a packet socket, at the speed of the clock: a window is a minute."""
    with interface("ffpt7") as feed, at_work(folder, f'source = "monitor"\ninterface = "{feed.name}"') as traces:
        until(feed.listeners, "the sensor to listen")
        until(lambda: frames_of(folder, feed), "a window with frames to arrive", 130)
    return {part: read(part, trace) for part, trace in traces.items()}


def frames_of(folder: Path, feed: Feed) -> int:
    """How many frames the cloud was told of; more are in the air meanwhile."""
    for number in range(20):
        feed.send(radiotap(-50) + probe(f"02:00:00:00:00:{number:02x}"))
    time.sleep(0.2)
    return sum(report.wifi.frames for report in stored(folder).values() if report.wifi)


def renewed(trace: Path) -> bool:
    """Whether sense has become itself anew and gone on."""
    before, _, after = trace.read_text(errors="replace").rpartition(" execve(")
    return " execve(" in before and "AF_UNIX" in after


def controls(folder: Path) -> dict[str, Seen]:
    """The same processes with lines planted in them, up to where each has begun its work."""
    package = copied(folder, PLANTED)
    settings(folder, STREET, free_port())
    begun = {"sense": folder / "run/status.json", "sync": folder / "run/line.json"}
    with traced("sense", folder, package) as sense, traced("sync", folder, package) as sync:
        for part, path in begun.items():
            until(path.exists, f"{part} to begin: see {part}.log", 20)
    return {"sense": read("sense", sense), "sync": read("sync", sync)}


def told(part: str, runs: list[dict[str, Seen]]) -> str:
    """What was seen of one process, in numbers."""
    calls = sum((run[part].calls for run in runs), Counter[str]())
    sockets = sum((run[part].sockets for run in runs), Counter[str]())
    families = ", ".join(f"{count} {family}" for family, count in sorted(sockets.items()))
    wrong = ", ".join(sorted({what for run in runs for what in run[part].wrong})) or "none"
    return f"{part}: {calls.total()} watched calls in {calls['execve']} programs, sockets: {families}; wrong: {wrong}"


def prove(folder: Path, *, full: bool) -> Proof:
    need("strace")
    need("mosquitto")
    leaked = controls(folder / "control")
    runs = [on_the_street(folder / "street", 100 if full else 5)]
    if full:
        runs.append(on_the_air(folder / "air"))
    return Proof(
        "PT-7",
        CLAIM,
        "; ".join(told(part, runs) for part in ("sense", "sync")),
        not any(seen.wrong for run in runs for seen in run.values()),
        "lines planted in copies: " + "; ".join(f"{part}: {', '.join(sorted(LEAKS[part]))}" for part in LEAKS),
        all(LEAKS[part] <= leaked[part].wrong for part in LEAKS),
    )


def test_neither_process_reaches_for_what_the_other_is_for(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
