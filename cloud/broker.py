"""Broker: a small MQTT broker inside this process, for the demo, so that nothing has to be installed.

A real installation runs mosquitto or a clustered broker. Reports are safe with either, because a sensor keeps
them until the cloud says it has committed them.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def embedded(port: int) -> Iterator[None]:
    """Serve MQTT 3.1.1 on the loopback `port`, in a thread, for as long as the block runs."""
    from amqtt.broker import Broker  # noqa: PLC0415 - only the demo pays for it
    from amqtt.contexts import BrokerConfig, ListenerConfig  # noqa: PLC0415

    for noisy in ("amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="footfall-broker", daemon=True)
    thread.start()

    async def start() -> Broker:
        broker = Broker(
            BrokerConfig(
                listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
                plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            )
        )
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
