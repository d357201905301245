"""Keyring: a secret in the kernel's memory, which outlives a process that crashes and not the machine.

1. It is never on a disk: kernel memory is not swapped and is gone with the power. The kernel overwrites what it frees.
2. At every moment what is kept has an end set. To replace it, the old one is destroyed first: a crash in between
   costs the secret, it does not prolong it.
3. Only processes of the same user reach it, and only those that link the user's keyring first, as this does. That
   works under any KeyringMode of systemd.
4. Whatever goes wrong, the answer is False or None: an error would carry what was at hand.

The kernel counts `for_s` on the time of day (security/keys/key.c), and overwrites what has ended up to five minutes
after it refuses it (/proc/sys/kernel/keys/gc_delay). A clock set back stretches it: what is recalled must know its own age.

Sources: keyrings(7), add_key(2), keyctl(2), syscall(2).
"""

import ctypes
import os

_PROCESS, _USER = -2, -4  # KEY_SPEC_PROCESS_KEYRING, KEY_SPEC_USER_KEYRING
_REVOKE, _SETPERM, _LINK, _UNLINK, _SEARCH, _READ, _SET_TIMEOUT = 3, 5, 8, 9, 10, 11, 15
_POSSESSOR_ONLY = 0x3F000000  # all rights to who possesses it, none to anybody else
_TYPE = b"user"
_LONGEST = 32767  # of a key of type "user"
_LONGEST_S = 2**32 - 1
_CALLS = {"x86_64": (248, 250), "i386": (286, 288), "aarch64": (217, 219), "arm": (309, 311)}  # add_key, keyctl


def _calls() -> tuple[int, int] | None:
    """Numbers of the two system calls; None on a platform we do not know.

    A 32-bit program on a 64-bit kernel, as on many a Raspberry Pi, uses the numbers of the smaller one.
    """
    machine, small = os.uname().machine, ctypes.sizeof(ctypes.c_void_p) == 4
    if machine.startswith("arm") or (machine == "aarch64" and small):
        return _CALLS["arm"]
    if machine in ("i386", "i486", "i586", "i686") or (machine == "x86_64" and small):
        return _CALLS["i386"]
    return _CALLS.get(machine)


class Keyring:
    """A place for one secret. `name`: the key's description, one per sensor; not secret. Never raises."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._calls = _calls()
        self._syscall = ctypes.CDLL(None).syscall
        self._syscall.restype = ctypes.c_long

    def keep(self, secret: bytes, for_s: float) -> bool:
        """Replace what is kept. The kernel forgets it by itself after `for_s` seconds.

        False where there is no keyring, the quota refuses, or there is less than a second left; nothing older is
        left behind then either.
        """
        self.destroy()
        if for_s < 1:  # 0 would mean for ever
            return False
        key = self._add(secret, _PROCESS)  # dies with this process until it is linked, and by then it has its end
        if key < 0:
            return False
        kept = (
            self._keyctl(_SETPERM, key, _POSSESSOR_ONLY) >= 0
            and self._keyctl(_SET_TIMEOUT, key, int(min(for_s, _LONGEST_S))) >= 0
            and self._keyctl(_LINK, key, _USER) >= 0
        )
        if not kept:
            self._keyctl(_REVOKE, key)
        self._keyctl(_UNLINK, key, _PROCESS)
        return kept

    def recall(self) -> bytes | None:
        """What is kept; None where there is nothing, or no longer."""
        self._reach()
        key = self._keyctl(_SEARCH, _USER, ctypes.c_char_p(_TYPE), ctypes.c_char_p(self._name), 0)
        if key < 0:
            return None
        room = ctypes.create_string_buffer(_LONGEST)
        size = self._keyctl(_READ, key, room, _LONGEST)
        found = ctypes.string_at(room, size) if 0 < size <= _LONGEST else None
        ctypes.memset(room, 0, _LONGEST)
        return found

    def destroy(self) -> None:
        """Keep nothing. What was kept is overwritten and its quota free at once."""
        self._reach()
        key = self._add(b"\0", _USER)  # takes the place of what was kept, be it past its end
        if key >= 0:
            self._keyctl(_REVOKE, key)
            self._keyctl(_UNLINK, key, _USER)

    def _reach(self) -> None:
        """Possess what hangs on the user's keyring: without the link its keys may be seen and not read."""
        self._keyctl(_LINK, _USER, _PROCESS)

    def _add(self, secret: bytes, keyring: int) -> int:
        words = (ctypes.c_char_p(_TYPE), ctypes.c_char_p(self._name), ctypes.c_char_p(secret))
        return self._call(0, *words, ctypes.c_size_t(len(secret)), keyring)

    def _keyctl(self, operation: int, *words: object) -> int:
        return self._call(1, operation, *words)

    def _call(self, which: int, *words: object) -> int:
        """What the kernel answers; negative where it refuses."""
        if self._calls is None:
            return -1
        wide = (ctypes.c_long(word) if isinstance(word, int) else word for word in words)
        return int(self._syscall(ctypes.c_long(self._calls[which]), *wide))
