"""Merged figures at a real broker: a third party hears what the API says, and misses nothing while a line is down."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import topics
from cloud.app import App
from cloud.config import Config, Http, Mqtt
from cloud.connection import Broker
from cloud.core import merged
from cloud.core.alerts import Alert, News
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.merged import topic
from cloud.core.saying import Saying
from cloud.desk import Reader
from cloud.merged import Merged, Name, Waiting
from cloud.store import Store, migrate
from tests import brokers, fleet
from tests.brokers import until
from tests.faults.wire import Wire, wire
from tests.shops import Clock
from tests.web import a_web

HOUR = fleet.NOON
NOW = HOUR + 1200
ALL = "footfall/v1/t/demo/#"


class Listener:
    """A third party: what it heard, oldest first, as (topic without the tenant, message, whether it was kept)."""

    def __init__(self, port: int, wanted: str = ALL, **login: str) -> None:
        self.heard: list[tuple[str, dict[str, Any], bool]] = []
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="partner", protocol=MQTTv311)
        if login:
            self.client.username_pw_set(**login)
        self.client.on_message = lambda _c, _d, one: self.heard.append(
            (one.topic.removeprefix("footfall/v1/t/demo/"), json.loads(one.payload), one.retain)
        )
        listens = threading.Event()
        self.client.on_subscribe = lambda *_: listens.set()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(wanted, 1)
        self.client.loop_start()
        assert listens.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def of(self, leaf: str, shop: str = "high-street") -> list[dict[str, Any]]:
        return [message for topic, message, _ in self.heard if topic == f"{shop}/{leaf}"]


class Shown:
    """A store with two shops, what is republished of it, and what the API says of it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        migrate(str(folder / "cloud.db"))
        self.store = Store(str(folder / "cloud.db"))
        self.clock = clock
        shops = [fleet.shop(), fleet.shop(name="other")]
        self.store.apply_shops(
            PlacedShop(shop=one, placements=[Placement(sensor=f"demo:{one.shop}", zone="door")]) for one in shops
        )
        self.sequence = 0

    def report(self, *starts: int, inside: float = 4.0) -> list[Any]:
        """Windows of the first shop that its sensor told, rolled up."""
        readings = [fleet.report(one, 300, fleet.heard(inside, listened_s=300.0)) for one in starts]
        self.store.commit([fleet.delivery(self.sequence + 1, readings, "demo:high-street")], int(self.clock.now))
        self.sequence += len(readings)
        return self.store.recompute()

    def api(self, path: str) -> Any:
        async def ask() -> Any:
            transport = httpx.ASGITransport(a_web(self.store, self.clock.now, tenant="demo"))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
                return (await client.get(path)).json()

        return asyncio.run(ask())

    @contextmanager
    def republished(self, port: int) -> Iterator[Merged]:
        broker = Broker(host="127.0.0.1", port=port, client_id="cloud", keepalive_s=1)
        one = Merged(Reader(self.store, "demo", self.clock), broker, self.clock)
        one.start()
        try:
            until(lambda: one.connected and one.told >= 2 and not one.waiting, "who is inside the two shops")
            yield one
        finally:
            one.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def shown(tmp_path: Path, clock: Clock) -> Iterator[Shown]:
    one = Shown(tmp_path, clock)
    yield one
    one.store.close()


@contextmanager
def listening(port: int, wanted: str = ALL, **login: str) -> Iterator[Listener]:
    one = Listener(port, wanted, **login)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.mosquitto
def test_a_third_party_hears_what_the_api_says(shown: Shown, tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path) as port, shown.republished(port) as told, listening(port) as party:
        told.rolled(shown.report(*range(HOUR, HOUR + 1200, 300)))
        until(lambda: party.of("hour") and party.of("day"), "the hour and the day")
        until(lambda: party.of("live") and party.of("live")[-1]["at"], "who is inside")
        hour, day, live = (party.of(leaf)[-1] for leaf in ("hour", "day", "live"))
        assert hour["period"] == next(
            one for one in shown.api("/shops/high-street/hours")["periods"] if one["start"] == HOUR
        )
        assert day["period"] == shown.api("/shops/high-street/days")["periods"][-1]
        today = shown.api("/shops/high-street/today")
        assert (live["inside"], live["at"]) == (today["inside_now"], today["inside_at"]) and live["at"] == NOW
        assert (hour["grain"], hour["shop"], hour["name"], hour["time_zone"]) == (
            "hour",
            "high-street",
            "High Street",
            "Europe/Berlin",
        )
        assert hour["period"]["visitors"]["value"] is not None
        for message, name in ((hour, "MergedPeriod"), (live, "MergedNow")):
            Draft202012Validator(merged.schema() | {"$ref": f"#/$defs/{name}"}).validate(message)


