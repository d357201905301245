"""Inventory: all that is kept or said, with what it tells, about whom, for how long and who reads it.

1. What there is comes from the code (`structure`); what it means, from `inventory.toml`, by place and name. Something
   without a description makes an error that says which line to add, so the inventory is complete or is not there.
2. A place gives what its entries have in common; an entry may say otherwise of itself.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from cloud.paperwork.facts import PaperworkError
from cloud.paperwork.structure import Item

About = Literal["device-derived count", "noised count", "opted-out device", "operator data", "technical"]
_SHOWN = 5


class Entry(Struct, frozen=True, kw_only=True):
    """One thing kept or said: `where` and `name` from the code, the rest from its description."""

    where: str
    name: str
    says: str
    about: About
    kept: str
    read: str


class Said(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one entry says, and what it has otherwise than its place."""

    says: str
    about: About | None = None
    kept: str | None = None
    read: str | None = None


class Place(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place: what its entries have in common, and what each says."""

    about: About
    kept: str
    read: str
    says: dict[str, str | Said]


Descriptions = Mapping[str, Place]


def descriptions() -> Descriptions:
    """The descriptions that come with the program, by place."""
    text = files("cloud.paperwork").joinpath("inventory.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=dict[str, Place])


def undescribed(items: Iterable[Item], described: Descriptions) -> list[Item]:
    """What is there and has no description."""
    return [one for one in items if one.place not in described or one.name not in described[one.place].says]


def entries(items: Iterable[Item], described: Descriptions) -> list[Entry]:
    """The inventory of `items`. Raises PaperworkError where one has no description."""
    there = list(items)
    if lacking := undescribed(there, described):
        more = f", and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise PaperworkError(
            f"The inventory does not describe {'; '.join(map(_place_and_name, lacking[:_SHOWN]))}{more}: add a line "
            'for each to cloud/paperwork/inventory.toml, under ["PLACE".says].'
        )
    return [_entry(one, described[one.place]) for one in there]


def _entry(item: Item, place: Place) -> Entry:
    said = place.says[item.name]
    own = said if isinstance(said, Said) else Said(says=said)
    return Entry(
        where=item.place,
        name=item.name,
        says=own.says,
        about=own.about or place.about,
        kept=own.kept or place.kept,
        read=own.read or place.read,
    )


def _place_and_name(item: Item) -> str:
    return f"{item.place}: {item.name}"
