"""Overview: how the sensor is, read from what its two processes leave on the machine, for a person or a program."""

import time
from pathlib import Path
from typing import Any

import msgspec

from agent import status
from agent.config import Config
from agent.outbox import Outbox

_SILENT_S = 30.0


def look(config: Config) -> dict[str, Any]:
    """Sensing and talking, what waits, what was lost; plain values, ready for JSON. Raises OutboxError."""
    health = status.read(config.status_path)
    line = status.read_line(config.line_path)
    outbox = Outbox(config.outbox_path, config.outbox_max_reports)
    held = outbox.pending()
    outbox.close()
    return {
        "sensor": config.sensor,
        "sensing": _fresh(config.status_path),
        "health": msgspec.to_builtins(health) if health else None,
        "connected": bool(line and line.connected and _fresh(config.line_path)),
        "line": line.sentence if line else "The talking process has not run yet.",
        "outbox": {"epoch": held.epoch, "waiting": held.waiting, "last": held.last, "evicted": held.evicted},
    }


def text(found: dict[str, Any]) -> str:
    """The overview as a few lines for a person."""
    lines = [f"Sensor {found['sensor']}"]
    if found["sensing"]:
        for radio in found["health"]["radios"]:
            heard = f"{radio['frames']} frames heard, {radio['dropped']} lost"
            lines.append(f"  {radio['radio']:8} {radio['state']}: {radio['detail'] or heard}")
        lines.append(f"  clock    {found['health']['clock']}")
    else:
        lines.append("  sensing  not running: start it with 'footfall-agent run' or 'systemctl start footfall.target'")
    lines.append(f"  cloud    {'connected' if found['connected'] else 'not connected'}: {found['line']}")
    outbox = found["outbox"]
    lines.append(f"  outbox   {outbox['waiting']} reports wait, {outbox['evicted']} had to be given up")
    return "\n".join(lines)


def _fresh(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _SILENT_S
    except OSError:
        return False
