"""The kernel's keyring, with real processes: one keeps and is killed, another recalls."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.keyring import Keyring, calls
from tests.brokers import until
from tests.conftest import ROOT, need

SECRET = bytes(range(256)) * 4
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: run it as root")


def words(name: str, action: str, uid: int | None = None) -> list[str]:
    """A process that does `action` with `k`, a Keyring, and says what came of it; as another user if `uid`."""
    drop = f"os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})" if uid else "pass"
    script = f"import os, time; from agent.keyring import Keyring\nk = Keyring({name!r})\n{drop}\n"
    return [sys.executable, "-c", script + f"print({action}, flush=True)\n"]


def said(name: str, action: str, uid: int | None = None, before: tuple[str, ...] = ()) -> str:
    done = subprocess.run([*before, *words(name, action, uid)], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def listed(name: str) -> list[list[str]]:
    """Living keys of that name that this process may see, as the kernel lists them (proc_keys(5))."""
    lines = [line.split() for line in Path("/proc/keys").read_text().splitlines()]
    return [line for line in lines if f"{name}:" in line and not set("RD") & set(line[1])]


@pytest.fixture
def name() -> Iterator[str]:
    drawn = f"footfall-test:{random.getrandbits(64):x}"
    keyring = Keyring(drawn)
    refused = not keyring.keep(b"there?", 5)
    filtered = "Seccomp:\t2" in Path("/proc/self/status").read_text()
    if refused and (filtered or not Path("/proc/keys").exists()):
        pytest.skip("this container keeps the kernel's keyring from us: run the test outside of it")
    keyring.destroy()
    yield drawn
    keyring.destroy()


def test_a_new_process_recalls_what_a_killed_one_kept(name: str) -> None:
    keeping = f"(k.keep({SECRET!r}, 60), print('kept', flush=True), time.sleep(60))"
    with subprocess.Popen(words(name, keeping), cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"kept\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert Keyring(name).recall() == SECRET
    assert said(name, "k.recall()") == repr(SECRET)


def test_it_is_recalled_in_a_session_of_its_own(name: str) -> None:
    """As under KeyringMode=private: the session's keyring is new and empty, and linked to nothing."""
    assert Keyring(name).keep(SECRET, 60)
    join_session = "k._keyctl(1, 0) > 0"
    assert said(name, f"({join_session}, k.recall())") == repr((True, SECRET))


def test_what_is_kept_is_replaced(name: str) -> None:
    keyring = Keyring(name)
    for secret in (SECRET, b"another", SECRET * 2):
        assert keyring.keep(secret, 60)
        assert keyring.recall() == secret
    assert len(listed(name)) == 1


def test_two_sensors_do_not_share(name: str) -> None:
    assert Keyring(name).keep(SECRET, 60)
    assert Keyring(f"{name}:other").recall() is None


def test_the_kernel_forgets_by_itself(name: str) -> None:
    keyring = Keyring(name)
    assert keyring.keep(SECRET, 2.9)  # whole seconds of the clock, and never more than was asked for
    assert keyring.recall() == SECRET
    until(lambda: keyring.recall() is None, "the end", 2.1)
    assert said(name, "k.recall()") == "None"


@pytest.mark.parametrize("for_s", [0.99, 0.0, -5.0])
def test_without_time_left_nothing_is_kept(name: str, for_s: float) -> None:
    keyring = Keyring(name)
    assert keyring.keep(SECRET, 60)
    assert not keyring.keep(SECRET, for_s)
    assert keyring.recall() is None


def test_destroyed_is_gone_for_everybody(name: str) -> None:
    keyring = Keyring(name)
    assert keyring.keep(SECRET, 60)
    keyring.destroy()
    keyring.destroy()
    assert keyring.recall() is None
    assert said(name, "k.recall()") == "None"
    assert not listed(name)


def test_the_longest_is_kept_and_a_longer_one_leaves_nothing(name: str) -> None:
    keyring = Keyring(name)
    most = 32767 if os.geteuid() == 0 else 15000
    assert keyring.keep(b"s" * most, 60)
    assert keyring.recall() == b"s" * most
    assert not keyring.keep(b"s" * 32768, 60)
    assert keyring.recall() is None
    assert not listed(name)


