"""Slots: what there is to say of an hour, a day or any other span at a moment, in one word that all pages share.

1. "heard" alone may be compared. "incomplete" has a figure of the time listened to.
2. A rest by plan and a closed hour are no gaps; what nobody reported while it was open is "not listened".
3. A window has `ARRIVAL_S` to travel before its absence is one.
"""

from typing import Literal

from cloud.core.figures import COMPLETE, Period
from cloud.core.saying import Saying
from cloud.core.today import ARRIVAL_S, WINDOW_S, at_rest

State = Literal["heard", "incomplete", "so far", "not listened", "not enough was heard", "resting", "closed", "to come"]
NAMES: dict[State, Saying] = {
    "heard": Saying("heard"),
    "incomplete": Saying("incomplete"),
    "so far": Saying("so far"),
    "not listened": Saying("not listened"),
    "not enough was heard": Saying("not enough was heard"),
    "resting": Saying("resting"),
    "closed": Saying("closed"),
    "to come": Saying("to come"),
}
SILENT: tuple[State, ...] = ("resting", "to come")  # nothing was due, so no share of it is told


def state(period: Period, now: int) -> State:
    """The word for a period at `now` (UTC seconds)."""
    if period.start >= now:
        return "to come"
    if period.visitors.value is None:
        if period.coverage > 0:
            return "not enough was heard"
        if at_rest(period, now - WINDOW_S - ARRIVAL_S):
            return "resting"
        if not period.open:
            return "closed"
        return "not listened" if period.start + WINDOW_S + ARRIVAL_S <= now else "to come"
    if period.end > now:
        return "so far"
    return "heard" if period.coverage >= COMPLETE else "incomplete"