@pytest.mark.mosquitto
def test_a_correction_has_the_higher_number(shown: Shown, tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path) as port, shown.republished(port) as told, listening(port) as party:
        for number, inside in enumerate((4.0, 40.0), 1):
            told.rolled(shown.report(HOUR + 300 * number, inside=inside))
            until(lambda n=number: len(party.of("hour")) == n, "the hour")
        first, second = party.of("hour")
        assert first["period"]["start"] == second["period"]["start"]
        assert first["rolled"] < second["rolled"]  # though the clock stands still
        assert second["period"]["visitors"]["value"] > first["period"]["visitors"]["value"]


@pytest.mark.mosquitto
def test_who_is_inside_is_kept_by_the_broker_and_told_once_a_window(shown: Shown, tmp_path: Path, clock: Clock) -> None:
    live = topic("demo", "high-street", "live")
    with brokers.mosquitto(tmp_path) as port, shown.republished(port) as told:
        with listening(port, live) as early:
            told.rolled(rows := shown.report(HOUR + 900))
            until(lambda: early.of("live")[-1:] and early.of("live")[-1]["at"], "the first window")
        with listening(port, live) as party:
            until(lambda: party.heard, "what the broker keeps")
            assert party.heard[0][2]
            told.rolled(rows)
            clock.now += 300
            told.rolled(shown.report(HOUR + 1200))
            until(lambda: len(party.heard) == 2, "the next window")
            assert [one["at"] for one in party.of("live")] == [HOUR + 1200, HOUR + 1500]


@pytest.mark.mosquitto
def test_a_shop_of_which_nothing_was_heard_is_unknown_and_not_empty(shown: Shown, tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path) as port, shown.republished(port), listening(port) as party:
        until(lambda: party.of("live", "other"), "what the broker keeps")
        (live,) = party.of("live", "other")
        assert (live["at"], live["inside"]["value"], live["resting"]) == (None, None, False)


@pytest.mark.mosquitto
def test_what_came_while_the_broker_was_away_is_told_as_it_is_when_it_is_back(shown: Shown, tmp_path: Path) -> None:
    old = HOUR - 30 * 86400
    with (
        brokers.mosquitto(tmp_path) as port,
        wire(port) as line,
        listening(port) as party,
        shown.republished(line.port) as told,
    ):
        away(line, told)
        for start in range(old, old + 1200, 300):
            told.rolled(shown.report(start))
        line.heal()
        until(lambda: party.of("hour"), "the hour")
        (hour,) = party.of("hour")
        assert hour["period"] == shown.api("/shops/high-street/hours?date=2026-05-31")["periods"][12]
        assert hour["period"]["coverage"] == 0.333


@pytest.mark.mosquitto
def test_a_broker_that_forgot_everything_is_told_the_newest_anew(shown: Shown, tmp_path: Path) -> None:
    port = brokers.free_port()
    (tmp_path / "new").mkdir()
    with wire(port) as line, ExitStack() as ends:
        with brokers.mosquitto(tmp_path, port), listening(port) as party:
            told = ends.enter_context(shown.republished(line.port))
            told.rolled(shown.report(HOUR - 3600, HOUR))
            until(lambda: len(party.of("hour")) == 2 and party.of("day"), "the figures")
            away(line, told)
        with brokers.mosquitto(tmp_path / "new", port), listening(port) as party:
            line.heal()
            until(lambda: len(party.of("hour")) == 2 and party.of("day") and party.of("live"), "the newest")
            assert {one["period"]["start"] for one in party.of("hour")} == {HOUR - 3600, HOUR}


def away(line: Wire, told: Merged) -> None:
    """From now on there is no broker at the other end of the line."""
    line.refuse()
    line.drop(reset=True)
    until(lambda: not told.connected, "the loss to be noticed")


