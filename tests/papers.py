"""Paperwork for tests: a shop whose sensors have told the cloud what they keep to, and what a PDF says on each page."""

import base64
import re
import zlib
from pathlib import Path

from agent.contract import Health, Privacy, RadioHealth, encode, topics
from cloud.config import Config, load
from cloud.store import Store, migrate, receive
from tests.fleet import NOON, delivery, report

CONTROLLER = """[controller]
name = "Beispiel & Töchter GmbH"
address = "Hauptstraße 1, 10115 Berlin"
contact = "datenschutz@beispiel.example"
url = "https://beispiel.example/zaehlung"
authority = "Die Aufsicht, https://aufsicht.example"
register = "https://beispiel.example/widerspruch"
"""
SHOP = """[[shops]]
tenant = "demo"
shop = "one"
name = "One"
time_zone = "Europe/Berlin"
sensors = [{ sensor = "demo:door", zone = "door" }, { sensor = "demo:back", zone = "back room" }]
controller = { opt_out_point = "an der Kasse" }
"""


def health(sensor: str, profile: str, outside_dbm: int = -90, radios: tuple[str, ...] = ("wifi", "ble")) -> Health:
    visits = profile == "D24"
    return Health(
        sensor=sensor,
        at=float(NOON),
        uptime_s=60.0,
        software="1",
        clock="trusted",
        profile=profile,
        radios=[
            RadioHealth(radio=one, state="listening", source="mon0", frames=1, dropped=0, last_frame_age_s=1.0)
            for one in radios
        ],
        privacy=Privacy(
            site="ordinary",
            inside_dbm=-70,
            outside_dbm=outside_dbm,
            longest_key_s=86_400.0 if visits else 300.0,
            epsilon=2.5 if visits else 0.0,
            panel="open" if visits else "off",
            epoch_age_s=60.0 if visits else None,
            opt_outs=64,
            opt_outs_age_s=5.0,
        ),
    )


def settings(folder: Path, text: str = CONTROLLER + SHOP) -> Path:
    """The file of settings of a cloud whose database is made."""
    file = folder / "cloud.toml"
    file.write_text(f'database = "{folder}/cloud.db"\n{text}')
    migrate(f"{folder}/cloud.db")
    return file


def told(folder: Path, *healths: Health, text: str = CONTROLLER + SHOP) -> Config:
    """A cloud whose sensors said what they keep to, over the topics they say it on, and sent a report."""
    config = load(settings(folder, text))
    store = Store(config.database)
    store.commit([receive(topics.up(one.sensor, "health"), encode(one), NOON) for one in healths], NOON)
    store.commit([delivery(1, [report()])], NOON)
    store.close()
    return config


def pages(pdf: bytes) -> list[str]:
    """What each page of a PDF of ours says. Latin text is in WinAnsi, that of the Chinese font in UTF-16."""
    chinese = set(re.findall(rb"/BaseFont /STSong-Light .*?/Name (/F\d+)", pdf, re.DOTALL))
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)~>\s*endstream", pdf, re.DOTALL):
        content = zlib.decompress(base64.a85decode(stream))
        said, encoding = "", "cp1252"
        for font, text in re.findall(rb"(/F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", content, re.DOTALL):
            if font:
                encoding = "utf-16-be" if font in chinese else "cp1252"
            else:
                said += _unescaped(text).decode(encoding) + (" " if encoding == "cp1252" else "")
        found.append(re.sub(r"\s+", " ", said))
    assert len(found) == len(re.findall(rb"/Type /Page\b", pdf))
    return found


def _unescaped(text: bytes) -> bytes:
    """A string of PDF without its backslashes (ISO 32000-1, 7.3.4.2)."""
    return re.sub(
        rb"\\(\d{3}|.)", lambda one: bytes([int(one[1], 8)]) if len(one[1]) == 3 else one[1], text, flags=re.S
    )
