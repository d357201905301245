"""Effective settings: nothing becomes looser, what is asked for holds, and the same settings have the same digest."""

import random
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from agent.config import Bluetooth, Capture, Config, Hours, Monitor, Mqtt, Privacy, Radio, Zones
from agent.contract import DeviceConfig
from agent.contract.desired import Broker, Opening, Tuning
from agent.core import hours
from agent.core.hours import opening
from agent.desired import LooserError, RefusedError
from agent.effective import LEFT_OUT, REACH, digest, flat, strictest, tightened
from tests.signed import Signer, settings, wanted

FLEET = Signer(1)
TLS = Mqtt(host="old.example", port=8883, ca_file="/ca.pem")
LEVELS = st.integers(-127, 0)
DAYS = ("mon", "tue", "sat", "sun")
TIMES = ("00:00", "08:30", "09:00", "18:00", "24:00")
SPANS = st.tuples(
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True),
    st.sampled_from([(one, other) for one, other in product(TIMES, TIMES) if one < other]),
)


def with_hours(*spans: tuple[list[str], tuple[str, str]]) -> list[Hours]:
    return [Hours(days=days, opens=opens, closes=closes) for days, (opens, closes) in spans]  # type: ignore[arg-type]


def openings(*spans: tuple[list[str], tuple[str, str]]) -> list[Opening]:
    return [Opening(days=days, opens=opens, closes=closes) for days, (opens, closes) in spans]  # type: ignore[arg-type]


def open_minutes(config: Config) -> int:
    return hours.minutes([opening(one.days, one.opens, one.closes) for one in config.hours])


@given(
    st.sampled_from(["ordinary", "sensitive"]),
    st.sampled_from([None, "F5", "D24"]),
    st.tuples(LEVELS, LEVELS).map(sorted),
    st.sampled_from([UNSET, "F5", "D24"]),
    st.one_of(st.just(UNSET), LEVELS),
    st.one_of(st.just(UNSET), LEVELS),
    st.lists(SPANS, max_size=3),
    st.one_of(st.just(UNSET), st.lists(SPANS, min_size=1, max_size=3)),
)
def test_nothing_becomes_looser_and_nothing_else_changes(
    site, own, zones, profile, inside, outside, rests, asked
) -> None:  # type: ignore[no-untyped-def]
    own = "F5" if site == "sensitive" else own
    before = settings(
        "/s", FLEET, privacy=Privacy(site, own), zones=Zones(zones[1], zones[0]), hours=with_hours(*rests)
    )
    told = UNSET if asked is UNSET else openings(*asked)
    document = wanted(profile=profile, inside_dbm=inside, outside_dbm=outside, hours=told, bluetooth="off")
    found = [strictest(before, document)]
    looser = (
        (profile == "D24" and before.profile == "F5")
        or (inside is not UNSET and inside < zones[1])
        or (outside is not UNSET and outside < zones[0])
        or (
            asked is not UNSET and open_minutes(settings("/s", FLEET, hours=with_hours(*asked))) & ~open_minutes(before)
        )
    )
    try:
        found.append(tightened(before, document))
        assert not looser
    except RefusedError as error:
        assert isinstance(error, LooserError) == bool(looser)
    for after in found:
        assert after.profile == "F5" or before.profile == "D24"
        assert profile != "F5" or after.profile == "F5"
        assert after.zones.outside_dbm >= before.zones.outside_dbm
        assert after.zones.inside_dbm >= max(before.zones.inside_dbm, after.zones.outside_dbm)
        asked_minutes = -1 if asked is UNSET else open_minutes(settings("/s", FLEET, hours=with_hours(*asked)))
        assert open_minutes(after) == open_minutes(before) & asked_minutes
        assert {name for name, value in flat(before) if dict(flat(after)).get(name, value) != value} <= set(REACH)


