"""Shares: links that show one shop, read-only, to whoever has them: made, listed, ended, opened.

1. A link is 256 random bits. They are shown once and kept by nobody here, only their SHA-256.
2. A link that has ended, or was taken back, opens as one that never was.
3. Who guesses learns nothing from how long an answer takes: what is looked up is the SHA-256 of the guess, which nobody
   can steer, and it is compared whole.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.share import LONGEST_DAYS, LONGEST_LABEL, PAGES, Page, Share
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.shares import Shares as Kept

TOKEN_BYTES = 32
MOST_LINKS = 100  # of one shop at a time
_DAY_S = 86400


class Shares:
    """The links of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods raise UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._kept, self._tenant, self._clock = Kept(store), tenant, clock
        self._reader = Reader(store, tenant, clock)

    def create(self, shop_id: str, label: str, days: int, pages: Sequence[Page] = PAGES) -> tuple[Share, str]:
        """A new link to `pages` that opens for so many days, and its token: nobody can show that again.

        Raises Refusal for a number of days out of range, no label, no page, or too many links.
        """
        shop, now = self._reader.shop(shop_id).shop, int(self._clock())
        label = label.strip()
        if not 1 <= days <= LONGEST_DAYS:
            raise Refusal(Saying("days is {days}: a link lasts from 1 to {most} days.", days=days, most=LONGEST_DAYS))
        if not 1 <= len(label) <= LONGEST_LABEL:
            raise Refusal(Saying("label: say in 1 to {most} letters whom the link is for.", most=LONGEST_LABEL))
        if not pages:
            raise Refusal(Saying("pages is empty: name at least one of {pages}.", pages=", ".join(PAGES)))
        if len(self.of(shop)) >= MOST_LINKS:
            raise Refusal(Saying("There are {n} links to this shop already: end one first.", n=MOST_LINKS))
        token = secrets.token_urlsafe(TOKEN_BYTES)
        share = Share(
            id=_id(token),
            shop=shop,
            label=label,
            created_at=now,
            expires_at=now + days * _DAY_S,
            pages=tuple(one for one in PAGES if one in pages),
        )
        self._kept.keep(self._tenant, share, now)
        return share, token

    def of(self, shop_id: str) -> list[Share]:
        """The links to a shop that still open, oldest first."""
        shop, now = self._reader.shop(shop_id).shop, int(self._clock())
        return [one for one in self._kept.of(self._tenant, shop) if one.holds(now)]

    def revoke(self, shop_id: str, share_id: str) -> None:
        """End a link of a shop at once; nothing where there is none of that id."""
        if any(one.id == share_id for one in self._kept.of(self._tenant, self._reader.shop(shop_id).shop)):
            self._kept.revoke(self._tenant, share_id)

    def open(self, token: str) -> Share | None:
        """What the link with this token shows; None for one that is unknown, was ended or has expired."""
        share_id = _id(token)
        share = self._kept.found(self._tenant, share_id)
        if share is None or not hmac.compare_digest(share.id, share_id) or not share.holds(int(self._clock())):
            return None
        return share


def _id(token: str) -> str:
    return sha256(token.encode()).hexdigest()
