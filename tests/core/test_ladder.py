"""The steps come in order, mildest first, each with time to work, and the machine is restarted last and seldom."""

from itertools import pairwise

from agent.core.ladder import BLE, FIRST_PAUSE_S, LONGEST_PAUSE_S, REBOOT_EVERY_S, WIFI, Ladder, may_reboot

HOUR = 3600.0


def climb(ladder: Ladder, seconds: float, *, reboot: bool = False, start: float = 0.0) -> list[tuple[float, str]]:
    """Each step taken within that time of hearing nothing, and when."""
    looks = ((at, ladder.look(at, well=False, may_reboot=reboot)) for at in map(float, range(int(seconds))))
    return [(start + at, rung) for at, rung in looks if rung]


def every(rungs: tuple[str, ...]) -> Ladder:
    return Ladder(rungs, lambda rung: True)  # type: ignore[arg-type]


def test_bluetooth_is_past_the_last_step_within_a_minute() -> None:
    ladder = every(BLE)
    assert climb(ladder, 60) == [(10, "unblock"), (20, "power"), (30, "usb"), (40, "service")]
    assert ladder.flagged
    assert ladder.counts == {"unblock": 1, "power": 1, "usb": 1, "service": 1}


def test_a_step_there_is_not_costs_no_time_and_is_not_counted() -> None:
    ladder = Ladder(WIFI, lambda rung: rung == "usb")
    assert climb(ladder, 30) == [(10, "usb")]
    assert ladder.counts == {"usb": 1}


def test_who_hears_again_is_left_in_peace() -> None:
    ladder = every(BLE)
    climb(ladder, 25)
    assert not any(ladder.look(25 + at, well=True, may_reboot=True) for at in map(float, range(7200)))


def test_who_falls_silent_again_at_once_goes_on_where_it_was() -> None:
    ladder = every(BLE)
    climb(ladder, 25)
    ladder.look(26, well=True, may_reboot=False)
    taken = [rung for at in range(30, 45) if (rung := ladder.look(float(at), well=False, may_reboot=False))]
    assert taken == ["usb", "service"]


def test_who_comes_and_goes_every_few_seconds_is_helped_too() -> None:
    ladder = every(BLE)
    taken = [rung for at in range(60) if (rung := ladder.look(float(at), well=at % 5 < 2, may_reboot=False))]
    assert taken == list(BLE)


def test_after_a_minute_of_hearing_it_begins_at_the_bottom() -> None:
    ladder = every(BLE)
    climb(ladder, 25)
    for at in range(30, 100):
        ladder.look(float(at), well=True, may_reboot=False)
    taken = [rung for at in range(100, 115) if (rung := ladder.look(float(at), well=False, may_reboot=False))]
    assert taken == ["unblock"]


def test_the_steps_begin_again_after_pauses_that_double_up_to_an_hour() -> None:
    starts = [at for at, rung in climb(every(WIFI), 5 * HOUR) if rung == "unblock"]
    pauses = [round(later - earlier) for earlier, later in pairwise(starts)]
    assert pauses[0] - FIRST_PAUSE_S < 60 and pauses[1] - 2 * FIRST_PAUSE_S < 60
    assert all(pause - LONGEST_PAUSE_S < 60 for pause in pauses[3:])


def test_the_machine_is_restarted_only_past_all_other_steps() -> None:
    taken = climb(every(BLE), 60, reboot=True)
    assert [rung for _, rung in taken] == [*BLE, "reboot"]


def test_no_reboot_within_six_hours_of_a_start_or_while_the_shop_is_open() -> None:
    closed = {"is_open": False, "has_hours": True, "local_hour": 22}
    assert may_reboot(REBOOT_EVERY_S, **closed)  # type: ignore[arg-type]
    assert not may_reboot(REBOOT_EVERY_S - 1, **closed)  # type: ignore[arg-type]
    assert not may_reboot(9e9, is_open=True, has_hours=True, local_hour=4)


def test_a_shop_without_hours_may_lose_a_minute_before_dawn() -> None:
    allowed = [hour for hour in range(24) if may_reboot(9e9, is_open=True, has_hours=False, local_hour=hour)]
    assert allowed == [4]
