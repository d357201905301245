"""The sensor's key and certificate: made here, switched as one, checked before they are taken, killed at every step."""

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent import identity, papers
from agent.board import mark
from agent.identity import NEXT, IdentityError
from agent.site import AUTHORITY, PAIR
from tests.children import in_a_child
from tests.identities import World, request

NOW = int(time.time())
HERE, DAY = mark("10000000abcdef12"), 86_400


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


def certified(world: World, asked: str, sensor: str = "acme:door", days: int = 90, at: int = NOW) -> str:
    return world.authority.issue(asked.encode(), sensor, at, days).pem


def claimed(folder: Path, world: World) -> bytes:
    """An identity in place; the file it is in."""
    told = certified(world, identity.request(folder, HERE))
    identity.take(folder, told, "acme:door", NOW, world.root.certificate.decode())
    identity.tidy(folder)
    return (folder / PAIR).read_bytes()


def belongs_together(pair: bytes) -> bool:
    """Whether a file holds a key and its own certificate, as OpenSSL's users read it."""
    public = x509.load_pem_x509_certificates(pair)[0].public_key()
    return load_pem_private_key(pair, None).public_key() == public


def test_a_request_that_is_asked_again_is_the_very_same(tmp_path: Path) -> None:
    asked = identity.request(tmp_path / "identity", HERE)
    assert identity.request(tmp_path / "identity", HERE) == asked
    found = x509.load_pem_x509_csr(asked.encode())
    assert found.is_signature_valid
    assert asked not in identity.request(tmp_path / "identity", mark("another board"))


def test_nobody_else_may_read_it(tmp_path: Path, world: World) -> None:
    folder = tmp_path / "identity"
    before = os.umask(0)
    try:
        claimed(folder, world)
        identity.request(folder, HERE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {
        PAIR: 0o600, AUTHORITY: 0o600, NEXT: 0o600,
    }  # fmt: skip


def test_the_key_and_its_certificate_are_one_file_that_tls_takes(tmp_path: Path, world: World) -> None:
    pair = claimed(tmp_path, world)
    assert belongs_together(pair)
    files = (str(tmp_path / AUTHORITY), str(tmp_path / PAIR), str(tmp_path / PAIR), "acme:door")
    now = time.time()
    assert papers.fault(*files, _utc(now)) is None
    late = papers.fault(*files, _utc(now + 91 * DAY))
    assert late is not None
    assert late.endswith("run 'footfall-agent reset' and claim it anew.")


def test_a_certificate_that_is_not_ours_is_not_taken(tmp_path: Path, world: World) -> None:
    pair = claimed(tmp_path, world)
    asked = identity.request(tmp_path, HERE)
    good = certified(world, asked)
    middle = len(good) // 4
    wrong = {
        "another key": certified(world, request()),
        "not made out to acme:door": certified(world, asked, "acme:till"),
        "expired|good from": certified(world, asked, days=1, at=NOW - 3 * DAY),
        "good from": certified(world, asked, at=NOW + 3 * DAY),
        "not by the authority": certified(World(NOW), asked),
        "damaged": good[:middle] + "AAAA" + good[middle + 4 :],
    }
    for says, told in wrong.items():
        with pytest.raises(IdentityError, match=says) as caught:
            identity.take(tmp_path, told, "acme:door", NOW)
        assert str(caught.value).count("\n") == 0
        assert (tmp_path / PAIR).read_bytes() == pair
    identity.take(tmp_path, good, "acme:door", NOW)
    assert (tmp_path / PAIR).read_bytes() != pair


def test_what_hangs_together_by_nothing_is_not_taken(tmp_path: Path, world: World) -> None:
    claimed(tmp_path, world)
    chain = certified(world, identity.request(tmp_path, HERE)).split("-----BEGIN")
    alone = f"-----BEGIN{chain[1]}"
    for told in (alone, alone + World(NOW).pair.certificate.decode(), alone + alone):
        with pytest.raises(IdentityError, match="not by the authority"):
            identity.take(tmp_path, told, "acme:door", NOW)


def test_killed_at_any_step_there_is_the_old_pair_or_the_new_one(tmp_path: Path, world: World) -> None:
    old = claimed(tmp_path, world)
    asked = identity.request(tmp_path, HERE)
    told = certified(world, asked)

    def switch() -> None:
        identity.take(tmp_path, told, "acme:door", NOW)
        identity.tidy(tmp_path)

    step, seen = 0, set()
    while True:
        step += 1
        (tmp_path / PAIR).write_bytes(old)
        if not (tmp_path / NEXT).exists():
            break  # it came to its end
        in_a_child(switch, kill_at=step)
        there = (tmp_path / PAIR).read_bytes()
        assert belongs_together(there)
        seen.add(there == old)
        if there == old:
            assert identity.request(tmp_path, HERE) == asked, "the key that waited is lost"
    assert seen == {True, False}
    assert step > 30


def test_killed_at_any_step_a_request_is_there_or_made_anew(tmp_path: Path) -> None:
    step, done = 0, False
    while not done:
        step += 1
        folder = tmp_path / str(step)
        done = in_a_child(lambda at=folder: identity.request(at, HERE), kill_at=step)
        asked = identity.request(folder, HERE)
        assert identity.request(folder, HERE) == asked
    assert step > 10


def test_after_a_switch_that_was_cut_short_the_next_key_is_a_new_one(tmp_path: Path, world: World) -> None:
    claimed(tmp_path, world)
    asked = identity.request(tmp_path, HERE)
    identity.take(tmp_path, certified(world, asked), "acme:door", NOW)  # and the power goes
    assert identity.request(tmp_path, HERE) == asked
    identity.tidy(tmp_path)
    assert identity.request(tmp_path, HERE) != asked


def test_a_damaged_key_is_a_sentence(tmp_path: Path, world: World) -> None:
    (tmp_path / NEXT).write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(IdentityError, match="reset"):
        identity.take(tmp_path, certified(world, request()), "acme:door", NOW)


def _utc(at: float) -> datetime:

    return datetime.fromtimestamp(at, UTC)
