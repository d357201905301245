"""Key lists: who may sign settings from now on, and what becomes of what others signed before."""

from pathlib import Path

import pytest
from msgspec import UNSET, structs

from agent import taken
from agent.config import Config
from agent.contract.desired import Broker
from agent.desired import RefusedError
from agent.in_force import InForce
from agent.keylist import Keys
from agent.standing import Standing
from tests.signed import Signer, here, settings, stand, wanted

ROOT, OLD, NEXT, FORGER = Signer(9, "root"), Signer(1, "old"), Signer(2, "next"), Signer(3, "root")


def sensor(folder: Path) -> Config:
    config = settings(folder, OLD)
    return structs.replace(config, fleet=structs.replace(config.fleet, root_keys={ROOT.kid: ROOT.public}))


def state(standing: Standing, signer: Signer, version: int) -> tuple[str, int]:
    report = standing.take(signer.signed(wanted(version)), here())
    assert report is not None
    return report.state, report.version


def test_before_a_list_the_sensors_own_settings_say_who(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    assert standing.report.keys == 0
    assert state(standing, OLD, 1) == ("applied", 1)
    assert state(standing, NEXT, 2) == ("rejected", 1)


def test_a_list_alone_says_who_from_then_on(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    state(standing, OLD, 1)
    report = standing.take_keys(ROOT.listing(1, NEXT))
    assert report is not None
    assert (report.state, report.version, report.keys) == ("applied", 1, 1)
    for again in (standing, stand(config)):
        assert again.report.keys == 1
        assert state(again, OLD, 2) == ("rejected", 1)
    assert "old may not sign this for this sensor; next may" in again.report.reason
    assert state(standing, NEXT, 2) == ("applied", 2)


def test_what_an_old_key_signed_stays_in_force_until_something_newer(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    standing.take_keys(ROOT.listing(1, OLD))
    standing.take(OLD.signed(wanted(1, profile="F5")), here())
    standing.take_keys(ROOT.listing(2, NEXT))
    assert InForce(config).config.profile == stand(config).config.profile == "F5"
    assert stand(config).report.version == 1
    standing.take(NEXT.signed(wanted(2)), here())
    assert InForce(config).config.profile == "D24"


def test_who_reads_believes_no_list_that_no_root_signed(tmp_path: Path) -> None:
    """The process that talks could write any file: what it cannot do is sign."""
    config = sensor(tmp_path)
    standing = stand(config)
    standing.take_keys(ROOT.listing(1, NEXT))
    standing.take(NEXT.signed(wanted(1)), here())
    held = taken.read(config)
    assert held is not None
    for document in (
        structs.replace(held.taken.newest, keys=UNSET),  # by a key the sensor's own settings do not name
        structs.replace(held.taken.newest, keys=taken.desired.message(FORGER.listing(1, NEXT))),
        structs.replace(held.taken.newest, keys=held.taken.newest.signed),
    ):
        taken.write(config, taken.Taken(newest=document))
        assert InForce(config).config == config
    taken.write(config, held.taken)
    assert InForce(config).held is not None


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (FORGER.listing(5, NEXT), "not by the key root"),
        (Signer(9, "else").listing(5, NEXT), "else may not sign this"),
        (OLD.listing(5, NEXT), "old may not sign this for this sensor; root may"),
        (ROOT.listing(2, NEXT), "Version 2 is not newer than 2"),
        (ROOT.listing(1, NEXT), "Version 1 is not newer than 2"),
        (ROOT.signed(wanted(5)), "not by the key root"),
        (OLD.signed(wanted(5)), "old may not sign this"),
        (b"{}", "no signed document"),
        (ROOT.listing(5, NEXT) + b" " * 131_072, "at most 131072 are allowed"),
    ],
)
def test_what_is_no_newer_list_of_a_root_is_not_taken(tmp_path: Path, payload: bytes, says: str) -> None:
    keys = Keys(sensor(tmp_path))
    assert keys.take(ROOT.listing(2, OLD))
    with pytest.raises(RefusedError, match=says):
        keys.take(payload)
    assert (keys.version, list(keys.may_sign)) == (2, ["old"])
    assert stand(sensor(tmp_path)).take_keys(payload) is None


def test_the_same_list_again_is_no_news(tmp_path: Path) -> None:
    keys = Keys(sensor(tmp_path))
    assert keys.take(ROOT.listing(1, NEXT))
    assert not keys.take(ROOT.listing(1, NEXT))
    assert not keys.take(b"")
    assert keys.version == 1


def test_a_document_that_came_before_the_list_that_names_its_signer_is_taken_after_it(tmp_path: Path) -> None:
    standing = stand(sensor(tmp_path))
    assert state(standing, NEXT, 1) == ("rejected", 0)
    assert standing.look(here(1e6), answered=True) is None
    assert standing.take_keys(ROOT.listing(1, NEXT)) is not None
    report = standing.look(here(1), answered=True)
    assert report is not None
    assert (report.state, report.version, report.keys) == ("applied", 1, 1)


def test_a_list_that_is_damaged_lets_nobody_sign_until_it_comes_again(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    stand(config).take_keys(ROOT.listing(1, NEXT))
    for junk in (b"", b"{", FORGER.listing(2, NEXT)):
        config.keys_path.write_bytes(junk)
        standing = stand(config)
        assert state(standing, OLD, 1) == state(standing, NEXT, 1) == ("rejected", 0)
    standing.take_keys(ROOT.listing(1, NEXT))
    assert state(standing, NEXT, 1) == ("applied", 1)


def test_a_sensor_without_roots_takes_no_list(tmp_path: Path) -> None:
    config = settings(tmp_path, OLD)
    standing = stand(config)
    assert standing.take_keys(OLD.listing(1, NEXT)) is None
    assert not config.keys_path.exists()
    config.keys_path.write_bytes(ROOT.listing(1, NEXT))
    assert state(stand(config), OLD, 1) == ("applied", 1)


def test_a_list_taken_in_a_trial_leaves_the_last_good_document_good(tmp_path: Path) -> None:
    config = sensor(tmp_path)
    standing = stand(config)
    standing.take(OLD.signed(wanted(1, profile="F5")), here())
    standing.take_keys(ROOT.listing(1, NEXT))
    standing.take(NEXT.signed(wanted(2, broker=Broker(host="localhost", port=1))), here())
    report = standing.look(here(600), answered=False)
    assert report is not None
    assert (report.state, report.version, report.wanted) == ("rolled_back", 1, 2)
    assert stand(config).report == report
