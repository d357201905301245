"""Mailboxes and receivers: a real mail server and a real HTTP server on free ports of this machine."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.brokers import free_port
from tests.certificates import Pair


class Mailbox:
    """What the mail server took. `answers` are given in place of taking a mail, one each; `refused` addresses never."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.refused: dict[str, str] = {}
        self.signed_in: list[tuple[str, str]] = []
        self.secure: list[bool] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        self.secure.append(session.ssl is not None)
        self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"

    def knows(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        pair = (data.login.decode(), data.password.decode())
        self.signed_in.append(pair)
        return AuthResult(success=pair == ("footfall", "right"), handled=False)


@contextmanager
def mail_server(tls: str = "none", pair: Pair | None = None, *, sign_in: bool = False) -> Iterator[tuple[Mailbox, int]]:
    """A mail server with `tls` "none", "starttls" or "tls"; gives what it took, and its port.

    This one lets nobody sign in but after STARTTLS.
    """
    box, context = Mailbox(), None
    if pair is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
    more: dict[str, Any] = {"ssl_context": context} if tls == "tls" else {}
    if tls == "starttls":
        more = {"tls_context": context, "require_starttls": True}
    if sign_in:
        more |= {"authenticator": box.knows, "auth_required": True}
    server = Controller(box, hostname="127.0.0.1", port=free_port(), **more)
    server.start()
    try:
        yield box, server.port
    finally:
        server.stop()


class Call(NamedTuple):
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """What a webhook was called with. `answers` are statuses, or (status, headers), one each; then 204."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[Any] = []
        self.hold = threading.Event()
        self.dripping = False
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.calls.append(Call(request.path, {key.lower(): one for key, one in request.headers.items()}, body))
        if self.dripping:
            self.hold.wait(10)
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.end_headers()


@contextmanager
def receiver(pair: Pair | None = None) -> Iterator[Receiver]:
    """A receiver of webhooks, with TLS where there is a certificate."""
    box = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if pair is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    box.url = f"http{'s' if pair else ''}://127.0.0.1:{server.server_address[1]}/hook?a=1"
    try:
        yield box
    finally:
        box.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
