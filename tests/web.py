"""The web as cloud.app composes it, and a real server around it on a free loopback port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from cloud.api import Live, OwnOrigin, SecurityHeaders, Server, routes
from cloud.dashboard import pages
from cloud.desk import Desk


def a_web(store: Any, now: float, live: Live | None = None, tenant: str = "acme") -> FastAPI:
    """The API and the pages of `tenant`, at UTC second `now` for ever."""
    desk = Desk(store, tenant, lambda: now)
    web = FastAPI(openapi_url=None)
    web.add_middleware(OwnOrigin)
    web.add_middleware(SecurityHeaders)
    web.mount("/api/v1", routes(desk, Live() if live is None else live))
    web.mount("/", pages(desk))
    return web


@contextmanager
def serving(web: FastAPI, live: Live) -> Iterator[tuple[Server, str]]:
    """The web at an address, in a thread; stopped at the end, which must not take long whoever is watching."""
    server = Server(uvicorn.Config(web, port=0, log_level="error"), live)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(5)
        assert not thread.is_alive(), "the server did not stop"
