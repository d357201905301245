"""A front: an HTTPS server of the test's own on loopback, which answers as it is told, or not at all."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cloud.authority import Pair


class Sent(NamedTuple):
    """What came: the path, and the body."""

    path: str
    body: bytes


class Answer(NamedTuple):
    """What is answered: status, body, and a header if there is one more. `breaks_off` after so many bytes of it."""

    status: int
    body: bytes
    header: tuple[str, str] = ("X-Front", "test")
    breaks_off: int | None = None


@contextmanager
def front(folder: Path, pair: Pair, answer: Callable[[Sent], Answer | None]) -> Iterator[int]:
    """Serves with the certificate `pair`; its port. Where `answer` gives None the line is cut without a word."""
    (folder / "front.pem").write_bytes(pair.certificate + pair.key)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = Sent(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            told = answer(sent)
            self.close_connection = True
            if told is None:
                return
            self.send_response(told.status)
            self.send_header(*told.header)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body[: told.breaks_off])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "front.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
