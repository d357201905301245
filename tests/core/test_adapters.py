"""Adapters: who listens to what, and what a shop assistant is told where nobody can."""

from itertools import permutations

import pytest

from agent.core.adapters import AUTO, CERTIFIED, Adapter, Plan, choose, verdict

LOW = tuple(range(2412, 2473, 5))
HIGH = (5180, 5200, 5220, 5240, 5260)
FIRST, SECOND = Plan(AUTO, (1, 6, 11)), Plan(AUTO, (36,))
BUILT_IN = Adapter(
    "wlan0", "brcmfmac", "", False, LOW + HIGH, "managed", "it carries the sensor's own connection", True
)
BARE = Adapter("", usb="0bda:c811")


def stick(name: str, driver: str = "mt76x2u", frequencies: tuple[int, ...] = LOW + HIGH, **more: object) -> Adapter:
    return Adapter(name, driver, "0e8d:7612", True, frequencies, "managed", kernel=(6, 12))._replace(**more)


def chosen(adapters: list[Adapter], *plans: Plan) -> list[str]:
    return [adapter.interface if adapter else "" for adapter, _ in choose(adapters, plans)]


def told(adapters: list[Adapter], *plans: Plan) -> str:
    """What is said of the last plan, which no adapter does for."""
    adapter, sentence = choose(adapters, plans)[-1]
    assert adapter is None
    assert sentence.endswith(".")
    assert len(sentence) <= 200
    return sentence


def test_one_stick_listens_and_nothing_is_said() -> None:
    assert choose([BUILT_IN, stick("wlan1")], [FIRST]) == [(stick("wlan1"), "")]


def test_certified_drivers_first_and_doubtful_ones_last() -> None:
    drivers = [*CERTIFIED, "mt7921u", "some_new_driver", "ath9k_htc"]  # the best first
    sticks = [stick(f"wlan{number}", driver) for number, driver in enumerate(drivers[::-1])]
    while sticks:
        assert chosen(sticks, FIRST) == [sticks.pop().interface]


def test_each_plan_has_a_stick_of_its_own_that_can_do_it() -> None:
    both, low = stick("wlan1"), stick("wlan2", "rt2800usb", LOW)
    for order in permutations([BUILT_IN, both, low]):
        assert chosen(list(order), FIRST, SECOND) == ["wlan2", "wlan1"]
        assert chosen(list(order), SECOND, FIRST) == ["wlan1", "wlan2"]
    assert chosen([both], FIRST, SECOND) == ["wlan1", ""]
    assert chosen([low], SECOND, FIRST) == ["", "wlan2"]


def test_the_choice_does_not_depend_on_what_it_brings_about() -> None:
    before = [stick("wlan1"), stick("wlan2")]
    after = [stick("wlan2", mode="monitor", up=True), stick("wlan1", mode="monitor", up=True)]
    assert chosen(before, FIRST, SECOND) == chosen(after, FIRST, SECOND) == ["wlan1", "wlan2"]


def test_a_name_is_kept_for_the_plan_that_names_it() -> None:
    assert chosen([stick("wlan1"), stick("wlan2", "ath9k_htc")], FIRST, Plan("wlan1", (36,))) == ["wlan2", "wlan1"]


def test_the_sensors_own_connection_and_its_built_in_radio_are_never_taken() -> None:
    busy = stick("wlan1", busy="it carries the sensor's own connection")
    free_built_in = BUILT_IN._replace(busy="", monitor=True)
    for adapter in (busy, BUILT_IN, free_built_in):
        for plan in (FIRST, Plan(adapter.interface, (1,))):
            assert chosen([adapter], plan) == [""]


