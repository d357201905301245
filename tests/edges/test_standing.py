"""What stands: documents follow each other, a trial is passed or failed, and no kill leaves some of each."""

import json
import logging
import os
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs

from agent import taken
from agent.config import Bluetooth, Config, Monitor, Mqtt, Privacy, Radio
from agent.contract import OptOuts, ReportedConfig, encode
from agent.contract.desired import Broker, Tuning
from agent.contract.optout import make_list
from agent.core.trial import Hears
from agent.desired import keep
from agent.effective import digest
from agent.in_force import InForce
from agent.standing import Standing, trial_s
from tests.conftest import ROOT
from tests.signed import NOW, WELL, Signer, here, settings, stand, wanted

FLEET, OTHER = Signer(1), Signer(2)
GOOD = FLEET.signed(wanted(5))
NEW, OLD = Broker(host="new.example", port=8883), Broker(host="old.example", port=8883)
TLS = Mqtt(host="own.example", port=8883, ca_file="/ca.pem")


def listed(made_at: int = NOW, *addresses: bytes) -> OptOuts:
    return make_list([(1, address) for address in addresses], bytes(32), made_at, random.Random(1).randrange)


def sensor(folder: Path, **more: Any) -> Config:
    return settings(folder, FLEET, mqtt=TLS, radio=Radio(Monitor(), Bluetooth()), **more)


def take(standing: Standing, version: int, after_s: float = 0.0, **more: Any) -> ReportedConfig:
    report = standing.take(FLEET.signed(wanted(version, **more)), here(after_s))
    assert report == standing.report
    return report


def wait(
    standing: Standing, since: float, until: float, *, answered: bool, radios: Any = WELL
) -> ReportedConfig | None:
    """Look each second; the first thing there is to tell."""
    for second in range(int(since), int(until) + 1):
        report = standing.look(here(second, radios), answered=answered)
        if report is not None:
            return report
    return None


def brief(report: ReportedConfig | None) -> tuple[str, int, object]:
    assert report is not None
    return report.state, report.version, report.wanted


# What is kept


def test_what_is_kept_is_read_and_its_signature_checked_again(tmp_path: Path) -> None:
    config = settings(tmp_path / "state", FLEET)
    assert taken.read(config) is None
    take(stand(config), 5)
    held = taken.read(config)
    assert held is not None
    assert held.newest == held.good == held.in_force == wanted(5)
    assert list(config.desired_path.parent.iterdir()) == [config.desired_path]
    for others in (
        structs.replace(config, sensor="demo:back"),
        structs.replace(config, fleet=structs.replace(config.fleet, config_keys={"fleet": OTHER.public})),
        structs.replace(config, fleet=structs.replace(config.fleet, config_keys={})),
    ):
        assert taken.read(others) is None
    good = config.desired_path.read_bytes()
    forged = json.loads(good) | {"newest": {"signed": json.loads(OTHER.signed(wanted(6), kid="fleet"))}}
    for junk in (b"", b"{", good[:-1], json.dumps(forged).encode(), good.replace(b'"sig":"', b'"sig":"A', 1)):
        config.desired_path.write_bytes(junk)
        assert taken.read(config) is None


def test_a_document_that_lay_there_alone_before_there_were_trials_is_in_force(tmp_path: Path) -> None:
    config = settings(tmp_path, FLEET)
    keep(config.desired_path, FLEET.signed(wanted(5, expires=1, opt_outs=listed())))
    assert InForce(config).opt_outs == listed()  # and what expired stays
    assert brief(stand(config).report) == ("applied", 5, UNSET)


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = take(stand(settings(tmp_path / "file", FLEET)), 5)
    assert (report.state, report.version) == ("rejected", 0)
    assert "check the disk" in report.reason


