"""Outside: how anybody outside is told, as the operator writes it in `cloud.toml`. Without these tables nobody is."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from cloud.core.message import EVENTS, Event
from cloud.core.recipient import address

File = Annotated[str, Meta(min_length=1, max_length=255)]


class Mail(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mail server. `sender` is the address that mails come from; `user` signs in with what is in `password_file`.
    `ca` is a file of trusted certificates (null: the system's)."""

    host: Annotated[str, Meta(min_length=1, max_length=255)]
    sender: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: File | None = None
    ca: File | None = None


class Webhook(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A URL that is called with a tenant's `events`, signed with what is in `secret_file` ("whsec_...").

    `private` lets it lead to an address of a private network. `ca` as for mails.
    """

    tenant: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    url: Annotated[str, Meta(min_length=1, max_length=1000)]
    secret_file: File
    events: list[Event] = field(default_factory=lambda: list(EVENTS))
    private: bool = False
    ca: File | None = None


def check(mail: Mail | None, webhooks: list[Webhook], public_url: str) -> None:
    """Raises ValueError, naming the key, for what could be written and cannot be."""
    if public_url and (not may_be_called(public_url) or public_url.endswith("/") or urlsplit(public_url).query):
        raise ValueError('http.public_url: write it as "https://example.com", without a slash at its end')
    if mail is not None:
        try:
            address(mail.sender)
        except ValueError as error:
            raise ValueError(f"mail.sender: {str(error).removesuffix('.')}") from None
        if mail.tls == "none" and not is_here(mail.host):
            raise ValueError('mail.tls: "none" is for a server on this machine only: write "starttls" or "tls"')
        if (mail.user is None) != (mail.password_file is None):
            raise ValueError("mail: `user` and `password_file` go together: give both or neither")
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(webhooks):
        if not may_be_called(one.url):
            raise ValueError(f"webhooks[{number}].url: write https://, or http:// to this machine, and no user or #")
        if (one.tenant, one.url) in seen:
            raise ValueError(f"webhooks[{number}].url: it is there twice")
        seen.add((one.tenant, one.url))


def may_be_called(url: str) -> bool:
    """Whether a URL is https, or http to this machine, and names no user and no fragment."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "http" and is_here(parts.hostname or "")
        named = bool(parts.hostname) and parts.username is None and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return named and url.isascii() and url.isprintable() and " " not in url and (parts.scheme == "https" or plain)


def is_here(host: str) -> bool:
    """Whether a host is this machine by its name alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
