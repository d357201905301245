"""Listener: the sensing process behind two sockets instead of two radios, one of them Bluetooth; it needs no rights.

1. What lies behind the radios is the product's own: ear, core, shelf, outbox, and the exec that ends an epoch.
2. Frames are received as from a radio: into one buffer, again and again, and a payload is a slice of it.
3. What a sensor would keep in the kernel's keyring goes out through a third socket, for who plays its thief.

Started as `python -m tests.privacy.listener SETTINGS`, which are a `Settings` in JSON.
"""

import logging
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from agent import learnt, renewal, sense, status
from agent.clock import ScaledClock
from agent.config import Config, Time
from agent.core.frame import Frame, Link
from agent.core.sensor import Sensor
from agent.ear import Ear
from agent.outbox import Outbox
from agent.renewal import Handed
from agent.shelf import Shelf

WINDOW_S = 60
_LONGEST = 4096


class Settings(msgspec.Struct, frozen=True):
    """Where its files lie, its clock, and the descriptors it listens on and keeps to."""

    folder: str
    time: Time
    wifi: int
    ble: int
    kept: int


class Wire:
    """A radio at the other end of a socket. What it is given to listen on stays open when it is closed."""

    source, ready = "wire", True

    def __init__(self, descriptor: int, link: Link, now: Callable[[], float]) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._socket.setblocking(False)
        self._link, self._now = link, now
        self._buffer = memoryview(bytearray(_LONGEST))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def frames(self, wait_s: float) -> Iterator[Frame]:
        self._poll.poll(wait_s * 1000)
        now = self._now()
        for _ in range(512):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                return
            if not size:
                return
            yield Frame(now, self._link, self._buffer[:size])

    def dropped(self) -> int:
        return 0

    def signs(self) -> None:
        return None

    def close(self) -> None:
        self._socket.close()
        self._buffer[:] = bytes(_LONGEST)


def run(settings: Settings, handed: Handed | None) -> Handed:
    """Sense until the epoch is over; what the next process goes on with."""
    config = Config(
        sensor="demo:door",
        state_dir=f"{settings.folder}/state",
        window_s=WINDOW_S,
        time_zone="Europe/Berlin",
        time=settings.time,
    )
    clock, outbox = sense.make_clock(config), Outbox(config.outbox_path, life=handed.life if handed else None)
    assert isinstance(clock, ScaledClock)
    place, known = sense.make_place(config, outbox), handed.learnt if handed else {}
    radios = ("wifi", "ble")
    sensor = Sensor(radios, sense.draw_key, WINDOW_S, place, known, None, renewed=handed is not None, one_epoch=True)
    ears = [
        Ear("wifi", partial(Wire, settings.wifi, Link.RADIOTAP, clock.now), sensor, clock),
        Ear("ble", partial(Wire, settings.ble, Link.BLE_WITH_RADIO, clock.now), sensor, clock),
    ]
    shelf = Shelf(outbox, handed.unsaved if handed else ())
    while not sensor.memory.epoch_ended:
        closed = sensor.poll(clock.now(), trusted=clock.trusted(), boot=clock.boot())
        shelf.keep(closed)
        if closed and not sensor.memory.epoch_ended:
            _keep(settings.kept, msgspec.msgpack.encode(sensor.memory.hold()))
        for ear in ears:
            ear.listen(0.02)
            status.write(Path(settings.folder) / "run" / f"{ear.kind}.json", ear.health())
    learnt.write(config.learnt_path, sensor.learnt())
    for ear in ears:
        ear.close()
    outbox.close()
    return Handed(
        began=0.0,
        epoch_over=True,
        learnt=sensor.learnt(),
        unsaved=shelf.unsaved,
        lost=0,
        life=outbox.life,
        totals=[],
    )


def _keep(descriptor: int, held: bytes) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as kept:
        kept.setblocking(False)
        with suppress(BlockingIOError):  # nobody plays the thief
            kept.send(held)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    renewal.become(
        run(msgspec.json.decode(sys.argv[1], type=Settings), renewal.taken()),
        ["-m", "tests.privacy.listener", sys.argv[1]],
    )
