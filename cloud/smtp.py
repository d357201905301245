"""SMTP: hands one mail at a time to the operator's mail server, which takes it from there.

1. Plain text comes first, the HTML with the same words second (RFC 2046, 5.1.4).
2. The Message-ID is made of the message's name: sent twice, a mailbox can see that it is one.
3. A mail that carries a link to end it names that link in its head too, for a mail program's own button (RFC 8058); the
   mail server has to sign those two lines (DKIM), or the button does not appear.
4. Without TLS only a server on this machine is spoken to. A certificate that does not fit ends the attempt.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any, Literal

from msgspec import Struct

from cloud.core.message import Mail, Undelivered

TIMEOUT_S = 20.0
Security = Literal["starttls", "tls", "none"]
WHOLE = frozenset(("message-id", "list-unsubscribe", "list-unsubscribe-post"))


class Server(Struct, frozen=True, kw_only=True):
    """A mail server, and the address that mails come from. `ca` is a file of trusted certificates (None: the system's);
    `user` and `password` sign in where they are given."""

    host: str
    port: int
    tls: Security
    sender: str
    user: str | None = None
    password: str | None = None
    ca: str | None = None


class _Whole(EmailPolicy):
    """Keeps a link in one line: the library would put a long one into encoded words, which no mail program follows."""

    def fold(self, name: str, value: Any) -> str:
        """A line of the head, as text."""
        return f"{name}: {value}{self.linesep}" if name.lower() in WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same in bytes."""
        return self.fold(name, value).encode("ascii") if name.lower() in WHOLE else super().fold_binary(name, value)


def send(server: Server, name: str, mail: Mail, now: int) -> None:
    """Hand a mail of that name to the server at UTC second `now`. Raises Undelivered."""
    letter = written(server.sender, name, mail, now)
    try:
        with _signed_in(server) as line:
            line.send_message(letter, from_addr=server.sender, to_addrs=[mail.to])
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        told = _text(reason).replace(mail.to, "that address")  # it goes into the log
        why = f"{server.host} does not take mails to that address: {code} {told}"
        raise Undelivered(why, for_good=500 <= code < 600) from None
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"{server.host} refused: {error.smtp_code} {_text(error.smtp_error)}", down=True) from None
    except (smtplib.SMTPException, OSError) as error:
        raise Undelivered(f"{server.host}:{server.port} cannot be used: {error}", down=True) from None


def written(sender: str, name: str, mail: Mail, now: int) -> EmailMessage:
    """The mail as it is sent."""
    letter = EmailMessage(policy=_Whole(linesep=SMTP.linesep))
    letter["From"] = Address(display_name="Footfall", addr_spec=sender)
    letter["To"] = Address(addr_spec=mail.to)
    letter["Subject"] = " ".join(mail.subject.split())
    letter["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    letter["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    if mail.unsubscribe is not None:
        letter["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        if mail.unsubscribe.startswith("https://"):  # RFC 8058, 3.1
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    else:
        letter["List-Unsubscribe"] = f"<mailto:{sender}?subject=STOP>"
    # Not every server takes eight bits, and these are readable as they are.
    letter.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        letter.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return letter


@contextmanager
def _signed_in(server: Server) -> Iterator[smtplib.SMTP]:
    trusted = ssl.create_default_context(cafile=server.ca)
    with (
        smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=trusted)
        if server.tls == "tls"
        else smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    ) as line:
        if server.tls == "starttls":
            line.starttls(context=trusted)
        if server.user is not None:
            line.login(server.user, server.password or "")
        yield line


def _text(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
