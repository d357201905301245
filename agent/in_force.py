"""In force: the sensor's own settings and what the fleet signed on top of them, as the sensing process keeps to it.

The file may be replaced at any time by the process that talks; it is looked at anew when its time of change differs.
Opt-outs hold at once. Anything else holds from the next window on, in a process of its own.
"""

from pathlib import Path

from msgspec import UNSET

from agent import desired
from agent.config import Config
from agent.contract import DeviceConfig
from agent.contract.optout import Filter, OptOuts


class InForce:
    """`config`: the settings to keep to. `opt_outs`: the list in force, `listed` its quick form; None without one."""

    def __init__(self, own: Config) -> None:
        self._own = own
        self._seen: int | None = None
        self.config = own
        self.opt_outs: OptOuts | None = None
        self.listed: Filter | None = None
        self.look()

    def look(self) -> bool:
        """Whether the file has changed since; if so all of this is up to date now."""
        changed = _changed_at(self._own.desired_path)
        if changed == self._seen:
            return False
        self._seen = changed
        found = self._read()
        self.config = self._own if found is None else desired.strictest(self._own, found)
        self.opt_outs = None if found is None or found.opt_outs is UNSET else found.opt_outs
        self.listed = None if self.opt_outs is None else Filter(self.opt_outs)
        return True

    def _read(self) -> DeviceConfig | None:
        own = self._own
        return desired.read(own.desired_path, own.fleet.config_keys, own.sensor) if own.fleet.config_keys else None


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
