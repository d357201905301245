"""PT-11: the units deny each process what the other is for, whatever its code does.

The units are read by systemd's own tools: `systemd-analyze verify` understands every line, and `systemd-analyze
security` gives an exposure (0 best, 10 worst) below what is promised. Each line the promise stands on is looked for. As
root on a machine that runs systemd, a program that tries everything is started in each unit's sandbox. The controls
are the units without one of those lines at a time, judged the same way.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, find, need
from tests.privacy.proof import Proof, check

UNITS = ROOT / "systemd"
CLAIM = (
    "the units deny sense the network, sync and the setup page the radio and the keyring, keep both packets and "
    "network, and all four core files, swap and new rights"
)
BOOTED = Path("/run/systemd/system").is_dir() and os.geteuid() == 0  # sd_booted(3)

KINDS = ("*.service", "*.target", "*.socket", "*.path", "*.timer")
EACH = {
    "Type": "notify", "Restart": "always", "Group": "footfall", "UMask": "0007", "NoNewPrivileges": "yes",
    "LimitCORE": "0", "MemorySwapMax": "0", "KeyringMode": "private", "MemoryDenyWriteExecute": "yes",
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "ReadWritePaths": "/var/lib/footfall /run/footfall", "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
}  # fmt: skip
BOOT = "FOOTFALL_BOOT=%b"  # without it the process ends at once: ProcSubset=pid hides the kernel's
LINES = {
    "sense": {
        **EACH, "Environment": BOOT, "User": "footfall-sense", "IPAddressDeny": "any",
        "RestrictAddressFamilies": "AF_PACKET AF_BLUETOOTH AF_UNIX",
        "CapabilityBoundingSet": "CAP_NET_RAW CAP_IPC_LOCK", "AmbientCapabilities": "CAP_NET_RAW CAP_IPC_LOCK",
        "LimitMEMLOCK": "infinity",
        "SystemCallFilter": "@system-service ~@privileged @resources @chown @setuid "
        "adjtimex clock_adjtime clock_adjtime64",
    },
    "sync": {
        **EACH, "Environment": BOOT, "User": "footfall-sync", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "CapabilityBoundingSet": "", "PrivateUsers": "yes",
        "SystemCallFilter": "@system-service ~@privileged @resources @keyring @memlock @chown @setuid",
    },
    "setup": {
        **EACH, "Type": "exec", "Restart": "no", "Environment": BOOT, "User": "footfall-sync",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "SocketBindDeny": "any",
        "CapabilityBoundingSet": "", "PrivateUsers": "yes",
        "SystemCallFilter": "@system-service ~@privileged @resources @keyring @memlock @chown @setuid",
    },
    "keep": {
        **EACH, "User": "root", "RestrictAddressFamilies": "AF_NETLINK AF_BLUETOOTH AF_UNIX", "IPAddressDeny": "any",
        "CapabilityBoundingSet": "CAP_NET_ADMIN", "ReadWritePaths": "/var/lib/footfall /run/footfall /sys",
        "SystemCallFilter": "@system-service ~@privileged @resources @keyring @memlock",
    },
}  # fmt: skip
EXPOSURE = {"sense": 1.8, "sync": 1.3, "setup": 1.3, "keep": 1.9}

# What a unit says of how to start is left out, and what a machine without the product does not have.
NOT_THE_SANDBOX = {"Type", "ExecStart", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec",
                   "NotifyAccess", "TimeoutStartSec", "WatchdogSec", "ExecStopPost",
                   "User", "Group", "ReadWritePaths", "Environment"}  # fmt: skip
GETS = {
    "sense": {"AF_UNIX": True, "AF_PACKET": True, "AF_INET": False, "AF_INET6": False, "AF_NETLINK": False,
              "AF_BLUETOOTH": True, "a core file": False, "new rights": False, "written memory executed": False,
              "the state of the clock": True},
    "sync": {"AF_UNIX": True, "AF_PACKET": False, "AF_INET": True, "AF_INET6": True, "AF_NETLINK": False,
             "AF_BLUETOOTH": False, "a core file": False, "new rights": False, "written memory executed": False,
             "a key": False},
    "setup": {"AF_UNIX": True, "AF_PACKET": False, "AF_INET": True, "AF_INET6": True, "AF_NETLINK": False,
              "AF_BLUETOOTH": False, "a core file": False, "new rights": False, "written memory executed": False,
              "a key": False},
    "keep": {"AF_UNIX": True, "AF_PACKET": False, "AF_INET": False, "AF_INET6": False, "AF_NETLINK": True,
             "AF_BLUETOOTH": True, "a core file": False, "new rights": False, "written memory executed": False,
             "a key": False},
}  # fmt: skip
TRIES = """
import ctypes, json, mmap, os, resource, socket
libc = ctypes.CDLL(None, use_errno=True)
def works(trial):
    try:
        return trial() is not False
    except OSError:
        return False
kinds = {"AF_UNIX": (1, 0), "AF_INET": (1, 0), "AF_INET6": (1, 0), "AF_PACKET": (3, 0), "AF_NETLINK": (3, 16),
         "AF_BLUETOOTH": (3, 1)}  # SOCK_STREAM, SOCK_RAW; generic netlink, HCI
