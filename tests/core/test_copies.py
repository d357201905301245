"""Copies: two machines under one name are told from a restart, a repair, and a hello that came twice."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.core.copies import FORGOTTEN_S, MOST, NOTED_S, Copied, Moved, Spoken, heard, judge

A, B = "a" * 16, "b" * 16
NOW = 1_795_500_000


def boot(number: int) -> str:
    return f"{number:016x}"


def told(*hellos: tuple[str, int], each_s: int = 2, begin: int = NOW) -> Spoken:
    """(board, boot) one after the other."""
    known = Spoken()
    for number, (board, one) in enumerate(hellos):
        known = heard(known, boot(one), board, begin + number * each_s)
    return known


def test_two_machines_that_throw_each_other_out_are_a_copy_within_a_minute() -> None:
    known = told(*[(A, 1), (B, 2)] * 3)
    assert judge(known, NOW + 60) == Copied(since=NOW + 2)


def test_so_are_two_of_which_nobody_knows_the_board() -> None:
    assert isinstance(judge(told(*[("", 1), ("", 2)] * 3), NOW + 60), Copied)


def test_and_two_that_are_switched_on_by_turns() -> None:
    hellos = [(A if one % 2 else B, one) for one in range(6)]
    assert isinstance(judge(told(*hellos, each_s=3600), NOW + 6 * 3600), Copied)


def test_since_when_stays_though_it_goes_on_for_weeks() -> None:
    known = told(*[(A, 1), (B, 2)] * 500, each_s=3600)
    assert judge(known, NOW + 1000 * 3600) == Copied(since=NOW + 3600)
    assert len(known.turns) == 2


def test_a_day_after_one_of_them_was_switched_off_it_is_over() -> None:
    known = told(*[(A, 1), (B, 2)] * 5)
    last = NOW + 9 * 2
    for at in range(last, last + 2 * FORGOTTEN_S, 3600):
        known = heard(known, boot(2), B, at)
    assert isinstance(judge(known, last + FORGOTTEN_S - 1), Copied)
    assert not isinstance(judge(known, last + FORGOTTEN_S), Copied)
    again = heard(heard(known, boot(1), A, NOW + 10**6), boot(2), B, NOW + 10**6 + 1)
    assert again.returns == 2 and not isinstance(judge(again, NOW + 10**6 + 2), Copied)


@pytest.mark.parametrize("board", [A, ""])
def test_a_sensor_that_is_started_over_and_over_is_none(board: str) -> None:
    known = told(*[(board, one) for one in range(100) for _ in range(3)])
    assert known.returns == 0 and judge(known, NOW + 600) is None and len(known.turns) == MOST


def test_a_hello_that_comes_twice_after_later_ones_is_none() -> None:
    """The cloud had committed both, and died before the broker knew."""
    known = told((A, 1), (A, 2), (A, 1), (A, 2), (A, 2))
    assert judge(known, NOW + 60) is None


def test_a_card_that_was_put_into_another_board_is_noted_for_a_week_and_is_none() -> None:
    known = told((A, 1), (A, 2), (B, 3), (B, 3), (B, 4), each_s=60)
    assert judge(known, NOW + 600) == Moved(since=NOW + 120)
    assert judge(known, NOW + 120 + NOTED_S) is None


def test_a_card_that_was_put_back_is_none() -> None:
    known = told((A, 1), (B, 2), (A, 3), each_s=60)
    assert judge(known, NOW + 600) == Moved(since=NOW + 120)


@given(seed=st.integers(0, 10_000))
def test_whatever_comes_the_memory_is_bounded_and_keeps_who_spoke_last(seed: int) -> None:
    dice, known = random.Random(seed), Spoken()
    for at in range(200):
        board, one = dice.choice([A, B, ""]), dice.randrange(30)
        known = heard(known, boot(one), board, at)
        assert (known.turns[-1].board, known.turns[-1].boot, known.turns[-1].until) == (board, boot(one), at)
    assert len(known.turns) <= MOST
    assert len({(one.board, one.boot) for one in known.turns}) == len(known.turns)
