"""App: the cloud as one process. Broker to store to page; everything is put together here and nowhere else.

1. Nothing is served that has not been committed, rolled up and disclosed.
2. Pages and API have no sign-in yet, so only this machine may reach them: another address is refused.
3. It stops in the order in which reports flow: first what takes them, last what shows them.
4. More processes may take reports beside it (`ingest`). It rolls up what they take: news goes to pages from here.
"""

import dataclasses
import gc
import logging
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from msgspec.structs import asdict, replace

from cloud import post
from cloud.api import Live, OwnOrigin, SecurityHeaders, Server, routes
from cloud.config import Config, ConfigError, Http, Mqtt, issuing
from cloud.connection import Broker
from cloud.core.alerts import News
from cloud.core.refusal import Refusal
from cloud.dashboard import pages
from cloud.dashboard.notice import Notices
from cloud.desk import Desk
from cloud.home import Home
from cloud.issuer import Issuer
from cloud.merged import Merged
from cloud.metrics import Metrics
from cloud.metrics import add as add_metrics
from cloud.post import Carrier
from cloud.roller import Roller
from cloud.steward import Steward
from cloud.store import Limits, Rolled, Store
from cloud.subscriber import Subscriber
from cloud.watch import Watch

log = logging.getLogger(__name__)
STOPS = (signal.SIGINT, signal.SIGTERM)
UNASKED_S = 30.0  # how often to look for hours to roll up that nobody has told of
UNASKED_SHARED_S = 2.0  # the same where other processes take reports too


class App:
    """The cloud for one tenant. `clock` gives UTC seconds. Raises ConfigError, StoreError."""

    def __init__(self, config: Config, clock: Callable[[], float], *, roll_pause_s: float = 1.0) -> None:
        self._http = config.http
        self._live = Live()
        self.store = _store(config)
        self.store.apply_shops(config.shops)
        unasked_s = UNASKED_SHARED_S if config.mqtt.share else UNASKED_S
        self._roller = Roller(self.store, self._rolled, pause_s=roll_pause_s, longest_s=unasked_s)
        broker = _broker(config.mqtt)
        self.subscriber = Subscriber(self.store, broker, lambda _: self._roller.wake(), clock)
        tenant = _tenant(config)
        authority = issuing(config)
        self.desk = Desk(self.store, tenant, clock, post.ways(config, tenant), authority)
        revoked = Path(config.fleet.revoked) if config.fleet.revoked else None
        self._issuer = Issuer(self.desk.members, broker, revoked) if authority is not None else None
        told = (post.server(config), post.targets(config, tenant), self.desk.post.dailies)
        self._carrier = Carrier(self.store, tenant, clock, *told)
        self._merged = Merged(self.desk.reader, broker, clock) if config.mqtt.republish else None
        wanted = config.mqtt.home_assistant
        self._home = Home(self.desk.reader, broker, wanted=wanted) if config.mqtt.republish else None
        self._steward = Steward(self.desk.fleet, broker, clock)
        self._watch = Watch(self.desk.alerts, self._tell)
        metrics = Metrics(self.store, tenant, lambda: dataclasses.asdict(self.subscriber.counters), clock)
        site = _site(self.desk, self._live, config.http, metrics, _notices(config, tenant, clock))
        self.server = Server(_served(site, config.http), self._live)

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """Takes reports and rolls them up for as long as the block runs."""
        self._roller.start()
        self._carrier.start()
        try:
            self.subscriber.start()
            if self._merged is not None:
                self._merged.start()
            if self._home is not None:
                self._home.start()
            self._steward.start()
            if self._issuer is not None:
                self._issuer.start()
            self._watch.start()
            yield
        finally:
            self.subscriber.stop()
            self._watch.stop()
            self._roller.stop()
            self._carrier.stop()
            if self._merged is not None:
                self._merged.stop()
            if self._home is not None:
                self._home.stop()
            self._steward.stop()
            if self._issuer is not None:
                self._issuer.stop()
            self.store.close()

    def serve(self) -> None:
        """Take reports and serve pages until SIGINT, SIGTERM or `server.should_exit`. Raises ConfigError."""
        for number in STOPS:
            signal.signal(number, lambda *_: None)  # uvicorn stops at it, then raises it once more for us
        # What the program is made of need not be looked through at every collection: a third of the worst answers.
        gc.collect()
        gc.freeze()
        with _listening(self._http) as listener, self.ingesting():
            self.server.run(sockets=[listener])

    def _tell(self, news: list[News]) -> None:
        if self._merged is not None:
            self._merged.tell(news)
        self.desk.post.tell(news)

    def _rolled(self, rows: list[Rolled]) -> None:
        if self._merged is not None:
            self._merged.rolled(rows)
        changed = {(row.tenant, row.shop) for row in rows}
        for tenant, shop in changed:
            self._live.announce(tenant, shop)
        for tenant, shop in changed:
            if tenant == self.desk.tenant:
                self.desk.calibration.refit(shop)  # what was counted at the door may have waited for these reports


