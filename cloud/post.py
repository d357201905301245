"""Post: sends what is due of the outbox, mails and webhooks, in a thread of its own.

1. It owns nothing: what is to be sent stands in the store. One that dies loses nothing, and two share the work.
2. Sent, then noted: dying between the two sends a message again, under the same name.
3. A server or receiver that does not answer is asked once a round: the others do not wait for it longer than that.
   A receiver that said it is gone is not called again before the next start.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from cloud import hook, smtp
from cloud.config import Config, ConfigError
from cloud.core.message import Endpoint, Mail, Message, Undelivered, Ways, name
from cloud.core.recipient import address
from cloud.desk import letters
from cloud.store import Store, StoreError
from cloud.store.outgoing import Due, Outgoing

log = logging.getLogger(__name__)


class Carrier:
    """From `start()` to `stop()`: looks every `pause_s` for what is due, and sends it.

    `tenant`: whose messages. `server`: None sends no mails. `targets` are the webhooks, by their URL. `before` is
    called with the time at the beginning of every round, to put what has become due.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        clock: Callable[[], float],
        server: smtp.Server | None,
        targets: Mapping[str, hook.Target],
        before: Callable[[int], object],
        pause_s: float = 15.0,
    ) -> None:
        self._outgoing, self._tenant, self._clock = Outgoing(store), tenant, clock
        self._server, self._targets, self._before, self._pause_s = server, targets, before, pause_s
        self._gone: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="footfall-post", daemon=True)

    def start(self) -> None:
        """Begin with whatever is due; nothing where there is neither a mail server nor a webhook."""
        if self._server is not None or self._targets:
            self._thread.start()

    def stop(self) -> None:
        """Finish the message that is being sent, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> int:
        """Put what has become due, then send it; returns how many messages were sent. Raises StoreError."""
        self._before(int(self._clock()))
        sent, down = 0, dict[str, str]()
        while not self._stopping.is_set() and (some := self._outgoing.due(self._tenant, int(self._clock()))):
            sent += sum(self._deliver(one, down) for one in some)
        return sent

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except StoreError as error:
                log.error("%s", error)
            except Exception:
                # Whatever was taken and not noted as sent is due again when its lease ends.
                log.exception("Sending failed; it is tried again.")
            self._stopping.wait(self._pause_s)

    def _deliver(self, one: Due, down: dict[str, str]) -> bool:
        now, where = int(self._clock()), _where(one.message)
        try:
            if where in down:
                raise Undelivered(down[where])
            self._send(one, now)
        except Undelivered as error:
            if error.gone:
                self._gone.add(where)
            elif error.down:
                down[where] = str(error)
            self._failed(one, now, error)
        except Exception as error:
            log.exception("A message cannot be sent as it is; it is tried again.")
            self._failed(one, now, Undelivered(type(error).__name__))
        else:
            self._outgoing.done(one)
            return True
        return False

    def _send(self, one: Due, now: int) -> None:
        if isinstance(one.message, Mail):
            if self._server is None:
                raise Undelivered("there is no mail server in the settings", for_good=True)
            smtp.send(self._server, one.id, one.message, now)
            return
        target = self._targets.get(one.message.url)
        if target is None or one.message.url in self._gone:
            raise Undelivered("the receiver is gone, or is not in the settings any more", for_good=True)
        hook.call(target, one.message, now)

    def _failed(self, one: Due, now: int, error: Undelivered) -> None:
        if self._outgoing.failed(one, now, str(error), for_good=error.for_good, pause_s=error.pause_s):
            log.error("A message is given up: %s.", error)
        elif one.attempts == 1:
            log.warning("A message could not be sent, and is tried again: %s.", error)


def ways(config: Config, tenant: str) -> Ways:
    """How a tenant's people can be told."""
    return Ways(
        mail=config.mail is not None,
        webhooks=tuple(
            Endpoint(url=one.url, events=tuple(one.events)) for one in config.webhooks if one.tenant == tenant
        ),
        public_url=config.http.public_url,
    )


def server(config: Config) -> smtp.Server | None:
    """The mail server in the settings, with its password. Raises ConfigError."""
    mail = config.mail
    if mail is None:
        return None
    password = None if mail.password_file is None else _read("mail.password_file", mail.password_file)
    return smtp.Server(
        host=mail.host,
        port=mail.port,
        tls=mail.tls,
        sender=mail.sender,
        user=mail.user,
        password=password,
        ca=mail.ca,
    )


def targets(config: Config, tenant: str) -> dict[str, hook.Target]:
    """A tenant's webhooks in the settings by their URL, with their secrets. Raises ConfigError."""
    found = {}
    for number, one in enumerate(config.webhooks):
        if one.tenant == tenant:
            place = f"webhooks[{number}].secret_file"
            try:
                key = hook.secret(_read(place, one.secret_file))
            except ValueError as error:
                raise ConfigError(f"{place}: {one.secret_file}: {error}.") from None
            found[one.url] = hook.Target(secret=key, private=one.private, ca=one.ca)
    return found


def trial(config: Config, to: str, now: float) -> None:
    """Send one mail there. Raises ConfigError, also where the mail server does not take it, and Refusal."""
    known, told = server(config), address(to)
    if known is None:
        raise ConfigError("There is no [mail] in the settings: name a mail server there.")
    try:
        smtp.send(known, name("test", told, str(now)), letters.trial(told), int(now))
    except Undelivered as error:
        raise ConfigError(f"mail: {error}.") from None


def _read(place: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: {file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _where(message: Message) -> str:
    """Where it is sent: a webhook, or "" for the mail server."""
    return "" if isinstance(message, Mail) else message.url
