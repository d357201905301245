"""The cloud's configuration: the sample is right, and mistakes are explained."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from cloud import config
from cloud.config import ConfigError, ShopTable
from cloud.core.figures import Holiday, OpeningHours, StaffHours
from tests.conftest import ROOT

SAMPLE = ROOT / "firmware_config" / "samples" / "cloud.toml"
DAYS = "days = ['mon']"
SHOP = '[[shops]]\ntenant = "demo"\nshop = "one"\nname = "One"\ntime_zone = "Europe/Berlin"\n'


def hours(more):
    return f"{SHOP}hours = [{{{DAYS}, opens = '09:00', closes = '18:00', {more}}}]"


def holidays(tables):
    return f"{SHOP}hours = [{{{DAYS}, opens = '09:00', closes = '18:00'}}]\nholidays = [{tables}]"


def staff(more):
    return f"{SHOP}staff = [{{{DAYS}, begins = '09:00', ends = '18:00', {more}}}]"


def test_the_sample_is_understood():
    found = config.load(SAMPLE)
    (placed,) = found.shops
    assert (found.http.port, found.mqtt.client_id, placed.shop.shop) == (8080, "footfall-cloud", "high-street")
    assert [one.sensor for one in placed.placements] == ["demo:door", "demo:back"]
    local = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert placed.placements[0].valid_from == local.timestamp()
    assert not placed.shop.calibrated


def test_the_sample_shows_every_setting_of_a_shop():
    text = SAMPLE.read_text()
    tables = (ShopTable, OpeningHours, Holiday, StaffHours)
    keys = [field.encode_name for table in tables for field in structs.fields(table)]
    assert [key for key in keys if not re.search(rf"(?m)\b{key} = |^\[\[{key}", text)] == []


def test_what_the_sample_says_of_a_shop_is_what_the_shop_is():
    (placed,) = config.load(SAMPLE).shops
    shop = placed.shop
    assert (shop.region, shop.currency, shop.capacity, shop.preset) == ("south", "EUR", 120, "default")
    assert (shop.holidays[0].closes, shop.holidays[1].opens) == ("14:00", None)
    assert (shop.staff[1].people, shop.staff[1].valid_to) == (4.5, "2027-01-01")
    assert [one.valid_from for one in shop.hours] == [None, None, "2026-11-01"]
    assert shop.engaged_min_s == 300


def test_a_date_needs_no_quotation_marks():
    hours = "hours = [{days = ['mon'], opens = '09:00', closes = '18:00', from = 2026-01-01, until = '2027-01-01'}]\n"
    (placed,) = config.parse(SHOP + hours + "holidays = [{date = 2026-12-25, name = 'x'}]", "cloud.toml").shops
    assert (placed.shop.hours[0].valid_from, placed.shop.hours[0].valid_to) == ("2026-01-01", "2027-01-01")
    assert placed.shop.holidays[0].date == "2026-12-25"


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
        ("[http]\nprot = 1", "cloud.toml: http: there is no key `prot`, did you mean `port`; allowed are host, port, "),
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
        (hours("from = 'soon'"), 'shops[0].hours[0].from: "soon" is no date from 1971 to 9998, write it as 2026-12-25'),
        (hours("until = '20261225'"), 'shops[0].hours[0].until: "20261225" is no date'),
        (hours("from = 2026-01-02, until = 2026-01-02"), "shops[0].hours[0].until: must be later than `from`"),
        (holidays("{date = '2026-02-29', name = 'x'}"), 'shops[0].holidays[0].date: "2026-02-29" is no date'),
        (
            holidays("{date = '2026-12-25', name = 'x'}, {date = 2026-12-25, name = 'y'}"),
            "cloud.toml: shops[0].holidays[1].date: 2026-12-25 is there twice.",
        ),
        (holidays("{date = '2026-12-25', name = 'x', opens = '10:00'}"), "`opens` and `closes` go together"),
        (holidays("{date = '2026-12-25', name = 'x', opens = '10', closes = '12:00'}"), 'holidays[0].opens: "10" is'),
        (holidays("{date = '2026-12-25', name = 'x', close = '12:00'}"), "holidays[0]: there is no key `close`, did"),
        (SHOP + "holidays = [{date = '2026-12-25', name = 'x'}]", "shops[0].holidays: a shop without `hours` never"),
        (staff("people = 0"), "cloud.toml: shops[0].staff[0].people: must be more than 0, at most 10000."),
        (staff("people = nan"), "shops[0].staff[0].people: must be more than 0"),
        (staff("people = 1, from = '2026-13-01'"), 'shops[0].staff[0].from: "2026-13-01" is no date'),
        (staff("people = 1, persons = 2"), "shops[0].staff[0]: there is no key `persons`"),
        (staff("people = 1").replace("09:00", "24:00"), 'shops[0].staff[0].begins: "24:00" only ends a day'),
        (SHOP + "capacity = 0", "cloud.toml: shops[0].capacity: expected `int` >= 1."),
        (SHOP + "currency = 'euro'", "cloud.toml: shops[0].currency: expected `str` matching regex"),
        (SHOP + "engaged_min_s = 0", "cloud.toml: shops[0].engaged_min_s: expected `float` > 0.0."),
        (SHOP + "preset = 'arubba'", 'cloud.toml: shops[0].preset: there is no "arubba", write one of aruba, '),
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


MAIL = '[mail]\nhost = "mail.example.com"\nsender = "footfall@example.com"\n'
HOOK = '[[webhooks]]\ntenant = "demo"\nurl = "https://example.com/x"\nsecret_file = "secret"\n'


def test_who_is_told_and_how():
    found = config.parse(f'[http]\npublic_url = "https://counts.example.com"\n{MAIL}{HOOK}', "cloud.toml")
    assert found.mail is not None
    assert (found.mail.port, found.mail.tls, found.mail.user, found.http.public_url[:8]) == (
        587,
        "starttls",
        None,
        "https://",
    )
    assert (found.webhooks[0].events, found.webhooks[0].private) == (["daily", "alert"], False)
    nobody = config.parse("", "cloud.toml")
    assert (nobody.mail, nobody.webhooks, nobody.http.public_url) == (None, [], "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MAIL + "hots = 'x'", "mail: there is no key `hots`, did you mean `host`"),
        (HOOK + "even = []", "webhooks[0]: there is no key `even`, did you mean `events`"),
        (
            MAIL.replace("@", ""),
            'mail.sender: "footfallexample.com" is no mail address: write it as "name@example.com".',
        ),
        (MAIL + "tls = 'none'", 'mail.tls: "none" is for a server on this machine only'),
        (MAIL + "tls = 'ssl'", "mail.tls: "),
        (MAIL + "user = 'x'", "mail: `user` and `password_file` go together: give both or neither."),
        (HOOK + HOOK, "webhooks[1].url: it is there twice."),
        (HOOK + "events = ['weekly']", "webhooks[0].events[0]: "),
        (
            HOOK.replace("https", "http"),
            "webhooks[0].url: write https://, or http:// to this machine, and no user or #.",
        ),
        (HOOK.replace("example.com", "me:pass@example.com"), "webhooks[0].url: write https://"),
        (HOOK.replace("example.com", "10.0.0.1:99999"), "webhooks[0].url: write https://"),
        (HOOK.replace("https://", "file://"), "webhooks[0].url: write https://"),
        ("[http]\npublic_url = 'https://example.com/'", 'http.public_url: write it as "https://example.com", without'),
        ("[http]\npublic_url = 'http://example.com'", "http.public_url: write it as"),
    ],
)
def test_a_mistake_in_who_is_told_is_refused(text, problem):
    with pytest.raises(ConfigError) as refused:
        config.parse(text, "cloud.toml")
    assert f"cloud.toml: {problem}" in str(refused.value)


def test_plain_is_for_this_machine():
    local = (
        MAIL.replace("mail.example.com", "localhost")
        + 'tls = "none"\n'
        + HOOK.replace("https://example.com", "http://[::1]:8000")
    )
    assert config.parse(local, "cloud.toml").mail is not None


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read: No such file or directory\."):
        config.load(tmp_path / "none.toml")


def test_third_parties_are_told_only_where_somebody_wrote_so():
    assert not config.parse("", "cloud.toml").mqtt.republish
    assert config.parse("[mqtt]\nrepublish = true", "cloud.toml").mqtt.republish
