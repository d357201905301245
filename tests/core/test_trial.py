"""The trial of new settings: what passes it, what fails it and when, and what is in force after it."""

import pytest
from msgspec import UNSET

from agent.contract.desired import Broker, Tuning
from agent.core.trial import ON_TRIAL, Course, Hears, Trial, Verdict, fallen_back, is_tried, resumed
from tests.signed import wanted

LISTENING, DEAF, MISSING = Hears("listening"), Hears("deaf", "It is open."), Hears("missing", "No stick is there.")
ELSEWHERE = Broker(host="other.example", port=8883)
LENGTH_S = 600.0


def course(*hears: str, began: float = 0.0, at: float = 0.0, restarts: int = 0, **more: object) -> Course:
    trial = Trial(began=began, boot="one", hears=list(hears), restarts=restarts)
    return Course(trial, wanted(broker=ELSEWHERE, **more), at, LENGTH_S)


def run(one: Course, radios: dict[str, list[tuple[float, Hears]]], answers: float | None, at: float = 0.0):  # type: ignore[no-untyped-def]
    """(second, verdict): a look each second; each radio as told by its last (second, state) until then."""
    for second in range(int(at), 3000):
        told = {name: [how for since, how in story if since <= second][-1] for name, story in radios.items()}
        verdict = one.look(float(second), told, answered=answers is not None and second >= answers)
        if verdict is not None:
            return second, verdict
    raise AssertionError("never judged")


STEADY = {"wifi": [(0.0, LISTENING)], "ble": [(0.0, LISTENING)]}


def test_all_well_passes_at_the_end() -> None:
    assert run(course("wifi", "ble"), STEADY, answers=5) == (600, Verdict(True))


def test_one_answer_is_enough() -> None:
    one = course("wifi")
    for second in range(600):
        assert one.look(float(second), {"wifi": LISTENING}, answered=second == 3) is None
    assert one.look(600.0, {"wifi": LISTENING}, answered=False) == Verdict(True)


def test_no_answer_fails_at_the_end() -> None:
    assert run(course("wifi"), STEADY, answers=None) == (
        600,
        Verdict(False, "The cloud did not answer in 600 seconds of trial."),
    )


@pytest.mark.parametrize(
    ("story", "passed"),
    [
        ([(0, DEAF), (30, LISTENING)], True),  # it takes its time to begin
        ([(0, DEAF), (539, LISTENING)], True),
        ([(0, DEAF), (545, LISTENING)], False),
        ([(0, LISTENING), (100, DEAF)], False),
        ([(0, LISTENING), (575, DEAF)], True),
        ([(0, LISTENING), (565, DEAF)], False),
        ([(0, LISTENING), (550, DEAF), (575, LISTENING)], True),  # a short break is none
        ([(0, LISTENING), (500, DEAF), (560, LISTENING)], False),
        ([(0, LISTENING), (300, MISSING), (415, LISTENING)], True),
    ],
)
def test_a_radio_that_heard_has_to_hear_at_the_end(story: list[tuple[float, Hears]], passed: bool) -> None:
    second, verdict = run(course("ble"), {"ble": story}, answers=0)
    assert (second, verdict.passed) == (600, passed)
    assert passed or verdict.why == "Bluetooth heard before and does not now: it is open." or not story[-1][1].detail


def test_a_radio_that_is_gone_ends_it_early() -> None:
    story = {"wifi": [(0.0, LISTENING), (200.0, MISSING)]}
    assert run(course("wifi"), story, answers=0) == (
        320,
        Verdict(False, "The Wi-Fi radio heard before and is missing: no stick is there."),
    )


def test_a_sensing_process_that_says_nothing_is_as_bad() -> None:
    second, verdict = run(course("wifi"), {}, answers=0)
    assert second == 120
    assert "its process does not say how it is" in verdict.why


def test_a_radio_that_did_not_hear_before_is_not_held_against_it() -> None:
    assert run(course("wifi"), STEADY | {"ble": [(0.0, DEAF)]}, answers=0) == (600, Verdict(True))
    assert run(course(), {}, answers=0) == (600, Verdict(True))


def test_bluetooth_that_is_turned_off_need_not_hear() -> None:
    assert run(course("wifi", "ble", bluetooth="off"), {"wifi": [(0.0, LISTENING)]}, answers=0)[1].passed
    assert not run(course("wifi", "ble", bluetooth="passive"), {"wifi": [(0.0, LISTENING)]}, answers=0)[1].passed


def test_a_process_that_comes_late_looks_for_two_minutes_before_it_judges() -> None:
    late = run(course("wifi", at=590.0), STEADY, answers=600, at=590.0)
    assert late == (710, Verdict(True))


def test_however_often_the_process_begins_anew_the_trial_ends() -> None:
    at, verdict = 0.0, None
    while verdict is None:
        one = course("wifi", at=at)
        for second in range(60):
            verdict = verdict or one.look(at + second, {"wifi": LISTENING}, answered=False)
        at += 60
        assert at <= 1260
    assert not verdict.passed


def test_a_machine_that_restarts_begins_anew_and_three_times_is_too_often() -> None:
    trial = Trial(began=50.0, boot="one", hears=["wifi"])
    assert resumed(trial, "one", 400.0) == trial
    for count, boot in enumerate(("two", "three", "four"), 1):
        trial = resumed(trial, boot, 7.0)
        assert (trial.began, trial.restarts, trial.hears) == (7.0, count, ["wifi"])
    why = "The machine was restarted 3 times during the trial."
    assert course("wifi", restarts=3).look(8.0, {"wifi": LISTENING}, answered=True) == Verdict(False, why)
    assert course("wifi", restarts=2).look(8.0, {"wifi": LISTENING}, answered=True) is None


def test_on_trial_is_what_differs_from_the_last_good_one() -> None:
    assert not is_tried(wanted(profile="F5", inside_dbm=-60, health_interval_s=30.0), None)
    assert is_tried(wanted(bluetooth="off"), None)
    assert is_tried(wanted(2), wanted(broker=ELSEWHERE))  # back to its own broker, which may be gone
    assert not is_tried(wanted(2, broker=ELSEWHERE, profile="F5"), wanted(broker=ELSEWHERE))


def test_what_protects_people_stays_after_a_trial_that_failed() -> None:
    good = wanted(1, tuning=Tuning(stay_s=2.0), bluetooth="passive", outside_dbm=-80)
    failed = wanted(2, broker=ELSEWHERE, profile="F5", outside_dbm=-70, health_interval_s=30.0)
    after = fallen_back(failed, good)
    assert [getattr(after, name) for name in ON_TRIAL] == [good.tuning, "passive", UNSET]
    assert (after.profile, after.outside_dbm, after.health_interval_s) == ("F5", -70, 30.0)
    assert [getattr(fallen_back(failed, None), name) for name in ON_TRIAL] == [UNSET] * 3


def test_bluetooth_that_was_turned_off_stays_off() -> None:
    assert fallen_back(wanted(2, bluetooth="off", broker=ELSEWHERE), wanted(bluetooth="passive")).bluetooth == "off"
    assert fallen_back(wanted(2, bluetooth="passive"), wanted(bluetooth="off")).bluetooth == "off"
    assert fallen_back(wanted(2, bluetooth="passive"), None).bluetooth is UNSET
