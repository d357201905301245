"""Signing settings on the command line: keys, opt-out lists, mistakes, and a broker that is not there."""

import stat
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from agent.config import load
from agent.contract import DeviceConfig, decode
from agent.contract.optout import Filter
from agent.desired import verify
from cloud import signing
from cloud.config_commands import app
from tests.brokers import amqtt, free_port
from tests.signed import NOW

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
LIST = """
# who asked, and when
00:1A:2b:33:44:55
00-1a-2b-33-44-56  wifi          # with dashes
00:1a:2b:33:44:57  ble-public

c0:1a:2b:33:44:58  ble-static
00:1a:2b:33:44:55
"""


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def key(tmp_path: Path) -> Path:
    assert run("keygen", str(tmp_path / "fleet.pem"))[0] == 0
    return tmp_path / "fleet.pem"


def test_a_new_key_is_its_owners_alone_and_never_overwrites_another(tmp_path: Path) -> None:
    path = tmp_path / "fleet.pem"
    code, line, _ = run("keygen", str(path), "--kid", "ops-2026")
    assert (code, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    (tmp_path / "agent.toml").write_text(f'sensor = "demo:door"\n[fleet]\n{line}')
    assert list(load(tmp_path / "agent.toml").fleet.config_keys) == ["ops-2026"]
    before = path.read_bytes()
    assert run("keygen", str(path)) == (1, "", f"{path}: File exists.\n")
    assert path.read_bytes() == before
    assert run("keygen", str(tmp_path / "b"), "--kid", "Ops 1")[0] == 1
    assert not (tmp_path / "b").exists()


def test_what_is_signed_a_sensor_takes(tmp_path: Path, key: Path) -> None:
    (tmp_path / "list").write_text(LIST)
    words = ["sign", "demo:door", "--key", str(key), "--version", "7", "--opt-out", str(tmp_path / "list")]
    words += ["--profile", "F5", "--outside-dbm", "-80", "--inside-dbm", "-60", "--to", str(tmp_path / "signed")]
    assert run(*words) == (0, "", "")
    line = signing.public_line(signing.load_key(key.read_bytes()), "fleet-1")
    keys = tomllib.loads(line)["config_keys"]
    text = (tmp_path / "signed").read_bytes().strip()
    opened = signing.opened(text)
    found = verify(text, keys, "demo:door", opened.not_before + 300, 6)
    assert found == opened
    assert (found.version, found.profile, found.outside_dbm, found.inside_dbm) == (7, "F5", -80, -60)
    assert found.expires - found.not_before == 2 * 86_400 + 300
    code, printed, _ = run("sign", "demo:door", "--key", str(key), "--version", "8")
    assert code == 0
    assert verify(printed.strip().encode(), keys, "demo:door", opened.not_before + 301, 7).version == 8


def test_a_list_holds_addresses_as_they_are_on_the_air() -> None:
    listed = Filter(signing.opt_outs(LIST, KEY, NOW))
    assert listed.holds(1, bytes.fromhex("001a2b334455"))
    assert listed.holds(1, bytes.fromhex("001a2b334456"))
    assert listed.holds(3, bytes.fromhex("001a2b334457")[::-1])
    assert listed.holds(4, bytes.fromhex("c01a2b334458")[::-1])
    assert not listed.holds(1, bytes.fromhex("001a2b334457"))


def test_one_key_makes_one_list_whenever_and_for_whomever_it_is_made() -> None:
    one, other = signing.opt_outs(LIST, KEY, NOW), signing.opt_outs("# again\n" + LIST, KEY, NOW + 86_400)
    assert (one.key, one.entries) == (other.key, other.entries)
    stranger = signing.opt_outs(LIST, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"), NOW)
    assert stranger.key != one.key
    assert len(set(stranger.entries) & set(one.entries)) < 5
    assert one.key != KEY.private_bytes_raw().hex()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("00:1a:2b:33:44", "is not understood"),
        ("00:1a:2b:33:44:5g", "is not understood"),
        ("00:1a:2b:33:44:55 wifi please", "is not understood"),
        ("00:1a:2b:33:44:55 zigbee", "names no kind we know: it is one of wifi, ble-public, ble-static"),
        ("02:1a:2b:33:44:55", "is no address a maker gave"),
        ("ff:ff:ff:ff:ff:ff", "is no address a maker gave"),
        ("40:1a:2b:33:44:55 ble-static", "is no static random address"),
    ],
)
def test_a_mistake_in_a_list_is_named_by_its_line_and_shows_no_address(
    tmp_path: Path, key: Path, line: str, says: str
) -> None:
    (tmp_path / "list").write_text(f"# one\n00:1a:2b:33:44:66\n{line}\n")
    words = ("sign", "demo:door", "--key", str(key), "--version", "1", "--opt-out", str(tmp_path / "list"))
    code, out, said = run(*words)
    assert (code, out) == (1, "")
    assert said.startswith("Line 3 of the opt-out list ")
    assert says in said
    assert "33:44" not in said


