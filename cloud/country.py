"""Country: in which one a time zone lies, so that a new sensor knows which radio rules hold where it stands.

The table is that of the time zone database (`zone.tab`), which has one country for each zone that is named for a city.
For any other name nothing is known, and the sensor keeps to what holds everywhere.
"""

from functools import cache
from importlib.resources import files


def country_of(time_zone: str) -> str:
    """The country (ISO 3166-1, two letters) of a zone like "Europe/Berlin"; "" where it is not known."""
    return _countries().get(time_zone, "")


@cache
def _countries() -> dict[str, str]:
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows}
