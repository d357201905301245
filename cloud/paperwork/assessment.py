"""Assessment: a draft of what the law asks a shop to think through before it counts, from how it really counts.

1. Two kinds: a data protection impact assessment by the parts of Art. 35(7) GDPR, and a personal information protection
   impact assessment by those of Art. 56 PIPL.
2. Figures are the sensors' own (`Facts`). What only a person can know or decide is marked `[to fill in: ...]`.
3. It is a draft and no legal advice, and says so first.
"""

from math import exp
from typing import Literal

from cloud.core import calendar
from cloud.paperwork.facts import LONGEST_WINDOW_S, Facts
from cloud.paperwork.forms import filled

Kind = Literal["dpia", "pipia"]


def markdown(facts: Facts, kind: Kind, kept: int) -> str:
    """The draft of a kind; `kept` is how many entries the shop's inventory has."""
    return filled(
        f"{kind}.md",
        facts=facts,
        shop=facts.shop,
        controller=facts.controller,
        stable=facts.profile == "D24",
        hours=_hours(facts),
        window_minutes=f"{facts.window_s / 60:g}",
        longest_window_minutes=LONGEST_WINDOW_S // 60,
        key_hours=f"{facts.longest_key_s / 3600:g}",
        advantage=advantage(facts.epsilon),
        kept=kept,
    )


def _hours(facts: Facts) -> str:
    """The opening hours in force when the papers were made."""
    day = calendar.date_at(facts.shop.time_zone, facts.at)
    rules = [one for one in facts.shop.hours if calendar.in_force(one, day)]
    return ", ".join(f"{' '.join(one.days)} {one.opens} to {one.closes}" for one in rules)


def advantage(epsilon: float) -> float:
    """By how much a noised figure can raise the odds of guessing whether a device was there: 0 none, 1 certainty.

    The bound of differential privacy on true less false positives (Kairouz, Oh, Viswanath 2015, theorem 2.1).
    """
    return (exp(epsilon) - 1) / (exp(epsilon) + 1)
