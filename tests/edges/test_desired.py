"""Settings from the fleet: what is taken, what is refused and why, and what stays in force."""

import base64
import json
import logging
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from agent.config import Config, Privacy, Zones
from agent.contract import DeviceConfig, OptOuts, encode
from agent.contract.optout import make_list
from agent.desired import LooserError, RefusedError, Standing, keep, read, strictest, tightened, verify
from tests.conftest import ROOT
from tests.signed import NOW, SENSOR, Signer, settings, wanted

FLEET, OTHER = Signer(1), Signer(2)
KEYS = {FLEET.kid: FLEET.public}
# Every setting a sensor has: whether a document from the fleet may make it stricter, or never reaches it.
REACHED = {"privacy.profile", "zones.inside_dbm", "zones.outside_dbm"}
OWN = {
    "sensor", "state_dir", "run_dir", "window_s", "battery_clock", "health_interval_s", "outbox_max_reports",
    "time_zone", "hours", "privacy.site", "fleet.config_keys", "fleet.root_keys", "fleet.claim_url", "fleet.claim_ca_file", "radio.wifi", "radio.ble", "mqtt.host", "mqtt.port",
    "mqtt.ca_file", "mqtt.certificate_file", "mqtt.key_file", "mqtt.keepalive_s", "mqtt.patience_s", "time",
}  # fmt: skip


def listed(made_at: int = NOW, *addresses: bytes) -> OptOuts:
    return make_list([(1, address) for address in addresses], bytes(32), made_at, random.Random(1).randrange)


def flat(config: Config) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, msgspec.Struct) and field.name != "time":
            found |= {
                f"{field.name}.{inner.name}": getattr(value, inner.name) for inner in msgspec.structs.fields(value)
            }
        else:
            found[field.name] = value
    return found


def test_of_every_setting_it_is_decided_whether_a_document_reaches_it(tmp_path: Path) -> None:
    assert set(flat(settings(tmp_path, FLEET))) == REACHED | OWN, (
        "decide it of the new setting, here and in agent/desired"
    )


LEVELS = st.integers(-127, 0)


@given(
    st.sampled_from(["ordinary", "sensitive"]),
    st.sampled_from([None, "F5", "D24"]),
    st.tuples(LEVELS, LEVELS).map(sorted),
    st.sampled_from([UNSET, "F5", "D24"]),
    st.one_of(st.just(UNSET), LEVELS),
    st.one_of(st.just(UNSET), LEVELS),
)
def test_nothing_becomes_looser_and_nothing_else_changes(site, own, zones, profile, inside, outside) -> None:  # type: ignore[no-untyped-def]
    own = "F5" if site == "sensitive" else own
    config = settings("/s", FLEET, privacy=Privacy(site, own), zones=Zones(zones[1], zones[0]))
    document = wanted(profile=profile, inside_dbm=inside, outside_dbm=outside)
    found = [strictest(config, document)]
    looser = (
        (profile == "D24" and config.profile == "F5")
        or (inside is not UNSET and inside < zones[1])
        or (outside is not UNSET and outside < zones[0])
    )
    try:
        found.append(tightened(config, document))
        assert not looser
    except RefusedError as error:
        assert isinstance(error, LooserError) == looser
    for after in found:
        assert after.profile == "F5" or config.profile == "D24"
        assert profile != "F5" or after.profile == "F5"
        assert after.zones.outside_dbm >= config.zones.outside_dbm
        assert after.zones.inside_dbm >= max(config.zones.inside_dbm, after.zones.outside_dbm)
        before, changed = flat(config), flat(after)
        assert {name for name in before if before[name] != changed[name]} <= REACHED


def test_what_is_asked_for_comes_into_force() -> None:
    config = settings("/s", FLEET)
    after = tightened(config, wanted(profile="F5", inside_dbm=-60, outside_dbm=-75))
    assert (after.profile, after.zones) == ("F5", Zones(-60, -75))
    assert tightened(config, wanted()) == config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"profile": "D24"}, "asks for profile D24; this sensor's settings allow F5 only"),
        ({"inside_dbm": -71}, "lowers inside_dbm; this sensor's settings say -70"),
        ({"outside_dbm": -91}, "lowers outside_dbm; this sensor's settings say -90"),
        ({"profile": "F5", "inside_dbm": -60, "outside_dbm": -91}, "lowers outside_dbm"),
        ({"outside_dbm": -60}, "raise outside_dbm above inside_dbm, which is -70: raise both"),
    ],
)
def test_looser_is_refused_whole(tmp_path: Path, change: dict[str, object], says: str) -> None:
    config = settings(tmp_path, FLEET, privacy=Privacy("sensitive"))
    with pytest.raises(RefusedError, match=says):
        tightened(config, wanted(**change))
    report = Standing(config).take(FLEET.signed(wanted(**change)), NOW)
    assert report is not None
    assert (report.state, report.version) == ("rejected", 0)
    assert says in report.reason
    assert not config.desired_path.exists()


