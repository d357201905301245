"""Hook: calls a webhook with a signed event, as the Standard Webhooks specification 1.0 has it.

1. Signed is "id.timestamp.body" with HMAC-SHA256; the timestamp is that of the attempt, the id that of the event.
2. Only https, or http to this machine. A name that leads to an address of a private network is not called unless the
   operator allowed it: else whoever owns the name could have our network asked from inside.
3. The address that was looked at is the one that is called. No redirect is followed. Nothing of an answer is kept.
4. An attempt ends after `LONGEST_S`, however slowly the other side speaks. 2xx is taken; 410 is never called again.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import http.client
import re
import socket
import ssl
import threading
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from cloud.core.message import Hook, Undelivered
from cloud.outside import is_here

TIMEOUT_S, LONGEST_S = 10.0, 20.0
SECRET = "whsec_"  # noqa: S105 - how a secret begins
LEAST_BYTES, MOST_BYTES = 24, 64
MOST_ADDRESSES = 2
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)


class Target(Struct, frozen=True, kw_only=True):
    """What is needed to call a webhook. `ca` is a file of trusted certificates (None: the system's)."""

    secret: bytes
    private: bool = False
    ca: str | None = None


def secret(text: str) -> bytes:
    """The key in "whsec_..." . Raises ValueError, saying what is allowed."""
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET), validate=True)
    except binascii.Error:
        key = b""
    if not text.strip().startswith(SECRET) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"write {SECRET} and {LEAST_BYTES} to {MOST_BYTES} random bytes in base64")
    return key


def signature(key: bytes, event: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` says."""
    signed = f"{event}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def call(target: Target, hook: Hook, now: int) -> None:
    """Call a webhook at UTC second `now`. Raises Undelivered."""
    parts = urlsplit(hook.url)
    headers = {
        "Content-Type": "application/cloudevents+json",
        "User-Agent": "Footfall",
        "webhook-id": hook.event,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(target.secret, hook.event, now, hook.body),
    }
    addresses = _addresses(parts, private=target.private)
    try:
        status, wait = _asked(_Pinned(parts, addresses, target.ca), parts, hook.body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"{parts.hostname} cannot be called: {error or type(error).__name__}", down=True) from None
    if not 200 <= status < 300:
        raise _refused(f"{parts.hostname} answered {status}", status, wait)


def _asked(connection: "_Pinned", parts: SplitResult, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """The status that a POST is answered with, and how long to wait. Raises OSError, HTTPException."""
    too_long = threading.Timer(LONGEST_S, connection.cut)
    try:
        connection.connect()
        too_long.start()
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        too_long.cancel()
        connection.close()


def _refused(why: str, status: int, wait: str) -> Undelivered:
    gone = status == HTTPStatus.GONE
    pause_s = int(wait) if re.fullmatch(r"[0-9]{1,6}", wait) else 0
    return Undelivered(why, for_good=gone, gone=gone, down=status in BUSY or status >= 500, pause_s=pause_s)


class _Pinned(http.client.HTTPConnection):
    """A connection to one of these addresses, whatever the name leads to by then."""

    def __init__(self, parts: SplitResult, addresses: list[str], ca: str | None) -> None:
        self._tls = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self.default_port = http.client.HTTPS_PORT if self._tls else http.client.HTTP_PORT
        super().__init__(parts.hostname or "", parts.port or self.default_port, timeout=TIMEOUT_S)
        self._addresses = addresses

    def connect(self) -> None:
        """Connect to the first that answers; the certificate is checked for the name. Raises OSError."""
        for one in self._addresses[:-1]:
            with contextlib.suppress(OSError):
                self.sock = socket.create_connection((one, self.port), TIMEOUT_S)
                break
        else:
            self.sock = socket.create_connection((self._addresses[-1], self.port), TIMEOUT_S)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread: whoever reads or writes gets an error."""
        with contextlib.suppress(AttributeError, OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _addresses(parts: SplitResult, *, private: bool) -> list[str]:
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Undelivered(f"{host} cannot be found: {error}", down=True) from None
    addresses = [str(one[4][0]) for one in found]
    if not (private or is_here(host)) and (inner := [one for one in addresses if not ip_address(one).is_global]):
        raise Undelivered(f"{host} leads to {inner[0]}, which is of a private network: see `private` in the settings")
    return addresses[:MOST_ADDRESSES]
