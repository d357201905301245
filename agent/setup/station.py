"""Station: the sensor as the setup page shows and changes it, whoever serves that page.

1. Its settings are read anew when they change, for a claim changes them.
2. What it changes is the site: a claim, which somebody else carries out, and the zones.
3. A claim goes on beside its page. Its bearer may do the rest of the setup once it has succeeded, and not before.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from agent import site, status
from agent.clock import ScaledClock, boot_s
from agent.config import Config, ConfigError, load
from agent.contract.identity import as_meant
from agent.core.walk import PLACES
from agent.setup.door import Lock, is_code
from agent.setup.hearing import Hearing
from agent.setup.lights import Cloud, fresh, lights
from agent.setup.pages import View
from agent.setup.walking import LEAST_DBM, MOST_DBM
from agent.setup.words import Words

log = logging.getLogger("footfall.setup")

OPEN_S = 3600.0


class Refused(NamedTuple):
    """Why a claim came to nothing, in a sentence; `guessed`: because of the code, and not of the line."""

    sentence: str
    guessed: bool = True


class Station:
    """The sensor with the settings at `path`, on the board `serial`. Raises ConfigError.

    `claim(settings, code)` turns a code into a certificate, or says why not.
    """

    def __init__(self, path: Path, serial: str, claim: Callable[[Config, str], Refused | None]) -> None:
        self._path, self._serial, self._carry_out = path, serial, claim
        self._config = load(path)
        self._seen = self._stamp()
        self._opened_at = boot_s()
        url = self._config.fleet.claim_url.rstrip("/")
        self._cloud = Cloud(url) if url else None
        self._link = f"{url}/claim/{serial}" if url else ""
        self._lock, self._settling = Lock(), threading.Lock()
        self._claiming: threading.Thread | None = None
        self._wrong = ""
        self.name = name_of(serial)
        at = self._config.time  # of a simulation, whose phones scan by its own clock
        self.hearing = Hearing(
            self._config.dial_path, ScaledClock(at.start, at.real_start, at.speed).now if at else time.monotonic
        )

    @property
    def config(self) -> Config:
        """The settings in force."""
        stamp = self._stamp()
        if stamp != self._seen:
            try:
                self._config, self._seen = load(self._path), stamp
            except ConfigError as error:
                log.warning("%s", error)
        return self._config

    def is_open(self) -> bool:
        """Whether the page is to be seen: unclaimed, or within an hour of a claim or of the command."""
        config = self.config
        return not config.is_claimed or boot_s() < self._open_until(config)

    def view(self, words: Words) -> View:
        """How it stands."""
        config = self.config
        found = site.read(config.site_path)
        line = fresh(config.line_path, status.read_line(config.line_path))
        running = self._claiming is not None and self._claiming.is_alive()
        return View(
            name=self.name,
            serial=self._serial,
            link=self._link,
            lights=lights(
                config.status_path,
                config.line_path,
                self._cloud,
                claimed=config.is_claimed,
                bluetooth=config.radio.ble is not None,
            ),
            reading=self.hearing.now(),
            sensor=config.sensor if config.is_claimed else "",
            shop="" if found.shop_name is UNSET else found.shop_name,
            claiming=running,
            connected=line is not None and line.connected,
            acknowledged=line is not None and line.acknowledged is not None,
            settled=found.inside_dbm is not UNSET,
            zones=(config.zones.inside_dbm, config.zones.outside_dbm),
            wrong=words("claim-failed", why=self._wrong) if self._wrong else "",
        )

    def claim(self, typed: str, at: float, admit: Callable[[], None]) -> str:
        """Begin a claim; the name of a word where it is refused. `admit` is called once it has succeeded."""
        code = as_meant(typed)
        if self._lock.shut(at):
            return "locked"
        if not is_code(code):
            return "code-wrong"
        with self._settling:
            if self.config.is_claimed:
                return "claim-over"
            if self._claiming is None or not self._claiming.is_alive():
                self._wrong = ""
                self._claiming = threading.Thread(target=self._claim, args=(code, at, admit), daemon=True)
                self._claiming.start()
        return ""

    def step(self, form: dict[str, str]) -> None:
        """One step of the walk: begin, or stand at a place."""
        if form.get("do") == "begin":
            self.hearing.begin()
        for place in PLACES:
            if form.get("place") == place:
                self.hearing.stand(place)

    def settle(self, inside: str, outside: str) -> bool:
        """Keep the zones; False for what are none."""
        try:
            upper, lower = int(inside), int(outside)
        except ValueError:
            return False
        if not LEAST_DBM <= lower < upper <= MOST_DBM:
            return False
        with self._settling:
            site.settled(self.config.site_path, inside_dbm=upper, outside_dbm=lower)
        return True

    def _claim(self, code: str, at: float, admit: Callable[[], None]) -> None:
        refused = self._carry_out(self.config, code)
        if refused is not None:
            self._wrong = refused.sentence
            if refused.guessed:
                self._lock.wrong(at)
            return
        open_for(self.config.setup_until_path, OPEN_S)
        admit()

    def _open_until(self, config: Config) -> float:
        """Seconds of CLOCK_BOOTTIME. A file that says nothing was made by hand just now."""
        try:
            text = config.setup_until_path.read_text(encoding="ascii").strip()
            return float(text) if text else self._opened_at + OPEN_S
        except (OSError, ValueError):
            return 0.0

    def _stamp(self) -> tuple[object, ...]:
        return site.stamp(self._path), site.stamp(self._config.site_path)


def name_of(serial: str) -> str:
    """What the sensor is called in its shop's network, as its host name and on its label."""
    return f"footfall-{serial[-4:]}" if serial else "footfall"


def open_for(path: Path, seconds: float) -> float:
    """Have the page open for so long; the moment of CLOCK_BOOTTIME at which it closes. Raises OSError."""
    until = boot_s() + seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh_one = path.with_name(path.name + ".new")
    fresh_one.write_text(f"{until:.0f}\n", encoding="ascii")
    os.replace(fresh_one, path)  # noqa: PTH105 - the atomic one
    return until
