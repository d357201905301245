"""Phrasebook: the sentences this program can say, so that of a text only what stands in them has to be believed.

1. A phrase is a text of our own source, public for everyone, with fields where values stand. A text is told as a
   phrase that it fits: the phrase's own words, and of its fields those that are a small number, a USB id or a place on
   the bus. Every other field is blotted out, unless it fits a phrase itself. What fits no phrase is not told at all.
2. So nothing has to be recognised as an address, a name or a key to be kept out. It is out unless it is ours.
3. What drivers and systemd say of a machine is told by phrases of theirs that are listed here.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

BLOT = "…"
_FIELD = "\0"
_LETTERS = 5  # so many letters of its own a phrase must have, or it would fit anything
_LONGEST = 600
_HARMLESS = re.compile(
    r"[-+]?\d{1,7}(\.\d{1,6})?%?|0x[0-9a-f]{1,8}|[0-9a-f]{4}:[0-9a-f]{4}|\d{1,2}-\d{1,2}(\.\d{1,2}){0,5}(:\d\.\d)?"
)
_FORMAT = re.compile(r"%(?:\.\d+)?[sdfr]")

SYSTEM = (  # of systemd about our services
    "Started {}.",
    "Stopped {}.",
    "Stopping {}...",
    "Starting {}...",
    "Reached target {}.",
    "Stopped target {}.",
    "{}: Main process exited, code=exited, status={}/{}",
    "{}: Main process exited, code=killed, status={}/{}",
    "{}: Main process exited, code=dumped, status={}/{}",
    "{}: Failed with result 'exit-code'.",
    "{}: Failed with result 'signal'.",
    "{}: Failed with result 'watchdog'.",
    "{}: Failed with result 'oom-kill'.",
    "{}: Failed with result 'timeout'.",
    "{}: Watchdog timeout (limit {})!",
    "{}: Deactivated successfully.",
    "{}: Scheduled restart job, restart counter is at {}.",
    "{}: Consumed {} CPU time.",
    "{}: State 'stop-sigterm' timed out. Killing.",
    "{}: A process of this unit has been killed by the OOM killer.",
)
KERNEL = (  # of drivers of USB, radios and disks
    "usb {}: USB disconnect, device number {}",
    "usb {}: new high-speed USB device number {} using {}",
    "usb {}: new full-speed USB device number {} using {}",
    "usb {}: new SuperSpeed USB device number {} using {}",
    "usb {}: New USB device found, idVendor={}, idProduct={}, bcdDevice={}",
    "usb {}: reset high-speed USB device number {} using {}",
    "usb {}: reset full-speed USB device number {} using {}",
    "usb {}: device descriptor read/{}, error {}",
    "usb {}: device not accepting address {}, error {}",
    "usb {}: unable to enumerate USB device",
    "usb {}: over-current change #{}",
    "usb usb{}-port{}: over-current change",
    "usb usb{}-port{}: disabled by hub (EMI?), re-enabling...",
    "hub {}: over-current condition",
    "hwmon hwmon{}: Undervoltage detected!",
    "hwmon hwmon{}: Voltage normalised",
    "Under-voltage detected! ({})",
    "Voltage normalised ({})",
    "mt76x2u {}: vendor request req:{} off:{} failed:{}",
    "mt76x0u {}: vendor request req:{} off:{} failed:{}",
    "mt76x2u {}: firmware upload failed: {}",
    "mt76x0u {}: firmware upload failed: {}",
    "mt76x2u: probe of {} failed with error {}",
    "mt76x0u: probe of {} failed with error {}",
    "ieee80211 phy{}: rt2x00usb_vendor_request: Error - Vendor Request {} failed for offset {} with error {}",
    "Bluetooth: hci{}: command {} tx timeout",
    "Bluetooth: hci{}: hardware error {}",
    "Bluetooth: hci{}: Reset failed ({})",
    "brcmfmac: brcmf_sdio_hostmail: mailbox indicates firmware halted",
    "mmc{}: error {} whilst initialising SD card",
    "mmcblk{}: error {} sending status command",
    "I/O error, dev {}, sector {} op {}:({}) flags {} phys_seg {} prio class {}",
    "EXT4-fs error (device {}): {}",
    "EXT4-fs ({}): recovery complete",
    "Out of memory: Killed process {} ({}) {}",
    "watchdog: watchdog{}: watchdog did not stop!",
    "cfg80211: failed to load regulatory.db",
    "thermal thermal_zone{}: critical temperature reached",
)
TOOLS = (  # of iw dev, of lsusb, and how machines and kernels are called
    "phy#{}",
    "type managed",
    "type monitor",
    "type AP",
    "channel {} ({} MHz), width: {} MHz, center1: {} MHz",
    "channel {} ({} MHz), width: {} MHz (no HT), center1: {} MHz",
    "txpower {} dBm",
    "ifindex {}",
    "Bus {} Device {}: ID {} {}",
    "Bus {} Device {}: ID {}",
    *(f"Raspberry Pi {{}} Model {letter} Rev {{}}" for letter in ("A", "A Plus", "B", "B Plus")),
    "Raspberry Pi Zero 2 W Rev {}",
    *(f"{{}}+rpt-rpi-{end}" for end in ("v6", "v7", "v7l", "v8", "2712")),
    *(f"{{}}-{end}" for end in ("amd64", "arm64")),
    *(f"Debian GNU/Linux {{}} ({name})" for name in ("bookworm", "trixie")),
)


class Phrasebook:
    """Knows `phrases`, with `{}` where a value stands; those of few letters only if `short`."""

    def __init__(self, phrases: Iterable[str], *, short: bool = False) -> None:
        marked = {one.replace("{}", _FIELD) for one in phrases}
        known = sorted((one for one in marked if short or _letters(one) >= _LETTERS), key=_letters, reverse=True)
        self._known = [(one, _pattern(one)) for one in known]

    def told(self, text: str, depth: int = 0) -> str | None:
        """The text as far as it may be told; None if it fits no phrase."""
        if len(text) > _LONGEST:
            return None
        for phrase, pattern in self._known:
            if found := pattern.fullmatch(text):
                return self._filled(phrase, found.groups(), depth)
        return None

    def _filled(self, phrase: str, values: Sequence[str], depth: int) -> str:
        first, *rest = phrase.split(_FIELD)
        pairs = zip(values, rest, strict=True)
        return first + "".join(self._field(value, depth) + after for value, after in pairs)

    def _field(self, value: str, depth: int) -> str:
        if not value or _HARMLESS.fullmatch(value.strip()):
            return value
        return (self.told(value, depth + 1) if depth < 2 else None) or BLOT


class Own(Phrasebook):
    """What this program says: all texts of its source, and where in it an error happened."""

    def __init__(self) -> None:
        sources = dict(_sources(files("agent"), "agent"))
        super().__init__({phrase for text in sources.values() for phrase in phrases(text)})
        self._modules = frozenset(sources)
        self._system = Phrasebook(SYSTEM, short=True)

    def told(self, text: str, depth: int = 0) -> str | None:
        """As there; a log line without its level and logger, a line of a traceback as its place in the source."""
        said = re.sub(r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL) footfall[a-z.]{0,30}: ", "", text)
        return super().told(said, depth) or self._system.told(said, depth) or self._place(said)

    def _place(self, text: str) -> str | None:
        if found := re.search(r'File "[^"]*/(agent/[\w/]+\.py)", line (\d{1,5})', text):
            return f"{found[1]} line {found[2]}" if found[1] in self._modules else None
        if text == "Traceback (most recent call last):":
            return text
        name = text.partition(":")[0]
        error = getattr(builtins, name, None) if name.isidentifier() else None
        return name if isinstance(error, type) and issubclass(error, BaseException) else None


def phrases(source: str) -> Iterator[str]:
    """The texts in the source of a module, with `{}` where values stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
            yield "".join(str(one) for one in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            yield _FORMAT.sub("{}", node.value)


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _sources(one, f"{name}/{one.name}")
        elif one.name.endswith(".py"):
            yield f"{name}/{one.name}", one.read_text(encoding="utf-8")


def _letters(phrase: str) -> int:
    return sum(one.isalpha() for one in phrase)


def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(re.escape(one) for one in phrase.split(_FIELD)), re.DOTALL)
