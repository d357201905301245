"""The sensing packages make no text and no copy of what came off the air; the lint that says so sees what it must."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.rules.leaks import leaks

RADIOS = [ROOT / f"agent/radio/{name}.py" for name in ("wifi", "tap", "ble", "scan", "bluez", "retold", "sockets")]
SENSING = sorted([*(ROOT / "agent/core").glob("*.py"), *RADIOS, ROOT / "agent/ear.py"])


@pytest.mark.parametrize("path", SENSING, ids=lambda path: path.name)
def test_nothing_off_the_air_is_copied_kept_or_put_into_words(path: Path) -> None:
    assert not [*leaks(path.read_text())]


@pytest.mark.parametrize(
    "planted",
    [
        'log.debug("heard %s", sighting)',
        'log.debug(f"{address}")',
        'log.info("seen", extra={"mac": sighting.address})',
        "print(packet[10:16])",
        "text = address.hex()",
        "text = bytes(address)",
        "text = packet[10:16].tobytes()",
        'text = "%s" % address',
        'text = "{}".format(address)',
        "text = str(address, 'latin1')",
        "text = repr(sighting)",
        "self.last = sighting.address",
        "self.last = packet[10:16]",
        "self.seen.append(frame.payload)",
        "self.seen.add(address)",
        "self.seen[1] = address",
        'raise ValueError(f"odd frame {packet}")',
        "raise ValueError(address)",
        "copy = _HEADER + packet",
        'copy = b"".join([packet])',
        "name = packet[28:40].decode()",
        'log.info("tag %d", tag)',
        'sys.stderr.write(f"{key}")',
    ],
)
def test_a_planted_leak_is_found(planted: str) -> None:
    assert [*leaks(f"def f(self, packet, frame, address, sighting, tag, key):\n    {planted}\n")], planted


@pytest.mark.parametrize(
    "clean",
    [
        "raise ValueError(f'a frame has at least 24 bytes, not {len(packet)}')",
        "self._plain[8:20] = frame[:12]",
        "self.damaged += 1",
        "first = packet[0]",
        "hashed.update(sighting.address)",
        "seen = crc32(packet[24:40])",
    ],
)
def test_what_counts_and_what_hashes_is_no_leak(clean: str) -> None:
    assert not [*leaks(f"def f(self, packet, frame, sighting):\n    {clean}\n")], clean