@pytest.mark.mosquitto
def test_what_the_broker_has_not_acknowledged_is_told_again(shown: Shown, tmp_path: Path) -> None:
    """Takes three seconds: a keepalive, its answer's time, and the pause before the next connection."""
    with brokers.mosquitto(tmp_path) as port, wire(port) as line, listening(port) as party, ExitStack() as ends:
        told = ends.enter_context(shown.republished(line.port))
        line.forget()
        told.rolled(shown.report(HOUR - 86400 * 9))
        until(lambda: not told.connected, "the silence to be noticed")
        assert party.of("hour") == []
        until(lambda: party.of("hour"), "the hour")


@pytest.mark.mosquitto
def test_alerts_come_with_their_words_and_one_of_many_shops_on_each(shown: Shown, tmp_path: Path) -> None:
    def news(shop: str, *shops: str) -> News:
        alert = Alert(kind="sensor-silent", shop=shop, state="firing", began_at=NOW, since=NOW, shops=list(shops))
        return News(
            id=f"demo/{shop}/sensor-silent/{NOW}/firing",
            shop=shop,
            shop_name="High Street" if shop else "",
            kind="sensor-silent",
            state="firing",
            at=NOW,
            title=Saying("A sensor is silent"),
            sentence=Saying("Silent for {hours} hours.", hours=3),
            alert=alert,
        )

    with brokers.mosquitto(tmp_path) as port, shown.republished(port) as told, listening(port) as party:
        told.tell([news("high-street"), news("", "high-street", "other")])
        until(lambda: len(party.of("alert")) == 2 and party.of("alert", "other"), "the alerts")
        own, shared = party.of("alert")
        assert (own["sentence"], own["state"], own["shop_name"]) == ("Silent for 3 hours.", "firing", "High Street")
        assert party.of("alert", "other") == [shared] and shared["shop"] == ""
        Draft202012Validator(merged.schema() | {"$ref": "#/$defs/MergedAlert"}).validate(own)


def test_what_waits_is_bounded_and_the_first_to_come_is_given_up() -> None:
    waiting = Waiting(most=3)
    names = [Name("corner", "hour", start) for start in range(5)]
    waiting.add((one, None) for one in [*names, names[4]])
    assert (len(waiting), waiting.given_up) == (3, 2)
    taken = [one for one, _ in waiting.take(2)]
    assert taken == names[2:4]
    waiting.add(((one, None) for one in taken), first=True)
    assert [one for one, _ in waiting.take(9)] == names[2:]
    assert len(waiting) == 0


@pytest.mark.mosquitto
def test_a_partner_whom_the_broker_lets_read_some_of_it_reads_that_and_no_more(shown: Shown, tmp_path: Path) -> None:
    """The access list is as docs/contract.md has it, but that the cloud of a test has no name."""
    (tmp_path / "acl").write_text("topic readwrite footfall/v1/#\nuser partner\ntopic read footfall/v1/t/demo/+/hour\n")
    with (
        brokers.mosquitto(tmp_path, more=f"acl_file {tmp_path}/acl\n") as port,
        shown.republished(port) as told,
        listening(port, "footfall/v1/#", username="partner") as party,
    ):
        told.rolled(shown.report(HOUR))
        until(lambda: party.of("hour"), "the hour")
        told.rolled(shown.report(HOUR + 300))
        until(lambda: len(party.of("hour")) == 2, "the hour again")
        assert {name for name, _, _ in party.heard} == {"high-street/hour"}


@pytest.mark.mosquitto
@pytest.mark.parametrize("wanted", [True, False])
def test_serve_tells_third_parties_only_where_the_operator_wants_it(tmp_path: Path, wanted: bool) -> None:
    migrate(str(tmp_path / "cloud.db"))
    with brokers.mosquitto(tmp_path) as port, listening(port, "footfall/v1/t/#") as party:
        config = Config(
            database=str(tmp_path / "cloud.db"),
            http=Http(),
            mqtt=Mqtt(port=port, republish=wanted),
            shops=[fleet.placed("demo:door")],
        )
        app = App(config, lambda: float(NOW), roll_pause_s=0.02)
        with app.ingesting():
            until(lambda: app.subscriber.counters.connected, "the connection")
            report = fleet.payload(1, [fleet.report(HOUR, 300)])

            def arrived() -> bool:
                """Sent again until it is there, as a sensor does: the broker may not know yet who wants it."""
                party.client.publish(topics.up("demo:door", "report"), report, 1).wait_for_publish(5)
                return bool(app.store.periods("demo", "high-street", "day", 0, 2**40))

            until(arrived, "the day")
            if wanted:
                until(lambda: party.of("hour") and party.of("day"), "the figures")
        assert bool(party.heard) == wanted
