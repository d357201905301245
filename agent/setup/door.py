"""Door: who may change what is settled on the spot, and how often somebody may be wrong.

Times are seconds of any clock that only moves on.
"""

import os
import secrets
from hmac import compare_digest
from pathlib import Path

from agent.contract.identity import ALPHABET, CODE_LETTERS, as_meant

TRIES, LOCKED_S = 10, 900.0
_SESSIONS = 16


def is_code(code: str) -> bool:
    """Whether it can be a claim code or a setup word, which looks like one."""
    return len(code) == CODE_LETTERS and set(code) <= set(ALPHABET)


def token() -> str:
    """Something only one browser will have."""
    return secrets.token_urlsafe(24)


class Lock:
    """Shuts for a quarter of an hour after ten wrong tries, whoever made them."""

    def __init__(self) -> None:
        self._wrong: list[float] = []

    def shut(self, at: float) -> bool:
        """Whether nothing more is tried now."""
        self._wrong = [one for one in self._wrong if one > at - LOCKED_S]
        return len(self._wrong) >= TRIES

    def wrong(self, at: float) -> None:
        """One wrong try."""
        self._wrong.append(at)


class Door:
    """Opens to the setup word, and stays open for that browser."""

    def __init__(self, word: str) -> None:
        self._word, self.lock = word, Lock()
        self._sessions: list[str] = []

    def opens_to(self, typed: str, at: float) -> bool:
        """Whether it is the word; a wrong one counts."""
        right = not self.lock.shut(at) and compare_digest(as_meant(typed).encode(), self._word.encode())
        if not right:
            self.lock.wrong(at)
        return right

    def admit(self, token: str) -> None:
        """Whoever has the token may change things from now on."""
        self._sessions = [*self._sessions[1 - _SESSIONS :], token]

    def knows(self, token: str) -> bool:
        """Whether it is the token of such a browser."""
        return any(compare_digest(token.encode(), one.encode()) for one in self._sessions)


def word_at(path: Path) -> str:
    """The setup word kept at `path`, made where there is none. Raises OSError."""
    try:
        found = as_meant(path.read_text(encoding="ascii", errors="replace"))
        if is_code(found):
            return found
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    word = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(word)
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:  # the command asks as root, and the page must be able to read it
        owner = path.parent.stat()
        os.chown(fresh, owner.st_uid, owner.st_gid)
    os.replace(fresh, path)  # noqa: PTH105 - the atomic one
    return word
