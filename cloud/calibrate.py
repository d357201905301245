"""Calibrate: what was counted at the door against what the sensor counted, and the factor that follows."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cloud.core import calendar, calibration, doorcount
from cloud.core.calibration import Factor
from cloud.core.doorcount import Counted, DoorCountError
from cloud.core.figures import Shop
from cloud.core.today import WINDOW_S
from cloud.desk.calibration import compared
from cloud.store import Store


def read_hours(path: Path, shop: Shop) -> list[Counted]:
    """Hourly counts in a CSV file. Raises DoorCountError."""
    return doorcount.from_hours(_text(path), shop.time_zone)


def read_taps(path: Path, begun: datetime, ended: datetime, shop: Shop) -> list[Counted]:
    """Taps in a file, one time a line, made from `begun` to `ended` (local times). Raises DoorCountError."""
    start, end = (calendar.second_of(shop.time_zone, one) for one in (begun, ended))
    return doorcount.from_taps(_text(path), start, end, shop.time_zone, WINDOW_S)


def fit(store: Store, shop: Shop, counts: Sequence[Counted], now: int, source: str) -> Factor:
    """The factor that `counts` give, valid from `now` on. Raises CalibrationError."""
    return calibration.fit(compared(store, shop, counts), shop.people_per_device, now, source)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DoorCountError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None
