"""Keyring: a secret in the kernel's memory, which outlives a process that crashes and not the machine.

1. It is never on a disk: kernel memory is not swapped and is gone with the power. The kernel overwrites what it frees.
2. At every moment what is kept has an end set. To replace it, the old one is destroyed first: a crash in between
   costs the secret, it does not prolong it.
3. Only processes of the same user reach it, and only those that link the user's keyring first, as this does. That
   works under any KeyringMode of systemd.
4. Whatever goes wrong, the answer is False or None: an error would carry what was at hand.

The kernel counts `for_s` on the time of day (security/keys/key.c), so a clock set back stretches it: what is recalled
must know its own age. What has ended it refuses at once and overwrites within five minutes (kernel/keys/gc_delay).

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
_NOTHING = b"\0"
_CALLS = {"x86": {8: (248, 250), 4: (286, 288)}, "arm": {8: (217, 219), 4: (309, 311)}}  # add_key, keyctl


def calls(machine: str, pointer_bytes: int) -> tuple[int, int] | None:
    """Numbers of the two system calls for a program on `machine` (uname(2)); None where we do not know them.

    The width is the program's: many a Raspberry Pi runs programs of 32 bits on a kernel that calls itself aarch64.
    """
    if machine == "x86_64" or (machine.startswith("i") and machine.endswith("86")):
        return _CALLS["x86"].get(pointer_bytes)
    if machine.startswith(("aarch64", "arm")):
        return _CALLS["arm"].get(pointer_bytes)
    return None


class Keyring:
    """A place for one secret. `name`: the key's description, one per sensor; not secret. Never raises."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._calls = calls(os.uname().machine, ctypes.sizeof(ctypes.c_void_p))
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
        return None if found == _NOTHING else found  # a crash in the middle of `destroy`

    def destroy(self) -> None:
        """Keep nothing. What was kept is overwritten and its quota free at once."""
        self._reach()
        key = self._add(_NOTHING, _USER)  # takes the place of what was kept, be it past its end
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
