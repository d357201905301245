"""The keeping process follows what the fleet signed without being started again."""

from pathlib import Path

from agent import keep, status
from agent.config import Bluetooth, Capture, Radio
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
