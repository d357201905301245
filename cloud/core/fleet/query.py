"""Query: which sensors are meant, by what is known of them.

1. A query is a table of things known of a sensor, each with what it may be: one text, or several. All that is named
   must fit; what is not named fits anything, so an empty query means every sensor.
2. A text may hold `*` for any letters and `?` for one, as in names of files. What is not known fits "" and "*" only.
3. There are no words between the lines: two groups are two queries.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from cloud.core.fleet.standing import Standing
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

Pattern = str | list[str]
OF_VALUES = ("sensor", "shop", "region", "zone", "software", "model", "kernel", "adapter", "state", "version_state")


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The sensors that all of this fits: `sensor` is its id, `label` what people wrote on it, by name."""

    sensor: Pattern = "*"
    shop: Pattern = "*"
    region: Pattern = "*"
    zone: Pattern = "*"
    software: Pattern = "*"
    model: Pattern = "*"
    kernel: Pattern = "*"
    adapter: Pattern = "*"
    state: Pattern = "*"
    version_state: Pattern = "*"
    label: dict[str, Pattern] = {}

    def selects(self, one: Standing) -> bool:
        """Whether a sensor is meant."""
        fits = all(_fits(getattr(self, name), str(getattr(one, name))) for name in OF_VALUES)
        return fits and all(_fits(pattern, one.labels.get(name, "")) for name, pattern in self.label.items())


def of_parameters(given: Mapping[str, Sequence[str]]) -> Query:
    """The query in parameters of a URL: `region=south`, `label.model=pi4`; several of a name are alternatives.

    Raises Refusal for a name there is none of.
    """
    fields: dict[str, Any] = {name: list(texts) for name, texts in given.items() if name in OF_VALUES}
    labels: dict[str, Pattern] = {
        name.removeprefix("label."): list(texts) for name, texts in given.items() if name.startswith("label.")
    }
    if strange := [one for one in given if one not in OF_VALUES and not one.startswith("label.")]:
        raise Refusal(
            Saying(
                'There is no filter "{name}": use {known} or label.NAME.',
                name=strange[0][:40],
                known=", ".join(OF_VALUES),
            )
        )
    return Query(**fields, label=labels)


def _fits(pattern: Pattern, text: str) -> bool:
    return any(fnmatchcase(text, one) for one in ([pattern] if isinstance(pattern, str) else pattern))
