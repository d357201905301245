"""Fleet: what settings a tenant's sensors have and shall have, what is on its way to them, and who did what.

1. Nothing here can sign: what a rollout may send was signed when it was made, on the machine of whoever made it.
2. `step` takes every rollout that runs one step further, and is the only one that does so by itself.
3. Whatever is changed is written with the deed that tells of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from agent.contract import DeviceConfig, OptOuts
from agent.contract.desired import PROBATION_S
from cloud.core.fleet import counted, course, rollout
from cloud.core.fleet.counted import MOST_SENSORS, Shift
from cloud.core.fleet.course import RolloutLine, RolloutView, SensorLine
from cloud.core.fleet.deed import Deed, deed, sensors
from cloud.core.fleet.drift import DriftGroup, drift
from cloud.core.fleet.plan import FleetFile, Held, Plan, opted, plan, stages_of, target
from cloud.core.fleet.query import Query
from cloud.core.fleet.rollout import Part, Rollout, Step
from cloud.core.fleet.standing import FAILED, Settings, Standing, document, opened, settings_of
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.store import Store
from cloud.store.deeds import Deeds
from cloud.store.keylists import Kept, KeyLists
from cloud.store.rollouts import Rollouts, Signed
from cloud.store.standings import Standings
from cloud.store.wanted import Document, Documents

MOST_DEEDS = 500
EARLY_S = 300  # a sensor's clock may be a little behind ours
_TRIES = 5
_ITSELF = "footfall"


class UnknownRolloutError(LookupError):
    """There is no such rollout."""


class Overview(NamedTuple):
    """The sensors that a query selects, the same grouped, and the newest rollouts."""

    sensors: list[SensorLine]
    groups: list[DriftGroup]
    rollouts: list[RolloutLine]


class Fleet:
    """The sensors of `tenant` in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self.tenant = tenant
        self._clock = clock
        self._standings, self._rollouts, self._documents = Standings(store), Rollouts(store), Documents(store)
        self._deeds, self._keylists = Deeds(store, tenant), KeyLists(store)

    def overview(self, wanted: Query = Query(), most_rollouts: int = 6) -> Overview:  # noqa: B008 - frozen
        """What the three below say, from one look at the fleet; of rollouts so many, the newest."""
        seen = self._seen()
        chosen = [one for one in seen.values() if wanted.selects(one)]
        newest = self._rollouts.all(self.tenant)[:most_rollouts]
        return Overview([course.sensor_line(one) for one in chosen], drift(chosen), self._lines(newest, seen))

    def sensors(self, wanted: Query = Query()) -> list[SensorLine]:  # noqa: B008 - frozen
        """The sensors that a query selects, by name, each with its settings in a sentence."""
        return [course.sensor_line(one) for one in self._seen().values() if wanted.selects(one)]

    def drift(self, wanted: Query = Query()) -> list[DriftGroup]:  # noqa: B008 - frozen
        """The same, grouped by what they have in force and what may explain it; the largest group first."""
        return drift(one for one in self._seen().values() if wanted.selects(one))

    def rollouts(self) -> list[RolloutLine]:
        """All rollouts, the newest first."""
        return self._lines(self._rollouts.all(self.tenant), self._seen())

    def rollout(self, rollout_id: str) -> RolloutView:
        """One rollout with its stages and parts. Raises UnknownRolloutError."""
        one = self._get(rollout_id)
        parts = self._rollouts.parts(self.tenant, one.id)
        return course.rollout_view(one, parts, self._seen(), int(self._clock()))

    def stop(self, rollout_id: str, who: str) -> RolloutLine:
        """Release nothing more of a rollout; again changes nothing. Raises UnknownRolloutError."""
        return self._changed(rollout_id, who, lambda one, _, now: rollout.stop(one, now, who))

    def put_back(self, rollout_id: str, who: str) -> RolloutLine:
        """Put back every sensor a rollout has reached; again changes nothing. Raises UnknownRolloutError, Refusal."""

        def back(one: Rollout, parts: Sequence[Part], now: int) -> Step:
            if now >= one.expires and one.state not in ("aborted", "put-back"):
                raise Refusal(
                    Saying("What {rollout} would put back has expired: apply the file of before.", rollout=one.id)
                )
            return rollout.put_back(one, parts, now, who)

        return self._changed(rollout_id, who, back)

    def deeds(self, about: str | None = None, most: int = 100, before: tuple[int, str] | None = None) -> list[Deed]:
        """Who did what, the newest first: about one sensor, rollout or key list; before the deed (at, id) given."""
        return self._deeds.newest(max(1, min(most, MOST_DEEDS)), about, before)

    def plan(self, file: FleetFile, listed: OptOuts | UnsetType = UNSET, *, take_over: bool = False) -> Plan:
        """What applying a fleet file would change; nothing changes by it."""
        now, seen = int(self._clock()), self._seen()
        held, busy = self._held(seen, now), self._rollouts.busy(self.tenant)
        return plan(file, seen.values(), held, now, busy=busy, listed=listed, take_over=take_over)

    def make(
        self,
        file: FleetFile,
        planned: Plan,
        signed: Callable[[DeviceConfig], bytes],
        who: str,
        listed: OptOuts | UnsetType = UNSET,
    ) -> Rollout:
        """Sign what is planned, forward and back, and keep it as a rollout that begins by itself. Raises Refusal."""
        now, seen = int(self._clock()), self._seen()
        chosen = [seen[one] for one in planned.changed if one in seen]
        if not chosen:
            raise Refusal(Saying("Nothing is to be changed, so there is nothing to roll out."))
        held = self._held(seen, now)
        if plan(file, chosen, held, now, listed=listed, take_over=True).changes != planned.changes:
            raise Refusal(Saying("The fleet has changed since it was planned: plan again."))
        name = _name(file.name, now)
        stages, stage_of = rollout.staged(chosen, stages_of(file), name)
        made = Rollout(
            id=name,
            name=file.name,
            who=who,
            made_at=now,
            expires=now + file.valid_days * 86_400,
            stages=stages,
            limits=file.limits,
            safe=file.safe,
            counts_may_shift=file.counts_may_shift,
        )
        parts = [
            _part(made, file, one, stage_of[one.sensor], held.get(one.sensor, Held()), listed, signed) for one in chosen
        ]
        said = Saying(
            "Made rollout {rollout} ({name}) for {sensors}.", rollout=name, name=file.name, sensors=sensors(len(parts))
        )
        self._rollouts.make(self.tenant, made, parts, deed(who, said, now, "rollout", (name,)))
        return made

    def step(self, now: int) -> int:
        """Take every rollout that runs one step further at UTC second `now`; how many changed."""
        running = self._rollouts.all(self.tenant, "running")
        seen = {one.sensor: one for one in self._standings.all(self.tenant, now)} if running else {}
        return sum(self._stepped(one, seen, now) for one in running)

    def due(self, sent_before: int, most: int) -> list[Document]:
        """Documents that the broker is to be given, at most so many: see `cloud.store.wanted`."""
        return self._documents.due(self.tenant, sent_before, most)

    def sent(self, documents: Sequence[Document], now: int) -> None:
        """The broker has taken these."""
        self._documents.sent(self.tenant, documents, now)

    def key_list(self) -> Kept | None:
        """The signed list of the keys in force; None where nobody has sent one."""
        return self._keylists.newest(self.tenant)

    def add_keys(self, version: int, payload: bytes, names: Sequence[str], who: str) -> None:
        """Keep a signed key list for all sensors. Raises Refusal where it is not newer than the one in force."""
        said = Saying("Sent key list {version}: {keys}.", version=version, keys=", ".join(names))
        done = deed(who, said, int(self._clock()), "keys", (str(version),))
        self._keylists.add(self.tenant, Kept(version, payload), done)

    def names(self) -> list[str]:
        """The ids of all sensors."""
        return self._standings.names(self.tenant, int(self._clock()))

    def _lines(self, some: Sequence[Rollout], seen: Mapping[str, Standing]) -> list[RolloutLine]:
        now, parts = int(self._clock()), self._rollouts.parts
        return [course.rollout_line(one, parts(self.tenant, one.id), seen, now) for one in some]

    def _seen(self) -> dict[str, Standing]:
        return {one.sensor: one for one in self._standings.all(self.tenant, int(self._clock()))}

    def _get(self, rollout_id: str) -> Rollout:
        one = self._rollouts.get(self.tenant, rollout_id)
        if one is None:
            raise UnknownRolloutError(
                Saying('there is no rollout "{rollout}": see the list of rollouts.', rollout=rollout_id[:80])
            )
        return one

    def _changed(
        self, rollout_id: str, who: str, change: Callable[[Rollout, Sequence[Part], int], Step]
    ) -> RolloutLine:
        for _ in range(_TRIES):  # the rollout may move on meanwhile
            now, one = int(self._clock()), self._get(rollout_id)
            done = change(one, self._rollouts.parts(self.tenant, one.id), now)
            if done.rollout == one or self._kept(one, done, who, now):
                break
        parts = self._rollouts.parts(self.tenant, rollout_id)
        return course.rollout_line(self._get(rollout_id), parts, self._seen(), int(self._clock()))

    def _stepped(self, one: Rollout, seen: Mapping[str, Standing], now: int) -> bool:
        parts = self._rollouts.parts(self.tenant, one.id)
        shift = self._shift(one, parts, now) if rollout.asks_counts(one, parts, seen, now) else None
        done = rollout.step(one, parts, seen, now, shift)
        return (done.rollout != one or bool(done.parts)) and self._kept(one, done, _ITSELF, now)

    def _kept(self, one: Rollout, done: Step, who: str, now: int) -> bool:
        told = [deed(who, each, now, "rollout", (one.id, *_touched(done))) for each in done.deeds]
        return self._rollouts.keep(self.tenant, one, done.rollout, done.parts, told, now)

    def _shift(self, one: Rollout, parts: Sequence[Part], now: int) -> Shift:
        """How the counts of the stage have shifted since its first release, beside those that wait."""
        here = [part for part in parts if part.stage == one.stage and part.state == "released" and part.was_well]
        waiting = [part for part in parts if part.state == "waiting" and part.was_well]
        first = min((part.released_at or now for part in here), default=now)
        begins = (one.stages[one.stage].watched_since or now) + PROBATION_S
        before, after = (first - max(0, now - begins), first), (begins, now)
        read = self._standings.devices
        changed, others = ([part.sensor for part in some[:MOST_SENSORS]] for some in (here, waiting))
        return counted.shift(read(changed, before, after), read(others, before, after))

    def _held(self, seen: Mapping[str, Standing], now: int) -> dict[str, Held]:
        """What every sensor was sent, and what it has of that as far as we know."""
        sent = {one.sensor: opened(one.payload) for one in self._documents.all(self.tenant)}
        vain = {one: has.version for one, has in sent.items() if has and one in seen and _lost(seen[one], has, now)}
        before = {one: opened(payload) for one, payload in self._rollouts.backs(self.tenant, vain).items()}
        found = {}
        for sensor, highest in self._rollouts.highest(self.tenant).items():
            has, old = sent.get(sensor), before.get(sensor) if sensor in vain else sent.get(sensor)
            found[sensor] = Held(
                sent=settings_of(has) if has else Settings(),
                in_force=settings_of(old) if old else Settings(),
                opt_outs=has.opt_outs if has else UNSET,
                highest=highest,
                until=has.expires if has else 0,
            )
        return found