def test_hours_that_share_no_minute_mean_that_it_always_rests() -> None:
    own = settings("/s", FLEET, hours=with_hours((["mon"], ("09:00", "18:00"))))
    after = strictest(own, wanted(hours=openings((["tue"], ("09:00", "18:00")))))
    week = [opening(one.days, one.opens, one.closes) for one in after.hours]
    zone = ZoneInfo("Europe/Berlin")
    noons = [datetime(2026, 11, day, 12, tzinfo=zone).timestamp() for day in range(1, 15)]
    assert week
    assert not any(hours.look(week, zone, noon)[0] for noon in noons)


def test_what_is_asked_for_comes_into_force() -> None:
    config = settings("/s", FLEET, radio=Radio(Monitor(country="DE"), Bluetooth()), mqtt=TLS)
    tuning = Tuning(channels=[1, 36], stay_s=2.5, second_channels=[44], country="FR")
    after = tightened(
        config,
        wanted(
            profile="F5",
            inside_dbm=-60,
            outside_dbm=-75,
            bluetooth="passive",
            tuning=tuning,
            broker=Broker(host="new.example", port=443),
            health_interval_s=30,
            hours=openings((["mon"], ("09:00", "18:00"))),
        ),
    )
    assert (after.profile, after.zones, after.health_interval_s) == ("F5", Zones(-60, -75), 30)
    assert after.radio == Radio(
        Monitor(channels=(1, 36), stay_s=2.5, second_channels=(44,), country="FR"), Bluetooth(mode="passive")
    )
    assert after.mqtt == structs.replace(TLS, host="new.example", port=443)
    assert after.hours == with_hours((["mon"], ("09:00", "18:00")))
    assert tightened(config, wanted()) == config
    assert tightened(config, wanted(tuning=Tuning(stay_s=1.0))).radio.wifi == Monitor(country="DE", stay_s=1.0)


@pytest.mark.parametrize(
    ("own", "asked", "after"),
    [
        (Bluetooth(mode="active"), "off", None),
        (Bluetooth(mode="active"), "passive", Bluetooth(mode="passive")),
        (Bluetooth(mode="passive"), UNSET, Bluetooth(mode="passive")),
        (None, "passive", None),
        (Capture("/c.pcap"), "passive", Capture("/c.pcap")),
        (Capture("/c.pcap"), "off", None),
    ],
)
def test_bluetooth_is_turned_off_or_made_to_send_nothing(own: object, asked: object, after: object) -> None:
    config = settings("/s", FLEET, radio=Radio(Monitor(), own))  # type: ignore[arg-type]
    assert tightened(config, wanted(bluetooth=asked)).radio.ble == after


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"profile": "D24"}, "asks for profile D24; this sensor's settings allow F5 only"),
        ({"inside_dbm": -71}, "lowers inside_dbm; this sensor's settings say -70"),
        ({"outside_dbm": -91}, "lowers outside_dbm; this sensor's settings say -90"),
        ({"profile": "F5", "inside_dbm": -60, "outside_dbm": -91}, "lowers outside_dbm"),
        ({"outside_dbm": -60}, "raise outside_dbm above inside_dbm, which is -70: raise both"),
        ({"hours": openings((["sun"], ("09:00", "18:00")))}, "has hours in which this sensor's settings say that it"),
        ({"hours": openings((["mon"], ("08:59", "18:00")))}, "has hours in which"),
        ({"hours": openings((["mon"], ("18:00", "09:00")))}, "opens must be before closes"),
        ({"tuning": Tuning(channels=[15])}, "there is no channel 15 in 2.4 and 5 GHz"),
        ({"tuning": Tuning(second_channels=[36, 20])}, "there is no channel 20"),
        ({"broker": Broker(host="evil.example", port=1883)}, "reports would go there unencrypted"),
    ],
)
def test_looser_is_refused_whole_and_so_is_what_cannot_be_used(change: dict[str, object], says: str) -> None:
    own = with_hours((["mon", "tue"], ("09:00", "18:00")))
    with pytest.raises(RefusedError, match=says):
        tightened(settings("/s", FLEET, privacy=Privacy("sensitive"), hours=own), wanted(**change))


