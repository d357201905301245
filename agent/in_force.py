"""In force: the sensor's own settings and what the fleet signed on top of them, as the processes keep to it.

The file may be replaced at any time by the process that talks; it is looked at anew when another lies there.
In the process that senses opt-outs hold at once, and anything else from the next window on, in a process of its own.
"""

from msgspec import UNSET

from agent import site, taken
from agent.config import Config
from agent.contract.optout import Filter, OptOuts
from agent.effective import strictest
from agent.taken import Held


class InForce:
    """`config`: the settings to keep to. `opt_outs`: the list in force, `listed` its quick form; None without one."""

    def __init__(self, own: Config) -> None:
        self._own = own
        self._seen: tuple[int, int, int] | None = None
        self.held: Held | None = None
        self.config = own
        self.opt_outs: OptOuts | None = None
        self.listed: Filter | None = None
        self.look()

    def look(self) -> bool:
        """Whether the file has changed since; if so all of this is up to date now."""
        changed = site.stamp(self._own.desired_path)
        if changed == self._seen:
            return False
        self._seen = changed
        fleet = self._own.fleet
        self.held = taken.read(self._own) if fleet.config_keys or fleet.root_keys else None
        found = None if self.held is None else self.held.in_force
        self.config = self._own if found is None else strictest(self._own, found)
        self.opt_outs = None if found is None or found.opt_outs is UNSET else found.opt_outs
        self.listed = None if self.opt_outs is None else Filter(self.opt_outs)
        return True
