"""Rollout: a change of settings on its way through the fleet, some sensors first, and back again where it does harm.

1. A stage releases its sensors, each while its shop is closed; then it is watched. The next begins once enough of it
   have applied the settings and are well. The first is the canary: a few sensors, as different as there are.
2. Where too many fail, or are not well though they were, or the counts shift, the rollout is aborted: every sensor that
   was released is put back at once. Both documents were signed before, so nobody has to be woken for it. Well is
   measured against sensors that wait, in the last stage against those of the stages before: a line that is down for
   half a country is down for both.
3. A sensor that was not well when it was released is waited for by nobody, and held against nothing: a deaf one fails
   every trial. A canary stage of such sensors alone proves nothing, so it does not pass.
4. A stage that does not come to its end is stopped after a day: nothing more is released, and nothing is put back.
5. `step` is a function of its arguments. Where the cloud was restarted makes no difference, nor does asking twice.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agent.contract.desired import PROBATION_S
from cloud.core.fleet.counted import SIGMAS, Shift
from cloud.core.fleet.deed import Words, sensors, words
from cloud.core.fleet.standing import FAILED, Standing, version_state
from cloud.core.saying import Saying

State = Literal["running", "done", "stopped", "aborted", "put-back"]
PartState = Literal["waiting", "released", "back"]
Outcome = Literal["waiting", "on its way", "on trial", "applied", "failed", "going back", "back"]
Share = Annotated[float, Meta(gt=0, le=1)]

CANARY_SHARE, FEWEST_CANARIES, MOST_CANARIES = 0.01, 5, 10
GRACE_S = PROBATION_S + 300  # a trial, and a window of counts after it: only then is silence held against settings
PATIENCE_S = 86_400
LAST_CALL_S = 86_400  # nothing is released that might expire before it could be put back


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a stage has passed, and when a rollout is aborted. Shares are of the sensors of the stage.

    `applied`: at least so many have the settings and are well. `failed`: so many rejected them or rolled them back.
    `unwell`: by so much more than among sensors that wait are silent or deaf that were not.
    """

    applied: Share = 0.95
    failed: Annotated[float, Meta(gt=0, le=0.2)] = 0.02
    unwell: Annotated[float, Meta(gt=0, le=0.2)] = 0.01


