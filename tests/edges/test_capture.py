"""Capture files: every format that people have, and one clear sentence for those that are none."""

import struct
from pathlib import Path

import pytest

from agent.core.frame import Frame, Link
from agent.radio import RadioError
from agent.radio.capture import CaptureCutError, first_link, read
from tests.air import probe, radiotap

PACKETS = [radiotap() + probe("02:00:00:00:00:01"), radiotap() + probe("02:00:00:00:00:02", b"name")]
TIME = 1_700_000_000


def pcap(packets: list[bytes], link: int = 127, order: str = "<", nano: bool = False) -> bytes:
    """Classic pcap, the packets a quarter of a second apart."""
    file = struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for number, packet in enumerate(packets):
        part = number * (250_000_000 if nano else 250_000)
        file += struct.pack(f"{order}IIII", TIME, part, len(packet), len(packet)) + packet
    return file


def block(kind: int, content: bytes, order: str) -> bytes:
    content += bytes(-len(content) % 4)
    return struct.pack(f"{order}II", kind, len(content) + 12) + content + struct.pack(f"{order}I", len(content) + 12)


def pcapng(packets: list[bytes], link: int = 127, order: str = "<", nano: bool = False) -> bytes:
    """Section header, interface (with its time resolution), enhanced packets."""
    resolution = struct.pack(f"{order}HHBxxxHH", 9, 1, 9, 0, 0) if nano else b""
    file = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    file += block(1, struct.pack(f"{order}HHI", link, 0, 0) + resolution, order)
    for number, packet in enumerate(packets):
        ticks = TIME * (1_000_000_000 if nano else 1_000_000) + number * (250_000_000 if nano else 250_000)
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
        file += block(6, head + packet, order)
    return file


def frames(folder: Path, content: bytes) -> list[Frame]:
    path = folder / "some.pcap"
    path.write_bytes(content)
    return list(read(path))


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(RadioError) as raised:
        frames(folder, content)
    assert not isinstance(raised.value, CaptureCutError)
    return is_a_sentence(str(raised.value))


def is_a_sentence(text: str) -> str:
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text and "some.pcap" in text
    return text


@pytest.mark.parametrize("nano", [False, True], ids=["us", "ns"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("written", [pcap, pcapng])
def test_every_container_gives_the_same_frames(tmp_path: Path, written: type[bytes], order: str, nano: bool) -> None:
    found = frames(tmp_path, written(PACKETS, order=order, nano=nano))
    assert [(frame.link, frame.payload) for frame in found] == [(Link.RADIOTAP, packet) for packet in PACKETS]
    assert [frame.at for frame in found] == pytest.approx([TIME, TIME + 0.25], abs=1e-6)


@pytest.mark.parametrize("link", list(Link))
def test_every_link_type_we_know_is_told(tmp_path: Path, link: Link) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(pcap(PACKETS, link=link))
    assert first_link(path) == link
    assert {frame.link for frame in read(path)} == {link}


def test_an_unknown_link_type_is_refused_with_those_that_can_be_read(tmp_path: Path) -> None:
    for written in (pcap, pcapng):
        told = refusal(tmp_path, written(PACKETS, link=1))  # type: ignore[operator]
        assert "link type 1 " in told and "127 (RADIOTAP)" in told


def test_a_file_without_frames_is_empty_and_has_no_link(tmp_path: Path) -> None:
    assert frames(tmp_path, pcap([])) == frames(tmp_path, pcapng([])) == []
    with pytest.raises(RadioError, match="holds no frame"):
        first_link(tmp_path / "some.pcap")


@pytest.mark.parametrize("content", [b"", b"\n", b"not a capture at all, but text", bytes(1000), pcap([])[:20]])
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "not a capture" in refusal(tmp_path, content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none" / "some.pcap", "No such file"), (tmp_path, "directory")):
        with pytest.raises(RadioError, match=reason):
            list(read(path))


@pytest.mark.parametrize("written", [pcap, pcapng])
def test_a_cut_off_file_gives_the_frames_before_the_cut_and_says_so(tmp_path: Path, written: type[bytes]) -> None:
    whole: bytes = written(PACKETS)  # type: ignore[assignment]
    start = len(written(PACKETS[:1]))
    told = set()
    for size in range(start + 1, len(whole)):
        path = tmp_path / "some.pcap"
        path.write_bytes(whole[:size])
        reader = read(path)
        assert next(reader).payload == PACKETS[0]
        with pytest.raises(CaptureCutError, match="after 1 frame") as raised:
            list(reader)
        told.add(is_a_sentence(str(raised.value)))
    assert told
