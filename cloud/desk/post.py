"""Post: who is told of a tenant's shops by mail or webhook, and what is put into the outbox for them.

1. Everything is put under a name made of what it says and to whom: telling it again, after a restart or by two
   processes, is telling it once.
2. Where our pages have a public address, whoever reads a mail address must say yes there before it is sent figures;
   elsewhere the operator vouches for it. Who is not wanted any more is forgotten.
3. Without a mail server no mail is put, without webhooks no event: what nobody can send would only pile up.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from msgspec.structs import replace

from cloud.core.alerts import News
from cloud.core.figures import Shop
from cloud.core.message import Endpoint, Event, Hook, Message, Ways, name
from cloud.core.recipient import Recipient, Subscription, Wishes, address
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.desk import letters
from cloud.desk.dailies import Dailies, date_of, is_time
from cloud.desk.reader import Reader
from cloud.language import LANGUAGES
from cloud.store import Store
from cloud.store.outgoing import Outgoing
from cloud.store.recipients import Recipients

To = Subscription | Endpoint
WORD_BYTES = 24
MOST_RECIPIENTS = 100  # of one shop


class UnknownWordError(LookupError):
    """The link is of no recipient, or no more."""


class Post:
    """The post of `tenant`'s shops in `store`; `clock` gives UTC seconds, `ways` how anybody can be told.

    Methods raise UnknownShopError.
    """

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float], ways: Ways = Ways()) -> None:  # noqa: B008
        self.ways = ways
        self._store, self._tenant, self._clock = store, tenant, clock
        self._reader, self._dailies = Reader(store, tenant, clock), Dailies(store, tenant, clock)
        self._outgoing, self._recipients = Outgoing(store), Recipients(store)

    def recipients(self, shop_id: str) -> list[Recipient]:
        """Who gets a shop's mails, by address."""
        shop = self._reader.shop(shop_id)
        return [one.recipient for _, one in self._recipients.of(self._tenant, shop.shop)]

    def put(self, shop_id: str, to: str, wishes: Wishes) -> Recipient:
        """Add a recipient, or change what one wants. Raises Refusal."""
        shop, now = self._reader.shop(shop_id), int(self._clock())
        told = address(to)
        if wishes.language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise Refusal(Saying('language is "{code}": write one of {known}.', code=wishes.language[:20], known=known))
        if not self.ways.mail:
            raise Refusal(
                Saying("No mail can be sent from here: the operator names a mail server in the settings first.")
            )
        here = self.recipients(shop.shop)
        if len(here) >= MOST_RECIPIENTS and all(one.address != told for one in here):
            raise Refusal(Saying("There are {n} recipients already: take one out first.", n=MOST_RECIPIENTS))
        confirmed_at = None if self.ways.public_url else now
        new = Recipient(address=told, wishes=wishes, added_at=now, confirmed_at=confirmed_at)
        word = f"{shop.shop}.{secrets.token_urlsafe(WORD_BYTES)}"
        kept = self._recipients.put(self._tenant, shop.shop, Subscription(recipient=new, word=word))
        if kept.recipient.confirmed_at is None:
            asked = letters.confirmation(shop.name, kept, self.ways.public_url)
            self._outgoing.put(self._tenant, {name("confirm", kept.word): asked}, now)
        return kept.recipient

    def delete(self, shop_id: str, to: str) -> None:
        """Forget a recipient; nothing where there is none."""
        self._recipients.drop(self._tenant, self._reader.shop(shop_id).shop, address(to))

    def asked(self, word: str) -> tuple[Shop, Recipient]:
        """Whose link this is, and of which shop, for the page it opens. Raises UnknownWordError."""
        shop_id, _, _ = word.partition(".")
        for shop, one in self._recipients.of(self._tenant, shop_id):
            if hmac.compare_digest(one.word.encode(), word.encode()):
                return self._reader.shop(shop), one.recipient
        raise UnknownWordError(Saying("This link has ended: the address gets no mails from here."))

    def confirm(self, word: str) -> Recipient:
        """Whoever reads the address wants the mails. Raises UnknownWordError."""
        shop, known = self.asked(word)
        told = replace(known, confirmed_at=known.confirmed_at or int(self._clock()))
        return self._recipients.put(self._tenant, shop.shop, Subscription(recipient=told, word=word)).recipient

    def stop(self, word: str) -> None:
        """Whoever reads the address wants no more mails: forget it. Raises UnknownWordError."""
        shop, known = self.asked(word)
        self._recipients.drop(self._tenant, shop.shop, known.address)

    def counts(self) -> tuple[int, int]:
        """How many messages wait to be sent, and how many were given up."""
        return self._outgoing.counts(self._tenant)

    def tell(self, news: Iterable[News]) -> int:
        """Put what is new for those who want to know of it; returns how many messages were new."""
        told: dict[str, Message] = {}
        for one in news:
            event = name("alert", self._tenant, one.id, one.state)
            body = letters.news_event(one, event, self._tenant)
            for key, to in self._wanting("alert", event, chain(*self._confirmed(one.shop or None).values())).items():
                if isinstance(to, Endpoint):
                    told[key] = Hook(url=to.url, event=event, kind="alert", body=body)
                else:
                    told[key] = letters.news_mail(one, to, self.ways.public_url)
        return self._outgoing.put(self._tenant, told, int(self._clock())) if told else 0

    def dailies(self, now: int) -> int:
        """Put the reports that are due at UTC second `now`; returns how many messages were new."""
        shops = [one for one in self._store.shops(self._tenant) if is_time(one, now)]
        confirmed = self._confirmed() if shops else {}
        wanted = {one.shop: self._wanting("daily", self._event(one, now), confirmed.get(one.shop, ())) for one in shops}
        known = self._outgoing.known(self._tenant, (key for some in wanted.values() for key in some))
        put = 0
        for shop in shops:
            missing = {key: to for key, to in wanted[shop.shop].items() if key not in known}
            if missing and self._dailies.is_due(shop, now):
                put += self._put_daily(shop, now, missing)
        return put

    def _put_daily(self, shop: Shop, now: int, wanted: Mapping[str, To]) -> int:
        told, event = self._dailies.report(shop.shop, date_of(shop, now)), self._event(shop, now)
        body = letters.daily_event(told, event, now, self._tenant)
        messages: dict[str, Message] = {}
        for key, to in wanted.items():
            if isinstance(to, Endpoint):
                messages[key] = Hook(url=to.url, event=event, kind="daily", body=body)
            else:
                messages[key] = letters.daily_mail(told, to, self.ways.public_url)
        return self._outgoing.put(self._tenant, messages, now)

    def _event(self, shop: Shop, now: int) -> str:
        return name("daily", self._tenant, shop.shop, date_of(shop, now).isoformat())

    def _confirmed(self, shop_id: str | None = None) -> dict[str, list[Subscription]]:
        """Who may be sent figures of one shop, or of all, by shop."""
        found: dict[str, list[Subscription]] = {}
        for shop, one in self._recipients.of(self._tenant, shop_id) if self.ways.mail else ():
            if one.recipient.confirmed_at is not None:
                found.setdefault(shop, []).append(one)
        return found

    def _wanting(self, kind: Event, event: str, confirmed: Iterable[Subscription]) -> dict[str, To]:
        """Who wants to be told of an event, by the name that it has for them."""
        wanted: dict[str, To] = {name(event, one.url): one for one in self.ways.webhooks if kind in one.events}
        for one in confirmed:
            if one.recipient.wishes.want(kind):
                wanted[name(event, one.recipient.address)] = one
        return wanted
