"""Overview: how the sensor is, read from what its two processes leave on the machine, for a person or a program."""

import time
from typing import Any

import msgspec

from agent import board, status
from agent.config import Config
from agent.outbox import Outbox

_PANEL = {
    "open": "counted, of devices whose address stays the same, with noise",
    "sealed": "not until tomorrow: today's budget was opened before the restart",
    "waiting": "not yet: the time of day cannot be trusted",
    "off": "not counted under this profile",
}


def look(config: Config) -> dict[str, Any]:
    """Sensing and talking, what waits, what was lost; plain values, ready for JSON. Raises OutboxError."""
    now, health = time.time(), status.read(config.status_path)
    line = status.read_line(config.line_path)
    outbox = Outbox(config.outbox_path, config.outbox_max_reports)
    held = outbox.pending()
    outbox.close()
    return {
        "sensor": config.sensor,
        "claimed": config.is_claimed,
        "serial": board.serial(),
        "sensing": status.is_fresh(config.status_path, now, status.SILENT_S),
        "health": msgspec.to_builtins(health) if health else None,
        "connected": status.is_connected(config.line_path, now),
        "line": line.sentence if line else "The talking process has not run yet.",
        "outbox": {"epoch": held.epoch, "waiting": held.waiting, "last": held.last, "evicted": held.evicted},
    }


def text(found: dict[str, Any]) -> str:
    """The overview as a few lines for a person."""
    lines = [_named(found)]
    if found["sensing"]:
        for radio in found["health"]["radios"]:
            heard = f"{radio['frames']} frames heard, {radio['dropped']} lost"
            lines.append(f"  {radio['radio']:8} {radio['state']}: {radio['detail'] or heard}")
        lines.append(f"  clock    {found['health']['clock']}")
        if "privacy" in found["health"]:
            lines += _privacy(found["health"]["profile"], found["health"]["privacy"])
    else:
        lines.append("  sensing  not running: start it with 'footfall-agent run' or 'systemctl start footfall.target'")
    lines.append(f"  cloud    {'connected' if found['connected'] else 'not connected'}: {found['line']}")
    outbox = found["outbox"]
    lines.append(f"  outbox   {outbox['waiting']} reports wait, {outbox['evicted']} had to be given up")
    return "\n".join(lines)


def _named(found: dict[str, Any]) -> str:
    if found["claimed"]:
        return f"Sensor {found['sensor']}"
    serial = f"its serial number {found['serial']} gets a code" if found["serial"] else "its serial number gets a code"
    return f"Sensor of nobody: not claimed yet. On the claim page {serial}, for 'footfall-agent claim CODE'."


def _privacy(profile: str, kept: dict[str, Any]) -> list[str]:
    """What the sensor keeps to, and how much of its privacy a device can spend here in a day."""
    life = "a day" if kept["longest_key_s"] >= 86_400 else f"{kept['longest_key_s'] / 60:.0f} minutes"
    site = "a sensitive" if kept["site"] == "sensitive" else "an ordinary"
    lines = [
        f"  privacy  profile {profile} at {site} site: no key lives longer than {life}",
        f"  budget   {kept['epsilon']:g} (epsilon) at most for a device at this sensor in a day",
        f"  visits   {_PANEL[kept['panel']]}",
    ]
    if kept["opt_outs_age_s"] is not None:
        hours = kept["opt_outs_age_s"] / 3600
        lines.append(f"  opt-out  {kept['opt_outs']} on the list, which is {hours:.0f} hours old")
    return lines
