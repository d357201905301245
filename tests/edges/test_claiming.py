"""A sensor is claimed over HTTPS: with the cloud's real claims behind it, with every kind of wrong answer; killed."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from agent import claiming, identity, site
from agent.claiming import ClaimingError
from agent.config import Config, load
from agent.contract import Claim, Claimed, decode, encode
from agent.site import AUTHORITY, PAIR
from cloud.authority import Pair
from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.desk import Desk
from cloud.store import Store, migrate
from tests.brokers import free_port
from tests.children import in_a_child
from tests.fronts import Answer, Sent, front
from tests.identities import SERIAL, World, request
from tests.shops import a_shop

NOW = int(time.time())
HOUR = 3600


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


@pytest.fixture(autouse=True)
def a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SERIAL", SERIAL)


class Whole(NamedTuple):
    """A sensor that is to be claimed, and the desk of the cloud that does it."""

    settings: Path
    desk: Desk
    came: list[Sent]

    @property
    def config(self) -> Config:
        return load(self.settings)

    def code(self) -> str:
        return self.desk.claims.open("corner", "door", SERIAL).code

    def claim(self, code: str) -> Claimed:
        return claiming.claim(self.config, code)

    def refused(self, code: str, says: str, *, later: bool) -> str:
        """The claim fails with one sentence, and the sensor is nobody's still."""
        with pytest.raises(ClaimingError, match=says) as caught:
            self.claim(code)
        assert caught.value.later == later
        assert "\n" not in str(caught.value)
        assert not self.config.is_claimed
        return str(caught.value)


def answers(desk: Desk) -> Callable[[Sent], Answer]:
    """As the API does, strictly by the contract."""

    def answer(sent: Sent) -> Answer:
        assert sent.path == claiming.PATH
        try:
            return Answer(200, encode(desk.claims.take(decode(Claim, sent.body))))
        except Refusal as refusal:
            return Answer(422, json.dumps({"error": str(refusal)}).encode())

    return answer


@contextmanager
def whole(
    folder: Path,
    world: World,
    spoil: Callable[[Sent, Answer], Answer | None] = lambda _, told: told,
    shows: Pair | None = None,
    trusts: bytes | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Whole]:
    """`spoil`: what becomes of an answer. `shows`: the front's certificate. `trusts`: whom the sensor believes."""
    migrate(f"{folder}/cloud.db")
    store = Store(f"{folder}/cloud.db")
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[])])
    desk, came = Desk(store, "acme", time.time, issuing=world.issuing), []
    (folder / "cloud-ca.pem").write_bytes(trusts or world.root.certificate)

    def answer(sent: Sent) -> Answer | None:
        came.append(sent)
        return spoil(sent, answers(desk)(sent))

    pair = shows or world.above.broker(["127.0.0.1"], NOW)
    with front(folder, pair, answer) as port:
        settings = folder / "agent.toml"
        settings.write_text(
            f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n[fleet]\n'
            f'claim_url = "https://{host}:{port}"\nclaim_ca_file = "{folder}/cloud-ca.pem"\n'
        )
        yield Whole(settings, desk, came)
    store.close()