@as_root
def test_another_user_recalls_nothing(name: str) -> None:
    assert Keyring(name).keep(SECRET, 60)
    assert said(name, "k.recall()", NOBODY) == "None"
    assert said(name, f"(k.keep(b'theirs', 60), k.recall(), {name!r} in open('/proc/keys').read())", NOBODY) == repr(
        (True, b"theirs", True)
    )
    assert Keyring(name).recall() == SECRET
    assert said(name, "k.destroy()", NOBODY) == "None"
    assert Keyring(name).recall() == SECRET


@as_root
def test_over_the_quota_nothing_is_left_and_destroying_frees_it(name: str) -> None:
    """Of a user that is not root: 20,000 bytes (kernel/keys/maxbytes), which no process of that user has to survive."""
    quota = int(Path("/proc/sys/kernel/keys/maxbytes").read_text())
    most = min(quota - 1000, 32767)
    assert said(name, f"[k.keep(b's' * {most}, 60) for _ in range(10)]", NOBODY) == repr([True] * 10)
    assert said(name, "len(k.recall())", NOBODY) == str(most)
    assert said(name, f"(k.keep(b's' * {quota + 1}, 60), k.recall())", NOBODY) == repr((False, None))
    assert said(name, f"(k.keep(b's' * {most}, 1), time.sleep(1.1), k.recall())", NOBODY) == repr((True, None, None))
    # What has ended holds its quota for five minutes more, if nobody takes it away.
    assert said(name, f"k.keep(b's' * {most}, 60)", NOBODY) == "True"
    assert said(name, f"(k.destroy(), k.keep(b's' * {most}, 60), k.destroy())", NOBODY) == repr((None, True, None))


@pytest.mark.parametrize("refusal", ["ENOSYS", "EPERM"])
def test_where_the_kernel_has_no_keyring_nothing_is_kept_and_nothing_fails(name: str, refusal: str) -> None:
    without = (
        need("strace"),
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"inject=add_key,keyctl,request_key:error={refusal}",
    )
    assert said(name, "(k.keep(b'secret', 60), k.recall(), k.destroy())", before=without) == repr((False, None, None))


def test_killed_at_any_moment_it_leaves_one_secret_whole_with_an_end_or_none(name: str) -> None:
    keyring = Keyring(name)
    loop = "[k.keep(bytes((n % 200 + 1,)) * 900, 50) for n in range(10**6)]"
    for turn in range(6):
        with subprocess.Popen(words(name, loop), cwd=ROOT) as process:
            until(lambda: keyring.recall() is not None, "it to keep something", 5)
            time.sleep(random.uniform(0, 0.01))
            process.kill()
        until(lambda: all(line[3] != "perm" for line in listed(name) if line[-1] != "1"), f"an end at turn {turn}", 3)
        found = keyring.recall()
        assert found is None or (len(found) == 900 and len(set(found)) == 1)
        keyring.destroy()


@pytest.mark.parametrize(
    ("machine", "pointer_bytes", "numbers"),
    [
        ("x86_64", 8, (248, 250)),
        ("i686", 4, (286, 288)),
        ("x86_64", 4, (286, 288)),
        ("i686", 8, (248, 250)),  # setarch(8) says so of a kernel of 64 bits
        ("aarch64", 8, (217, 219)),
        ("armv7l", 4, (309, 311)),
        ("armv6l", 4, (309, 311)),
        ("aarch64", 4, (309, 311)),  # Raspberry Pi OS of 32 bits
        ("riscv64", 8, None),
    ],
)
def test_the_numbers_are_those_of_syscalls_tables(
    machine: str, pointer_bytes: int, numbers: tuple[int, int] | None
) -> None:
    """arch/x86/entry/syscalls/, arch/arm/tools/syscall.tbl, include/uapi/asm-generic/unistd.h."""
    assert calls(machine, pointer_bytes) == numbers
