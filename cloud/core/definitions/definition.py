"""Definition: one entry of the glossary."""

from msgspec import Struct


class Definition(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry. `name` carries the version; `digits` is how many decimals of the figure are shown."""

    name: str
    title: str
    summary: str
    formula: str
    unit: str
    source: str
    caveat: str
    digits: int