def test_a_kill_at_any_moment_leaves_one_document_or_the_other(tmp_path: Path) -> None:
    """A process takes documents, has them pass and fail without end, and is killed: what it leaves is whole."""
    script = (
        "import sys; from pathlib import Path; from itertools import count\n"
        "from tests.edges.test_standing import *\n"
        "standing, version = stand(sensor(Path(sys.argv[1]))), int(sys.argv[2])\n"
        "print('ready', flush=True)\n"
        "for number in count(version, 2):\n"
        "    take(standing, number, opt_outs=listed(NOW + number), broker=NEW)\n"
        "    standing.look(here(900), answered=False)\n"
        "    take(standing, number + 1, opt_outs=listed(NOW + number), profile='F5')\n"
    )
    config, seen, newest = sensor(tmp_path), set(), 0
    for round_, wait_s in enumerate((0.02, 0.05, 0.08, 0.11)):
        words = [sys.executable, "-c", script, str(tmp_path), str(1 + 100_000 * round_)]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
        ) as process:
            assert process.stdout
            process.stdout.readline()
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                process.kill()
        held = taken.read(config)
        assert held is not None
        version = held.newest.version
        assert version > newest
        newest = version
        odd = version % 2 == 1
        state = (held.taken.trial is not UNSET, held.taken.failed is not UNSET)
        assert state in ([(True, False), (False, True)] if odd else [(False, False)])
        in_force = InForce(config)
        assert in_force.opt_outs == listed(NOW + version - (not odd))
        assert in_force.config.mqtt.host == ("new.example" if state[0] else "own.example")
        assert in_force.config.profile == ("D24" if odd else "F5")
        seen.add(state)
    assert seen


# One document after the other


def test_documents_follow_each_other(tmp_path: Path) -> None:
    config = settings(tmp_path, FLEET)
    standing = stand(config)
    assert (standing.report.version, standing.report.state) == (0, "applied")

    def taken_(version: int, *, of: Signer = FLEET, **more: object) -> tuple[str, int]:
        report = standing.take(of.signed(wanted(version, **more), kid="fleet"), here())
        assert report == standing.report
        assert report is not None
        return report.state, report.version

    assert taken_(3, outside_dbm=-80) == ("applied", 3)
    assert taken_(3, outside_dbm=-80) == ("applied", 3)
    assert taken_(3, outside_dbm=-70) == ("rejected", 3)
    assert taken_(2) == ("rejected", 3)
    assert standing.report.wanted == 2
    assert taken_(9, of=OTHER) == ("rejected", 3)
    assert standing.report.wanted is UNSET  # nobody knows what was signed
    assert taken_(3, outside_dbm=-80) == ("applied", 3)  # what is in force, sent again, is what is in force
    assert taken_(5) == ("applied", 5)
    assert standing.take(b"", here()) is None
    assert stand(config).report.version == 5
    held = taken.read(config)
    assert held is not None
    assert held.in_force == wanted(5)


def test_what_is_looser_is_refused_and_not_kept(tmp_path: Path) -> None:
    config = settings(tmp_path, FLEET, privacy=Privacy("sensitive"))
    report = take(stand(config), 1, profile="D24")
    assert brief(report) == ("rejected", 0, 1)
    assert "allow F5 only" in report.reason
    assert not config.desired_path.exists()


def test_a_retained_document_that_is_refused_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    standing = stand(settings(tmp_path, FLEET))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            standing.take(OTHER.signed(wanted(), kid="fleet"), here())
    assert len(caplog.records) == 1


def test_a_document_that_comes_early_is_taken_when_its_time_has_come(tmp_path: Path) -> None:
    standing = stand(settings(tmp_path, FLEET))
    early = take(standing, 1, not_before=NOW + 60)
    assert "not valid yet" in early.reason
    assert standing.look(here(59), answered=False) is None
    assert brief(standing.look(here(60), answered=False)) == ("applied", 1, UNSET)
    assert standing.look(here(61), answered=False) is None


