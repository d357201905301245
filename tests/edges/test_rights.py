"""Broker rights as delivered, on a real mosquitto: everybody writes and reads what its certificate gives a right to."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from agent.contract import topics
from agent.contract.handover import MAX_PAYLOAD_BYTES
from cloud.core import merged
from cloud.issuer import write
from tests.brokers import until
from tests.guarded import CLOUD, DELIVERED, Files, Guarded, Party, guarded, party
from tests.openssl import OpenSsl

pytestmark = pytest.mark.mosquitto
DOOR, TILL = "demo:door", "demo:till"
OF_DOOR = topics.up(DOOR, "report")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path) as one:
        yield one


@pytest.fixture
def cloud(broker: Guarded) -> Iterator[Party]:
    with party(broker, CLOUD) as one:
        one.subscribe("footfall/v1/#", "homeassistant/#")
        yield one


def heard(by: Party, cloud: Party, topic: str = "footfall/v1/mark") -> list[str]:
    """The topics of all that has come to somebody by now; `topic`: one that the cloud may write and they may read."""
    mark = topic, f"mark {time.monotonic_ns()}".encode()
    cloud.publish(*mark)
    until(lambda: mark in by.heard, "the mark")
    return [of for of, told in by.heard if not told.startswith(b"mark ")]


def test_every_setting_has_its_reason_above_it() -> None:
    """Lines of one block share one; what a second listener repeats was explained at the first."""
    explained: set[str] = set()
    before = ""
    for line in (DELIVERED / "footfall.conf").read_text().splitlines():
        name = line.split(" ")[0]
        if line and not line.startswith("#"):
            assert before or name in explained, line
            explained.add(name)
        before = line
    assert len(explained) > 15


def test_a_sensor_writes_upwards_and_reads_downwards_under_its_own_name(broker: Guarded, cloud: Party) -> None:
    with party(broker, DOOR) as door:
        door.subscribe("#", "footfall/v1/d/+/down/#", f"footfall/v1/d/{TILL}/down/ack", "$SYS/#")
        for leaf in (*topics.LEAVES_UP, topics.RENEW):
            door.publish(topics.up(DOOR, leaf), b"own")
            door.publish(topics.up(TILL, leaf), b"foreign")
        for other in (
            topics.watermark(DOOR),
            topics.config(TILL),
            topics.keys(DOOR),
            topics.till("demo", "high-street"),
            merged.topic("demo", "high-street", "live"),
            "homeassistant/sensor/x/config",
        ):
            door.publish(other, b"foreign", retain=True)
        assert heard(cloud, cloud) == [topics.up(DOOR, leaf) for leaf in (*topics.LEAVES_UP, topics.RENEW)]
        for sensor in (DOOR, TILL):
            for topic in (topics.watermark(sensor), topics.config(sensor), topics.certificate(sensor)):
                cloud.publish(topic, b"told")
        own = [topics.watermark(DOOR), topics.config(DOOR), topics.certificate(DOOR)]
        assert heard(door, cloud, topics.watermark(DOOR)) == own


@pytest.mark.parametrize("name", ["+", "#", f"{DOOR}/../..", f"{DOOR}/up", "../demo:door", "%u", "demo:door\\"])
def test_a_name_that_is_none_opens_nothing(broker: Guarded, cloud: Party, name: str, tmp_path: Path) -> None:
    """Signed by the right authority with OpenSSL, for ours makes no such certificate."""
    made = OpenSsl(tmp_path / "ours", Files(tmp_path / "ca.pem", tmp_path / "ca.key")).issue(name)
    with party(broker, DOOR) as door, party(broker, name, files=made, will=topics.up(DOOR, "status")) as odd:
        odd.subscribe("#", "footfall/v1/d/+/down/#", topics.config(DOOR), OF_DOOR)
        odd.publish(OF_DOOR, b"forged")
        odd.publish("footfall/v1/d/x/up/report", b"forged")
        door.publish(OF_DOOR, b"own")
        cloud.publish(topics.config(DOOR), b"told", retain=True)
        odd.vanish()
        assert not odd.heard
        assert [one for one in heard(cloud, cloud) if topics.parse_up(one)] == [OF_DOOR]


def test_nobody_has_a_will_or_a_session_under_anothers_name(broker: Guarded, cloud: Party) -> None:
    with party(broker, DOOR) as door:
        for taken in (DOOR, CLOUD):
            thief = Party(broker, TILL, client_id=taken, will=topics.up(DOOR, "status")).answered()
            thief.vanish()
        own = Party(broker, "demo:own", will=topics.up("demo:own", "status")).answered()
        own.vanish()
        until(lambda: topics.up("demo:own", "status") in heard(cloud, cloud), "a will")
        assert not door.gone and not cloud.gone
        assert topics.up(DOOR, "status") not in heard(cloud, cloud)


def test_a_partner_reads_figures_of_one_tenant_and_a_till_writes_for_one_shop(broker: Guarded, cloud: Party) -> None:
    shop = topics.till("demo", "high-street")
    with party(broker, "partner") as partner, party(broker, "till-high-street") as till:
        partner.subscribe("#")
        till.subscribe("#")
        for one in (partner, till):
            for topic in (shop, topics.till("demo", "other"), topics.up("partner", "report"), OF_DOOR):
                one.publish(topic, b"told")
        assert heard(cloud, cloud) == [shop]
        for tenant in ("demo", "other"):
            cloud.publish(merged.topic(tenant, "high-street", "hour"), b"told")
        cloud.publish(topics.config(DOOR), b"told")
        assert heard(partner, cloud, merged.topic("demo", "a", "live")) == [merged.topic("demo", "high-street", "hour")]
        assert not till.heard


def test_what_comes_while_the_cloud_is_away_waits_for_it_over_a_restart_too(broker: Guarded) -> None:
    with party(broker, CLOUD, stays=True) as cloud:
        cloud.subscribe(topics.ALL_UP["report"])
    with party(broker, DOOR) as door:
        door.publish(OF_DOOR, b"while away")
    broker.stop()
    broker.start()
    with party(broker, CLOUD, stays=True) as cloud:
        until(lambda: cloud.heard, "what waited")
        assert cloud.heard == [(OF_DOOR, b"while away")]


def test_the_largest_message_passes_and_a_larger_one_ends_the_connection(broker: Guarded, cloud: Party) -> None:
    with party(broker, DOOR) as door:
        door.publish(OF_DOOR, bytes(MAX_PAYLOAD_BYTES))
        door.publish(OF_DOOR, bytes(MAX_PAYLOAD_BYTES + 8192))
        until(lambda: door.gone, "the end of the connection")
        heard(cloud, cloud)
        assert [len(told) for topic, told in cloud.heard if topic == OF_DOOR] == [MAX_PAYLOAD_BYTES]


def test_a_reload_reads_who_was_revoked_and_a_connection_that_is_there_stays_until_its_rights_go(
    broker: Guarded, cloud: Party
) -> None:
    """What README.md says of it."""
    number = x509.load_pem_x509_certificate(broker.files(DOOR).certificate.read_bytes()).serial_number
    with party(broker, DOOR) as door, party(broker, TILL) as till:
        write(broker.revoked, broker.authority.revocation_list([(f"{number:x}", int(time.time()))], int(time.time())))
        broker.reload()
        again = Party(broker, DOOR)
        until(lambda: again.gone, "the refusal")
        assert again.answer is None and not door.gone
        door.publish(OF_DOOR, b"still")
        assert heard(cloud, cloud) == [OF_DOOR]
        broker.acl.write_text(f"{broker.acl.read_text()}\nuser {DOOR}\ntopic deny #\n")
        broker.reload()
        for one in (door, till):
            one.publish(topics.up(DOOR if one is door else TILL, "report"), b"then")
        assert heard(cloud, cloud) == [OF_DOOR, topics.up(TILL, "report")]
