"""The fleet's members: the next certificate in time, and no belief in one that was retired, at a real broker."""

import json
import queue
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from agent.contract import Health, Renewal, Renewed, decode, encode, topics
from cloud.__main__ import app
from cloud.app import App
from cloud.config import ConfigError, issuing, parse
from cloud.connection import Broker
from cloud.core.certificate import MOST_A_DAY
from cloud.core.claim import NO_AUTHORITY
from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.desk import Desk, Members, UnknownMemberError
from cloud.issuer import Issuer
from cloud.store import Store, intake, migrate, receive
from cloud.store.deeds import Deeds
from tests import brokers, fleet
from tests.brokers import until
from tests.conftest import ROOT, need
from tests.identities import SERIAL, World, a_claim, common_name, leaf, request
from tests.shops import Clock, a_shop, a_store, at

NOW = at("2026-11-24 14:12")
DAY = 86_400


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with a_store(tmp_path, [PlacedShop(shop=a_shop(), placements=[])]) as one:
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def desk(store: Store, clock: Clock, world: World) -> Desk:
    made = Desk(store, "acme", clock, issuing=world.issuing)
    made.claims.take(a_claim(made.claims.open("corner", "door", SERIAL).code))
    return made


@pytest.fixture
def members(desk: Desk) -> Members:
    return desk.members


def renewed(members: Members, wanted: str, sensor: str = "acme:door", topic: str = "") -> Renewed:
    answer = members.renew(topic or sensor, Renewal(sensor=sensor, request=wanted))
    assert decode(Renewed, encode(answer)) == answer
    return answer


def test_a_sensor_has_its_next_certificate_before_the_last_one_ends(members: Members, clock: Clock) -> None:
    clock.now += 60 * DAY
    wanted = request()
    answer = renewed(members, wanted)
    assert common_name(leaf(answer.certificate)) == "acme:door"
    clock.now += DAY
    assert renewed(members, wanted) == answer  # the answer got lost, and the same key asks again
    first, second = members.certificates("door")
    assert (first.expires_at - NOW, second.expires_at - NOW) == (90 * DAY, 150 * DAY)
    assert (first.revoked_at, second.revoked_at) == (None, None)  # the old one is good until the sensor has the new


def test_who_has_none_is_told_why(desk: Desk, members: Members, clock: Clock) -> None:
    spoilt = request().replace("\n-----END", "AAAA\n-----END", 1)
    for wanted, sensor, topic, says in (
        (request(), "acme:nobody", "", "The sensor acme:nobody was never claimed."),
        (request(), "rival:door", "", "The sensor rival:door is not of this fleet."),
        (request(), "acme:door", "acme:till", "The request speaks for acme:door."),
        (spoilt, "acme:door", "", "This is no request for a certificate (PKCS 10, PEM)."),
    ):
        assert renewed(members, wanted, sensor, topic) == Renewed(certificate="", reason=says)
    mine = request()
    renewed(members, mine)
    clock.now += 91 * DAY
    assert renewed(members, mine).reason == "The certificate of this key has ended: make a new key."
    members.retire("door")
    assert renewed(members, request()).reason == "The sensor acme:door is retired: claim it anew."


def test_a_sensor_that_asks_without_end_fills_no_table(members: Members, clock: Clock) -> None:
    answers = [renewed(members, request()) for _ in range(MOST_A_DAY + 3)]
    assert [bool(one.certificate) for one in answers] == [True] * (MOST_A_DAY - 1) + [False] * 4
    assert answers[-1].reason == "The sensor acme:door had 10 certificates within a day: wait."
    clock.now += DAY
    assert renewed(members, request()).certificate


