"""Settings from the fleet: what is taken, what is refused and why, and which settings a document reaches at all."""

import base64
import json
import subprocess
import sys

import msgspec
import pytest

from agent.config import Bluetooth, Monitor, Radio
from agent.contract import DeviceConfig, KeyList, encode
from agent.contract.desired import keys_to_sign
from agent.desired import RefusedError, key_list, message, verify
from agent.effective import REACH, flat
from tests.conftest import ROOT
from tests.signed import NOW, SENSOR, Signer, settings, wanted

FLEET, OTHER = Signer(1), Signer(2)
KEYS = {FLEET.kid: FLEET.public}
# Every setting a sensor has: whether a document from the fleet reaches it, and whose it is if not.
REACHED = {
    "privacy.profile", "zones.inside_dbm", "zones.outside_dbm", "hours", "radio.ble", "radio.ble.mode",
    "radio.wifi.channels", "radio.wifi.second_channels", "radio.wifi.stay_s", "radio.wifi.country", "mqtt.host",
    "mqtt.port", "mqtt.keepalive_s", "health_interval_s",
}  # fmt: skip
OWN = {
    "sensor", "state_dir", "run_dir", "window_s", "battery_clock", "outbox_max_reports", "time_zone", "privacy.site",
    "fleet.config_keys", "fleet.root_keys", "fleet.claim_url", "fleet.claim_ca_file", "radio.wifi.source",
    "radio.wifi.interface", "radio.wifi.second_interface", "radio.ble.source", "radio.ble.adapter", "mqtt.ca_file",
    "mqtt.certificate_file", "mqtt.key_file", "mqtt.patience_s", "metrics.port", "time",
}  # fmt: skip


def test_of_every_setting_it_is_decided_whether_a_document_reaches_it() -> None:
    with_ble = settings("/s", FLEET, radio=Radio(Monitor(), Bluetooth()))
    names = {name for config in (settings("/s", FLEET), with_ble) for name, _ in flat(config)}
    assert names == REACHED | OWN, "decide it of the new setting, here and in agent/effective"
    assert set(REACH) == REACHED


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
        (OTHER.signed(wanted(5), kid="else"), "key else may not sign this for this sensor; fleet may"),
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


def test_a_key_list_is_no_settings_and_settings_are_no_key_list() -> None:
    listed = FLEET.listing(1, OTHER)
    with pytest.raises(RefusedError, match="not by the key fleet"):
        verify(listed, KEYS, SENSOR, NOW, 0)
    with pytest.raises(RefusedError, match="not understood"):
        verify(FLEET.signed(encode(KeyList(version=9, keys=KEYS))), KEYS, SENSOR, NOW, 0)
    with pytest.raises(RefusedError, match="not by the key fleet"):
        key_list(message(GOOD), KEYS)
    with pytest.raises(RefusedError, match="key list is not understood"):
        key_list(message(FLEET.signed(wanted(), begins=keys_to_sign(b""))), KEYS)
    assert key_list(message(listed), KEYS).keys == {OTHER.kid: OTHER.public}


def test_a_sensor_nobody_sends_settings_to_does_not_load_the_library() -> None:
    script = "import sys; import agent.sync, agent.keep; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_no_document_asks_for_more_than_is_reached() -> None:
    assert {field.name for field in msgspec.structs.fields(DeviceConfig)} == {
        "v", "sensor", "version", "not_before", "expires", "profile", "inside_dbm", "outside_dbm", "opt_outs",
        "hours", "bluetooth", "tuning", "broker", "health_interval_s",
    }  # fmt: skip
