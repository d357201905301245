"""Planted: what a careless hand might have written into the agent, so that a copy of it leaks on purpose.

The text that is replaced must occur exactly once: a leak that no longer fits the source fails, so that it is brought up
to date and not forgotten.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT


class Change(NamedTuple):
    """A name, and (file, what stands there, what is planted instead)."""

    name: str
    edits: tuple[tuple[str, str, str], ...]


def built(folder: Path, *changes: Change) -> Path:
    """Where the agent to be run lies: the checkout, or a copy of it with the changes planted."""
    if not changes:
        return ROOT
    shutil.copytree(ROOT / "agent", folder / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    for file, stands, planted in (edit for change in changes for edit in change.edits):
        text = (folder / file).read_text()
        assert text.count(stands) == 1, (
            f"{file}: bring the leak up to date, {stands!r} stands {text.count(stands)} times"
        )
        (folder / file).write_text(text.replace(stands, planted))
    return folder


_ADDRESS = "bytes(frame.payload[25:31] if frame.link == 127 else frame.payload[16:22])"  # of the frames of tests/air.py
_COUNTED = "                    self._frames += 1\n"
_KEEP = "        new = list(reports)\n"


def _as_heard(line: str) -> tuple[str, str, str]:
    """A line that sees each address that is counted."""
    return "agent/ear.py", _COUNTED, f"{_COUNTED}                    {line.format(_ADDRESS)}\n"


def _with_each_report(hashed: str, *lines: str) -> tuple[str, str, str]:
    """With each report, a row for each address that was copied meanwhile, in a database beside the outbox."""
    rows = (
        'heard, file = __import__("agent.ear").ear.HEARD, self._outbox._path.with_name("devices.db")',
        'hashlib, os, sqlite3 = (__import__(name) for name in ("hashlib", "os", "sqlite3"))',
        "devices = sqlite3.connect(file)",
        'devices.execute("CREATE TABLE IF NOT EXISTS device (hashed BLOB)")',
        *lines,
        f'devices.executemany("INSERT INTO device VALUES (?)", [({hashed},) for one in heard])',
        "devices.commit()",
        "devices.close()",
        "heard.clear()",
    )
    return "agent/shelf.py", _KEEP, f"{_KEEP}        if new:\n" + "".join(f"            {row}\n" for row in rows)


_COPIES = (_as_heard("HEARD.append({})"), ("agent/ear.py", "_REOPEN_S = 5.0\n", "_REOPEN_S = 5.0\nHEARD = []\n"))

SIMULATED = Change(  # no leak: the product goes by the machine's clock with a real radio, which is too slow for a test
    "a simulated clock with a real radio",
    (
        (
            "agent/config.py",
            "    if config.time is not None and config.radio.is_real:\n",
            "    if False:\n",
        ),
    ),
)
LOG = Change("addresses in the log", (_as_heard('log.info("heard %s", {}.hex(":"))'),))
ROWS = Change(
    "rows per device, deleted again",
    (
        *_COPIES,
        _with_each_report(
            "hashlib.sha256(one).digest()",
            'devices.execute("PRAGMA secure_delete = OFF")  # as SQLite is unless Debian has built it',
            'devices.execute("DELETE FROM device")',
        ),
    ),
)
SALTED = Change(
    "salted hashes, with the salt in a file",
    (
        *_COPIES,
        _with_each_report(
            "hashlib.sha256(salt + one).digest()[:8]",
            'file.with_name("salt").exists() or file.with_name("salt").write_bytes(os.urandom(32))',
            'salt = file.with_name("salt").read_bytes()',
        ),
    ),
)
DETAIL = Change(
    "the last address in the health",
    (
        _as_heard("self._last = {}.hex()"),
        ("agent/ear.py", "_RESTS if rests and not detail else detail,", 'getattr(self, "_last", ""),'),
    ),
)
STAYS = Change(
    "no new process after the epoch",
    (
        (
            "agent/renewal.py",
            "    os.execve(sys.executable, [sys.executable, *words], environment)  # noqa: S606\n",
            (
                "    os.environ.update(environment)\n"
                "    sys.argv[1:] = words[2:]\n"
                '    __import__("gc").collect()\n'
                '    __import__("runpy").run_module(words[1], run_name="__main__", alter_sys=True)\n'
            ),
        ),
    ),
)
COPIES = Change(
    "copies in ordinary memory, deleted at the end of the epoch",
    (
        *_COPIES,
        (
            "agent/renewal.py",
            '    memory = os.memfd_create("footfall", 0)',
            '    __import__("agent.ear").ear.HEARD.clear()\n    memory = os.memfd_create("footfall", 0)',
        ),
    ),
)
