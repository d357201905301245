"""The keeping process follows what the fleet signed without being started again."""

from pathlib import Path

from agent import keep, status
from agent.config import Bluetooth, Capture, Radio
from agent.contract import Health, RadioHealth
from tests.signed import Signer, here, settings, stand, wanted

FLEET = Signer(1)


def test_bluetooth_that_is_turned_off_is_looked_after_no_more(tmp_path: Path) -> None:
    radio = Radio(Capture("/c.pcap"), Bluetooth(adapter="hci99"))
    config = settings(tmp_path, FLEET, run_dir=str(tmp_path), radio=radio)
    standing = stand(config)
    seen: list[int] = []

    def stopping() -> bool:
        """Between two rounds: how many radios it looks after; then the document comes."""
        said = status.read_radios(config.radios_path)
        seen.append(len(said.radios) if said else -1)
        if len(seen) == 2:
            standing.take(FLEET.signed(wanted(1, bluetooth="off")), here())
        return len(seen) == 3

    keep.run(config, stopping)
    assert seen == [-1, 1, 0]


def test_only_what_it_goes_by_makes_it_begin_anew(tmp_path: Path) -> None:
    config = settings(tmp_path, FLEET, radio=Radio(Capture("/c.pcap"), Bluetooth()))
    keeping = keep.Keeping(config)
    assert keeping.keeps(settings(tmp_path, FLEET, radio=config.radio, health_interval_s=30.0))
    assert not keeping.keeps(settings(tmp_path, FLEET, radio=Radio(Capture("/c.pcap"))))


def test_a_radio_that_was_just_readied_is_left_alone_until_it_can_have_been_heard() -> None:
    """After a slow start the process that hears says for some seconds more that there is none."""
    radio = RadioHealth(radio="ble", state="missing", source="none", frames=0, dropped=0, last_frame_age_s=None)
    health = Health(
        sensor="demo:door", at=0.0, uptime_s=1.0, software="0.1.0", clock="trusted", profile="F5", radios=[radio]
    )
    care = keep.Care("ble", lambda: None)
    care.found("hci99")
    care.look(0.0, health, may_reboot=False)  # not ready yet: its ladder is at work
    care.readied(9.0)
    for second in range(9, 24):
        care.look(float(second), health, may_reboot=False)
    assert not care.ladder.flagged
    care.look(24.0, health, may_reboot=False)  # there is no hci99, so no step can be taken, and a person is asked for
    assert care.ladder.flagged
