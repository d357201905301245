"""Server: the setup page over HTTP, for as long as it is open.

1. Every answer comes at once: what takes long, such as a claim, goes on beside it and is shown as progress.
2. Only a name that no other site can have is answered to: a number, this machine's name, or that name in `.local`.
   Otherwise a site could give its own name our address and read along.
3. What is sent must come from this page (`Origin`), be short, and carry the session that the word or a claim gave.
4. Nothing about visitors is logged or kept.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from agent.setup import pages, walking
from agent.setup.door import Door, token
from agent.setup.station import Station
from agent.setup.words import Words, spoken

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make our own forms say "Origin: null"
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC = {"/static/setup.css": "text/css", "/static/setup.js": "text/javascript"}
COOKIE, MOST_BYTES, MOST_VISITORS, PATIENCE_S, LOOK_S = "setup", 2048, 16, 5.0, 0.1


class Server(ThreadingHTTPServer):
    """The page on `listening`, for one `station` behind one `door`."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, station: Station, door: Door) -> None:
        super().__init__(listening.getsockname(), Visit, bind_and_activate=False)
        self.socket.close()
        self.socket, self.station, self.door = listening, station, door
        self.hosts = frozenset((socket.gethostname().lower(), station.name, "localhost"))
        self._room = threading.BoundedSemaphore(MOST_VISITORS)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Let one in, or hang up on whoever comes when the house is full."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """One visit, in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hung up is no trouble, and is not named."""


class Visit(BaseHTTPRequestHandler):
    """One question and its answer."""

    server: Server
    timeout = PATIENCE_S
    server_version, sys_version = "Footfall", ""

    def do_GET(self) -> None:
        """A page, or a file of it."""
        path, words = urlsplit(self.path).path, self._words()
        if not self._is_asked_for():
            self._say(HTTPStatus.MISDIRECTED_REQUEST, words("missing"))
        elif path in STATIC:
            content = (files("agent.setup") / path.removeprefix("/")).read_bytes()
            self._send(HTTPStatus.OK, content, STATIC[path])
        elif path in ("/", "/claim"):
            self._page(pages.home(self._station.view(words), words))
        elif path == "/walk":
            self._page(self._walk(words) if self._may() else pages.word(self._station.name, "", words))
        elif path == "/word":
            self._page(pages.word(self._station.name, "", words))
        else:
            self._say(HTTPStatus.NOT_FOUND, words("missing"))

    def do_POST(self) -> None:
        """Something is to change."""
        words = self._words()
        if not self._is_asked_for() or self._is_foreign():
            self._say(HTTPStatus.FORBIDDEN, words("foreign"))
            return
        form = self._form()
        if form is None:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words("too-long"))
            return
        path = urlsplit(self.path).path
        if path == "/claim":
            self._claim(form, words)
        elif path == "/word":
            self._word(form, words)
        elif path not in ("/walk", "/zones"):
            self._say(HTTPStatus.NOT_FOUND, words("missing"))
        elif not self._may():
            self._page(pages.word(self._station.name, "", words), HTTPStatus.FORBIDDEN)
        elif path == "/walk":
            self._station.step(form)
            self._go("/walk")
        else:
            self._zones(form, words)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: who visits is not written down."""

    @property
    def _station(self) -> Station:
        return self.server.station

    def _claim(self, form: dict[str, str], words: Words) -> None:
        bearer = token()
        refusal = self._station.claim(form.get("code", ""), time.monotonic(), partial(self.server.door.admit, bearer))
        if refusal:
            view = self._station.view(words)._replace(wrong=words(refusal))
            self._page(pages.home(view, words), HTTPStatus.UNPROCESSABLE_ENTITY)
        else:
            self._go("/", bearer)

    def _word(self, form: dict[str, str], words: Words) -> None:
        door, now = self.server.door, time.monotonic()
        shut = door.lock.shut(now)
        if door.opens_to(form.get("word", ""), now):
            bearer = token()
            door.admit(bearer)
            self._go("/walk", bearer)
        else:
            wrong = words("locked" if shut else "word-wrong")
            status = HTTPStatus.TOO_MANY_REQUESTS if shut else HTTPStatus.FORBIDDEN
            self._page(pages.word(self._station.name, wrong, words), status)

    def _zones(self, form: dict[str, str], words: Words) -> None:
        if self._station.settle(form.get("inside", ""), form.get("outside", "")):
            self._go("/walk?kept")
        else:
            view = self._station.view(words)._replace(wrong=words("zones-wrong"))
            self._page(self._walk(words, view), HTTPStatus.UNPROCESSABLE_ENTITY)

    def _walk(self, words: Words, view: pages.View | None = None) -> str:
        seen = view or self._station.view(words)._replace(kept=urlsplit(self.path).query == "kept")
        hearing = self._station.hearing
        return walking.walk(seen, hearing.walk, hearing.clock(), words, lost=hearing.lost)

    def _session(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return found.value if found else ""

    def _may(self) -> bool:
        return self.server.door.knows(self._session())

    def _is_asked_for(self) -> bool:
        """Whether the name asked for is this sensor's and nobody else's."""
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        except ValueError:
            return False
        if host.removesuffix(".local") in self.server.hosts:
            return True
        try:
            return bool(ipaddress.ip_address(host))
        except ValueError:
            return False

    def _is_foreign(self) -> bool:
        """Whether a browser says that another page asks for this. A program says nothing, and nobody guides it."""
        origin = self.headers.get("Origin")
        return (origin is not None and origin != f"http://{self.headers.get('Host')}") or self.headers.get(
            "Sec-Fetch-Site", "same-origin"
        ) not in ("same-origin", "none")

    def _form(self) -> dict[str, str] | None:
        said = self.headers.get("Content-Length", "")
        if not said.isdecimal() or int(said) > MOST_BYTES or "Transfer-Encoding" in self.headers:
            return None
        text = self.rfile.read(int(said)).decode("utf-8", "replace")
        try:
            return {name: values[0] for name, values in parse_qs(text, max_num_fields=8).items()}
        except ValueError:
            return None

    def _words(self) -> Words:
        return spoken(self.headers.get("Accept-Language", ""))

    def _say(self, status: HTTPStatus, told: str) -> None:
        self._page(pages.sentence(self._station.name, told, self._words()), status)

    def _page(self, html: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, html.encode(), "text/html; charset=utf-8")

    def _go(self, path: str, session: str = "") -> None:
        """See another page. `session`: a token that this browser may change things with from now on."""
        more = {"Location": path}
        if session:
            more["Set-Cookie"] = f"{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", more)

    def _send(self, status: HTTPStatus, content: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {**HEADERS, **(more or {}), "Content-Type": kind, "Connection": "close"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve(listening: socket.socket, station: Station, door: Door, stopping: Callable[[], bool]) -> None:
    """Answer until `stopping` says so or the page is to be closed."""
    with Server(listening, station, door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(LOOK_S,), daemon=True)
        thread.start()
        while not stopping() and station.is_open():
            time.sleep(LOOK_S)
        server.shutdown()
        thread.join()