class Stage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stage of so many `sensors`, watched for `soak_s` from when the last was released, `watched_since`."""

    sensors: int
    soak_s: int
    watched_since: int | None = None


class Rollout(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rollout, made at UTC second `made_at` by `who`; `stage` is the index of the one it is at.

    Its documents may be taken until `expires`. `ended_at`: when it was done, stopped, aborted or put back; `reason`
    says why it did not get to its end.
    """

    id: str
    name: str
    who: str
    made_at: int
    expires: int
    stages: list[Stage]
    limits: Limits = Limits()
    safe: bool = False
    counts_may_shift: bool = False
    state: State = "running"
    stage: int = 0
    ended_at: int | None = None
    reason: Words | None = None


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a rollout has for one sensor: the versions `forward` and `back`, signed before.

    `was_well`: when it was released, or while it waits, when the rollout was made. `failed_at`, `why`: it did not keep
    the settings.
    """

    sensor: str
    stage: int
    forward: int
    back: int
    was_well: bool
    state: PartState = "waiting"
    released_at: int | None = None
    failed_at: int | None = None
    why: str = ""


class Tally(Struct, frozen=True, kw_only=True):
    """How the sensors of a stage are, or of all stages. `due`: those that were well when they were released.

    `ready`: of them have the settings and are well. `worse`: are not well for longer than a trial takes.
    """

    sensors: int
    released: int
    due: int
    ready: int
    applied: int
    on_trial: int
    failed: int
    worse: int
    returned: int


class Step(Struct, frozen=True, kw_only=True):
    """The rollout after a step, the parts that changed, and what was done."""

    rollout: Rollout
    parts: list[Part] = []
    deeds: list[Saying] = []


def staged(
    fleet: Sequence[Standing], stages: Sequence[tuple[float, int]], seed: str
) -> tuple[list[Stage], dict[str, int]]:
    """(the stages, by sensor which it is in) for (share, seconds) of each, the first being the canary.

    The same `seed` gives the same order. Raises ValueError where there is no sensor.
    """
    if not fleet:
        raise ValueError("a rollout has at least one sensor")
    canaries = _canaries(fleet, seed)
    others = sorted((one.sensor for one in fleet if one.sensor not in canaries), key=lambda one: _lot(seed, one))
    order, ends = [*canaries, *others], [len(canaries)]
    ends += [max(len(canaries), math.ceil(share * len(fleet))) for share, _ in stages[1:]]
    made: list[Stage] = []
    stage_of: dict[str, int] = {}
    begin = 0
    for end, (_, soak_s) in zip(ends, stages, strict=True):
        if end > begin:
            stage_of |= dict.fromkeys(order[begin:end], len(made))
            made.append(Stage(sensors=end - begin, soak_s=soak_s))
            begin = end
    return made, stage_of


def step(rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int, shift: Shift | None) -> Step:
    """The rollout after what is `seen` of its sensors at UTC second `now`.

    `shift`: of the counts of its stage, where `asks_counts` asked for it.
    """
    if rollout.state != "running":
        return Step(rollout=rollout)
    looked = [_looked_at(one, seen.get(one.sensor), now) for one in parts]
    if reason := _harm(rollout, looked, seen, now) or _shifted(rollout, shift):
        ended = _back(rollout, looked, now, "aborted", reason)
    elif now >= rollout.expires - LAST_CALL_S:
        ended = _ended(rollout, now, "stopped", Saying("its settings expire within a day: plan them anew"))
    else:
        ended = _onward(rollout, looked, seen, now, shift)
    changed = {one.sensor: one for one in ended.parts}
    after = [changed.get(one.sensor, one) for one in looked]
    return replace(ended, parts=[one for one, before in zip(after, parts, strict=True) if one != before])


def asks_counts(rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> bool:
    """Whether all that is left to ask before the stage ends is how its counts have shifted."""
    return not rollout.counts_may_shift and _ready(rollout, parts, seen, now)


def stop(rollout: Rollout, now: int, who: str) -> Step:
    """Release nothing more; what was released stays."""
    if rollout.state != "running":
        return Step(rollout=rollout)
    return _ended(rollout, now, "stopped", Saying("{who} stopped it", who=who))


def put_back(rollout: Rollout, parts: Sequence[Part], now: int, who: str) -> Step:
    """Release nothing more, and put back every sensor that was released."""
    if rollout.state in ("aborted", "put-back"):
        return Step(rollout=rollout)
    return _back(rollout, parts, now, "put-back", Saying("{who} had it put back", who=who))


def outcome(part: Part, one: Standing | None) -> Outcome:
    """What has become of a part, by what its sensor last said."""
    if part.state == "waiting":
        return "waiting"
    reported = None if one is None else one.reported
    if part.state == "back":
        return "back" if version_state(reported, part.back) == "applied" else "going back"
    if part.failed_at is not None:
        return "failed"
    state = version_state(reported, part.forward)
    return "applied" if state == "applied" else "on trial" if state == "pending" else "on its way"


def tally(parts: Iterable[Part], seen: Mapping[str, Standing], now: int) -> Tally:
    """How some parts of a rollout are."""
    every = [(one, outcome(one, seen.get(one.sensor)), _well(one, seen)) for one in parts]
    released = [one for one in every if one[0].state == "released"]
    return Tally(
        sensors=len(every),
        released=sum(one.state != "waiting" for one, _, _ in every),
        due=sum(one.was_well for one, _, _ in released),
        ready=sum(one.was_well and well and state == "applied" for one, state, well in released),
        applied=sum(state == "applied" for _, state, _ in every),
        on_trial=sum(state == "on trial" for _, state, _ in every),
        failed=sum(one.failed_at is not None for one, _, _ in every),
        worse=sum(one.was_well and not well and now - (one.released_at or now) >= GRACE_S for one, _, well in released),
        returned=sum(state == "back" for _, state, _ in every),
    )


def _canaries(fleet: Sequence[Standing], seed: str) -> list[str]:
    """A few sensors that are well, by turns of every kind there is; never more than half of all."""
    many = min(MOST_CANARIES, max(FEWEST_CANARIES, math.ceil(CANARY_SHARE * len(fleet))))
    many = min(many, math.ceil(len(fleet) / 2))
    kinds: dict[tuple[str, ...], list[str]] = {}
    for one in fleet:
        kind = ("" if one.well else "unwell", one.model, one.adapter, one.kernel, one.region)
        kinds.setdefault(kind, []).append(one.sensor)
    well = [sorted(some, key=lambda one: _lot(seed, one)) for kind, some in sorted(kinds.items()) if not kind[0]]
    well.sort(key=lambda some: _lot(seed, some[0]))
    others = [sorted(some) for kind, some in sorted(kinds.items()) if kind[0]]
    return [*_by_turns(well), *_by_turns(others)][:many]


def _by_turns(groups: Sequence[Sequence[str]]) -> list[str]:
    longest = max(map(len, groups), default=0)
    return [some[turn] for turn in range(longest) for some in groups if turn < len(some)]


def _lot(seed: str, sensor: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{sensor}".encode()).digest()


def _looked_at(part: Part, one: Standing | None, now: int) -> Part:
    """The part with its failure written down: the sensor's next word will be about something else."""
    if one is None or one.reported is None or part.state != "released" or part.failed_at is not None:
        return part
    if version_state(one.reported, part.forward) not in FAILED or not one.answers(part.released_at):
        return part
    return replace(part, failed_at=now, why=one.reported.reason)