def ingest(config: Config, clock: Callable[[], float]) -> None:
    """Take a part of the reports, beside an `App`, until SIGINT or SIGTERM. Raises ConfigError, StoreError."""
    if not config.mqtt.share:
        raise ConfigError(
            "mqtt.share: it is not set, so every worker would be sent every report: name a group there "
            '(share = "ingest"), for `serve` and for every worker, and restart them.'
        )
    stopping = threading.Event()
    for number in STOPS:
        signal.signal(number, lambda *_: stopping.set())
    store = _store(config)
    # A name that nobody else has: a broker throws out the older of two clients of one name.
    broker = replace(_broker(config.mqtt), client_id=f"{config.mqtt.client_id}-{secrets.token_hex(4)}")
    subscriber = Subscriber(store, broker, lambda _: None, clock)
    try:
        subscriber.start()
        stopping.wait()
    finally:
        subscriber.stop()
        store.close()


def _broker(mqtt: Mqtt) -> Broker:
    return Broker(**{name: getattr(mqtt, name) for name in Broker.__struct_fields__})


def _store(config: Config) -> Store:
    return Store(config.database, Limits(**asdict(config.quarantine)))


def _listening(http: Http) -> socket.socket:
    try:
        return socket.create_server((http.host, http.port))
    except OSError as error:
        raise ConfigError(
            f"http.port: {http.host}:{http.port} cannot be served ({error.strerror}): "
            "stop the program that uses it, or choose another port."
        ) from None


def _tenant(config: Config) -> str:
    tenants = sorted({placed.shop.tenant for placed in config.shops})
    if len(tenants) > 1:
        raise ConfigError(
            f"shops: they belong to {len(tenants)} tenants ({', '.join(tenants)}), and pages cannot keep those apart "
            "before there is a sign-in: run one `footfall-cloud serve` per tenant."
        )
    return tenants[0] if tenants else "default"


def _notices(config: Config, tenant: str, clock: Callable[[], float]) -> Notices:
    """Makes the notice for a shop's door."""

    def made(shop: str, language: str) -> bytes:
        from cloud.paperwork import papers  # noqa: PLC0415 - what it prints with takes long to load, and is seldom needed
        from cloud.paperwork.facts import PaperworkError  # noqa: PLC0415

        try:
            return papers.printed(config, f"{tenant}/{shop}", language, int(clock()))
        except PaperworkError as error:
            raise Refusal(str(error)) from None

    return made


def _site(desk: Desk, live: Live, http: Http, metrics: Metrics, notices: Notices) -> FastAPI:
    # A name that somebody else's server made point here must not read the pages of this machine.
    own = [name] if (name := urlsplit(http.public_url).hostname) else []
    local = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", *own])
    around = [Middleware(SecurityHeaders), local, Middleware(OwnOrigin)]
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, middleware=around)
    site.mount("/api/v1", routes(desk, live))
    add_metrics(site, metrics)
    site.mount("/", pages(desk, notices=notices))
    return site


def _served(site: FastAPI, http: Http) -> uvicorn.Config:
    if not _only_here(http.host):
        raise ConfigError(
            f"http.host: {http.host} can be reached by others, and the pages have no sign-in yet: keep 127.0.0.1 and "
            "put a proxy with a sign-in before it."
        )
    return uvicorn.Config(site, host=http.host, port=http.port, log_level="warning", access_log=False, lifespan="off")


def _only_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
