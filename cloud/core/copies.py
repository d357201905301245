"""Copies: whether two machines speak as one sensor, by the boots and boards it said hello from.

1. A boot that is over never speaks again. So one that does, after another has spoken, runs beside it; and a board that
   is back after another one was moved back, or has been there all the while.
2. One return proves nothing: a hello may come again after later ones, when the broker had no word of its arrival. That
   takes two returns at most, the late one and the next. `RETURNS` of them, none a day after the last, do prove it.
3. Two machines under one name throw each other off the broker, and each is back within seconds. So the proof is there
   within a minute, and a day without a return means that one of them is gone.
4. A board that took another's place and is not followed by its predecessor is no copy. It is noted for a week.
"""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from agent.contract.handover import Epoch

RETURNS = 3
FORGOTTEN_S = 86_400
NOTED_S = 7 * 86_400
MOST = 8


class Turn(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A boot of a board ("": it has no serial number) that spoke from `began` until `until`, in UTC seconds."""

    boot: Epoch
    board: Annotated[str, Meta(pattern=r"^([0-9a-f]{16})?$")] = ""
    began: int
    until: int


class Spoken(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Who has spoken as a sensor, the last to speak at the end; at most `MOST`.

    `returns`: how often in a row somebody came back after another, the last time at `returned_at`. `since`: when the
    other one first spoke.
    """

    turns: tuple[Turn, ...] = ()
    returns: int = 0
    returned_at: int | None = None
    since: int | None = None


class Copied(Struct, frozen=True, kw_only=True):
    """Two machines have spoken by turns since this UTC second."""

    since: int


class Moved(Struct, frozen=True, kw_only=True):
    """The sensor has been on another board since this UTC second."""

    since: int


def heard(known: Spoken, boot: str, board: str, at: int) -> Spoken:
    """What is known once a hello came at UTC second `at`."""
    if not known.turns:
        return Spoken(turns=(Turn(boot=boot, board=board, began=at, until=at),))
    before = known.turns[-1]
    same = next((one for one in known.turns if (one.boot, one.board) == (boot, board)), None)
    turn = Turn(boot=boot, board=board, began=at, until=at) if same is None else replace(same, until=at)
    turns = (*(one for one in known.turns if one is not same), turn)[-MOST:]
    is_back = same is not None or (board != before.board and any(one.board == board for one in known.turns))
    if same is before or not is_back:
        return replace(known, turns=turns)
    goes_on = known.returned_at is not None and at - known.returned_at < FORGOTTEN_S
    return Spoken(
        turns=turns,
        returns=known.returns + 1 if goes_on else 1,
        returned_at=at,
        since=known.since if goes_on else before.began,
    )


def judge(known: Spoken, now: int) -> Copied | Moved | None:
    """What it means at UTC second `now`; None: nothing but that the sensor was started."""
    lately = known.returned_at is not None and now - known.returned_at < FORGOTTEN_S
    if lately and known.returns >= RETURNS and known.since is not None:
        return Copied(since=known.since)
    boards = [one for one in known.turns if one.board]
    moved = next((one for one in reversed(boards) if one.board != boards[-1].board), None)
    if moved is None:
        return None
    since = boards[boards.index(moved) + 1].began
    return Moved(since=since) if now - since < NOTED_S else None
