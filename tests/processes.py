"""Real processes for tests: a sensor, a cloud and the broker between them, each ended with the test."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.brokers import free_port, until


@contextmanager
def started(*words: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m words` with its output in `log`, asked to end when the block does."""
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", *words], stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def cloud(folder: Path, settings: str) -> Iterator[str]:
    """`footfall-cloud serve` with the settings (all but http and database); gives the address it serves."""
    port = free_port()
    config = folder / "cloud.toml"
    config.write_text(f'database = "{folder}/cloud.db"\n[http]\nport = {port}\n{settings}')
    subprocess.run([sys.executable, "-m", "cloud", "migrate", "-c", str(config)], check=True, capture_output=True)
    address = f"http://127.0.0.1:{port}"
    with started("cloud", "serve", "-c", str(config), log=folder / "cloud.log"):
        until(lambda: fetch(f"{address}/api/v1/healthz"), "the cloud to serve", 20)
        yield address


@contextmanager
def sensor(folder: Path, settings: str, command: str = "run") -> Iterator[subprocess.Popen[bytes]]:
    """`footfall-agent` with the settings (all but its folders)."""
    config = folder / "agent.toml"
    config.write_text(f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n{settings}')
    with started("agent", command, "--config", str(config), log=folder / "agent.log") as process:
        yield process


def fetch(address: str) -> Any:
    """The JSON at an address; None while nothing answers there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def replayed(capture: Path, window_s: int, *options: str) -> list[dict[str, Any]]:
    """Rows of `footfall-agent replay` of the capture."""
    words = [sys.executable, "-m", "agent", "replay", str(capture), "--window", str(window_s), "--json", *options]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
