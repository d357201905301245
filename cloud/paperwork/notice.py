"""Notice: what a shop says at its door, in the layers of the CNIL and with the radius that is really sensed.

1. The first layer: who is responsible, what is received and from how far, what for, for how long, how to object, whom
   to ask and where to complain. It names the second layer, where the full information is.
2. The words differ by profile, and every figure in them is the sensors' own (`Facts`).
3. It is not printed without what it has to say of the controller.
"""

from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from math import ceil
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from cloud.paperwork.facts import Facts, PaperworkError

_NO_BREAK = "\N{NO-BREAK SPACE}"


class Language(StrEnum):
    """A language there are words in, by its tag (BCP 47)."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    CHINESE = "zh"


class Section(Struct, frozen=True):
    """A heading, and the paragraphs below it."""

    heading: str
    paragraphs: list[str]


class Notice(Struct, frozen=True, kw_only=True):
    """A notice in one language. `more` and `url` name the second layer; `foot` says when and from what it was made."""

    language: Language
    title: str
    lead: str
    sections: list[Section]
    more: str
    url: str
    foot: str


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    """Words of a section: what is always said, then what is said under a profile."""

    heading: str
    always: list[str] = []
    F5: list[str] = []
    D24: list[str] = []


class _Words(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one language, with the facts in braces. `minutes` and `hours`: for one, for more."""

    title: str
    lead: str
    radios: dict[str, str]
    joint: str
    minutes: tuple[str, str]
    hours: tuple[str, str]
    decimal: str
    told: str
    planned: str
    who: _Part
    heard: _Part
    purpose: _Part
    kept: _Part
    object: _Part
    ask: _Part
    more: str


def write(facts: Facts, language: Language) -> Notice:
    """The notice of a shop in one language. Raises PaperworkError naming what the controller has not said."""
    lacking = [key for key, value in structs.asdict(facts.controller).items() if value is None]
    if lacking:
        raise PaperworkError(
            f"The notice has to say {', '.join(lacking)}: add {'it' if len(lacking) == 1 else 'them'} to the cloud's "
            f"settings under [controller], or to the `controller` of shop {facts.shop.shop}."
        )
    text = files("cloud.paperwork").joinpath(f"words/{language}.toml").read_text(encoding="utf-8")
    words = msgspec.toml.decode(text, type=_Words)
    values = _values(facts, words)
    parts = (words.who, words.heard, words.purpose, words.kept, words.object, words.ask)
    return Notice(
        language=language,
        title=words.title,
        lead=words.lead.format_map(values),
        sections=[
            Section(part.heading, [one.format_map(values) for one in [*part.always, *getattr(part, facts.profile)]])
            for part in parts
        ],
        more=words.more,
        url=values["url"],
        foot=(words.planned if facts.assumed else words.told).format_map(values),
    )


def _values(facts: Facts, words: _Words) -> dict[str, str]:
    near, far = facts.radius_m
    return structs.asdict(facts.controller) | {
        "shop": facts.shop.name,
        "date": str(datetime.fromtimestamp(facts.at, ZoneInfo(facts.shop.time_zone)).date()),
        "radios": words.joint.join(words.radios[kind] for kind in facts.radios),
        "near": _number(near),
        "far": _number(far),
        "minutes": _several(words.minutes, ceil(facts.window_s / 60)),
        "hours": _several(words.hours, ceil(facts.longest_key_s / 3600)),
        "epsilon": f"{facts.epsilon:g}".replace(".", words.decimal),
    }


def _several(one_or_more: tuple[str, str], count: int) -> str:
    return one_or_more[count != 1].format(count)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", _NO_BREAK)