def batch(sequence: int) -> bytes:
    return fleet.payload(sequence, [fleet.report(NOW // 60 * 60 + 60 * sequence)], "acme:door")


def said(store: Store, leaf: str, payload: bytes, now: int = NOW + 900) -> intake.Committed:
    return store.commit([receive(topics.up("acme:door", leaf), payload, now)], now)


def test_one_that_is_retired_is_believed_no_more_whoever_lets_it_in(desk: Desk, store: Store, clock: Clock) -> None:
    other = Store(store.database)  # another process that takes reports
    assert said(other, "report", batch(1)).accepted == 1
    clock.now += 600
    desk.members.retire("door", "anna")
    health = encode(
        Health(sensor="acme:door", at=NOW, uptime_s=1.0, software="x", clock="trusted", profile="F5", radios=[])
    )
    for leaf_, payload in (("report", batch(2)), ("status", b'{"state":"online"}'), ("health", health)):
        done = said(other, leaf_, payload)
        assert (done.accepted, done.quarantined, done.watermarks) == (0, 1, [])
    assert {one.reason for one in store.quarantined()} == {intake.RETIRED}
    assert [one.valid_to for one in store.placements("acme", "corner")] == [NOW + 600]
    assert Deeds(store, "acme").newest()[0].what == "Retired acme:door: its certificates are revoked."
    clock.now += 600
    desk.claims.take(a_claim(desk.claims.open("corner", "door", SERIAL).code))
    done = said(other, "report", batch(2))  # it kept what it had, and is believed again
    assert (done.accepted, len(done.watermarks)) == (1, 1)
    other.close()


def test_retiring_again_changes_nothing_and_nobody_elses_can_be(members: Members, store: Store, clock: Clock) -> None:
    first = members.retire("door")
    clock.now += 60
    assert members.retire("acme:door") == first
    assert len(members.revoked()) == 1
    for wrong in ("nobody", "rival:door"):
        with pytest.raises(UnknownMemberError, match="there is no sensor"):
            members.retire(wrong)


def test_labels_and_mutes_are_kept_with_the_deeds_that_tell_of_them(
    members: Members, store: Store, clock: Clock
) -> None:
    assert members.label("door", {"floor": "2", "canary": "yes"}, "anna").labels == {"canary": "yes", "floor": "2"}
    assert members.mute("door", 5400, "anna").muted_until == NOW + 5400
    assert members.mute("door", 0).muted_until is None
    told = {one.what for one in Deeds(store, "acme").newest(about="acme:door")}
    assert told >= {"Labelled acme:door: canary=yes, floor=2.", "Muted acme:door for 2 hours.", "Unmuted acme:door."}
    with pytest.raises(Refusal, match="muted for up to 366 days"):
        members.mute("door", 400 * DAY)


def test_a_sensor_that_is_not_claimed_has_its_certificate_by_hand(members: Members) -> None:
    made = members.issue("till", request().encode())
    assert (made.sensor, common_name(leaf(made.pem))) == ("acme:till", "acme:till")
    assert members.one("till").serial == ""
    assert renewed(members, request(), "acme:till").certificate
    for sensor, wanted, says in (
        ("rival:till", request(), "is not of this fleet"),
        ("Till", request(), "is no name of a sensor"),
        ("till", "nonsense", "This is no request"),
    ):
        with pytest.raises(Refusal, match=says):
            members.issue(sensor, wanted.encode())


class Sensor:
    """A sensor's line to the broker: asks, and hears what it is answered."""

    def __init__(self, port: int, sensor: str) -> None:
        self.heard: queue.Queue[Renewed] = queue.Queue()
        self.sensor, self.client = sensor, Client(CallbackAPIVersion.VERSION2, sensor, protocol=MQTTv311)
        self.client.on_message = lambda _c, _d, one: self.heard.put(decode(Renewed, one.payload))
        listens: queue.Queue[bool] = queue.Queue()
        self.client.on_subscribe = lambda *_: listens.put(True)
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(topics.certificate(sensor), 1)
        self.client.loop_start()
        listens.get(timeout=10)

    def ask(self, payload: bytes) -> Renewed:
        self.client.publish(topics.up(self.sensor, topics.RENEW), payload, qos=1)
        return self.heard.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def issuer(members: Members, port: int, revoked: Path | None = None) -> Iterator[Issuer]:
    one = Issuer(members, Broker(host="127.0.0.1", port=port, client_id="cloud"), revoked, every_s=0.2)
    one.start()
    until(lambda: one.connected, "the issuer")
    try:
        yield one
    finally:
        one.stop()


@pytest.mark.parametrize("kind", brokers.BOTH)
def test_a_sensor_is_answered_over_the_broker(kind: str, members: Members, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked.pem"
    with brokers.running(kind, tmp_path) as port, issuer(members, port, revoked) as one:
        sensor = Sensor(port, "acme:door")
        wanted = encode(Renewal(sensor="acme:door", request=request()))
        answer = sensor.ask(wanted)
        assert common_name(leaf(answer.certificate)) == "acme:door"
        assert sensor.ask(wanted) == answer
        assert sensor.ask(b"{}").reason.startswith("not a Renewal")
        assert (one.renewed, one.refused) == (2, 1)
        until(revoked.exists, "the list of the revoked")
        before = revoked.read_bytes()
        members.retire("door")
        assert "retired" in sensor.ask(wanted).reason
        until(lambda: revoked.read_bytes() != before, "the list with one more")
        sensor.close()


def test_a_cloud_with_an_authority_renews_as_it_serves(tmp_path: Path, store: Store, desk: Desk, world: World) -> None:
    for name, content in (("ca", world.pair.certificate), ("ca.key", world.pair.key), ("root", world.root.certificate)):
        (tmp_path / name).write_bytes(content)
    files = f'ca = "{tmp_path}/ca"\nca_key = "{tmp_path}/ca.key"\nroot = "{tmp_path}/root"\n'
    table = f'[fleet]\n{files}broker_host = "b"\nrevoked = "{tmp_path}/revoked.pem"\n[[shops]]'
    with brokers.mosquitto(tmp_path) as port:
        text = settings(tmp_path).replace("[[shops]]", f"[mqtt]\nport = {port}\n{table}")
        cloud = App(parse(text, "x.toml"), Clock(float(NOW)))
        with cloud.ingesting():
            until((tmp_path / "revoked.pem").exists, "the issuer")
            sensor = Sensor(port, "acme:door")
            assert sensor.ask(encode(Renewal(sensor="acme:door", request=request()))).certificate
            sensor.close()
    assert len(store.placements("acme", "corner")) == 1  # the settings do not name the sensor, and it stays


def settings(folder: Path) -> str:
    return (
        f'database = "{folder}/cloud.db"\n[[shops]]\ntenant = "acme"\nshop = "corner"\nname = "Corner Shop"\n'
        'time_zone = "Europe/Berlin"\n'
    )


def run(folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
    """(stdout, stderr) of footfall-cloud with the settings in `folder`, in this process."""
    done = CliRunner().invoke(app, words, env={"FOOTFALL_CLOUD_CONFIG": f"{folder}/cloud.toml"})
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


def test_a_fleet_from_its_first_certificate_to_a_revoked_one(tmp_path: Path) -> None:
    files = tmp_path / "certificates"
    (tmp_path / "cloud.toml").write_text(settings(tmp_path))
    run(tmp_path, "migrate")
    store = Store(f"{tmp_path}/cloud.db")
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[])])
    words = [sys.executable, "-m", "cloud", "fleet", "claim", "corner", "door", SERIAL, "-c", f"{tmp_path}/cloud.toml"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, NO_AUTHORITY + "\n")
    table, _ = run(tmp_path, "fleet", "init", str(files), "--host", "mqtt.example.com")
    assert {one.name: one.stat().st_mode & 0o777 for one in files.iterdir()} == {
        **{f"{one}.pem": 0o644 for one in ("root", "ca", "broker", "cloud", "revoked")},
        **{f"{one}.key": 0o600 for one in ("root", "ca", "broker", "cloud")},
    }
    kept = {one.name: one.read_bytes() for one in files.iterdir()}
    again = json.loads(run(tmp_path, "fleet", "init", str(files), "--host", "mqtt.example.com", "--json")[0])
    assert again["made"] == []
    assert {one.name: one.read_bytes() for one in files.iterdir()} == kept
    assert again["settings"] in table
    (tmp_path / "cloud.toml").write_text(settings(tmp_path).replace("[[shops]]", again["settings"] + "\n[[shops]]"))
    (tmp_path / "door.csr").write_text(request())
    made, _ = run(tmp_path, "fleet", "issue", "acme:door", "--request", f"{tmp_path}/door.csr")
    (tmp_path / "door.pem").write_text(made)
    code, _ = run(tmp_path, "fleet", "claim", "corner", "till", SERIAL)
    assert re.match(r"[0-9A-Z]{4}-[0-9A-Z]{4}\nGood for 15 minutes", code)
    verify = [need("openssl"), "verify", "-CAfile", files / "root.pem", "-untrusted", tmp_path / "door.pem"]
    listed = [*verify, "-crl_check", "-CRLfile", files / "revoked.pem", tmp_path / "door.pem"]
    assert subprocess.run(listed, capture_output=True, timeout=20).returncode == 0
    told, _ = run(tmp_path, "fleet", "revoke", "acme:door")
    assert "systemctl reload mosquitto" in told
    assert b"certificate revoked" in subprocess.run(listed, capture_output=True, timeout=20).stderr
    assert "revoked 20" in run(tmp_path, "fleet", "certificates")[0]
    assert "canary=yes" in run(tmp_path, "fleet", "label", "acme:door", "canary=yes")[0]
    assert "Nobody is told of acme:door." in run(tmp_path, "fleet", "mute", "acme:door", "--hours", "8")[0]
    assert run(tmp_path, "fleet", "revoke", "acme:nobody", code=1)[1].startswith('There is no sensor "acme:nobody"')
    store.close()


def test_the_key_to_sign_with_may_be_away_until_it_is_needed(tmp_path: Path) -> None:
    words = ("fleet", "init", str(tmp_path), "--host", "192.0.2.7")
    run(tmp_path, *words)
    (tmp_path / "root.key").unlink()
    run(tmp_path, *words)
    (tmp_path / "broker.pem").unlink()
    _, said = run(tmp_path, *words, code=1)
    assert said == f"{tmp_path}/root.key is not there, and has to sign: bring it back for as long as this takes.\n"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('ca = "ca.pem"', "fleet: `ca`, `ca_key`, `root`, `broker_host` go together, and `ca_key` is missing"),
        ("certificate_day = 3", "did you mean `certificate_days`"),
        ("certificate_days = 0", "fleet.certificate_days"),
        ('root_keys = { a = "short" }', "fleet.root_keys"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_their_key(table: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.toml: ") as caught:
        parse(f"[fleet]\n{table}\n", "x.toml")
    assert says in str(caught.value)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    table = f'[fleet]\nca = "{tmp_path}/ca.pem"\nca_key = "k"\nroot = "r"\nbroker_host = "b"\n'
    with pytest.raises(ConfigError, match=r"fleet\.root: r cannot be read: No such file"):
        issuing(parse(table, "x.toml"))
    database = f"{tmp_path}/x.db"
    migrate(database)
    with pytest.raises(ConfigError, match=r"fleet\.root: r cannot be read"):
        App(parse(f'database = "{database}"\n{table}', "x.toml"), Clock(float(NOW)))
