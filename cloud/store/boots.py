"""Boots: from which machines each sensor has said hello, kept beside the rest of what it said last."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, select

from agent.contract import Hello, encode
from cloud.core import copies
from cloud.core.copies import Spoken
from cloud.store import schema
from cloud.store.delivery import Said
from cloud.store.places import ShopKey

_spoken = msgspec.json.Decoder(Spoken)


def read(boots: bytes | None) -> Spoken:
    """What the column of a sensor's row holds."""
    return Spoken() if boots is None else _spoken.decode(boots)


def after(db: Connection, said: Sequence[Said], now: int) -> dict[ShopKey, bytes]:
    """What it is to hold, by (tenant, sensor), after the hellos among what was `said`; one query for a tenant."""
    hellos = [(one.tenant, one.sensor, one.message) for one in said if isinstance(one.message, Hello)]
    told = [(tenant, sensor, hello) for tenant, sensor, hello in hellos if hello.boot is not UNSET]
    found: dict[ShopKey, Spoken] = {}
    table = schema.sensor_state.c
    for tenant in {tenant for tenant, _, _ in told}:
        sensors = {sensor for of, sensor, _ in told if of == tenant}
        query = select(table.sensor, table.boots).where(table.tenant == tenant, table.sensor.in_(sensors))
        held = dict(db.execute(query).all())
        found |= {(tenant, sensor): read(held.get(sensor)) for sensor in sensors}
    for tenant, sensor, hello in told:
        boot, board = str(hello.boot), "" if hello.board is UNSET else hello.board
        found[tenant, sensor] = copies.heard(found[tenant, sensor], boot, board, now)
    return {key: encode(spoken) for key, spoken in found.items()}