@pytest.mark.parametrize(
    ("adapters", "plan", "words"),
    [
        ([], FIRST, "No Wi-Fi stick is there: plug the supplied"),
        ([], Plan("wlan7", (1,)), "The Wi-Fi interface wlan7 of the settings is not there"),
        ([BUILT_IN], FIRST, "The Pi's own radio (wlan0) cannot listen to phones: plug"),
        ([BUILT_IN, stick("wlan1")], Plan("wlan0", (1,)), "The Pi's own radio (wlan0)"),
        ([BUILT_IN, BARE], FIRST, "The USB device 0bda:c811 has no driver here"),
        ([BARE, BUILT_IN, stick("wlan1", "brand_new", monitor=False)], FIRST, "wlan1 (brand_new) cannot listen"),
        ([BUILT_IN, stick("wlan1", "mt7921u", kernel=(6, 18))], FIRST, "(mt7921u) hears nothing with Linux 6.18"),
        ([stick("wlan1", "rt2800usb", LOW)], SECOND, "wlan1 has no 5 GHz for channel 36:"),
        ([stick("wlan1", frequencies=HIGH)], FIRST, "wlan1 has no 2.4 GHz for channels 1, 6 and 11:"),
        ([stick("wlan1")], Plan(AUTO, (13, 14)), "may not use channel 14 here: set radio.wifi.country"),
        ([stick("wlan1", busy="it is an access point")], FIRST, "wlan1 is not free, it is an access point: plug"),
    ],
)
def test_where_none_does_the_nearest_is_spoken_of(adapters: list[Adapter], plan: Plan, words: str) -> None:
    assert words in told(adapters, plan)


def test_a_second_plan_without_a_second_stick_says_how_to_do_without() -> None:
    assert 'radio.wifi.second_interface = "none"' in told([stick("wlan1"), BUILT_IN], FIRST, SECOND)


def test_the_longest_sentences_fit_into_health() -> None:
    name, every = "wlx0123456789ab", tuple(range(36, 178, 4))
    reason = "it carries the sensor's own connection"
    low = stick(name, "rt2800usb", LOW)
    for adapters, plan in (
        ([low], Plan(name, every)),
        ([low], Plan(name, every[:6])),
        ([stick(name)], Plan(name, every[-6:])),
        ([stick(name, busy=reason)], FIRST),
        ([stick(name, "rtl8821cu_long_name", monitor=False)], FIRST),
        ([], Plan(name, (1,))),
        ([BARE], FIRST),
    ):
        told(adapters, plan)
    told([stick(name)], FIRST, Plan(AUTO, (36, 40, 44, 48, 52)))


@pytest.mark.parametrize(
    ("adapter", "grade"),
    [
        *((stick("wlan1", driver), "certified") for driver in CERTIFIED),
        (stick("wlan1", "mt7925u"), "works"),
        (stick("wlan1", "mt7925u", kernel=(6, 18)), "works"),
        (stick("wlan1", "mt7925u", kernel=(6, 6)), "unknown"),
        (stick("wlan1", "mt7921u"), "works"),
        (stick("wlan1", "mt7921u", kernel=(6, 14)), "unknown"),
        (stick("wlan1", "mt7921u", kernel=(6, 17)), "not usable"),
        (stick("wlan1", "mt7921u", kernel=(0, 0)), "unknown"),
        (stick("wlan1", "ath9k_htc"), "doubtful"),
        (stick("wlan1", "rtw88_8812au"), "unknown"),
        (stick("wlan1", monitor=False), "not usable"),
        (BUILT_IN, "not usable"),
        (BARE, "not usable"),
    ],
)
def test_the_verdict_is_that_of_the_driver(adapter: Adapter, grade: str) -> None:
    assert verdict(adapter).grade == grade
    assert verdict(adapter).sentence.endswith(".")


def test_a_verdict_says_also_that_it_is_not_free() -> None:
    busy = stick("wlan1", busy="it is an access point")
    assert verdict(busy) == ("certified", "Certified for the sensor; now it is not free: it is an access point.")


def test_bands_are_those_it_may_use() -> None:
    assert stick("wlan1").bands == (2, 5)
    assert stick("wlan1", frequencies=(2412, 5885, 5955)).bands == (2, 5, 6)
    assert BARE.bands == ()
