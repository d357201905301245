"""The agent's settings: what is wrong is named with file, key and what is allowed."""

from pathlib import Path

import msgspec
import pytest

from agent.config import Config, ConfigError, load
from tests.conftest import ROOT

GOOD = 'sensor = "demo:door"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_the_sample_is_understood_and_shows_every_setting() -> None:
    sample = ROOT / "firmware_config/samples/agent.toml"
    load(sample)
    text = sample.read_text()
    for field in msgspec.structs.fields(Config):
        assert field.name in text, f"the sample does not show {field.name}"


def test_defaults_need_a_name_and_nothing_else(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD)).window_s == 300


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sensor = 5", "sensor: expected `str`, got `int`"),
        ('sensor = "Not A Name"', "sensor: expected `str` matching"),
        (GOOD + "window = 300", "window: there is no such setting. Did you mean window_s?"),
        (GOOD + "window_s = 20", "window_s: expected `int` >= 60"),
        (GOOD + "window_s = 3600", "window_s: expected `int` <= 600"),
        (GOOD + "[zones]\ninsidedbm = -60", "zones.insidedbm: there is no such setting. Did you mean inside_dbm?"),
        (GOOD + "[zones]\ninside_dbm = -80\noutside_dbm = -70", "zones.outside_dbm must not be above"),
        (GOOD + '[radio.wifi]\nsource = "pigeon"', "radio.wifi.source"),
        (GOOD + '[radio.wifi]\nsource = "monitor"\ninterfac = "mon1"', "Did you mean interface?"),
        (GOOD + '[mqtt]\nhost = "broker.example"', "mqtt.ca_file: a connection to another machine must be encrypted"),
        (GOOD + '[mqtt]\nkey_file = "k"', "go together"),
        (GOOD + "[mqtt]\nport = 99999", "mqtt.port: expected `int` <= 65535"),
        ("sensor = [", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.toml")
