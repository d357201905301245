"""Course: a rollout, and a sensor's settings, as people see them: how far, how well, and one sentence."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct

from cloud.core.fleet.deed import said, sensors
from cloud.core.fleet.drift import effective
from cloud.core.fleet.rollout import Outcome, Part, Rollout, State, Tally, outcome, tally
from cloud.core.fleet.standing import Standing, VersionState
from cloud.core.saying import Saying, span


class SensorLine(Struct, frozen=True, kw_only=True):
    """A sensor and its settings; "" is not known, times are UTC seconds. `sentence` says how its settings are.

    `wanted`: the version it shall have since `put_at`; `in_force`: the one it last said, at `reported_at`; 0: none.
    """

    sensor: str
    shop: str
    region: str
    zone: str
    labels: dict[str, str]
    software: str
    model: str
    kernel: str
    adapter: str
    state: str
    well: bool
    wanted: int
    put_at: int | None
    in_force: int
    reported_at: int | None
    version_state: VersionState
    effective: str
    keys: int | None
    sentence: str


class StageLine(Struct, frozen=True, kw_only=True):
    """A stage, the first being 1 and the canary, watched for `soak_s` from `watched_since` on."""

    stage: int
    soak_s: int
    watched_since: int | None
    tally: Tally


class PartLine(Struct, frozen=True, kw_only=True):
    """A sensor in a rollout; `why` it did not keep the settings, in its own words."""

    sensor: str
    stage: int
    forward: int
    back: int
    outcome: Outcome
    released_at: int | None
    failed_at: int | None
    why: str


class RolloutLine(Struct, frozen=True, kw_only=True):
    """A rollout in the list: at `stage` of `stages`, with the `tally` of all its sensors."""

    id: str
    name: str
    who: str
    made_at: int
    expires: int
    ended_at: int | None
    state: State
    stage: int
    stages: int
    tally: Tally
    sentence: str


class RolloutView(Struct, frozen=True, kw_only=True):
    """A rollout with its stages and what became of every sensor in it."""

    rollout: RolloutLine
    stages: list[StageLine]
    parts: list[PartLine]


def sensor_line(one: Standing) -> SensorLine:
    """A sensor's settings, with a sentence."""
    keys = None if one.reported is None or one.reported.keys is UNSET else one.reported.keys
    same = {name: getattr(one, name) for name in SensorLine.__struct_fields__ if hasattr(one, name)}
    return SensorLine(**same, in_force=one.version, effective=effective(one), keys=keys, sentence=_of_settings(one))


def rollout_line(one: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> RolloutLine:
    """A rollout as it is at UTC second `now`, with a sentence."""
    return RolloutLine(
        id=one.id,
        name=one.name,
        who=one.who,
        made_at=one.made_at,
        expires=one.expires,
        ended_at=one.ended_at,
        state=one.state,
        stage=one.stage + 1,
        stages=len(one.stages),
        tally=tally(parts, seen, now),
        sentence=_of_rollout(one, parts, seen, now),
    )


def rollout_view(one: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> RolloutView:
    """The same with its stages and parts."""
    stages = [
        StageLine(
            stage=number + 1,
            soak_s=stage.soak_s,
            watched_since=stage.watched_since,
            tally=tally((part for part in parts if part.stage == number), seen, now),
        )
        for number, stage in enumerate(one.stages)
    ]
    lines = [
        PartLine(
            sensor=part.sensor,
            stage=part.stage + 1,
            forward=part.forward,
            back=part.back,
            outcome=outcome(part, seen.get(part.sensor)),
            released_at=part.released_at,
            failed_at=part.failed_at,
            why=part.why,
        )
        for part in parts
    ]
    return RolloutView(rollout=rollout_line(one, parts, seen, now), stages=stages, parts=lines)


def _of_rollout(one: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> Saying:
    found = tally(parts, seen, now)
    reason = said(one.reason) if one.reason else ""
    if one.state == "done":
        return Saying("Done: {n} of {sensors} have it.", n=found.applied, sensors=sensors(found.sensors))
    if one.state == "stopped":
        return Saying("Stopped after {sensors}: {reason}.", sensors=sensors(found.released), reason=reason)
    if one.state in ("aborted", "put-back"):
        back = Saying("{n} of {sensors} are back", n=found.returned, sensors=sensors(found.released))
        if one.state == "aborted":
            return Saying("Aborted: {reason}; {back}.", reason=reason, back=back)
        return Saying("Put back: {reason}; {back}.", reason=reason, back=back)
    return _of_stage(one, parts, seen, now)


def _of_stage(one: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> Saying:
    stage = one.stages[one.stage]
    here = [part for part in parts if part.stage == one.stage]
    found = tally(here, seen, now)
    where = Saying("Stage {stage} of {of}", stage=one.stage + 1, of=len(one.stages))
    if stage.watched_since is None:
        closing = [part for part in here if part.state == "waiting" and _shop_open(part, seen) and not one.safe]
        if not closing:
            return Saying("{where}: it begins.", where=where)
        some = sensors(len(closing))
        return Saying("{where}: waits for the shops of {sensors} to close.", where=where, sensors=some)
    ready = Saying("{n} of {sensors} have it and are well", n=found.ready, sensors=sensors(found.due))
    left_s = max(0, stage.watched_since + stage.soak_s - now)
    if not left_s:
        return Saying("{where}: {ready}; more are waited for.", where=where, ready=ready)
    return Saying("{where}: {ready}; watched for {span} more.", where=where, ready=ready, span=span(left_s))


def _shop_open(part: Part, seen: Mapping[str, Standing]) -> bool:
    return part.sensor in seen and seen[part.sensor].shop_open


def _of_settings(one: Standing) -> Saying:
    state, wanted, has = one.version_state, one.wanted, one.version
    reason = one.reported.reason if one.reported and one.reported.reason else Saying("it did not say why.")
    if state == "none":
        return Saying("Goes by its own settings.")
    if state == "applied":
        return Saying("Has version {version}.", version=wanted)
    if state == "pending":
        return Saying("Tries version {version}: it keeps it if radios and line work for ten minutes.", version=wanted)
    if state == "unsaid":
        return Saying("Version {version} waits for it; it has never said what it has.", version=wanted)
    if state == "behind":
        return Saying("Version {version} waits for it; it has {has}.", version=wanted, has=has)
    if state == "rejected":
        return Saying("Did not take version {version}: {reason}", version=wanted, reason=reason)
    if state == "rolled_back":
        return Saying(
            "Tried version {version} and went back to {has}: {reason}", version=wanted, has=has, reason=reason
        )
    return Saying("Has version {version}, which was not sent from here.", version=has)