def flipped(payload: bytes, at: int) -> bytes:
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


GOOD = FLEET.signed(wanted(5))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "no signed document"),
        (b"\xff\x00", "no signed document"),
        (b"[" * 100_000, "no signed document"),
        (GOOD[:-1], "no signed document"),
        (GOOD.replace(b'"kid"', b'"key"'), "no signed document"),
        (GOOD + b" " * 131_072, "at most 131072 are allowed"),
        (OTHER.signed(wanted(5), kid="fleet"), "not by the key fleet"),
        (OTHER.signed(wanted(5), kid="else"), "key else is not among fleet.config_keys"),
        (FLEET.signed(wanted(5), begins=b""), "not by the key fleet"),
        (FLEET.signed(wanted(5), begins=b"footfall config v2\0"), "not by the key fleet"),
        (flipped(GOOD, GOOD.index(b'"payload":"') + 15), "not by the key fleet"),
        (GOOD.replace(b'"payload":"', b'"payload":"='), "no signed document"),
        (json.dumps({**json.loads(GOOD), "payload": json.loads(GOOD)["payload"] + "\n"}).encode(), "proper base64"),
        (json.dumps({**json.loads(GOOD), "payload": json.loads(GOOD)["payload"] + "A"}).encode(), "no signed document"),
        (FLEET.signed(b'{"sensor":"demo:door","version":5}'), "signature is right, the document is not understood"),
        (FLEET.signed(encode(wanted(5))[:-1] + b',"epsilon":9}'), "unknown field `epsilon`"),
        (FLEET.signed(wanted(5, sensor="demo:back")), "is for demo:back; this is demo:door"),
        (FLEET.signed(wanted(4)), "Version 4 is not newer than 4"),
        (FLEET.signed(wanted(3)), "Version 3 is not newer than 4"),
        (FLEET.signed(wanted(5, expires=NOW)), "has expired"),
        (FLEET.signed(wanted(5, not_before=NOW + 1)), "not valid yet"),
    ],
)
def test_what_is_not_taken_says_why(payload: bytes, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        verify(payload, KEYS, SENSOR, NOW, 4)


def test_spare_bits_of_base64_are_no_second_form_of_a_document() -> None:
    tried = 0
    for spaces in range(3):
        whole = FLEET.signed(encode(wanted(5)) + b" " * spaces)
        text = json.loads(whole)["payload"]
        if text.endswith("="):
            last = text.rstrip("=")[-1]
            other = text.replace(last + "=", chr(ord(last) + 1) + "=")
            assert base64.b64decode(other) == base64.b64decode(text)
            with pytest.raises(RefusedError, match="proper base64"):
                verify(whole.replace(text.encode(), other.encode()), KEYS, SENSOR, NOW, 4)
            tried += 1
    assert tried == 2


def test_what_is_right_is_taken() -> None:
    assert verify(GOOD, KEYS, SENSOR, NOW, 4) == wanted(5)


def test_the_vector_was_signed_by_the_key_of_the_first_32_bytes() -> None:
    """The public half of the private key 00 01 ... 1f, and a signature made once: both ends keep to them."""
    vectors = ROOT / "tests/vectors"
    keys = {"ops-2026": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="}
    found = verify((vectors / "Signed-stricter-with-opt-outs.json").read_bytes(), keys, "demo:door-1", NOW, 6)
    assert encode(found) == (vectors / "DeviceConfig-stricter-with-opt-outs.json").read_bytes().rstrip(b"\n")


def test_a_key_that_is_none_verifies_nothing() -> None:
    with pytest.raises(RefusedError, match="not by the key fleet"):
        verify(GOOD, {"fleet": "A" * 43 + "="}, SENSOR, NOW, 4)


# What is kept


def test_what_is_kept_is_read_and_its_signature_checked_again(tmp_path: Path) -> None:
    path = tmp_path / "state" / "desired.json"
    assert read(path, KEYS, SENSOR) is None
    keep(path, GOOD)
    assert read(path, KEYS, SENSOR) == wanted(5)
    assert list(path.parent.iterdir()) == [path]
    assert read(path, {}, SENSOR) is None
    assert read(path, {"fleet": OTHER.public}, SENSOR) is None
    assert read(path, KEYS, "demo:back") is None
    for junk in (b"", b"{", flipped(GOOD, 60), OTHER.signed(wanted(5))):
        path.write_bytes(junk)
        assert read(path, KEYS, SENSOR) is None


def test_what_expired_stays_in_force(tmp_path: Path) -> None:
    keep(tmp_path / "desired.json", FLEET.signed(wanted(5, expires=1, opt_outs=listed())))
    found = read(tmp_path / "desired.json", KEYS, SENSOR)
    assert found is not None
    assert found.opt_outs == listed()


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError, match=r"cannot be written \(.*\): check the disk"):
        keep(tmp_path / "file" / "desired.json", GOOD)
    config = settings(tmp_path / "file", FLEET)
    report = Standing(config).take(GOOD, NOW)
    assert report is not None
    assert (report.state, report.version) == ("rejected", 0)


def test_a_kill_at_any_moment_leaves_one_document_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "desired.json"
    script = (
        "import sys; from pathlib import Path; from agent.desired import keep\n"
        "one, other = (bytes.fromhex(word) for word in sys.argv[2:])\n"
        "keep(Path(sys.argv[1]), one)\n"
        "print('ready', flush=True)\n"
        "while True: keep(Path(sys.argv[1]), other); keep(Path(sys.argv[1]), one)"
    )
    both = [FLEET.signed(wanted(5, opt_outs=listed())), GOOD]
    words = [sys.executable, "-c", script, str(path), *(one.hex() for one in both)]
    for wait_s in (0.01, 0.02, 0.04):
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout
            process.stdout.readline()
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                process.kill()
        assert path.read_bytes() in both


# One document after the other


def test_documents_follow_each_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = settings(tmp_path, FLEET)
    standing = Standing(config)
    assert (standing.report.version, standing.report.state) == (0, "applied")

    def taken(version: int, *, of: Signer = FLEET, **more: object) -> tuple[str, int]:
        report = standing.take(of.signed(wanted(version, **more), kid="fleet"), NOW)
        assert report == standing.report
        assert report is not None
        return report.state, report.version

    assert taken(3, outside_dbm=-80) == ("applied", 3)
    assert taken(3, outside_dbm=-80) == ("applied", 3)
    assert taken(3, outside_dbm=-70) == ("rejected", 3)
    assert taken(2) == ("rejected", 3)
    assert taken(9, of=OTHER) == ("rejected", 3)
    assert taken(3, outside_dbm=-80) == ("applied", 3)  # what is in force, sent again, is what is in force
    assert taken(5) == ("applied", 5)
    assert standing.take(b"", NOW) is None
    assert Standing(config).report.version == 5
    found = read(config.desired_path, KEYS, SENSOR)
    assert found == wanted(5)


def test_a_retained_document_that_is_refused_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    standing = Standing(settings(tmp_path, FLEET))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            standing.take(OTHER.signed(wanted(), kid="fleet"), NOW)
    assert len(caplog.records) == 1


def test_a_document_that_comes_early_is_taken_when_its_time_has_come(tmp_path: Path) -> None:
    standing = Standing(settings(tmp_path, FLEET))
    payload = FLEET.signed(wanted(1, not_before=NOW + 60))
    early = standing.take(payload, NOW)
    assert early is not None
    assert "not valid yet" in early.reason
    assert standing.due(NOW + 59) is None
    report = standing.due(NOW + 60)
    assert report is not None
    assert (report.state, report.version) == ("applied", 1)
    assert standing.due(NOW + 61) is None


@pytest.mark.parametrize(("more", "says"), [({}, "would drop"), ({"opt_outs": listed(NOW - 1)}, "older opt-out list")])
def test_an_opt_out_list_is_replaced_by_a_newer_one_and_never_dropped(
    tmp_path: Path, more: dict[str, object], says: str
) -> None:
    config = settings(tmp_path, FLEET)
    assert Standing(config).take(FLEET.signed(wanted(1, opt_outs=listed())), NOW) is not None
    standing = Standing(config)  # also over a restart
    report = standing.take(FLEET.signed(wanted(2, **more)), NOW)
    assert report is not None
    assert (report.state, report.version) == ("rejected", 1)
    assert says in report.reason
    report = standing.take(FLEET.signed(wanted(2, opt_outs=listed(NOW + 1))), NOW)
    assert report is not None
    assert report.state == "applied"


def test_what_the_sensors_own_settings_tightened_since_stays_tight() -> None:
    document = wanted(profile="F5", outside_dbm=-85)
    now = strictest(settings("/s", FLEET, zones=Zones(-60, -80)), document)
    assert (now.profile, now.zones) == ("F5", Zones(-60, -80))


def test_a_sensor_nobody_sends_settings_to_does_not_load_the_library() -> None:
    script = "import sys; import agent.sync, agent.desired; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_no_document_asks_for_more_than_is_reached() -> None:
    assert {field.name for field in msgspec.structs.fields(DeviceConfig)} == {
        "v", "sensor", "version", "not_before", "expires", "profile", "inside_dbm", "outside_dbm", "opt_outs",
        "hours", "bluetooth", "tuning", "broker", "health_interval_s",
    }  # fmt: skip
