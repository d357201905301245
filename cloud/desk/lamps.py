"""Lamps: how one sensor is, as those who set it up see it."""

from collections.abc import Callable

from cloud.core.figures import SensorState
from cloud.core.lamps import Lamp, lamps
from cloud.store import Store


class Lamps:
    """Of the sensors in `store`; `clock` gives UTC seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock

    def of(self, sensor: str, state: SensorState | None) -> list[Lamp]:
        """The four of a sensor, by its id and by what is known of it, if anything is."""
        told = self._store.told([sensor])[sensor]
        return lamps(told.health, told.health_at, online=state is not None and state.online, now=int(self._clock()))
