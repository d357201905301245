"""Drift: which settings the fleet really has, grouped by what can explain a difference.

1. Sensors are alike if they have the same settings in force (by the hash the sensor says), stand alike to the version
   wanted of them, and run the same software, kernel and adapter.
2. A group is as old as its youngest member's last word: since then all of it has been so.
"""

from collections.abc import Iterable

from msgspec import UNSET, Struct

from cloud.core.fleet.standing import Standing, VersionState


class DriftGroup(Struct, frozen=True, kw_only=True):
    """Sensors that are alike. `effective`: the hash of what is in force ("": not said); `since`: UTC second."""

    effective: str
    version_state: VersionState
    software: str
    kernel: str
    adapter: str
    number: int
    since: int | None
    wanted: list[int]
    in_force: list[int]
    sensors: list[str]


def drift(standings: Iterable[Standing]) -> list[DriftGroup]:
    """The groups, the largest first. `wanted` and `in_force` are the versions there are, ascending."""
    groups: dict[tuple[str, VersionState, str, str, str], list[Standing]] = {}
    for one in standings:
        groups.setdefault((effective(one), one.version_state, one.software, one.kernel, one.adapter), []).append(one)
    found = [
        DriftGroup(
            effective=key[0],
            version_state=key[1],
            software=key[2],
            kernel=key[3],
            adapter=key[4],
            number=len(some),
            since=max((one.reported_at for one in some if one.reported_at is not None), default=None),
            wanted=sorted({one.wanted for one in some}),
            in_force=sorted({one.version for one in some}),
            sensors=sorted(one.sensor for one in some),
        )
        for key, some in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.number, one.sensors))


def effective(one: Standing) -> str:
    """The hash of the settings a sensor keeps to, as it said it; "" where it has not."""
    return "" if one.reported is None or one.reported.effective is UNSET else one.reported.effective
