"""MQTT topics. `id` is `{tenant}:{sensor}`, which is also the name in the sensor's certificate.

The shop is not in a sensor's topics: sensors move, and where one stands when is the cloud's knowledge.
A till does not move, and says its shop.
"""

from collections.abc import Container

ROOT = "footfall/v1"
LEAVES_UP = ("report", "hello", "status", "health", "config")
RENEW = "renew"  # another leaf, which the issuer alone listens to
ALL_UP = {leaf: f"{ROOT}/d/+/up/{leaf}" for leaf in LEAVES_UP}
ALL_RENEWALS = f"{ROOT}/d/+/up/{RENEW}"
ALL_TILLS = f"{ROOT}/t/+/+/till"


def up(sensor_id: str, leaf: str) -> str:
    """Topic a sensor publishes on: QoS 1, `health` QoS 0; `status` is retained."""
    return f"{ROOT}/d/{sensor_id}/up/{leaf}"


def watermark(sensor_id: str) -> str:
    """Topic on which the cloud tells a sensor its watermark (QoS 1)."""
    return f"{ROOT}/d/{sensor_id}/down/ack"


def config(sensor_id: str) -> str:
    """Topic on which the fleet tells a sensor its signed settings (QoS 1, retained)."""
    return f"{ROOT}/d/{sensor_id}/down/config"


def keys(sensor_id: str) -> str:
    """Topic on which the fleet tells a sensor which keys sign settings (QoS 1, retained)."""
    return f"{ROOT}/d/{sensor_id}/down/keys"


def certificate(sensor_id: str) -> str:
    """Topic on which the cloud sends a sensor its next certificate (QoS 1)."""
    return f"{ROOT}/d/{sensor_id}/down/certificate"


def parse_up(topic: str, leaves: Container[str] = LEAVES_UP) -> tuple[str, str] | None:
    """(sensor id, leaf) of a topic a sensor publishes on; None for any other topic."""
    parts = topic.split("/")
    if len(parts) == 6 and parts[:3] == ["footfall", "v1", "d"] and parts[4] == "up" and parts[5] in leaves:
        return parts[3], parts[5]
    return None


def till(tenant: str, shop: str) -> str:
    """Topic on which a till tells what it sold (QoS 1, not retained)."""
    return f"{ROOT}/t/{tenant}/{shop}/till"


def parse_till(topic: str) -> tuple[str, str] | None:
    """(tenant, shop) of a topic a till publishes on; None for any other topic."""
    parts = topic.split("/")
    if len(parts) == 6 and parts[:3] == ["footfall", "v1", "t"] and parts[5] == "till":
        return parts[3], parts[4]
    return None