def test_a_code_makes_it_the_sensor_it_was_made_for(tmp_path: Path, world: World) -> None:
    with whole(tmp_path, world) as one:
        site.settled(one.config.site_path, inside_dbm=-66)
        typed = one.code()
        claimed = one.claim(f" {typed[:4].lower()}-{typed[4:].replace('0', 'o')} ".replace("1", "l"))
        config = one.config
    assert claimed.sensor == config.sensor == "acme:door"
    assert (config.mqtt.host, config.mqtt.port, config.time_zone) == ("mqtt.example.com", 8883, "Europe/Berlin")
    assert config.mqtt.certificate_file == config.mqtt.key_file == str(config.identity_dir / PAIR)
    assert config.zones.inside_dbm == -66, "what was settled before is gone"
    assert site.read(config.site_path).serial == SERIAL
    assert sorted(one.name for one in config.identity_dir.iterdir()) == sorted([AUTHORITY, PAIR])
    assert stat.S_IMODE((config.identity_dir / PAIR).stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in config.site_path.read_bytes()


def test_a_wrong_code_is_refused_in_the_clouds_own_words(tmp_path: Path, world: World) -> None:
    with whole(tmp_path, world) as one:
        said = one.refused("7F3AK2PX", "not valid for this sensor", later=False)
        assert SERIAL in said
        one.refused("7F3A K2P", "is no code: it has eight", later=False)
        one.refused("7F3AK2PU", "is no code", later=False)
        assert len(one.came) == 1, "what is no code was sent"
        one.claim(one.code())


def test_a_sensor_that_has_an_owner_is_not_claimed_again(tmp_path: Path, world: World) -> None:
    with whole(tmp_path, world) as one:
        one.claim(one.code())
        with pytest.raises(ClaimingError, match="acme:door already: run 'footfall-agent reset' first"):
            one.claim(one.code())


@pytest.mark.parametrize("lost", ["without a word", "in its middle"])
def test_a_lost_answer_is_had_by_the_same_code_again(tmp_path: Path, world: World, lost: str) -> None:
    left = [None if lost == "without a word" else 700]

    def spoil(_: Sent, told: Answer) -> Answer | None:
        if not left:
            return told
        cut = left.pop()
        return None if cut is None else told._replace(breaks_off=cut)

    with whole(tmp_path, world, spoil) as one:
        code = one.code()
        one.refused(code, "try the same code again|try again", later=True)
        assert one.claim(code).sensor == "acme:door"
        assert one.came[0] == one.came[1]


def test_killed_at_any_step_it_is_claimed_or_not_and_the_same_code_does_it(tmp_path: Path, world: World) -> None:
    kinds, step = [], 0
    with whole(tmp_path, world) as one:
        code = one.code()
        while True:
            step += 7
            done = in_a_child(lambda: one.claim(code), kill_at=step)
            config = one.config
            kinds.append(config.is_claimed)
            assert not config.is_claimed or identity.PAIR in {each.name for each in config.identity_dir.iterdir()}
            if done or (not (config.identity_dir / identity.NEXT).exists() and config.is_claimed):
                break
            config.site_path.unlink(missing_ok=True)
        assert one.config.sensor == "acme:door"
    assert kinds.count(False) > 5
    assert kinds[-1]


def altered(**changes: object) -> Callable[[Sent, Answer], Answer]:
    """An answer with something else in it."""
    return lambda _, told: told._replace(body=encode(msgspec.structs.replace(decode(Claimed, told.body), **changes)))


WRONG = {
    "for another key": (lambda w: altered(certificate=w.authority.issue(request().encode(), "acme:door", NOW, 9).pem)),
    "not made out to acme:till": (lambda _: altered(sensor="acme:till")),
    "not by the authority": (lambda _: altered(authority=World(NOW).root.certificate.decode())),
    "time zone": (lambda _: altered(time_zone="Europe/Nowhere")),
    "is not understood": (lambda _: lambda _s, told: told._replace(body=told.body.replace(b'"host"', b'"hoost"'))),
    "far too long": (lambda _: lambda _s, told: told._replace(body=told.body + b" " * 70_000)),
    "has a fault": (lambda _: lambda _s, _t: Answer(503, b"<html>")),
    "claims no sensors .302": (lambda _: lambda _s, _t: Answer(302, b"", ("Location", "https://elsewhere.example/"))),
    "claims no sensors .404": (lambda _: lambda _s, _t: Answer(404, b'{"error": "no such path"}')),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_wrong_answer_is_not_believed(tmp_path: Path, world: World, says: str) -> None:
    with whole(tmp_path, world, WRONG[says](world)) as one:
        one.refused(one.code(), says, later="claims no" not in says)
        assert not (one.config.identity_dir / PAIR).exists()
        assert not one.config.site_path.exists()


def test_who_is_not_the_cloud_gets_no_code(tmp_path: Path, world: World) -> None:
    above, host = world.above, ["127.0.0.1"]
    day = 86_400
    cases = {
        "not known to be the cloud": {"shows": World(NOW).above.broker(host, NOW)},
        "the certificate of another host": {"shows": above.broker(["cloud.example.com"], NOW)},
        "is not valid yet": {"shows": above.broker(host, NOW + 2 * day)},
    }
    for number, (says, more) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with whole(folder, world, **more) as one:  # type: ignore[arg-type]
            one.refused("7F3AK2PX", says, later=True)
            assert not one.came


def test_a_cloud_that_cannot_be_reached_is_one_sentence(tmp_path: Path, world: World) -> None:
    with whole(tmp_path, world) as one:
        text, ours = one.settings.read_text(), one.config.fleet.claim_url
        for url, says in (
            (f"https://127.0.0.1:{free_port()}", "cannot be reached .*try the same code again"),
            ("https://cloud.invalid", "is not found: there is no internet"),
        ):
            one.settings.write_text(text.replace(ours, url))
            one.refused("7F3AK2PX", says, later=True)
        with speaking_plainly() as port:
            one.settings.write_text(text.replace(ours, f"https://127.0.0.1:{port}"))
            one.refused("7F3AK2PX", "does not speak TLS", later=True)
        one.settings.write_text(text.split("[fleet]")[0])
        one.refused("7F3AK2PX", "fleet.claim_url", later=False)


@contextmanager
def speaking_plainly() -> Iterator[int]:
    """A server without TLS; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as line:
                line.recv(99)
                line.sendall(b"HTTP/1.1 400 no\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def test_the_command_says_who_it_is_now_or_why_not(tmp_path: Path, world: World) -> None:
    with whole(tmp_path, world) as one:
        words = [sys.executable, "-m", "agent", "claim", "-c", str(one.settings)]
        wrong = subprocess.run([*words, "7F3AK2PX"], capture_output=True, text=True)
        assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (1, "", 1)
        right = subprocess.run([*words, one.code(), "--json"], capture_output=True, text=True)
        assert json.loads(right.stdout) == {"sensor": "acme:door", "shop": "Corner Shop"}
        status = subprocess.run([*words[:3], "status", *words[4:]], capture_output=True, text=True)
        assert "Sensor acme:door" in status.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: run it as root")
def test_root_claims_as_the_user_of_the_talking_process(tmp_path: Path) -> None:
    folder, theirs = tmp_path / "identity", 65534
    folder.mkdir(mode=0o700)
    os.chown(folder, theirs, theirs)
    for above in folder.parents:
        if above.stat().st_uid == 0 and above.is_relative_to(Path(tempfile.gettempdir()) / "pytest-of-root"):
            above.chmod(0o711)

    def ask() -> None:
        identity.become_owner(folder)
        assert identity.may_write(folder)
        identity.request(folder, "ab")

    in_a_child(ask)
    assert (folder / "next.pem").stat().st_uid == theirs
