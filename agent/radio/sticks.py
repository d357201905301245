"""Sticks: what /sys says of the device behind a network interface, and of USB devices that no driver has taken.

1. Files are read and nothing is written. What is not there is "" or nothing: a stick may be pulled at any moment.
2. `root` is /sys, or a tree like it.

Sources: Documentation/ABI/testing/sysfs-class-net, sysfs-bus-usb; linux/if.h for the flags.
"""

from pathlib import Path

_ROOT = Path("/sys")
_IFF_UP = 0x1
_VENDOR_SPECIFIC = "ff"  # the class of nearly all Wi-Fi sticks, and of other things


def has_wifi(root: Path = _ROOT) -> bool:
    """Whether the kernel's Wi-Fi is there at all; without any adapter it may not even be loaded."""
    return root.joinpath("class/ieee80211").is_dir()


def driver(interface: str, root: Path = _ROOT) -> str:
    """The driver of an interface's device."""
    return _name(_interface(interface, root) / "device/driver")


def usb(interface: str, root: Path = _ROOT) -> str:
    """ "idVendor:idProduct" of the USB device that an interface is on."""
    try:
        place = _interface(interface, root).joinpath("device").resolve(strict=True)
    except OSError:
        return ""
    return next((_ids(one) for one in (place, *place.parents) if one.joinpath("idVendor").is_file()), "")


def is_up(interface: str, root: Path = _ROOT) -> bool:
    """Whether an interface is switched on."""
    return bool(int(_text(_interface(interface, root) / "flags") or "0", 16) & _IFF_UP)


def has_carrier(interface: str, root: Path = _ROOT) -> bool:
    """Whether an interface has a line: one in managed mode, whether it is connected to an access point."""
    return _text(_interface(interface, root) / "carrier") == "1"


def is_bridged(interface: str, root: Path = _ROOT) -> bool:
    """Whether an interface is a part of a bridge or bond."""
    return _interface(interface, root).joinpath("master").exists()


def without_driver(root: Path = _ROOT) -> list[str]:
    """ "idVendor:idProduct" of USB devices of the makers' own class whose every part waits for a driver."""
    parts: dict[Path, list[Path]] = {}
    for part in sorted(root.glob("bus/usb/devices/*:*")):
        parts.setdefault(part.resolve().parent, []).append(part)
    return [
        _ids(device)
        for device, its in parts.items()
        if all(_text(one / "bInterfaceClass") == _VENDOR_SPECIFIC and not (one / "driver").exists() for one in its)
    ]


def _interface(name: str, root: Path) -> Path:
    return root / "class/net" / name


def _ids(device: Path) -> str:
    return f"{_text(device / 'idVendor')}:{_text(device / 'idProduct')}"


def _name(link: Path) -> str:
    return link.resolve().name if link.exists() else ""


def _text(path: Path) -> str:
    """The carrier of an interface that is down cannot be read (EINVAL)."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
