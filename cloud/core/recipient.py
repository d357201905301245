"""Recipient: somebody who gets a shop's mails.

1. An address is kept as `address` writes it, so that one mailbox is there once.
2. Nobody is sent figures before they were confirmed: by whoever reads the address, or by the operator where there is
   no page to do it on.
3. The word is random and stands in the links of that address's mails. Whoever has it can end them, and nothing else.
"""

import re

from msgspec import Struct

from cloud.core.message import Event
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

MOST_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3: a path of 256 with its two brackets
# A dot-atom (RFC 5322, 3.2.3) at a host name of two labels or more; no quotes, comments or address literals.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


class Wishes(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody wants to be sent, in which language: the report of the day before at 08:00, and alerts."""

    language: str = "en"
    daily: bool = True
    alerts: bool = True

    def want(self, event: Event) -> bool:
        """Whether they are of such an event."""
        return self.daily if event == "daily" else self.alerts


class Recipient(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An address and what it wants. Times are UTC seconds; `confirmed_at` is null until it is confirmed."""

    address: str
    wishes: Wishes
    added_at: int
    confirmed_at: int | None = None


class Subscription(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recipient with the word of its links."""

    recipient: Recipient
    word: str


def address(text: str) -> str:
    """A mail address as it is kept: in small letters, an international domain in ASCII. Raises Refusal.

    Before the @ only ASCII is taken: all else needs SMTPUTF8 on the whole way.
    """
    local, _, domain = text.strip().lower().rpartition("@")
    try:
        told = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        told = ""
    # What looks like an encoded word (RFC 2047) would be decoded on its way.
    if len(told) > MOST_CHARACTERS or not _ADDRESS.fullmatch(told) or "=?" in told:
        raise Refusal(Saying('"{text}" is no mail address: write it as "name@example.com".', text=text[:80]))
    return told
