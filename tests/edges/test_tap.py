"""The tap on a Bluetooth adapter: what the filter in the kernel lets pass, and how a frame lies in the buffer.

A pair of datagram sockets carries packets as the kernel's monitor channel gives them; the filter is attached to it as
to the real one, and the kernel runs it. The real channel is in `test_ble.py`.
"""

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from agent.core.advertisement import Decoder
from agent.core.frame import Link
from agent.radio import RadioError, tap
from agent.radio.tap import Tap
from tests.reports import (
    ACL,
    ACL_SENT,
    ADDED,
    CLOSED,
    COMMAND,
    CONTROL,
    EVENT,
    NOTE,
    OPENED,
    REMOVED,
    SCO,
    event,
    extended,
    legacy,
    shown,
)  # fmt: skip


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Tap]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    tap.prepare(near, "hci0")
    listening = Tap(near, "hci0", time.time)
    yield far, listening
    listening.close()
    far.close()


def heard(listening: Tap) -> list[bytes]:
    return [bytes(frame.payload) for frame in listening.frames(0.0)]


@pytest.mark.parametrize(
    "report", [legacy(), extended(), extended(data=bytes(229))], ids=["legacy", "extended", "long"]
)
def test_a_report_is_a_frame_that_begins_with_its_packet_type(pair: tuple[socket.socket, Tap], report: bytes) -> None:
    far, listening = pair
    before = time.time()
    far.send(shown(EVENT, report))
    (found,) = [(one.link, bytes(one.payload), one.at) for one in listening.frames(0.5)]
    assert found[:2] == (Link.HCI, b"\x04" + report)
    assert before - 0.01 <= found[2] <= time.time() + 0.01  # a clock that is being set right may go back a little
    assert listening.reports == 1


@pytest.mark.parametrize("report", [legacy(signal=-42), extended(signal=-42)], ids=["legacy", "extended"])
def test_what_it_gives_decodes(pair: tuple[socket.socket, Tap], report: bytes) -> None:
    far, listening = pair
    far.send(shown(EVENT, report))
    decoder = Decoder()
    (sighting,) = [one for frame in listening.frames(0.5) for one in decoder.sightings(frame.link, frame.payload)]
    assert sighting.signal == -42 and (decoder.foreign, decoder.damaged) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        shown(ACL, b"\x01\x20\x0b\x00a password"),
        shown(ACL_SENT, b"\x01\x20\x0b\x00a password"),
        shown(SCO, b"\x01\x00\x03abc"),
        shown(COMMAND, struct.pack("<HB16s", 0x200B, 16, b"a connection key")),
        shown(EVENT, event(0x18, b"a link key")),
        shown(EVENT, event(0x07, b"\0" + bytes(6) + b"a name")),
        shown(EVENT, event(0x3E, b"\x01a connection")),
        shown(EVENT, event(0x3E, b"\x05a key request")),
        shown(EVENT, event(0x3E, b"\x0bdirected at us")),
        shown(EVENT, event(0x0E, b"\x02\x0d\x3e\x02")),
        shown(EVENT, legacy(), adapter=1),
        shown(EVENT, legacy(), adapter=256),
        shown(EVENT | 0x100, legacy()),
        shown(ADDED, b"\0\0" + bytes(6) + b"hci0\0\0\0\0"),
        shown(REMOVED, b"", adapter=1),
        shown(CLOSED, b"", adapter=0xFFFF),
        shown(OPENED, b""),
        shown(NOTE, b"Linux version"),
        shown(CONTROL, b"a management event"),
        shown(EVENT, b""),
        shown(EVENT, b"\x3e\x01"),
        b"\x03",
    ],
    ids=lambda one: one[:12].hex(),
)
def test_nothing_else_reaches_this_process(pair: tuple[socket.socket, Tap], other: bytes) -> None:
    far, listening = pair
    far.send(other)
    far.send(shown(EVENT, legacy()))
    assert heard(listening) == [b"\x04" + legacy()]
    assert listening.reports == 1
    assert not any(listening._buffer[len(legacy()) + 6 :])  # nor was any of it in the buffer


@pytest.mark.parametrize("how", [(REMOVED, "plug it in again"), (CLOSED, "switched off")], ids=["removed", "closed"])
def test_an_adapter_that_goes_away_is_told_at_once(pair: tuple[socket.socket, Tap], how: tuple[int, str]) -> None:
    far, listening = pair
    far.send(shown(EVENT, legacy()))
    far.send(shown(how[0], b"what an adapter is called"))
    given = listening.frames(0.5)
    assert bytes(next(given).payload) == b"\x04" + legacy()
    with pytest.raises(RadioError, match=how[1]) as raised:
        next(given)
    assert "hci0" in str(raised.value) and str(raised.value).endswith(".")
    assert bytes(listening._buffer[6:12]) == legacy()[:6]  # of its going the header alone was received


def test_an_adapter_that_is_pulled_out_is_closed_first_and_is_told_as_pulled_out(
    pair: tuple[socket.socket, Tap],
) -> None:
    far, listening = pair
    for opcode in (CLOSED, REMOVED):
        far.send(shown(opcode, b""))
    with pytest.raises(RadioError, match="plug it in again"):
        heard(listening)


def test_an_adapter_with_a_number_of_two_digits_is_the_one_that_is_heard() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    tap.prepare(near, "hci12")
    listening = Tap(near, "hci12", time.time)
    far.send(shown(EVENT, legacy("52:00:00:00:00:01"), adapter=1))
    far.send(shown(EVENT, legacy("52:00:00:00:00:02"), adapter=12))
    assert heard(listening) == [b"\x04" + legacy("52:00:00:00:00:02")]
    listening.close()
    far.close()


def test_nothing_heard_ends_after_the_wait(pair: tuple[socket.socket, Tap]) -> None:
    _, listening = pair
    begun = time.monotonic()
    assert [*listening.frames(0.2)] == []
    assert 0.15 < time.monotonic() - begun < 1.0
    assert listening.dropped() == 0


def test_closing_overwrites_what_was_last_received() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    tap.prepare(near, "hci0")
    listening = Tap(near, "hci0", time.time)
    far.send(shown(EVENT, legacy()))
    assert heard(listening)
    assert any(listening._buffer)
    listening.close()
    assert not any(listening._buffer)
    far.close()
