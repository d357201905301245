"""Over the kernel's own TCP and a bad cable nothing is lost either; what a test made in the kernel goes with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.line import within
from tests.faults.netns import HERE, THERE, cable, torture

KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 1), 1)
except ConnectionRefusedError:
    print("answered")
except OSError:
    print("silent")
"""


@pytest.mark.root
def test_a_bad_cable_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line


@pytest.mark.root
def test_a_cable_carries_and_is_cut_one_way_and_unplugged() -> None:
    with cable() as wire:
        assert knocked(wire.here, THERE) == knocked(wire.there, HERE) == "answered"
        wire.tell(cut=True, dir="ba")
        assert knocked(wire.here, THERE) == "silent"
        wire.tell(cut=False)
        assert knocked(wire.here, THERE) == "answered"
        wire.tell(carrier=False)
        assert knocked(wire.here, THERE) == "silent"
        wire.tell(carrier=True)
        assert knocked(wire.here, THERE) == "answered"


@pytest.mark.root
def test_no_namespace_is_left_behind_where_a_test_fails() -> None:
    with pytest.raises(ZeroDivisionError), cable() as wire:
        assert {wire.here, wire.there} <= namespaces()
        _ = 1 / 0
    assert not {wire.here, wire.there} & namespaces()


def namespaces() -> set[str]:
    return set(subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout.split())


def knocked(place: str, host: str) -> str:
    """Whether a port that nobody listens on answers that."""
    words = [*within(place), sys.executable, "-c", KNOCK, host]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