def _lost(one: Standing, has: DeviceConfig, now: int) -> bool:
    """Whether what was sent is not in force, and will not be."""
    return one.version_state in FAILED or (one.version_state in ("behind", "unsaid") and now >= has.expires)


def _touched(done: Step) -> list[str]:
    return [one.sensor for one in done.parts if one.state != "waiting"]


def _part(
    made: Rollout,
    file: FleetFile,
    one: Standing,
    stage: int,
    has: Held,
    listed: OptOuts | UnsetType,
    signed: Callable[[DeviceConfig], bytes],
) -> Signed:
    """What a sensor shall have, and what it had, signed. Who opted out since is in both."""
    wants, who = target(file.settings, one) or Settings(), opted(has, listed)
    version, valid = max(has.highest, one.version) + 1, (made.made_at - EARLY_S, made.expires)
    return Signed(
        Part(sensor=one.sensor, stage=stage, forward=version, back=version + 1, was_well=one.well),
        signed(document(one.sensor, version, wants, who, valid)),
        signed(document(one.sensor, version + 1, has.in_force, who, valid)),
    )


def _name(name: str, now: int) -> str:
    """The id of a rollout: what it is called, and when it was made."""
    plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in name.lower()).strip("-")[:40]
    return f"{plain or 'rollout'}-{now}"
