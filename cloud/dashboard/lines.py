"""Lines: series over days or weeks as the script draws them; the table beside them says the same."""

import json
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict

from cloud.core.figures import Figure


class Series(Struct, frozen=True):
    """One line with its range, a value a label; null is a gap. `incomplete` points are drawn hollow."""

    value: list[float | None]
    low: list[float | None]
    high: list[float | None]
    incomplete: list[bool]

    @classmethod
    def of(cls, figures: Sequence[Figure | None], incomplete: Sequence[bool]) -> "Series":
        """The line of some figures; None is a gap."""
        return cls(
            [None if one is None else one.value for one in figures],
            [None if one is None else one.low for one in figures],
            [None if one is None else one.high for one in figures],
            list(incomplete),
        )


class Mark(Struct, frozen=True):
    """A note at the label number `at`."""

    at: int
    text: str


def lines_json(
    labels: Sequence[str],
    sentences: Sequence[str],
    series: Sequence[Series],
    *,
    marks: Sequence[Mark] = (),
    span: tuple[int, int] | None = None,
    percent: bool = False,
    zero: bool = True,
) -> str:
    """What `lines.js` draws. `sentences`: one a label; `span` is shaded; `zero`: the axis begins at 0."""
    told = {
        "labels": list(labels),
        "sentences": list(sentences),
        "series": [asdict(one) for one in series],
        "marks": [asdict(one) for one in marks],
        "span": span,
        "percent": percent,
        "zero": zero,
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)