got = {name: works(lambda: socket.socket(getattr(socket, name), *kind)) for name, kind in kinds.items()}
got["a core file"] = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
got["new rights"] = libc.prctl(39, 0, 0, 0, 0) == 0  # PR_GET_NO_NEW_PRIVS
got["written memory executed"] = works(lambda: mmap.mmap(-1, 4096, prot=7))
got["the state of the clock"] = works(lambda: libc.adjtimex(ctypes.create_string_buffer(256)) >= 0)
numbers = {"x86_64": 250, "aarch64": 219}
got["a key"] = works(lambda: libc.syscall(numbers.get(os.uname().machine, -1), 0, -4, 1) > 0)
print(json.dumps(got))
"""


class Unit(NamedTuple):
    """A unit's file, and the directives of its service with their values, in order."""

    path: Path
    directives: list[tuple[str, str]]

    def value(self, directive: str) -> str | None:
        """What holds: values of one directive add up, and an empty one starts over (systemd.syntax(7))."""
        values = [value for name, value in self.directives if name == directive]
        while "" in values:
            values = values[values.index("") + 1 :]
        given = any(name == directive for name, _ in self.directives)
        return " ".join(values) if given else None

    def without(self, directive: str, folder: Path) -> "Unit":
        """The unit with that directive taken out, as a file of the same name in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        changed = folder / self.path.name
        changed.write_text(re.sub(rf"^{directive}=.*\n", "", self.path.read_text(), flags=re.MULTILINE))
        return read(changed)


def read(path: Path) -> Unit:
    service = path.read_text().partition("[Service]\n")[2].partition("\n[")[0]
    return Unit(path, re.findall(r"^(\w+)=(.*)$", service, flags=re.MULTILINE))


def analyze(*words: str) -> str:
    """systemd-analyze on files, without a running systemd."""
    program = find("systemd-analyze") or need("systemd")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    if "unrecognized option '--offline" in done.stderr:
        pytest.skip("this systemd-analyze is older than systemd 250 and reads no unit files")
    return done.stdout + done.stderr


def exposure(unit: Unit) -> float:
    said = analyze("security", "--offline=true", "--no-pager", str(unit.path))
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", said)
    assert found, said
    return float(found[1])


def missing(part: str, unit: Unit) -> list[str]:
    """Lines the promise stands on that the unit does not have."""
    return [name for name, value in LINES[part].items() if unit.value(name) != value]


def misunderstood() -> list[str]:
    """What systemd says of the units' files, but for programs that are not installed here."""
    said = analyze("verify", "--man=no", *sorted(str(one) for kind in KINDS for one in UNITS.glob(kind)))
    return [line for line in said.splitlines() if "is not executable: No such file" not in line]


def tried(*properties: str) -> dict[str, bool]:
    """What a program gets as a service with these properties, under the running systemd."""
    run = [
        need("systemd-run"),
        "--quiet",
        "--wait",
        "--pipe",
        "--collect",
        *(f"--property={one}" for one in properties),
    ]
    done = subprocess.run([*run, "/usr/bin/python3", "-c", TRIES], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def surprises(part: str, unit: Unit) -> list[str]:
    """What a program in the unit's sandbox got and should not have; or did not, though without the sandbox it would."""
    sandbox = [f"{name}={value}" for name, value in unit.directives if name not in NOT_THE_SANDBOX]
    got, without = tried("User=nobody", *sandbox), tried()
    wanted = {name: expected and without[name] for name, expected in GETS[part].items()}
    return [f"{name}: {got[name]}" for name, expected in wanted.items() if got[name] != expected]


def escapes(part: str, unit: Unit, folder: Path) -> Iterator[str]:
    """Lines that could be taken out of the unit without anybody noticing."""
    for name in LINES[part]:
        if name not in missing(part, unit.without(name, folder / name)):
            yield f"{part} without {name}"
    bare = unit.without("RestrictAddressFamilies", folder / "bare")
    if exposure(bare) <= EXPOSURE[part]:
        yield f"{part} without RestrictAddressFamilies, by its exposure"
    if BOOTED and not surprises(part, bare):
        yield f"{part} without RestrictAddressFamilies, by trying"


def prove(folder: Path, *, full: bool) -> Proof:
    units = {part: read(UNITS / f"footfall-{part}.service") for part in LINES}
    figures, faults = [], misunderstood()
    for part, unit in units.items():
        level = exposure(unit)
        figures.append(f"{part}: exposure {level} of {EXPOSURE[part]}, {len(LINES[part])} lines")
        faults += [f"{part} has no right line {name}" for name in missing(part, unit)]
        faults += [f"{part} is exposed by {level}"] if level > EXPOSURE[part] else []
        faults += [f"{part} got {surprise}" for surprise in surprises(part, unit)] if BOOTED else []
    figures.append("tried under systemd" if BOOTED else "not tried: no systemd runs here, or this is not root")
    unseen = [one for part, unit in units.items() for one in escapes(part, unit, folder / part)]
    return Proof(
        "PT-11",
        CLAIM,
        "; ".join([*figures, *faults]),
        not faults,
        f"each unit without one of its lines at a time{': unseen ' + ', '.join(unseen) if unseen else ''}",
        not unseen,
    )


def test_the_units_deny_what_they_must(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
