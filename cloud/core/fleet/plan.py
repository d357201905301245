"""Plan: which sensors would change what, were a fleet file applied; nothing changes by it.

1. Every rule whose query fits a sensor adds to what it shall have; of two that name the same field the later holds, the
   whole field. What no rule names is left to the sensor's own settings, also where it was set before.
2. A sensor that no rule fits stays as it is.
3. A sensor stays as it is, too, where it was sent the same before, unless that failed or can no longer be taken.
4. What a sensor has in force that was not sent from here is not known, so it could not be put back: such a sensor is
   named and left out, unless it is asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from agent.contract import OptOuts
from cloud.core.fleet.query import Query
from cloud.core.fleet.rollout import Limits
from cloud.core.fleet.standing import FAILED, Settings, Standing

Minutes = Annotated[float, Meta(ge=1, le=14 * 1440)]
FIELDS = Settings.__struct_fields__


class Rule(Settings, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the sensors that `where` selects shall have."""

    where: Query = Query()


class StageTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stage: the `share` of all sensors that have the settings when it ends, and how long it is watched."""

    share: Annotated[float, Meta(gt=0, le=1)]
    soak_min: Minutes = 240.0


class FleetFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the fleet shall have, and how it gets there.

    `safe`: may be released while shops are open. `counts_may_shift`: that more or fewer devices are counted is what it
    is for. Documents may be taken for `valid_days`.
    """

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    safe: bool = False
    counts_may_shift: bool = False
    valid_days: Annotated[int, Meta(ge=2, le=60)] = 14
    canary_soak_min: Minutes = 60.0
    stages: Annotated[tuple[StageTable, ...], Meta(min_length=1, max_length=10)] = (
        StageTable(share=0.1),
        StageTable(share=0.5),
        StageTable(share=1.0),
    )
    limits: Limits = Limits()
    settings: Annotated[list[Rule], Meta(min_length=1)]


class Held(Struct, frozen=True, kw_only=True):
    """What a sensor was `sent`, what is `in_force` as far as we know, its opt-outs, and the highest version there is.

    `until`: when what was sent can no longer be taken (UTC seconds).
    """

    sent: Settings = Settings()
    in_force: Settings = Settings()
    opt_outs: OptOuts | UnsetType = UNSET
    highest: int = 0
    until: int = 0


class FieldChange(Struct, frozen=True, kw_only=True):
    """A field as it was and as it would be; null: left to the sensor's own settings."""

    field: str
    before: Any
    after: Any


class Change(Struct, frozen=True, kw_only=True):
    """What changes alike for some sensors. No field changes where the same is sent anew (see `again`)."""

    fields: list[FieldChange]
    sensors: list[str]


class Plan(Struct, frozen=True, kw_only=True):
    """What applying a file would do, sensor by sensor, all by name.

    Of those that change: `again` were sent the same before in vain, `unwell` are silent or deaf now, `unsaid` have
    never said which settings they have. `stays` have what they shall have or will take it, `unmentioned` are in no
    rule, `foreign` have settings that were not sent from here, and `busy` are in a rollout that runs; all of them stay.
    """

    changes: list[Change] = []
    again: list[str] = []
    unwell: list[str] = []
    unsaid: list[str] = []
    stays: list[str] = []
    unmentioned: list[str] = []
    foreign: list[str] = []
    busy: list[str] = []

    @property
    def changed(self) -> list[str]:
        """All sensors that change, by name."""
        return sorted(sensor for one in self.changes for sensor in one.sensors)


def target(rules: Iterable[Rule], one: Standing) -> Settings | None:
    """What a sensor shall have; None where no rule is about it."""
    found = [rule for rule in rules if rule.where.selects(one)]
    fields = {name: getattr(rule, name) for rule in found for name in FIELDS if getattr(rule, name) is not UNSET}
    return Settings(**fields) if found else None


def plan(
    file: FleetFile,
    standings: Iterable[Standing],
    held: Mapping[str, Held],
    now: int,
    *,
    busy: Iterable[str] = (),
    listed: OptOuts | UnsetType = UNSET,
    take_over: bool = False,
) -> Plan:
    """The plan at UTC second `now`. `busy`: sensors of rollouts that run; `listed`: who opted out, where that is told.

    `take_over`: change foreign ones too; what they had cannot be put back.
    """
    found = Plan(changes=[], again=[], unwell=[], unsaid=[], stays=[], unmentioned=[], foreign=[], busy=[])
    groups: dict[bytes, Change] = {}
    running = set(busy)
    for one in sorted(standings, key=lambda one: one.sensor):
        has = held.get(one.sensor, Held())
        wants = target(file.settings, one)
        if wants is None:
            found.unmentioned.append(one.sensor)
        elif one.sensor in running:
            found.busy.append(one.sensor)
        elif one.version_state == "foreign" and not take_over:
            found.foreign.append(one.sensor)
        elif (same := wants == has.sent and opted(has, listed) == has.opt_outs) and not _in_vain(one, has, now):
            found.stays.append(one.sensor)
        else:
            fields = [*_differences(has.in_force, wants), *_listed(has, listed)]
            key = msgspec.json.encode(fields)
            groups.setdefault(key, Change(fields=fields, sensors=[])).sensors.append(one.sensor)
            _mention(found, one, again=same)
    found.changes.extend(sorted(groups.values(), key=lambda change: (-len(change.sensors), change.sensors)))
    return found


def opted(has: Held, listed: OptOuts | UnsetType) -> OptOuts | UnsetType:
    """Who has opted out at a sensor from now on: as told, or as before; the list it has where it is the same."""
    if listed is UNSET or has.opt_outs is UNSET:
        return has.opt_outs if listed is UNSET else listed
    return has.opt_outs if replace(listed, made_at=has.opt_outs.made_at) == has.opt_outs else listed


def _in_vain(one: Standing, has: Held, now: int) -> bool:
    state = one.version_state
    return state in FAILED or state == "foreign" or (state in ("behind", "unsaid") and now >= has.until)


def _mention(found: Plan, one: Standing, *, again: bool) -> None:
    if again:
        found.again.append(one.sensor)
    if not one.well:
        found.unwell.append(one.sensor)
    if one.reported is None:
        found.unsaid.append(one.sensor)


def _differences(before: Settings, after: Settings) -> list[FieldChange]:
    return [
        FieldChange(field=name, before=_plain(getattr(before, name)), after=_plain(getattr(after, name)))
        for name in FIELDS
        if getattr(before, name) != getattr(after, name)
    ]


def _listed(has: Held, listed: OptOuts | UnsetType) -> list[FieldChange]:
    after = opted(has, listed)
    if after == has.opt_outs:
        return []
    before, fresh = (
        None if one is UNSET else f"the list of {datetime.fromtimestamp(one.made_at, UTC):%Y-%m-%d}"
        for one in (has.opt_outs, after)
    )
    return [FieldChange(field="opt_outs", before=before, after=fresh)]


def _plain(value: Any) -> Any:
    return None if value is UNSET else msgspec.to_builtins(value)


def stages_of(file: FleetFile) -> Sequence[tuple[float, int]]:
    """(share of all, seconds to be watched) of the canary, whose share is 0, and of each stage after it."""
    return [(0.0, int(file.canary_soak_min * 60)), *((one.share, int(one.soak_min * 60)) for one in file.stages)]
