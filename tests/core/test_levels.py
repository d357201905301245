"""Levels: frames by steps of 5 dB, and nothing where they are too few."""

from hypothesis import given
from hypothesis import strategies as st

from agent.contract import RadioHealth, decode, encode
from agent.core.levels import FEWEST, STEP_DB, Levels
from agent.core.memory import Place
from agent.core.sensor import Sensor
from agent.core.window import Zones
from tests.air import heard

T = 1_700_000_100
SIGNALS = st.lists(st.one_of(st.none(), st.integers(-140, 20)), max_size=60)


def taken(signals: list[int | None]) -> dict[str, int]:
    levels = Levels()
    for one in signals:
        levels.hear(one)
    return levels.take()


@given(SIGNALS)
def test_every_frame_with_a_signal_is_in_one_step_or_none_is_told(signals: list[int | None]) -> None:
    known = [one for one in signals if one is not None]
    assert sum(taken(signals).values()) == (len(known) if len(known) >= FEWEST else 0)


@given(SIGNALS)
def test_every_step_fits_the_contract(signals: list[int | None]) -> None:
    said = RadioHealth(
        radio="wifi",
        state="listening",
        source="mon0",
        frames=0,
        dropped=0,
        last_frame_age_s=None,
        levels=taken(signals),
    )
    assert decode(RadioHealth, encode(said)) == said


def test_a_step_is_named_by_its_weakest_signal() -> None:
    assert taken([-70, -69, -66, -65, -71] * 2) == {"-75": 2, "-70": 6, "-65": 2}
    assert STEP_DB == 5


def test_what_was_taken_is_forgotten() -> None:
    levels = Levels()
    for _ in range(FEWEST - 1):
        levels.hear(-60)
    assert levels.take() == {}
    levels.hear(-60)
    assert levels.take() == {}, "those of before are gone, though they were not told"


def test_a_sensor_counts_what_is_above_its_floor_and_nobody_who_is_left_out() -> None:
    sensor = Sensor(("wifi",), lambda: bytes(range(32)), place=Place(Zones(-60, -80)))
    sensor.listen("wifi", T)
    out = b"\x00\x11\x22\x33\x44\x01"
    sensor.memory.leave_out(lambda _kind, address: bytes(address) == out)
    for number in range(FEWEST):
        sensor.feed(heard(T + number, "00:11:22:33:44:01", -50))
        sensor.feed(heard(T + number, "00:11:22:33:44:02", -72))
        sensor.feed(heard(T + number, "00:11:22:33:44:03", -90))
    assert sensor.levels["wifi"].take() == {"-75": FEWEST}
