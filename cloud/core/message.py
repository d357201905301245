"""Message: what is said to somebody outside, by mail or by webhook.

1. `name` says what is told to whom, and is the same however often it is told: the outbox holds a name once, a mailbox
   sees it as the Message-ID, a receiver as the webhook-id.
2. A message is ready to be sent: it has the words in the reader's language, and only disclosed figures.
"""

import hashlib
from typing import Literal

from msgspec import Struct

Event = Literal["daily", "alert"]
EVENTS: tuple[Event, ...] = ("daily", "alert")


class Mail(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="mail"):
    """A mail to one address. `unsubscribe` is the link that ends such mails; without one there is no link."""

    to: str
    subject: str
    text: str
    html: str | None = None
    unsubscribe: str | None = None


class Hook(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="hook"):
    """A call of a webhook: `body` (JSON) of the event `event`, which is the same for everyone who is told of it."""

    url: str
    event: str
    kind: Event
    body: bytes


Message = Mail | Hook


class Endpoint(Struct, frozen=True, kw_only=True):
    """A webhook of a tenant, and what it wants to be told of."""

    url: str
    events: tuple[Event, ...] = EVENTS


class Ways(Struct, frozen=True, kw_only=True):
    """The ways to tell somebody outside: whether mails can be sent, which webhooks there are, and the address of our
    own pages that links begin with ("": no links)."""

    mail: bool = False
    webhooks: tuple[Endpoint, ...] = ()
    public_url: str = ""


class Undelivered(Exception):  # noqa: N818 - it is no error of the program
    """Whoever should take a message did not; the text says who and why, for the operator.

    `for_good`: trying again is of no use. `down`: nothing else gets there now either; `gone`: nor at any time.
    `pause_s`: it asks not to be tried again before so many seconds.
    """

    def __init__(
        self, why: str, *, for_good: bool = False, down: bool = False, gone: bool = False, pause_s: int = 0
    ) -> None:
        super().__init__(why)
        self.for_good, self.down, self.gone, self.pause_s = for_good, down, gone, pause_s


def name(*parts: str) -> str:
    """One name for what the parts name together."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
