"""Desk: the nouns of one tenant's desk, put together over its store."""

from collections.abc import Callable

from cloud.desk.reader import Reader
from cloud.store import Store


class Desk:
    """Everything that pages and API ask of `tenant`; `clock` gives UTC seconds."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self.tenant = tenant
        self.clock = clock
        self.reader = Reader(store, tenant, clock)
