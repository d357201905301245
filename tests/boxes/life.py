"""Life: the package from its first installation to its purge, on one box, step after step."""

import json
import shlex
import time
from collections.abc import Callable, Iterator

from tests.boxes.box import Box, Step, until
from tests.privacy.test_pt11_units import GETS, NOT_THE_SANDBOX, TRIES, UNITS, read

NOW, NEXT = "0.1.0", "0.1.1"
ALL = ("sense", "sync", "keep")
SETTINGS = """sensor = "demo:door"
window_s = 60
[radio.wifi]
source = "street"
[mqtt]
host = "127.0.0.1"
[time]
start = 1700000000
real_start = {real_start}
speed = 60
"""


class Life:
    """`arch`: of this machine. The steps build on each other and are taken in order."""

    def __init__(self, box: Box, arch: str) -> None:
        self._box, self._arch = box, arch
        self._bare: set[str] = set()

    def steps(self) -> Iterator[Step]:
        """Each step as it ends; after one that fails the rest proves nothing."""
        for step in (
            self.install, self.units, self.sandbox, self.waits, self.set_up, self.reports, self.restart, self.machine,
            self.upgrade, self.python, self.hangs, self.wrong_settings, self.page_closes, self.remove, self.purge,
        ):  # fmt: skip
            done = taken(step.__doc__ or "", step)
            yield done
            if not done.held:
                return

    def install(self) -> str:
        """The package is installed without a network."""
        self._bare = self._box.files()
        began = time.monotonic()
        self._dpkg(NOW)
        took_s = time.monotonic() - began
        assert self._box.run("ls /sys/class/net") == "lo", "the box has a network"
        return f"{took_s:.1f} s, of which most is the environment of Python {self._python()}"

    def units(self) -> str:
        """systemd understands every line of the units, as installed."""
        version = self._box.run("systemctl --version").split()[1]
        said = self._box.run("systemd-analyze verify --man=no /usr/lib/systemd/system/footfall* 2>&1")
        assert not said, said
        rules = "not tried: udevadm can since 254"
        if int(version) >= 254:
            self._box.run("udevadm verify /usr/lib/udev/rules.d/60-footfall.rules")
            rules = "understood"
        return f"systemd {version}: no word; udev rules: {rules}"

    def sandbox(self) -> str:
        """A program that tries everything gets in each unit's sandbox what the unit is for, and no more."""
        free, got = self._tried(), {}
        for part, wanted in GETS.items():
            unit = read(UNITS / f"footfall-{part}.service")
            got[part] = self._tried(
                "User=nobody", *(f"{k}={v}" for k, v in unit.directives if k not in NOT_THE_SANDBOX)
            )
            wrong = [name for name, expected in wanted.items() if got[part][name] != (expected and free[name])]
            assert not wrong, f"{part}: {wrong}"
        cannot = ", ".join(name for name, can in free.items() if not can)
        return f"{', '.join(got)}: as promised; what nobody can in a box: {cannot or 'nothing'}"

    def waits(self) -> str:
        """No radio is started before the machine is set up; the setup page is open."""
        until(lambda: self._state("sync") == "active", 20)
        states = {part: self._state(part) for part in ("sense", "keep")}
        assert set(states.values()) == {"inactive"}, states
        units = self._box.run("systemctl is-active footfall-setup.socket footfall-radios.path || true")
        assert units.split() == ["active", "active"], units
        running = self._box.run("pgrep -fa 'agent[.]daemon (sense|keep)' || true")
        assert not running, running
        return "sync waits for a broker, port 80 is open; no process has a radio"

    def set_up(self) -> str:
        """One file says that this is a sensor, and it counts."""
        self._box.write("/etc/footfall/config.toml", SETTINGS.format(real_start=int(time.time())))
        self._box.run("systemctl try-restart footfall-sync && touch /etc/footfall/set-up")
        ready_s = until(lambda: self._state("sense") == self._state("keep") == "active", 30)
        report_s = until(lambda: bool(self._box.outbox()), 60)
        return f"sense ready after {ready_s:.1f} s, a report {report_s:.1f} s later (time runs 60 times as fast)"

    def reports(self) -> str:
        """What was counted goes to the broker, and waits in the outbox as long as no cloud says it has it."""
        heard = self._box.run("timeout 20 mosquitto_sub -h 127.0.0.1 -C 2 -v -t 'footfall/#' | cut -c1-200")
        assert "online" in heard or "hello" in heard, heard
        return f"the broker has {len(heard.splitlines())} messages; {len(self._box.outbox())} reports wait"

    def restart(self) -> str:
        """After a restart of the machine it counts by itself."""
        before = self._outboxed()
        self._box.reboot()
        up_s = until(lambda: all(self._state(part) == "active" for part in ALL), 30)
        self._nothing_lost(before)
        return f"all three active {up_s:.1f} s after the machine was up; no report lost"

    def machine(self) -> str:
        """systemd's own parts take the settings that came with the package."""
        said = self._box.run(
            "journalctl -b -o cat | grep -E 'footfall.*(Unknown|Failed to parse|Invalid|ignoring)' || true"
        )
        assert not said, said
        used = self._box.run("journalctl -b -u systemd-journald -o cat | grep -o 'max [0-9.]*M' | tail -1")
        kept = self._box.run(
            "systemctl show -P RebootWatchdogUSec; systemctl show -P TimeoutStartUSec systemd-time-wait-sync"
        )
        assert kept.split() == ["2min", "15s"], kept
        return f"the log: {used}; watchdog at shutdown 2min, wait for the time 15s"

    def upgrade(self) -> str:
        """A higher version is installed while it counts."""
        self._box.run("echo mine > /var/lib/footfall/identity/planted && echo '# mine' >> /etc/footfall/config.toml")
        before = self._outboxed()
        began = time.monotonic()
        self._dpkg(NEXT)
        took_s = time.monotonic() - began
        until(lambda: all(self._state(part) == "active" for part in ALL), 30)
        self._nothing_lost(before)
        until(lambda: len(self._outboxed()) > len(before), 60)
        assert NEXT in self._box.run("readlink /proc/$(systemctl show -P MainPID footfall-sense)/cwd /opt/footfall")
        assert self._box.run("ls /usr/lib/footfall | grep -c python") == "1", "the old environment is still there"
        mine = self._box.run("cat /var/lib/footfall/identity/planted; tail -1 /etc/footfall/config.toml")
        assert mine == "mine\n# mine", mine
        return f"{took_s:.1f} s; {len(before)} reports before, all there after; identity and settings kept"

    def python(self) -> str:
        """An environment that no longer runs, as after an upgrade of Debian, is made anew."""
        self._box.run("rm /opt/footfall/bin/python && dpkg-trigger --by-package=dpkg /usr/bin/python3 && "
                      "dpkg --configure --pending")  # fmt: skip
        until(lambda: all(self._state(part) == "active" for part in ALL), 30)
        return f"made anew: {self._box.run('readlink /opt/footfall')}"

    def hangs(self) -> str:
        """A process that hangs is ended by the watchdog, and another takes its place."""
        for part in ALL:
            self._box.write(f"/run/systemd/system/footfall-{part}.service.d/test.conf", "[Service]\nWatchdogSec=8\n")
        self._box.run("systemctl daemon-reload && systemctl restart footfall-sense footfall-sync footfall-keep")
        until(lambda: all(self._state(part) == "active" for part in ALL), 30)
        time.sleep(20)  # longer than two of its lives: those that do not hang are left alone
        assert all(self._box.unit(part)["NRestarts"] == "0" for part in ALL), "ended though it did not hang"
        took = {}
        for part in ALL:
            old = self._box.unit(part)["MainPID"]
            self._box.run(f"kill -STOP {old}")
            took[part] = until(lambda part=part, old=old: self._is_another(part, old), 40)
        said = self._box.run("journalctl -b -u footfall-sense --no-pager")
        assert "Watchdog timeout" in said, said[-500:]
        self._box.run("rm -r /run/systemd/system/footfall-*.d && systemctl daemon-reload")
        each = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in took.items())
        return f"another is there after the stop: {each} (limit 8 s)"

    def wrong_settings(self) -> str:
        """Wrong settings end it for good, with a sentence, until somebody puts them right."""
        self._box.run("cp /etc/footfall/config.toml /root/good && sed -i '1i nonsense = 1' /etc/footfall/config.toml")
        self._box.run("systemctl restart footfall-sense || true")
        until(lambda: self._state("sense") == "failed", 20)
        said = self._box.run("journalctl -b -u footfall-sense --no-pager -o cat -n 30")
        sentence = next(line for line in said.splitlines() if "nonsense" in line)
        self._box.run("cp /root/good /etc/footfall/config.toml && systemctl restart footfall-sense")
        until(lambda: self._state("sense") == "active", 20)
        return f"failed, exit code {78}: {sentence}"

    def page_closes(self) -> str:
        """With a certificate the setup page is closed from the next start on, until root asks for it."""
        self._box.run("touch /var/lib/footfall/identity/pair.pem && systemctl stop footfall-setup.socket")
        self._box.run("systemctl start footfall-setup.socket || true")
        assert self._box.run("systemctl is-active footfall-setup.socket || true") == "inactive"
        self._box.run("touch /run/footfall/setup-page && systemctl start footfall-setup.socket")
        assert self._box.run("systemctl is-active footfall-setup.socket") == "active"
        return "closed; open again when asked"

    def remove(self) -> str:
        """Removed, nothing runs, and what was counted stays."""
        began = time.monotonic()
        self._box.run("dpkg --remove footfall-agent")
        took_s = time.monotonic() - began
        assert self._box.run("pgrep -fc 'agent[.]daemon' || true") == "0", "something of it still runs"
        left = self._box.run("ls -d /opt/footfall /usr/lib/footfall /usr/bin/footfall-agent 2>/dev/null || true")
        assert not left, left
        units = self._box.run("systemctl list-units 'footfall*' --all --plain --no-legend")
        assert not units, units
        stays = self._box.run("cd /var/lib/footfall && find . -type f").split()
        assert {"./outbox.db", "./identity/planted"} <= set(stays), stays
        return f"{took_s:.1f} s; {len(stays)} files of data stay"

    def purge(self) -> str:
        """Purged, nothing of it is left on the disk."""
        self._box.run("rm -f /root/good; dpkg --purge footfall-agent")
        left = sorted(one for one in self._box.files() - self._bare if not _is_the_machines(one))
        assert not left, left[:20]
        return "files left behind: none; the two users stay, as Debian has it"

    def _dpkg(self, version: str) -> None:
        package = f"/host/footfall-agent_{version}_{self._arch}.deb"
        self._box.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold {package}")

    def _tried(self, *properties: str) -> dict[str, bool]:
        run = ("systemd-run", "--quiet", "--wait", "--pipe", "--collect", *(f"--property={one}" for one in properties))
        return dict(json.loads(self._box.run(shlex.join([*run, "/usr/bin/python3", "-c", TRIES]))))

    def _python(self) -> str:
        return self._box.run("readlink /opt/footfall").rpartition("python")[2]

    def _state(self, part: str) -> str:
        return self._box.run(f"systemctl is-active footfall-{part}.service || true")

    def _is_another(self, part: str, old: str) -> bool:
        unit = self._box.unit(part)
        return unit["ActiveState"] == "active" and unit["MainPID"] not in (old, "0")

    def _outboxed(self) -> set[tuple[str, int]]:
        return {(one["epoch"], one["sequence"]) for one in self._box.outbox()}

    def _nothing_lost(self, before: set[tuple[str, int]]) -> None:
        after = self._outboxed()
        assert before <= after, f"lost: {sorted(before - after)[:5]}"
        for epoch in {one[0] for one in after}:
            numbers = sorted(number for which, number in after if which == epoch)
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), f"a gap in {epoch}"


def _is_the_machines(path: str) -> bool:
    """What Debian's own parts write when users are made, units loaded, and modules of Python compiled."""
    return path.startswith(("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow", "/etc/subuid", "/etc/subgid",
                            "/etc/.pwd.lock", "/usr/lib/python3", "/var/lib/mosquitto", "/var/lib/private",
                            "/etc/machine-id"))  # fmt: skip


def taken(name: str, step: Callable[[], str]) -> Step:
    """A step, taken. `name`: of it, a sentence."""
    began = time.monotonic()
    try:
        found, held = step(), True
    except Exception as error:  # what falls over proves nothing
        found, held = str(error)[-600:], False
    said = found.replace("|", "/").replace("\n", " ")
    return Step(name.strip().rstrip("."), said, held, round(time.monotonic() - began, 1))
