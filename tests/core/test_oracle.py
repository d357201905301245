"""Our decoder against scapy's reading of the same frames, and mutated ones.

A sample, for the time it takes: `benchmarks/decode.py --oracle --fuzz` does it with every frame and a million.
"""

import pytest

from agent.core.dot11 import Decoder
from tests import oracle
from tests.conftest import shared


def differences(frames: list[oracle.Made]) -> list[str]:
    """Packets, in hex, that are read differently."""
    decoder, found = Decoder(), []
    for made in frames:
        foreign = decoder.foreign
        sighting = decoder.radiotap(made.packet)
        other = oracle.FOREIGN if decoder.foreign > foreign else oracle.DAMAGED
        if (other if sighting is None else tuple(sighting)) != oracle.expected(made):
            found.append(made.packet.hex())
    return found


@pytest.mark.parametrize("folder", ["pintor_train", "brno_cal", "argo_corridor"])
def test_captured_frames_read_as_scapy_reads_them(folder: str) -> None:
    packets = oracle.captured(shared("data") / folder)
    sample = packets[:: max(50, len(packets) // 200)]
    assert sample
    assert differences([oracle.Made(packet) for packet in sample]) == []


def test_generated_frames_read_as_scapy_reads_them() -> None:
    assert differences(list(oracle.generated(2026, 300))) == []


def test_mutated_packets_raise_nothing_and_read_alike_from_a_receive_buffer() -> None:
    made = [frame.packet for frame in oracle.generated(7, 100)]
    assert oracle.survive(2026, 20_000, oracle.seeds(made)) > 0
