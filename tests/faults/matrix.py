"""Matrix: a thousand sensors, each against the topics of all others, on a real mosquitto with the rights as delivered.

Every sensor connects with its own certificate, under the client id of another, with a will on the topic of another. It
asks for everything there is, by wildcards and by name, and writes on the topics of all others; the cloud writes to all,
and hears all. Nobody may hear what is for another, or be heard as another, and everybody must hear and be heard as
itself. The control is the same without the list: there everybody must be caught.
"""

import random
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from agent.contract import topics
from tests.brokers import until
from tests.faults.parts import Progress
from tests.faults.table import Line
from tests.guarded import CLOUD, Guarded, Party, guarded, party

AT_ONCE = 50
LEAVES = (*topics.LEAVES_UP, topics.RENEW)
DOWN = (topics.watermark, topics.config, topics.keys, topics.certificate)
LOOSE = "pattern readwrite footfall/v1/#\n"
PATIENCE_S = 60.0


class Tally(NamedTuple):
    """What was tried, and what came of it: `written` and `read` as another, `own` that came through of how many."""

    writes: int
    reads: int
    written: int
    read: int
    own: int
    of: int

    def plus(self, other: "Tally") -> "Tally":
        return Tally(*(one + two for one, two in zip(self, other, strict=True)))


def names(number: int) -> list[str]:
    """Of several tenants, and such that one is the beginning of another: a:s1, a:s10, ab:s1."""
    tenants = ("a", "ab", "a-b", "demo")
    return [f"{tenants[one % len(tenants)]}:s{one // len(tenants)}" for one in range(number)]


def torture(folder: Path, *, full: bool) -> list[Line]:
    """A thousand by a thousand in full; forty by forty in short."""
    everybody = names(1000 if full else 40)
    return [_matrix(folder / "rights", everybody), _control(folder / "loose", everybody[:20])]


def _matrix(folder: Path, everybody: list[str]) -> Line:
    folder.mkdir()
    with guarded(folder) as broker:
        sum_ = _tried(broker, everybody)
    note = (
        f"{sum_.writes:,} writes on topics of others: {sum_.written} heard; {sum_.reads:,} messages for others: "
        f"{sum_.read} heard; {sum_.own:,} of {sum_.of:,} own came"
    )
    held = sum_.own == sum_.of and sum_.written == sum_.read == 0
    name = f"matrix: {len(everybody)} sensors by {len(everybody)}"
    tries, crossed = sum_.writes + sum_.reads, sum_.written + sum_.read
    return Line(name, tries, sum_.of - sum_.own, crossed, 0.0, note, held)


def _control(folder: Path, everybody: list[str]) -> Line:
    folder.mkdir()
    with guarded(folder) as broker:
        broker.acl.write_text(broker.acl.read_text() + LOOSE)
        broker.reload()
        sum_ = _tried(broker, everybody)
    note = f"{sum_.writes:,} writes on topics of others: {sum_.written:,} heard; {sum_.read:,} messages for others"
    caught = sum_.written >= sum_.writes and sum_.read >= sum_.reads
    return Line("control: without the list", sum_.writes + sum_.reads, 0, 0, 0.0, f"{note} heard, must be all", caught)


def _tried(broker: Guarded, everybody: list[str]) -> Tally:
    dice, progress, sum_ = random.Random(1), Progress(len(everybody)), Tally(0, 0, 0, 0, 0, 0)
    with party(broker, CLOUD) as cloud:
        cloud.subscribe("footfall/v1/#")
        for at in range(0, len(everybody), AT_ONCE):
            sum_ = sum_.plus(_wave(broker, cloud, everybody[at : at + AT_ONCE], everybody, dice))
            progress.show(at + AT_ONCE, f"{sum_.written} written and {sum_.read} read as another")
    return sum_


def _wave(broker: Guarded, cloud: Party, some: list[str], everybody: list[str], dice: random.Random) -> Tally:
    """Some of them at work; the others are there by their topics."""
    cloud.heard.clear()
    with ExitStack() as stack:
        parties = {one: _connected(broker, one, everybody, dice) for one in some}
        for one in parties.values():
            stack.callback(one.close)
        writes = sum(_write(each, name, everybody, dice) for name, each in parties.items())
        until(lambda: len(_own(cloud.heard)) >= len(some) * len(LEAVES), "what sensors say", PATIENCE_S)
        for one in everybody:
            cloud.throw(dice.choice(DOWN)(one), one.encode())
        marks = [cloud.publish(topics.watermark(one), b"mark") for one in some]
        until(
            lambda: all((topics.watermark(name), b"mark") in one.heard for name, one in parties.items()),
            "what sensors are told",
            PATIENCE_S,
        )
        for one in list(parties.values())[::2]:
            one.vanish()  # now its will is due
    cloud.publish("footfall/v1/mark", b"")
    until(lambda: ("footfall/v1/mark", b"") in cloud.heard, "the mark", PATIENCE_S)
    written = [one for one in cloud.heard if (found := _author(one)) and found[0] != found[1]]
    read = [topic for name, one in parties.items() for topic, _ in one.heard if topic.split("/")[3] != name]
    to_self = sum(told == name.encode() for name, one in parties.items() for _, told in one.heard)
    return Tally(
        writes=writes + len(some) // 2,  # half of them have left a will
        reads=len(some) * (len(everybody) + len(marks)) - 2 * len(some),
        written=len(written),
        read=len(read),
        own=len(_own(cloud.heard)) + to_self,
        of=len(some) * (len(LEAVES) + 1),
    )


def _connected(broker: Guarded, name: str, everybody: list[str], dice: random.Random) -> Party:
    other = dice.choice([one for one in everybody if one != name])
    one = Party(broker, name, client_id=other, will=topics.up(other, "status")).answered()
    by_name = [topics.watermark(dice.choice(everybody)), topics.up(other, "report"), topics.config(other)]
    one.subscribe("#", "+/#", "footfall/v1/d/+/down/+", "$SYS/#", *by_name)
    return one


def _write(one: Party, name: str, everybody: list[str], dice: random.Random) -> int:
    """A leaf of everybody else, and what is for others to read; then its own, which come after all of those."""
    others = [one for one in everybody if one != name]
    wrong = [topics.up(one, dice.choice(LEAVES)) for one in others]
    wrong += [dice.choice(DOWN)(one) for one in dice.sample(others, min(20, len(others)))]
    for topic in wrong:
        one.throw(topic, name.encode())
    for leaf in LEAVES:
        one.throw(topics.up(name, leaf), name.encode())
    return len(wrong)


def _author(told: tuple[str, bytes]) -> tuple[str, str] | None:
    """(who wrote it, whose topic it is) of what the cloud heard; None of what it said itself."""
    topic, payload = told
    parts = topic.split("/")
    is_own = len(parts) == 6 and parts[4] == "down" and payload in (parts[3].encode(), b"mark")
    return None if is_own or len(parts) != 6 else (payload.decode(), parts[3])


def _own(heard: list[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """(sensor, leaf) of what the cloud has heard from sensors as themselves."""
    found = [(topics.parse_up(topic, LEAVES), told.decode()) for topic, told in heard]
    return {one for one, author in found if one is not None and one[0] == author}
