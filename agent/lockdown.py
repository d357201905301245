"""Lockdown: what a process can do itself so that its memory is read by nobody and lies on no disk.

1. The limits outlive an exec, the rest does not: it is called by every program anew, as early as it can be.
2. What cannot be had is one sentence for the log and no reason to stop: the unit asks for the same from outside.
3. Memory is locked only where locking cannot fail later: a limit would make allocations fail in the middle of a day.

Sources: prctl(2), mlock(2), getrlimit(2), capabilities(7).
"""

import ctypes
import os
import resource
from pathlib import Path

_SET_DUMPABLE, _SET_NO_NEW_PRIVS = 4, 38  # PR_SET_*
_CURRENT, _FUTURE, _ONFAULT = 1, 2, 4  # MCL_*: what there is, what comes, and each page only once it is used
_CAP_IPC_LOCK = 14


def lock_down() -> list[str]:
    """Shut this process's memory to others and to the disk; a sentence for each part that could not be had."""
    libc = ctypes.CDLL(None, use_errno=True)
    parts = (_not_readable(libc), _no_core_file(), _not_swapped(libc), _no_more_rights(libc))
    return [sentence for sentence in parts if sentence]


def _not_readable(libc: ctypes.CDLL) -> str:
    """No /proc/PID/mem, no debugger and no core for other processes of this user."""
    if libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0:
        return ""
    return f"Other processes of this user can read this one's memory ({_why()})."


def _no_core_file() -> str:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        return f"A crash could write this process's memory to a file ({error}): set LimitCORE=0 in its unit."
    return ""


def _not_swapped(libc: ctypes.CDLL) -> str:
    if not _may_lock():
        return (
            "This process's memory may be swapped to a disk: run it as the service footfall-sense, which may lock its "
            "memory (LimitMEMLOCK=infinity), or turn swap off."
        )
    if libc.mlockall(_CURRENT | _FUTURE | _ONFAULT) == 0:
        return ""
    return f"This process's memory may be swapped to a disk ({_why()}): turn swap off."


def _no_more_rights(libc: ctypes.CDLL) -> str:
    """Nothing this process starts can have more rights than it has."""
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        return ""
    return f"Programs this process starts may gain rights ({_why()}): set NoNewPrivileges=yes in its unit."


def _may_lock() -> bool:
    """Whether locking has no limit, by the limit itself or by CAP_IPC_LOCK."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_IPC_LOCK & 1)


def _why() -> str:
    return os.strerror(ctypes.get_errno())
