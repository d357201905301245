"""Deed: that somebody changed something of the fleet, in one sentence.

1. A deed says who, when and what, and names what it was done to; it is written with the change, and never changed.
2. The sentence is kept as its pattern and its values, so that it is read in the reader's language.
3. The same deed of the same second is there once.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from cloud.core.saying import Saying

Kind = Literal["claim", "certificate", "label", "mute", "rollout", "settings", "keys"]
Who = Annotated[str, Meta(min_length=1, max_length=120)]
NOBODY_NAMED = "somebody"  # until there is a sign-in, whoever calls the API may leave the name out


class Deed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At UTC second `at`, `who` did `what` to the things `about`: ids of sensors, rollouts or key lists."""

    id: str
    at: int
    who: Who
    kind: Kind
    what: str
    about: list[str] = []


class Words(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A saying as it is kept."""

    pattern: str
    values: "dict[str, str | int | float | Words]" = {}


def deed(who: str, what: Saying, at: int, kind: Kind, about: tuple[str, ...] = ()) -> Deed:
    """A deed, with the id that follows from it."""
    whole = "\0".join([who, what, str(at), kind, *about])
    return Deed(
        id=hashlib.sha256(whole.encode()).hexdigest()[:32], at=at, who=who, kind=kind, what=what, about=list(about)
    )


def sensors(number: int) -> Saying:
    """So many sensors, in words."""
    return Saying("1 sensor") if number == 1 else Saying("{n} sensors", n=number)


def words(said: str) -> Words:
    """What is kept of a sentence."""
    if not isinstance(said, Saying):
        return Words(pattern="{text}", values={"text": said})
    return Words(pattern=said.pattern, values={key: _kept(value) for key, value in said.values.items()})


def said(kept: Words) -> Saying:
    """The sentence that was kept."""
    values = {key: said(value) if isinstance(value, Words) else value for key, value in kept.values.items()}
    return Saying(kept.pattern, **values)


def _kept(value: object) -> str | int | float | Words:
    if isinstance(value, Saying):
        return words(value)
    return value if isinstance(value, (str, int, float)) else str(msgspec.to_builtins(value))
