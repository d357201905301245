"""The command line of the sensor, as a person or a script meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.__main__ import app
from tests.air import heard, written

T = 1_700_000_100


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "agent", *words], capture_output=True, text=True, timeout=60)


def test_help_shows_examples_and_exit_codes() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert "Examples:" in shown.stdout
    assert "Exit codes:" in shown.stdout


def test_without_a_command_it_helps() -> None:
    assert "Commands:" in (shown := run()).stdout + shown.stderr


@pytest.mark.parametrize(
    "command",
    [command.name or command.callback.__name__ for command in app.registered_commands if command.callback],
)
def test_every_command_explains_itself(command: str) -> None:
    shown = run(command, "--help")
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) > 4


def test_replay_prints_one_line_per_window(tmp_path: Path) -> None:
    path = written(tmp_path / "c.pcap", (heard(T + at, "02:00:00:00:00:01") for at in (0, 10, 610, 620)))
    shown = run("replay", str(path), "--window", "300", "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["window_start"] for row in rows] == [T, T + 300, T + 600]
    assert [round(row["devices"]) for row in rows] == [1, 0, 1]
    assert all(row["low"] <= row["devices"] <= row["high"] for row in rows)
    assert shown.returncode == 0


def test_replay_of_a_cut_capture_counts_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "c.pcap", [heard(T, "02:00:00:00:00:01"), heard(T + 1, "02:00:00:00:00:02")])
    path.write_bytes(path.read_bytes()[:-5])
    shown = run("replay", str(path), "--json")
    assert json.loads(shown.stdout)["frames"] == 1
    assert "cut off after 1 frames" in shown.stderr
    assert shown.returncode == 75


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a capture"),
        (b"hello, this is no capture at all", "not a capture"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\xff\xff\0\0\x7f\0\0\0", "holds no frame"),
    ],
)
def test_replay_of_what_is_no_capture_is_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(content)
    shown = run("replay", str(path))
    assert shown.returncode == 75
    assert says in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_wrong_settings_are_one_sentence_and_exit_78(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("sensor = 5\n")
    for command in ("run", "sense", "sync", "status"):
        shown = run(command, "--config", str(path))
        assert shown.returncode == 78, command
        assert str(path) in shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1


def test_check_tells_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        f'sensor = "demo:door"\nstate_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n'
        '[radio.wifi]\nsource = "monitor"\ninterface = "absent0"\n[mqtt]\nport = 1\n'
    )
    shown = run("check", "--config", str(path), "--json")
    findings = {found["part"]: found for found in json.loads(shown.stdout)}
    assert shown.returncode == 1
    assert findings["settings"]["ok"]
    assert findings["disk"]["ok"]
    assert not findings["Wi-Fi"]["ok"]
    assert not findings["broker"]["ok"]
    assert "cannot be reached" in findings["broker"]["sentence"]


def test_check_does_not_throw_the_talking_process_off_the_broker(tmp_path: Path) -> None:
    """A fleet's broker takes a second connection with the same certificate for the first one's return."""
    from agent import status

    path = tmp_path / "config.toml"
    path.write_text(
        f'sensor = "demo:door"\nstate_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n'
        '[radio.wifi]\nsource = "street"\n[mqtt]\nport = 1\n'
    )
    status.write(tmp_path / "line.json", status.Line(connected=True, acknowledged=3, sentence="It works."))
    findings = {found["part"]: found for found in json.loads(run("check", "--config", str(path), "--json").stdout)}
    assert findings["broker"]["ok"]
    assert "the talking process is connected" in findings["broker"]["sentence"]


def test_the_outbox_can_be_read_by_a_person_and_a_spreadsheet(tmp_path: Path) -> None:
    from agent.contract import Report
    from agent.outbox import Outbox

    path = tmp_path / "config.toml"
    path.write_text(f'sensor = "demo:door"\nstate_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    assert "Nothing waits" in run("outbox", "--config", str(path)).stdout
    Outbox(tmp_path / "outbox.db").append(Report(window_start=T, window_s=300, clock="trusted"))
    assert json.loads(run("outbox", "--config", str(path), "--json").stdout)[0]["window_start"] == T
    header, row = run("outbox", "--config", str(path), "--csv").stdout.splitlines()
    assert header.startswith("epoch,sequence,window_start,")
    assert f",1,{T},300,trusted," in row


def test_status_of_a_sensor_that_does_not_run_says_how_to_start_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'sensor = "demo:door"\nstate_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    shown = run("status", "--config", str(path))
    assert shown.returncode == 75
    assert "not running: start it with" in shown.stdout
