"""A radio that hears nothing is found, a quiet place is not taken for one, and only proven time is listened to."""

import random

from agent.core.hearing import DOUBT, SILENT_S, Hearing
from agent.core.window import Window, Zones


def looks(hearing: Hearing, seconds: float, signs: int | None) -> tuple[str, float]:
    """What it says after looks twice a second with the same answer, and when it began to say so."""
    at, said = 0.0, "hears"
    while at < seconds and said == "hears":
        at += 0.5
        said = hearing.look(at, signs, 0)
    return said, at


def test_flat_counters_are_deaf_after_ninety_seconds_and_not_before() -> None:
    hearing = Hearing(0.0)
    hearing.look(0.0, 7, 0)
    assert looks(hearing, 200, 7) == ("silent", SILENT_S)


def test_a_counter_that_starts_anywhere_is_no_sign_by_itself() -> None:
    assert looks(Hearing(0.0), 200, 123_456) == ("silent", SILENT_S)


def test_beacons_without_a_phone_are_a_quiet_place() -> None:
    hearing = Hearing(0.0)
    assert all(hearing.look(at, at, 0) == "hears" for at in range(1, 7200))


def test_a_played_source_may_be_silent_for_as_long_as_it_likes() -> None:
    assert looks(Hearing(0.0), 7200, None) == ("hears", 7200)


def test_phones_that_all_fall_silent_at_once_while_beacons_go_on_are_a_deaf_radio() -> None:
    hearing = Hearing(0.0)
    for second in range(3600):
        assert hearing.look(float(second), second, 1) == "hears"
    found = next(at for at in range(3600, 7200) if hearing.look(float(at), at, 0) == "no frames")
    assert found - 3600 <= 120


def test_a_street_that_falls_asleep_by_and_by_is_none() -> None:
    rng, hearing = random.Random(5), Hearing(0.0)
    for second in range(4 * 3600):
        rate = 1.0 * 0.5 ** (second / 900)  # halved every quarter of an hour
        assert hearing.look(float(second), second, int(rng.random() < rate)) == "hears"


def test_a_steady_street_is_never_taken_for_a_deaf_radio() -> None:
    rng, hearing = random.Random(6), Hearing(0.0)
    alarms = sum(hearing.look(float(at), at, int(rng.random() < 0.05)) != "hears" for at in range(20 * 3600))
    assert alarms == 0


def test_with_a_smaller_doubt_it_would_be() -> None:
    """The control: the bound is what keeps a steady street from alarms."""
    rng, hearing = random.Random(6), Hearing(0.0, doubt=DOUBT / 6)
    assert any(hearing.look(float(at), at, int(rng.random() < 0.05)) != "hears" for at in range(20 * 3600))


def test_time_is_proven_up_to_the_last_sign() -> None:
    hearing = Hearing(0.0)
    for at in range(11):
        hearing.look(float(at), at, 0)
    hearing.look(40.0, 10, 0)
    assert hearing.proven_at == 10.0


def test_a_phone_that_leaves_is_no_deaf_radio_and_its_absence_soon_is_a_zero() -> None:
    hearing = Hearing(0.0)
    for scan in range(10):
        for frame in range(30):  # within a second, once a minute
            hearing.look(scan * 60 + frame / 30, 1000 * scan + frame, 1)
    after = range(600, 4200)
    assert all(hearing.look(float(at), 10_000 + at, 0) == "hears" for at in after)
    assert hearing.proven_at == after[-1]


def test_signs_alone_prove_nothing_once_frames_are_overdue() -> None:
    hearing = Hearing(0.0)
    for at in range(900):
        hearing.look(float(at), at, 1)
    for at in range(900, 930):
        hearing.look(float(at), at, 0)
    assert hearing.proven_at == 899.0
    hearing.look(930.0, 930, 1)
    assert hearing.proven_at == 930.0


def test_a_window_without_any_sign_says_not_listened_and_one_with_signs_says_zero() -> None:
    window = Window(Zones(), 60)
    window.listen(0.0, on_proof=True)
    window.open(0.0)
    window.prove(59.9)
    first = window.close(60.0)
    window.open(60.0)
    second = window.close(120.0)
    assert (first.listened_s, first.present and first.present.devices) == (59.9, 0.0)
    assert (second.listened_s, second.present) == (0.0, None)


def test_a_gap_within_a_window_that_a_sign_ends_was_listened_to() -> None:
    window = Window(Zones(), 300)
    window.listen(0.0, on_proof=True)
    window.open(0.0)
    window.prove(10.0)
    window.prove(70.0)
    window.deafen(200.0)
    assert window.close(300.0).listened_s == 70.0


def test_a_radio_that_needs_no_proof_is_as_before() -> None:
    window = Window(Zones(), 60)
    window.listen(0.0)
    window.open(0.0)
    assert window.close(60.0).listened_s == 60.0
