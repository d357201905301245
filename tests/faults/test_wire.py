"""The wire itself: each fault it claims to make is one that a plain TCP client meets."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.brokers import until
from tests.faults.wire import Wire, wire

ALL = b"0123456789" * 2000


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says again what it hears; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(caller,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    server.close()


def _echo(caller: socket.socket) -> None:
    with caller:
        try:
            while heard := caller.recv(4096):
                caller.sendall(heard)
        except OSError:
            return


@pytest.fixture
def line(echo: int) -> Iterator[Wire]:
    with wire(echo) as made:
        yield made


def call(line: Wire, timeout_s: float = 5.0) -> socket.socket:
    """A caller whose words have come back once, so that the line is known to stand."""
    caller = socket.create_connection(("127.0.0.1", line.port), 5)
    caller.settimeout(timeout_s)
    assert said(caller, b"hello") == b"hello"
    return caller


def said(caller: socket.socket, words: bytes) -> bytes:
    """What comes back, until as much has come as was said, or the end."""
    threading.Thread(target=caller.sendall, args=(words,), daemon=True).start()
    back = b""
    while len(back) < len(words) and (more := caller.recv(65536)):
        back += more
    return back


def took(caller: socket.socket, words: bytes) -> float:
    start = time.monotonic()
    assert said(caller, words) == words
    return time.monotonic() - start


def test_a_good_wire_carries_everything_and_ends_with_its_ends(line: Wire) -> None:
    with call(line) as one, call(line) as other:
        assert said(one, ALL) == ALL
        assert said(other, ALL) == ALL
        assert line.links == 2
        until(lambda: line.up.carried == line.down.carried == 2 * len(ALL) + 10, "the count")
    until(lambda: line.links == 0, "the links to end")


def test_the_end_of_what_one_side_says_leaves_the_other_side_its_answer(line: Wire) -> None:
    with call(line) as caller:
        caller.sendall(ALL)
        caller.shutdown(socket.SHUT_WR)
        back = b""
        while more := caller.recv(65536):
            back += more
    assert back == ALL


def test_delay_is_per_direction_and_keeps_the_order(line: Wire) -> None:
    with call(line) as caller:
        assert took(caller, b"x") < 0.1
        line.up.delay_s, line.up.jitter_s = 0.2, 0.1
        assert 0.2 <= took(caller, b"x") < 0.5
        assert took(caller, ALL) < 1.0  # delay is no rate: segments follow each other
        line.heal()
        assert took(caller, b"x") < 0.1


def test_a_rate_takes_its_time(line: Wire) -> None:
    with call(line) as caller:
        line.down.rate = 40_000.0
        assert 0.4 < took(caller, ALL) < 1.0


def test_loss_stalls_by_timeouts_and_loses_nothing(line: Wire) -> None:
    with call(line, 20) as caller:
        line.up.loss = 0.2
        slow = took(caller, ALL)
    assert slow > 0.2


def test_a_reset_and_an_end_are_told_apart(line: Wire) -> None:
    with call(line) as caller, call(line) as other:
        line.drop(reset=True)
        with pytest.raises(ConnectionResetError):
            caller.recv(1)
        with pytest.raises(ConnectionResetError):
            other.recv(1)
    with call(line) as caller:
        line.drop(reset=False)
        assert caller.recv(1) == b""
    assert line.links == 0


def test_half_open_requests_arrive_and_answers_do_not(line: Wire) -> None:
    with call(line, 0.3) as caller:
        line.down.silent = True
        before = line.up.carried
        caller.sendall(b"is anybody there")
        with pytest.raises(TimeoutError):
            caller.recv(1)
        assert line.up.carried == before + 16
        line.heal()
        caller.settimeout(5)
        assert caller.recv(100) == b"is anybody there"


def test_a_silent_line_tells_nobody_that_the_other_end_has_gone(line: Wire) -> None:
    line.up.silent = True
    caller = socket.create_connection(("127.0.0.1", line.port), 5)
    until(lambda: line.links == 1, "the link")
    caller.close()
    time.sleep(0.2)
    assert line.links == 1
    line.heal()
    until(lambda: line.links == 0, "the link to end")


def test_a_cut_leaves_calls_unanswered_and_a_healed_line_takes_them(line: Wire) -> None:
    with call(line, 0.3) as caller:
        line.cut()
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", line.port), 0.5)
        caller.sendall(b"kept")
        with pytest.raises(TimeoutError):
            caller.recv(4)
        line.heal()
        caller.settimeout(5)
        assert caller.recv(4) == b"kept"
    call(line).close()


def test_a_cut_that_heals_answers_the_call_that_waited(line: Wire) -> None:
    line.cut()
    healing = threading.Timer(0.3, line.heal)
    healing.start()
    start = time.monotonic()
    call(line).close()
    healing.join()
    assert 0.3 < time.monotonic() - start < 4  # the kernel says SYN again after one second


def test_what_is_refused_is_refused_and_what_stands_goes_on(line: Wire) -> None:
    with call(line) as caller:
        line.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", line.port), 1)
        assert said(caller, b"still here") == b"still here"
    line.heal()
    call(line).close()


def test_what_is_forgotten_stays_so_when_all_else_heals(line: Wire) -> None:
    with call(line, 0.3) as caller:
        line.forget()
        caller.sendall(b"x")
        line.heal()
        with pytest.raises(TimeoutError):
            caller.recv(1)
        call(line).close()
        until(lambda: line.links == 1, "the new link alone to end")


def test_where_nobody_listens_behind_it_the_call_is_reset() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with wire(nobody.getsockname()[1]) as line, pytest.raises(ConnectionResetError):
            hang_up(line)


def hang_up(line: Wire) -> None:
    """Call and say nothing, until the other end has gone."""
    with socket.create_connection(("127.0.0.1", line.port), 5) as caller:
        caller.recv(1)
