"""The cloud's configuration: the sample is right, and mistakes are explained."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cloud import config
from cloud.config import ConfigError
from tests.conftest import ROOT

SAMPLE = ROOT / "firmware_config" / "samples" / "cloud.toml"
SHOP = '[[shops]]\ntenant = "demo"\nshop = "one"\nname = "One"\ntime_zone = "Europe/Berlin"\n'


def test_the_sample_is_understood():
    found = config.load(SAMPLE)
    (placed,) = found.shops
    assert (found.http.port, found.mqtt.client_id, placed.shop.shop) == (8080, "footfall-cloud", "high-street")
    assert [one.sensor for one in placed.placements] == ["demo:door", "demo:back"]
    local = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert placed.placements[0].valid_from == local.timestamp()
    assert not placed.shop.calibrated


def test_an_empty_file_is_all_defaults():
    found = config.parse("", "cloud.toml")
    assert (found.database, found.http.host, found.mqtt.port, found.shops) == ("footfall.db", "127.0.0.1", 1883, [])


def test_a_calibrated_shop():
    factor = "people_per_device = 1.2\npeople_per_device_low = 1.0\npeople_per_device_high = 1.5\n"
    (placed,) = config.parse(SHOP + factor, "cloud.toml").shops
    assert (placed.shop.people_per_device, placed.shop.calibrated) == (1.2, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[http]\nprot = 1", "cloud.toml: http: there is no key `prot`, did you mean `port`; allowed are host, port."),
        ("datebase = 'x'", "cloud.toml: the top of the file: there is no key `datebase`, did you mean `database`"),
        (SHOP + "sensor = []", "cloud.toml: shops[0]: there is no key `sensor`, did you mean `sensors`"),
        ("[http]\nport = 'x'", "cloud.toml: http.port: expected `int`, got `str`."),
        ("[http]\nport = 0", "cloud.toml: http.port: expected `int` >= 1."),
        ("[http", "cloud.toml: not TOML: "),
        (SHOP.replace("Berlin", "Berln"), 'cloud.toml: shops[0].time_zone: "Europe/Berln" is no time zone'),
        (SHOP + SHOP, 'cloud.toml: shops[1].shop: "one" is there twice'),
        (SHOP + "hours = [{days = ['monday'], opens = '09:00', closes = '18:00'}]", '"monday" is no day'),
        (SHOP + "hours = [{days = ['mon'], opens = '9', closes = '18:00'}]", '"9" is not a time of day'),
        (SHOP + "hours = [{days = ['mon'], opens = '24:00', closes = '18:00'}]", '"24:00" only ends a day'),
        (SHOP + "sensors = [{sensor = 'other:door', zone = 'door'}]", 'must begin with the tenant, "demo:"'),
        (
            SHOP
            + "sensors = [{sensor = 'demo:d', zone = 'd', from = 2026-01-02T00:00:00, until = 2026-01-01T00:00:00}]",
            "shops[0].sensors[0].until: must be later than `from`",
        ),
        (SHOP + "people_per_device = 1.2", "shops[0].people_per_device: give it with `people_per_device_low`"),
        ("[mqtt]\ntls = true\ncert = 'x'", "cloud.toml: mqtt: `cert` and `key` go together"),
    ],
)
def test_a_mistake_is_refused_with_the_key_and_what_is_allowed(text, problem):
    with pytest.raises(ConfigError) as refused:
        config.parse(text, "cloud.toml")
    assert problem in str(refused.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read: No such file or directory\."):
        config.load(tmp_path / "none.toml")
