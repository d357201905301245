"""Certificates that OpenSSL made and that are wrong: each is refused, and the sensor says in a sentence what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Mqtt
from agent.connection import BrokerError, Connection
from agent.contract import Hello, Status, decode
from cloud import fleet_folder
from tests.brokers import until
from tests.conftest import ROOT
from tests.guarded import CLOUD, HOST, Files, Guarded, Party, guarded, party
from tests.openssl import EXPIRED, OpenSsl

pytestmark = pytest.mark.mosquitto
SENSOR = "demo:door"
HELLO = decode(Hello, (ROOT / "tests/vectors/Hello-three-held.json").read_bytes())


class Bench:
    """A broker, the authority it believes and one it does not, both in OpenSSL's hands."""

    def __init__(self, broker: Guarded) -> None:
        self.broker = broker
        ours = Files(broker.folder / "ca.pem", broker.folder / "ca.key")
        self.ours = OpenSsl(broker.folder / "ours", ours)
        self.root = OpenSsl(broker.folder / "above", Files(broker.root, broker.folder / "root.key"))
        fleet_folder.make(broker.folder / "strangers", [HOST], "Strangers", 1_700_000_000)
        strangers = broker.folder / "strangers"
        self.strangers = OpenSsl(broker.folder / "theirs", Files(strangers / "ca.pem", strangers / "ca.key"))
        self.ours.revoked(to=broker.revoked)

    def settings(self, files: Files, authority: Path | None = None) -> Mqtt:
        return Mqtt(
            host=HOST,
            port=self.broker.port,
            ca_file=str(authority or self.broker.root),
            certificate_file=str(files.certificate),
            key_file=str(files.key),
        )

    def refusal(self, files: Files) -> str:
        """What the sensor says as it connects with this."""
        connection = Connection(self.settings(files), SENSOR)
        with pytest.raises(BrokerError) as said:
            until(lambda: connection.turn() or connection.up, "a connection that must not be", 5)
        connection.close()
        return str(said.value)

    def shown(self) -> tuple[bytes, bytes]:
        """The broker's own certificate and its key."""
        return (self.broker.folder / "broker.pem").read_bytes(), (self.broker.folder / "broker.key").read_bytes()

    def show(self, certificate: bytes, key: bytes) -> None:
        """The broker's own from now on; it reads them anew as it is told to."""
        (self.broker.folder / "broker.pem").write_bytes(certificate)
        (self.broker.folder / "broker.key").write_bytes(key)
        self.broker.reload()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with guarded(tmp_path_factory.mktemp("bench")) as broker:
        yield Bench(broker)


def connected(settings: Mqtt) -> Connection:
    connection = Connection(settings, SENSOR)
    until(lambda: connection.turn() or connection.up, "the connection", 5)
    return connection


def test_a_right_certificate_is_let_in(bench: Bench) -> None:
    connected(bench.settings(bench.ours.issue(SENSOR))).close()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda one: one.ours.issue(SENSOR, EXPIRED), "expired on 2021-01-01 00:00 UTC: put a new one there"),
        (lambda one: one.strangers.issue(SENSOR), "it is by another authority than the broker believes; check"),
        (lambda one: one.ours.self_signed(SENSOR), "it is by another authority than the broker believes; check"),
    ],
    ids=["expired", "another authority", "self-signed"],
)
def test_a_wrong_certificate_is_refused_and_the_sensor_says_why(
    bench: Bench, made: Callable[[Bench], Files], says: str
) -> None:
    said = bench.refusal(made(bench))
    assert says in said and "certificate" in said and said.count(". ") == 0


def test_a_revoked_one_is_refused_once_the_broker_has_read_the_list(bench: Bench) -> None:
    gone, other = bench.ours.issue(SENSOR), bench.ours.issue(SENSOR)
    bench.ours.revoked(gone, to=bench.broker.revoked)
    connected(bench.settings(gone)).close()  # it has not read it
    bench.broker.reload()
    assert "it was revoked; claim the sensor anew" in bench.refusal(gone)
    connected(bench.settings(other)).close()


def heard(cloud: Party) -> list[tuple[str, bytes]]:
    """All that has come by now."""
    mark = "footfall/v1/mark", str(len(cloud.heard)).encode()
    cloud.publish(*mark)
    until(lambda: mark in cloud.heard, "the mark")
    return [one for one in cloud.heard if one[0] != mark[0]]


def test_one_of_another_name_is_let_in_and_says_nothing_and_the_sensor_says_whose_it_is(bench: Bench) -> None:
    with party(bench.broker, CLOUD) as cloud:
        cloud.subscribe("footfall/v1/#")
        said_before = heard(cloud)
        connection = connected(bench.settings(bench.ours.issue("demo:till")))
        connection.publish("status", Status(state="online"), retain=True)
        connection.publish("hello", HELLO)
        for _ in range(5):
            connection.turn()
        said = connection.unanswered()
        connection.close()
        assert heard(cloud) == said_before
    assert said.endswith(" is for demo:till, its settings say demo:door: put right whichever is wrong.")


def test_the_same_silence_with_the_right_certificate_is_the_clouds(bench: Bench) -> None:
    connection = connected(bench.settings(bench.ours.issue(SENSOR)))
    assert connection.unanswered() == "The cloud acknowledges nothing: connecting anew."
    connection.close()


def shut_out(settings: Mqtt) -> str:
    """What the sensor says of a broker that it tells nothing."""
    try:
        Connection(settings, SENSOR)
    except BrokerError as error:
        return str(error)
    return ""


# paho lets go of such a socket without closing it.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda one: one.root.issue("broker", host="IP:192.0.2.1"), "check mqtt.host, which must be an address in"),
        (lambda one: one.root.issue("broker", EXPIRED, f"IP:{HOST}"), "renew it at the broker; this machine's clock"),
        (lambda one: one.ours.self_signed("broker"), "self-signed certificate): check mqtt.ca_file and mqtt.host"),
        (lambda one: one.ours.issue("broker", host=f"IP:{HOST}"), "check mqtt.ca_file and mqtt.host"),
    ],
    ids=["of another host", "expired", "self-signed", "by the authority for sensors"],
)
def test_a_broker_with_a_wrong_certificate_is_told_nothing(
    bench: Bench, made: Callable[[Bench], Files], says: str
) -> None:
    mine, right = bench.settings(bench.ours.issue(SENSOR)), bench.shown()
    bench.show(*(one.read_bytes() for one in made(bench)))
    said = shut_out(mine)
    bench.show(*right)
    assert "shows a certificate we do not accept" in said and says in said
    connected(mine).close()
