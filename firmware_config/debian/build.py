"""Build: the sensor's Debian package: python firmware_config/debian/build.py [--arch arm64] [--dest dist].

1. The package holds wheels and no environment: that is made on the sensor, by the sensor's own Python (`postinst`).
2. Files other than the settings go below /usr/lib, so that whoever runs the sensor overrides them in /etc.
3. The same sources make the same package, byte by byte, wherever and whenever it is built: times are those of the last
   commit, or SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch).

Sources: deb(5), deb-control(5), Debian Policy 6, 9 and 10; dpkg-deb(1).
"""

import argparse
import email.utils
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from wheels import MACHINES, ROOT, build, fetch

HERE = ROOT / "firmware_config"
LIB = "usr/lib"
UNITS = f"{LIB}/systemd/system"
CLOUDS = ("footfall-cloud.service", "footfall-cloud.sysusers")  # for another machine
PLACES = {
    "systemd/footfall.sysusers": f"{LIB}/sysusers.d/footfall.conf",
    "systemd/footfall.tmpfiles": f"{LIB}/tmpfiles.d/footfall.conf",  # noqa: S108 - not a temporary file
    "systemd/bluetooth.service.d/footfall.conf": f"{UNITS}/bluetooth.service.d/footfall.conf",
    "firmware_config/systemd/journald.conf": f"{LIB}/systemd/journald.conf.d/footfall.conf",
    "firmware_config/systemd/watchdog.conf": f"{LIB}/systemd/system.conf.d/footfall.conf",
    "firmware_config/systemd/timesyncd.conf": f"{LIB}/systemd/timesyncd.conf.d/footfall.conf",
    "firmware_config/systemd/time-wait-sync.conf": f"{UNITS}/systemd-time-wait-sync.service.d/footfall.conf",
    "firmware_config/NetworkManager/10-footfall.conf": f"{LIB}/NetworkManager/conf.d/10-footfall.conf",
    "firmware_config/udev/60-footfall.rules": f"{LIB}/udev/rules.d/60-footfall.rules",
    "firmware_config/modprobe/footfall.conf": f"{LIB}/modprobe.d/footfall.conf",
    "firmware_config/sysctl/footfall.conf": f"{LIB}/sysctl.d/50-footfall.conf",
    "firmware_config/debian/config.toml": "etc/footfall/config.toml",
    "firmware_config/samples/agent.toml": "usr/share/doc/footfall-agent/examples/config.toml",
    "firmware_config/debian/copyright": "usr/share/doc/footfall-agent/copyright",
    "firmware_config/debian/lintian-overrides": "usr/share/lintian/overrides/footfall-agent",
}
SCRIPTS = ("postinst", "prerm", "postrm")


def main() -> None:
    """Build one package and print its path."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--arch", choices=[*MACHINES], default="arm64")
    asked.add_argument("--dest", type=Path, default=ROOT / "dist")
    asked.add_argument("--version", default=tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    wanted = asked.parse_args()
    wanted.dest.mkdir(parents=True, exist_ok=True)
    print(package(wanted.arch, wanted.version, wanted.dest))  # noqa: T201 - it is a command


def package(arch: str, version: str, dest: Path, libraries: Callable[[str, Path], None] = fetch) -> Path:
    """footfall-agent_VERSION_ARCH.deb in `dest`. `libraries`: puts the wheels for an architecture into a folder."""
    epoch = _epoch()
    os.umask(0o022)  # whatever the builder's own: modes are part of the bytes, and every user of a sensor reads these
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for source, place in _files():
            _put(root / place, source.read_bytes())
        shelf = root / LIB / "footfall/wheels"
        shelf.mkdir(parents=True)
        libraries(arch, shelf)
        build(shelf, epoch)
        _put(root / "usr/share/doc/footfall-agent/changelog.gz", _changelog(version, epoch))
        root.joinpath("usr/bin").mkdir()
        root.joinpath("usr/bin/footfall-agent").symlink_to("/opt/footfall/bin/footfall-agent")
        _control(root, arch, version)
        _date(root, epoch)
        made = dest / f"footfall-agent_{version}_{arch}.deb"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
        # xz on one thread: with more, the bytes depend on how many there are.
        words = ("dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--threads-max=1", "--build", str(root), str(made))
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return made


def _files() -> Iterator[tuple[Path, str]]:
    for name, place in PLACES.items():
        yield ROOT / name, place
    for kind in ("service", "socket", "path", "timer", "target"):
        for unit in sorted((ROOT / "systemd").glob(f"*.{kind}")):
            if unit.name not in CLOUDS:
                yield unit, f"{UNITS}/{unit.name}"


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _control(root: Path, arch: str, version: str) -> None:
    """The package's own word about itself (deb-control(5)): what it needs, its scripts, its settings, its sums."""
    files = sorted(one for one in root.rglob("*") if one.is_file() and not one.is_symlink())
    size = sum(-(-one.stat().st_size // 1024) for one in files)
    text = (HERE / "debian/control").read_text().format(version=version, arch=arch, size=size)
    control = root / "DEBIAN"
    _put(control / "control", text.encode())
    sums = [f"{hashlib.md5(one.read_bytes()).hexdigest()}  {one.relative_to(root)}\n" for one in files]  # noqa: S324
    _put(control / "md5sums", "".join(sums).encode())
    _put(control / "conffiles", b"/etc/footfall/config.toml\n")
    _put(control / "triggers", (HERE / "debian/triggers").read_bytes())
    for name in SCRIPTS:
        script = (HERE / "debian" / name).read_text().replace("@VERSION@", version)
        _put(control / name, script.encode(), 0o755)


def _changelog(version: str, epoch: int) -> bytes:
    dated = email.utils.formatdate(epoch)
    text = f"footfall-agent ({version}) stable; urgency=medium\n\n  * See the repository's history.\n\n"
    return gzip.compress(f"{text} -- Footfall <fleet@footfall.invalid>  {dated}\n".encode(), 9, mtime=0)


def _date(root: Path, epoch: int) -> None:
    for folder, _folders, names in os.walk(root, topdown=False):
        Path(folder).chmod(0o755)
        for one in (*(os.path.join(folder, name) for name in names), folder):  # noqa: PTH118
            os.utime(one, (epoch, epoch), follow_symlinks=False)


def _epoch() -> int:
    """When the sources were last changed, seconds since 1970."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    git = shutil.which("git")
    if git:
        words = (git, "-C", str(ROOT), "log", "-1", "--format=%ct")
        said = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        if said.returncode == 0:
            return int(said.stdout)
    raise SystemExit("Say how old these sources are, for there is no repository to ask: SOURCE_DATE_EPOCH=SECONDS.")


if __name__ == "__main__":
    main()
