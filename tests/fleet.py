"""A fleet for tests of the cloud: reports as sensors make them, and shops they stand in."""

from msgspec import Raw

from agent.contract import Estimate, Heard, Report, ReportBatch, encode, topics
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import OpeningHours, Shop
from cloud.store import Delivery, receive

EPOCH = "00000000000000aa"
NOON = 1_782_813_600  # 2026-06-30 12:00 in Berlin, 10:00 UTC


def heard(inside=4.0, outside=8.0, listened_s=60.0, *, flooded=False, spread=0.25):
    def around(devices):
        low, high = devices * (1 - spread), devices * (1 + spread)
        return None if devices is None else Estimate(devices, low, high)

    return Heard(
        listened_s=listened_s,
        frames=100,
        ignored=5,
        damaged=1,
        dropped=0,
        estimator="rates/1",
        flooded=flooded,
        present=around(inside + outside) if inside is not None else None,
        inside=around(inside) if inside is not None else None,
        outside=around(outside) if inside is not None else None,
    )


def report(window_start=NOON, window_s=60, wifi="default", ble=None):
    wifi = heard() if wifi == "default" else wifi
    return Report(window_start=window_start, window_s=window_s, clock="trusted", wifi=wifi, ble=ble)


def payload(first, reports, sensor="demo:door", epoch=EPOCH):
    """The bytes of a batch; a report may be given as bytes, to be damaged."""
    raw = [Raw(one if isinstance(one, bytes) else encode(one)) for one in reports]
    return encode(ReportBatch(sensor=sensor, epoch=epoch, first=first, reports=raw))


def delivery(first, reports, sensor="demo:door", epoch=EPOCH, now=None) -> Delivery:
    """A batch as it is received, unless said otherwise, at the end of its last window."""
    if now is None:
        now = max((one.window_start + one.window_s for one in reports if isinstance(one, Report)), default=NOON)
    return receive(topics.up(sensor, "report"), payload(first, reports, sensor, epoch), now)


def shop(zone="Europe/Berlin", name="high-street", hours=(), **more):
    return Shop(tenant="demo", shop=name, name="High Street", time_zone=zone, hours=list(hours), **more)


def placed(*sensors, of=None):
    """A shop with sensors given as Placement, or as a name that has always stood there."""
    return PlacedShop(
        shop=of or shop(),
        placements=[one if isinstance(one, Placement) else Placement(sensor=one, zone="door") for one in sensors],
    )


def opens(days, opens, closes):
    return OpeningHours(days=days.split(), opens=opens, closes=closes)