@pytest.mark.parametrize(("more", "says"), [({}, "would drop"), ({"opt_outs": listed(NOW - 1)}, "older opt-out list")])
def test_an_opt_out_list_is_replaced_by_a_newer_one_and_never_dropped(
    tmp_path: Path, more: dict[str, object], says: str
) -> None:
    config = settings(tmp_path, FLEET)
    take(stand(config), 1, opt_outs=listed())
    standing = stand(config)  # also over a restart
    report = take(standing, 2, **more)
    assert (report.state, report.version) == ("rejected", 1)
    assert says in report.reason
    assert take(standing, 2, opt_outs=listed(NOW + 1)).state == "applied"


def test_it_says_what_is_in_force_by_two_hashes(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    assert (standing.report.hash, standing.report.effective) == (UNSET, digest(config))
    report = take(standing, 1, profile="F5")
    assert report.hash == sha256(encode(wanted(1, profile="F5"))).hexdigest()
    assert report.effective == digest(structs.replace(config, privacy=Privacy(profile="F5"))) != digest(config)


# Trials


def test_a_new_broker_is_in_force_on_trial_and_then_for_good(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    terms = standing.terms
    assert brief(take(standing, 1, broker=NEW)) == ("pending", 1, UNSET)
    assert standing.terms != terms
    assert standing.config.mqtt.host == InForce(config).config.mqtt.host == "new.example"
    assert wait(standing, 0, 599, answered=True) is None
    terms = standing.terms
    assert brief(wait(standing, 600, 600, answered=True)) == ("applied", 1, UNSET)
    assert standing.terms == terms  # the connection that proved it goes on
    assert not standing.is_busy
    assert stand(config).config.mqtt.host == "new.example"


def test_a_broker_that_is_nowhere_is_gone_back_from(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    take(standing, 1, broker=OLD)
    wait(standing, 0, 600, answered=True)
    before = standing.report
    take(standing, 2, after_s=700, broker=NEW, profile="F5", opt_outs=listed(), outside_dbm=-80)
    report = wait(standing, 700, 1300, answered=False)
    assert brief(report) == ("rolled_back", 1, 2)
    assert report is not None
    assert report.reason == "The cloud did not answer in 600 seconds of trial."
    assert report.hash == before.hash
    assert report.effective != before.effective  # what protects people has stayed
    for one in (standing.config, InForce(config).config, stand(config, 1400).config):
        assert (one.mqtt.host, one.profile, one.zones.outside_dbm) == ("old.example", "F5", -80)
    assert InForce(config).opt_outs == listed()
    assert stand(config, 1400).report == report


def test_a_version_that_failed_is_not_taken_again(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    take(standing, 2, broker=NEW)
    failed = wait(standing, 0, 600, answered=False)
    for again in (standing, stand(config, 700)):
        assert take(again, 2, after_s=700, broker=NEW) == failed
        assert not again.is_busy
        assert brief(take(again, 1, after_s=700)) == ("rejected", 0, 1)
        assert brief(take(again, 2, after_s=700)) == ("rejected", 0, 2)
    assert brief(take(standing, 3, after_s=700, broker=NEW)) == ("pending", 3, UNSET)
    assert brief(wait(standing, 701, 1300, answered=True)) == ("applied", 3, UNSET)


def test_a_radio_that_falls_silent_is_gone_back_from_and_one_that_was_silent_is_not(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    silent = {"wifi": Hears("listening"), "ble": Hears("deaf", "It receives nothing.")}
    standing.take(FLEET.signed(wanted(1, tuning=Tuning(channels=[1]))), here(0, silent))
    assert brief(wait(standing, 0, 600, answered=True, radios=silent)) == ("applied", 1, UNSET)
    take(standing, 2, after_s=700, tuning=Tuning(channels=[6]))
    report = wait(standing, 700, 1300, answered=True, radios=silent)
    assert brief(report) == ("rolled_back", 1, 2)
    assert report is not None
    assert report.reason == "Bluetooth heard before and does not now: it receives nothing."
    assert standing.config.radio.wifi == Monitor(channels=(1,))


def test_what_is_not_on_trial_holds_at_once(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    assert take(standing, 1, profile="F5", health_interval_s=30, opt_outs=listed()).state == "applied"
    assert not standing.is_busy


def test_a_document_in_a_trial_takes_its_place_and_is_measured_by_the_last_good_one(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    take(standing, 1, broker=OLD)
    wait(standing, 0, 600, answered=True)
    take(standing, 2, after_s=700, broker=NEW)
    assert brief(take(standing, 3, after_s=710, broker=OLD)) == ("applied", 3, UNSET)  # nothing is left to try
    take(standing, 4, after_s=720, broker=NEW)
    take(standing, 5, after_s=900, broker=NEW, profile="F5")
    assert wait(standing, 901, 1499, answered=False) is None
    assert brief(wait(standing, 1500, 1500, answered=False)) == ("rolled_back", 3, 5)


def test_a_refused_document_does_not_disturb_a_trial(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    take(standing, 2, broker=NEW)
    assert brief(take(standing, 1, after_s=10)) == ("rejected", 2, 1)
    assert brief(wait(standing, 11, 600, answered=True)) == ("applied", 2, UNSET)


def test_a_trial_outlives_its_process_and_begins_anew_with_the_machine(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    take(stand(config), 1, broker=NEW)
    standing = stand(config, 300)
    assert brief(standing.report) == ("pending", 1, UNSET)
    assert wait(standing, 300, 599, answered=True) is None
    standing = stand(config, 0, boot="two")
    assert wait(standing, 0, 599, answered=True) is None
    assert brief(wait(standing, 600, 600, answered=True)) == ("applied", 1, UNSET)


def test_a_machine_that_restarts_three_times_goes_back(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    take(stand(config), 1, broker=NEW)
    for boot in ("two", "three", "four"):
        assert stand(config, boot=boot).config.mqtt.host == "new.example"
    standing = stand(config, boot="four")
    report = standing.look(here(), answered=True)
    assert brief(report) == ("rolled_back", 0, 1)
    assert report is not None
    assert report.reason == "The machine was restarted 3 times during the trial."


def test_a_trial_waits_until_the_sensing_process_has_said_what_it_hears(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    payload = FLEET.signed(wanted(1, broker=NEW))
    assert brief(standing.take(payload, here(0, None))) == ("applied", 0, UNSET)
    assert wait(standing, 0, 20, answered=True, radios=None) is None
    assert brief(wait(standing, 21, 22, answered=True)) == ("pending", 1, UNSET)
    deaf = {"wifi": Hears("missing"), "ble": Hears("listening")}
    assert brief(wait(standing, 23, 622, answered=True, radios=deaf)) == ("rolled_back", 0, 1)


def test_a_sensing_process_that_does_not_run_holds_nothing_up(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    standing.take(FLEET.signed(wanted(1, broker=NEW)), here(0, None))
    assert wait(standing, 0, 59, answered=True, radios=None) is None
    assert brief(wait(standing, 60, 61, answered=True, radios=None)) == ("pending", 1, UNSET)
    assert brief(wait(standing, 62, 661, answered=True, radios=None)) == ("applied", 1, UNSET)


def test_a_verdict_holds_though_the_disk_refuses_it(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    take(standing, 1, broker=NEW)
    config.desired_path.with_suffix(".new").mkdir()  # nothing can be written there now
    assert brief(wait(standing, 0, 600, answered=False)) == ("rolled_back", 0, 1)
    assert standing.config.mqtt.host == "own.example"
    config.desired_path.with_suffix(".new").rmdir()
    again = stand(config, 700)
    assert brief(wait(again, 700, 900, answered=False)) == ("rolled_back", 0, 1)


def test_a_trial_lasts_for_a_window_and_two_minutes_at_least() -> None:
    assert trial_s(settings("/s", FLEET)) == 600
    assert trial_s(settings("/s", FLEET, window_s=600)) == 720