def _harm(rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> Saying | None:
    """Why the rollout is to be aborted, by the stage it is at, and by all that were released."""
    released = [one for one in parts if one.state == "released"]
    here = [one for one in released if one.stage == rollout.stage]
    waiting = [one for one in parts if one.state == "waiting"]
    earlier = [one for one in released if one.stage < rollout.stage]
    for some, of, others in (
        (here, rollout.stages[rollout.stage].sensors, waiting or earlier),
        (released, len(released), waiting),
    ):
        failed = [one for one in some if one.failed_at is not None and one.was_well]
        if failed and len(failed) >= rollout.limits.failed * of:
            return _said(len(failed), of, "failed", failed[0].why)
        found, fewest = tally(some, seen, now), 1 if rollout.stage == 0 else 2
        judged = bool(others) or rollout.stage == 0  # the first have nobody beside them where they are few
        if judged and found.worse >= max(fewest, (_gone(others, seen) + rollout.limits.unwell) * found.due):
            return _said(found.worse, found.due, "unwell", "")
    return None


def _said(many: int, of: int, what: Literal["failed", "unwell"], why: str) -> Saying:
    if what == "unwell":
        return Saying("{n} of {sensors} are not well that were before", n=many, sensors=sensors(of))
    why = why.rstrip(".") or Saying("it did not say why")
    return Saying("{n} of {sensors} did not keep the settings ({why})", n=many, sensors=sensors(of), why=why)


def _gone(parts: Iterable[Part], seen: Mapping[str, Standing]) -> float:
    """The share of some sensors that are not well, though they were: what happens without new settings."""
    there = [one for one in parts if one.was_well]
    return sum(not _well(one, seen) for one in there) / len(there) if there else 0.0


def _well(part: Part, seen: Mapping[str, Standing]) -> bool:
    return part.sensor in seen and seen[part.sensor].well


def _shifted(rollout: Rollout, shift: Shift | None) -> Saying | None:
    if rollout.counts_may_shift or shift is None or shift.sigmas is None or abs(shift.sigmas) <= SIGMAS:
        return None
    if shift.share < 0:
        return Saying("its sensors count {p:percent} fewer devices, beside those that wait", p=-shift.share)
    return Saying("its sensors count {p:percent} more devices, beside those that wait", p=shift.share)


def _ready(rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> bool:
    stage = rollout.stages[rollout.stage]
    if rollout.state != "running" or stage.watched_since is None or now - stage.watched_since < stage.soak_s:
        return False
    found = tally((one for one in parts if one.stage == rollout.stage), seen, now)
    return found.ready >= rollout.limits.applied * found.due and (found.due > 0 or rollout.stage > 0)


def _onward(
    rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int, shift: Shift | None
) -> Step:
    at, stage = rollout.stage, rollout.stages[rollout.stage]
    if _ready(rollout, parts, seen, now) and (rollout.counts_may_shift or shift is not None):
        last = at + 1 == len(rollout.stages)
        after = replace(rollout, state="done", ended_at=now) if last else replace(rollout, stage=at + 1)
        said = Saying(
            "Stage {stage} of {of} of rollout {rollout} has passed. {counts}",
            stage=at + 1,
            of=len(rollout.stages),
            rollout=rollout.id,
            counts=shift.sentence if shift else Saying("Its counts may shift, and were not compared."),
        )
        return Step(rollout=after, deeds=[said])
    if stage.watched_since is not None and now - stage.watched_since > stage.soak_s + PATIENCE_S:
        found = tally((one for one in parts if one.stage == at), seen, now)
        reason = Saying("{n} of {sensors} have the settings and are well", n=found.ready, sensors=sensors(found.due))
        return _ended(rollout, now, "stopped", reason)
    return _released(rollout, parts, seen, now)


def _released(rollout: Rollout, parts: Sequence[Part], seen: Mapping[str, Standing], now: int) -> Step:
    """Release the sensors of the stage whose shops are closed; once all are, it is watched."""
    at = rollout.stage
    waiting = [one for one in parts if one.stage == at and one.state == "waiting"]
    due = [one for one in waiting if rollout.safe or one.sensor not in seen or not seen[one.sensor].shop_open]
    fresh = [replace(one, state="released", released_at=now, was_well=_well(one, seen)) for one in due]
    if len(due) < len(waiting) or rollout.stages[at].watched_since is not None:
        after = rollout
    else:
        stages = [replace(one, watched_since=now) if n == at else one for n, one in enumerate(rollout.stages)]
        after = replace(rollout, stages=stages)
    said = Saying(
        "Released rollout {rollout} to {sensors}, in stage {stage} of {of}.",
        rollout=rollout.id,
        sensors=sensors(len(fresh)),
        stage=at + 1,
        of=len(rollout.stages),
    )
    return Step(rollout=after, parts=fresh, deeds=[said] if fresh else [])


def _ended(rollout: Rollout, now: int, state: Literal["stopped"], reason: Saying) -> Step:
    said = Saying("Stopped rollout {rollout}: {reason}.", rollout=rollout.id, reason=reason)
    return Step(rollout=replace(rollout, state=state, ended_at=now, reason=words(reason)), deeds=[said])


def _back(
    rollout: Rollout, parts: Sequence[Part], now: int, state: Literal["aborted", "put-back"], reason: Saying
) -> Step:
    returned = [replace(one, state="back") for one in parts if one.state == "released"]
    some = sensors(len(returned))
    said = (
        Saying(
            "Aborted rollout {rollout} and put {sensors} back: {reason}.",
            rollout=rollout.id,
            sensors=some,
            reason=reason,
        )
        if state == "aborted"
        else Saying(
            "Put {sensors} of rollout {rollout} back: {reason}.", rollout=rollout.id, sensors=some, reason=reason
        )
    )
    after = replace(rollout, state=state, ended_at=now, reason=words(reason))
    return Step(rollout=after, parts=returned, deeds=[said])