def test_a_list_that_is_too_long_is_refused() -> None:
    lines = "\n".join(f"00:1a:2b:00:{number >> 8:02x}:{number & 255:02x}" for number in range(8193))
    with pytest.raises(signing.SigningError, match="at most 8192"):
        signing.opt_outs(lines, KEY, NOW)


def test_other_mistakes_are_one_sentence(tmp_path: Path, key: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"\xff\xfe")
    sign = ["sign", "demo:door", "--version", "1", "--key"]
    for words, says in (
        ([*sign, str(tmp_path / "none")], "none: No such file or directory."),
        ([*sign, str(junk)], "no Ed25519 private key: make one with"),
        ([*sign, str(key), "--opt-out", str(junk)], "not UTF-8"),
        ([*sign, str(key), "--kid", "No"], "No sensor would take this: not a Signed"),
        (["sign", "Demo", "--version", "1", "--key", str(key)], "No sensor would take this: not a DeviceConfig"),
    ):
        code, out, said = run(*words)
        assert (code, out, said.count("\n")) == (1, "", 1), said
        assert says in said


def test_what_is_opened_is_only_what_was_signed() -> None:
    signed = signing.sign(DeviceConfig(sensor="demo:door", version=1, not_before=0, expires=1), KEY, "fleet-1")
    from agent.contract import Signed, encode

    assert signing.opened(encode(signed)) == decode(DeviceConfig, encode(signing.opened(encode(signed))))
    for text in (b"", b"{}", encode(signed)[:-1], encode(Signed(payload="e30=", kid="k", sig=signed.sig))):
        with pytest.raises(signing.SigningError, match="no signed document"):
            signing.opened(text)


# Sending


def cloud_settings(folder: Path, port: int) -> str:
    (folder / "cloud.toml").write_text(f"[mqtt]\nport = {port}\n")
    return str(folder / "cloud.toml")


def signed_file(folder: Path, key: Path) -> str:
    assert run("sign", "demo:door", "--key", str(key), "--version", "1", "--to", str(folder / "signed"))[0] == 0
    return str(folder / "signed")


def test_a_broker_takes_a_document(tmp_path: Path, key: Path) -> None:
    with amqtt() as port:
        code, out, said = run("send", signed_file(tmp_path, key), "-c", cloud_settings(tmp_path, port))
    assert (code, out, said) == (0, "", "Version 1 for demo:door is with the broker.\n")


def test_a_broker_that_is_not_there_and_a_file_that_is_no_document_are_one_sentence(tmp_path: Path, key: Path) -> None:
    toml = cloud_settings(tmp_path, free_port())
    code, _, said = run("send", signed_file(tmp_path, key), "-c", toml)
    assert code == 1
    assert "cannot be reached" in said
    code, _, said = run("send", str(key), "-c", toml)
    assert code == 1
    assert "no signed document" in said