def test_what_the_sensors_own_settings_tightened_since_stays_tight() -> None:
    document = wanted(profile="F5", outside_dbm=-85, broker=Broker(host="far.example", port=8883))
    now = strictest(settings("/s", FLEET, zones=Zones(-60, -80)), document)
    assert (now.profile, now.zones) == ("F5", Zones(-60, -80))
    assert now.mqtt == Mqtt()  # without an authority reports do not leave the machine, whatever was taken before


# The digest


def one_sensor(name: str, **more: object) -> Config:
    return Config(
        sensor=f"demo:{name}",
        state_dir=f"/{name}",
        run_dir=f"/run/{name}",
        mqtt=structs.replace(TLS, ca_file=f"/{name}/ca.pem", certificate_file=f"/{name}/c.pem", key_file=f"/{name}/k"),
        **more,  # type: ignore[arg-type]
    )


def test_sensors_that_keep_to_the_same_have_one_digest() -> None:
    own_words = one_sensor(
        "one", privacy=Privacy(profile="D24"), hours=with_hours((["mon", "tue"], ("09:00", "18:00")))
    )
    by_default = one_sensor(
        "two",
        hours=with_hours((["tue"], ("09:00", "18:00")), (["mon"], ("12:00", "18:00")), (["mon"], ("09:00", "12:00"))),
    )
    assert digest(own_words) == digest(by_default)
    document = wanted(tuning=Tuning(channels=[1, 6]))
    by_fleet = strictest(one_sensor("one"), document)
    by_file = one_sensor("two", radio=Radio(Monitor(channels=(1, 6))))
    assert digest(by_fleet) == digest(by_file)


def test_every_setting_that_is_compared_changes_it() -> None:
    others = [
        wanted(profile="F5"),
        wanted(outside_dbm=-80),
        wanted(inside_dbm=-60),
        wanted(hours=openings((["mon"], ("09:00", "18:00")))),
        wanted(bluetooth="off"),
        wanted(bluetooth="passive"),
        wanted(tuning=Tuning(channels=[1])),
        wanted(tuning=Tuning(stay_s=1.0)),
        wanted(tuning=Tuning(country="DE")),
        wanted(broker=Broker(host="new.example", port=8883)),
        wanted(health_interval_s=30.0),
    ]
    own = one_sensor("one", radio=Radio(Monitor(), Bluetooth()))
    assert len({digest(strictest(own, one)) for one in [wanted(), *others]}) == len(others) + 1
    assert digest(own) == digest(strictest(own, wanted()))


def test_no_path_and_no_name_is_part_of_it() -> None:
    told = {name for name, _ in flat(one_sensor("one", radio=Radio(Monitor(), Capture("/c"))))} - LEFT_OUT
    assert not {name for name in told if name.endswith(("_file", "_dir", "path")) or name == "sensor"}


def test_no_document_asks_for_more_than_is_reached() -> None:
    assert {field.name for field in structs.fields(DeviceConfig)} == {
        "v", "sensor", "version", "not_before", "expires", "profile", "inside_dbm", "outside_dbm", "opt_outs",
        "hours", "bluetooth", "tuning", "broker", "health_interval_s",
    }  # fmt: skip


def test_minutes_of_a_week_agree_with_the_clock() -> None:
    dice = random.Random(1)
    utc = ZoneInfo("UTC")
    for _ in range(20):
        week = [opening([dice.choice(DAYS)], *sorted(dice.sample(TIMES, 2))) for _ in range(dice.randint(1, 3))]
        monday = datetime(2026, 11, 23, tzinfo=utc).timestamp()
        for minute in dice.sample(range(7 * 24 * 60), 50):
            is_open, _ = hours.look(week, utc, monday + 60 * minute)
            assert is_open == bool(hours.minutes(week) >> minute & 1)
