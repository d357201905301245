"""A real browser for tests: Chromium, spoken to over its debugging pipe, with a profile of its own.

The pipe (file descriptors 3 and 4, JSON ended by a zero byte) needs no port and no library. Virtual time and
`--dump-dom` are no use here: they wait for the page's stream of events to end, which it never does.
"""

import base64
import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import need

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "about:blank",
]


class Page:
    """One tab. Times are seconds; everything waits at most `PATIENCE_S`."""

    PATIENCE_S = 20.0

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._ids = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def open(self, url: str, width: int, height: int, scheme: str = "light") -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=width < 700
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, script: str) -> None:
        until = time.monotonic() + self.PATIENCE_S
        while not self.evaluate(script):
            assert time.monotonic() < until, f"never became true: {script}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        """What the browser's console holds against the page: errors, refused content, failed requests."""
        self.evaluate("1")  # whatever was said so far arrives before the answer
        told = [one["params"] for one in self.events if one.get("method") == "Log.entryAdded"]
        said = [one["entry"]["text"] for one in told if one["entry"]["level"] in {"error", "warning"}]
        thrown = [one for one in self.events if one.get("method") == "Runtime.exceptionThrown"]
        return said + [str(one["params"]["exceptionDetails"]) for one in thrown]

    def requested(self) -> list[str]:
        """Every address the page has asked for."""
        sent = [one for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [one["params"]["request"]["url"] for one in sent]

    def screenshot(self, file: Path) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            got = os.read(self._read, 1 << 20)
            assert got, "chromium has gone"
            self._rest += got
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Chromium with an empty profile in folder `profile`; ended, with all its processes, at the end."""
    read_there, write_here = os.pipe()
    read_here, write_there = os.pipe()

    def as_three_and_four() -> None:
        three, four = os.dup(read_there), os.dup(write_there)  # out of the way of 3 and 4 themselves
        spare = [os.dup(three), os.dup(four)]
        os.dup2(spare[0], 3)
        os.dup2(spare[1], 4)

    command = [need("chromium"), f"--user-data-dir={profile}", *FLAGS]
    running = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=as_three_and_four,  # noqa: PLW1509 - no thread of the test holds a lock the child needs
        start_new_session=True,
    )
    os.close(read_there)
    os.close(write_there)
    try:
        yield Page(write_here, read_here)
    finally:
        running.terminate()
        running.wait(10)
        os.close(write_here)
        os.close(read_here)
