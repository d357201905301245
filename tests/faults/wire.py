"""Wire: a line between two processes of a test that can be spoilt while it is in use, each direction by itself.

1. It carries TCP between a loopback port of its own and another one; what is told to one end is never told to the other
   sooner than the wire would carry it, the end of a connection included.
2. A silent direction keeps what was put in and carries it on once it heals, as TCP's retransmission would.
3. Loss shows in TCP as time: a lost segment stalls all behind it by one, two, four ... timeouts of retransmission.
4. A deaf door leaves a caller's SYN unanswered, as a dead line does: the kernel drops it because the backlog is full.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

SEGMENT = 1460  # bytes of payload in an Ethernet frame
FIRST_RTO_S, RTOS = 0.2, 5  # Linux's shortest timeout (TCP_RTO_MIN); RFC 6298 section 5.5 doubles it
LOOK_S = 0.01
PIECES = 64


@dataclass
class Lane:
    """One direction. `loss` is the share of segments that get lost, `rate` bytes a second (0: as fast as it goes)."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    rate: float = 0.0
    silent: bool = False
    carried: int = 0

    def heal(self) -> None:
        self.delay_s = self.jitter_s = self.loss = self.rate = 0.0
        self.silent = False

    def late_s(self, size: int, dice: random.Random) -> tuple[float, float]:
        """How much later a segment of `size` bytes arrives: what holds up the next one too, and what does not."""
        rto_s, held_s = FIRST_RTO_S, size / self.rate if self.rate else 0.0
        for _ in range(RTOS):
            if dice.random() >= self.loss:
                break
            held_s, rto_s = held_s + rto_s, 2 * rto_s
        return held_s, self.delay_s + dice.uniform(0, self.jitter_s)


@dataclass(eq=False)
class _Link:
    """One connection: the caller's end and ours."""

    ends: list[asyncio.StreamWriter]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    forgotten: bool = False


class Wire:
    """The line from `port` to `target`, `up` and `down` as the caller sees them. Call its methods from any thread."""

    def __init__(self, target: int, seed: int = 1) -> None:
        self.up, self.down = Lane(), Lane()
        self.calls = 0
        self._target, self._dice = target, random.Random(seed)
        self._links: set[_Link] = set()
        self._stuffing: list[socket.socket] = []
        # It keeps the port ours while nobody listens there: what calls is refused.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port = int(self._held.getsockname()[1])
        self._listener: socket.socket | None = None
        self._answering: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire")
        self._thread.start()
        self._do(self._open)

    @property
    def links(self) -> int:
        """How many connections there are, those the wire has forgotten included."""
        return len(self._links)

    def heal(self) -> None:
        """As good as new; what was forgotten or dropped stays so."""
        self._do(self._open)
        self.up.heal()
        self.down.heal()

    def drop(self, *, reset: bool) -> None:
        """End every connection at both ends: with RST, or with FIN."""
        self._do(lambda: [self._end(link, reset=reset) for link in list(self._links)])

    def forget(self) -> None:
        """Carry nothing for the connections there are, ever again, and tell nobody: a router that was restarted."""
        for link in list(self._links):
            link.forgotten = True

    def refuse(self) -> None:
        """New connections are refused; those there are go on."""
        self._do(self._close)

    def ignore(self) -> None:
        """New connections get no answer at all; those there are go on."""
        self._do(self._stuff)

    def cut(self) -> None:
        """Nothing is carried and nobody is told."""
        self.ignore()
        self.up.silent = self.down.silent = True

    def close(self) -> None:
        """End all of it."""
        self.refuse()
        self.drop(reset=True)
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._held.close()

    def _do(self, what: Callable[[], object]) -> None:
        async def done() -> None:
            what()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def _listen(self, backlog: int) -> socket.socket:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        self._listener.listen(backlog)
        return self._listener

    def _open(self) -> None:
        if self._answering is None:
            self._close()
            self._answering = self._loop.create_task(self._answer(self._listen(64)))

    def _close(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
        for one in [*self._stuffing, self._listener]:
            if one is not None:
                one.close()
        self._stuffing, self._listener, self._answering = [], None, None

    def _stuff(self) -> None:
        """Listen without answering, and fill the backlog with calls of our own until the kernel drops the next."""
        self._close()
        self._listen(0)
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self._stuffing.append(one)

    async def _answer(self, listener: socket.socket) -> None:
        while True:
            caller, _ = await self._loop.sock_accept(listener)
            self.calls += 1
            self._loop.create_task(self._join(caller))

    async def _join(self, caller: socket.socket) -> None:
        from_caller, to_caller = await asyncio.open_connection(sock=caller)
        try:
            from_target, to_target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(to_caller)
            return
        link = _Link([to_caller, to_target])
        self._links.add(link)
        link.tasks = [
            self._loop.create_task(self._carry(link, self.up, from_caller, to_target)),
            self._loop.create_task(self._carry(link, self.down, from_target, to_caller)),
        ]
        await asyncio.wait(link.tasks)
        self._end(link, reset=False)

    async def _carry(self, link: _Link, lane: Lane, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction of one connection, to its end."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)
        taking = self._loop.create_task(self._take(lane, source, pieces))
        link.tasks.append(taking)
        data = b"-"
        try:
            while data:
                due, data = await pieces.get()
                await asyncio.sleep(due - self._loop.time())
                while lane.silent or link.forgotten:
                    await asyncio.sleep(LOOK_S)
                if data:
                    sink.write(data)
                    await sink.drain()
                    lane.carried += len(data)
                else:
                    sink.write_eof()
        except OSError:  # the end it goes to is gone; the other direction carries that news
            pass
        finally:
            taking.cancel()

    async def _take(self, lane: Lane, source: asyncio.StreamReader, pieces: asyncio.Queue[tuple[float, bytes]]) -> None:
        """What was put in, and when it is to come out."""
        free_at, last, data = 0.0, 0.0, b"-"
        while data:
            try:
                data = await source.read(SEGMENT)
            except OSError:  # a reset: carried on as an end
                data = b""
            held_s, late_s = lane.late_s(len(data), self._dice)
            free_at = max(self._loop.time(), free_at) + held_s
            last = max(last, free_at + late_s)
            await pieces.put((last, data))

    async def _leave(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _end(self, link: _Link, *, reset: bool) -> None:
        for end in link.ends:
            if reset:
                _reset(end)
            else:
                end.close()
        for task in link.tasks:
            task.cancel()
        self._links.discard(link)


def _reset(end: asyncio.StreamWriter) -> None:
    """Close with RST: nothing lingers (SO_LINGER, on, 0 seconds)."""
    with suppress(OSError):  # it may have ended already
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()


@contextmanager
def wire(target: int) -> Iterator[Wire]:
    """A wire to the loopback port `target`, for as long as the block runs."""
    made = Wire(target)
    try:
        yield made
    finally:
        made.close()
