"""PT-8: no settings that come from outside loosen privacy, and no settings at all can express what would.

Documents from the fleet: right ones, and forged, replayed, expired, rolled back, oversized, damaged, misdirected and
loosening ones, in random order, at sensors of every profile. What is taken is told by the file that is kept. Settings
files: random ones, some with a tempting key in them. The controls are copies of the product's own modules with one
check taken out; the same attack must see each.
"""

import ast
import base64
import inspect
import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import UNSET, Struct

import agent.config
import agent.desired
from agent.config import Config, Monitor, Privacy, Zones
from agent.contract import DeviceConfig, Signed, decode, encode
from agent.contract.handover import MAX_PAYLOAD_BYTES
from agent.contract.optout import make_list
from agent.desired import read, strictest
from tests.privacy.proof import Proof, check
from tests.signed import NOW, SENSOR, Signer, settings, wanted

CLAIM = "no settings from outside loosen privacy; none can express a longer epoch, an epsilon or a log of addresses"
FLEET, FORGER = Signer(1), Signer(2)
CHECKS = (
    "_check_signature", "_check_sensor", "_check_newer", "_check_time", "_check_size", "_check_stricter",
    "_check_list_stays",
)  # fmt: skip
NEVER = {
    "epsilon", "epoch", "budget", "noise", "address", "addresses", "mac", "ssid", "log", "debug", "verbose", "dump",
    "raw", "salt", "secret", "tag", "tags", "trace", "hash", "pseudonym", "remember", "threshold", "seed",
}  # fmt: skip


def copy_without(module: ModuleType, *functions: str, source: Callable[[str], str] = lambda text: text) -> Any:
    """A copy of a module in which each of `functions` does nothing, made of its source."""
    tree = ast.parse(source(inspect.getsource(module)))
    found = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in functions]
    assert len(found) == len(functions), f"{module.__name__} no longer has all of {functions}"
    for one in found:
        one.body = [ast.Pass()]
    copy = ModuleType(module.__name__)
    exec(compile(ast.fix_missing_locations(tree), str(module.__file__), "exec"), copy.__dict__)
    return copy


# Documents


class Target:
    """One sensor under attack. It knows by itself what may be taken: nothing here asks the product."""

    def __init__(self, folder: Path, dice: random.Random, product: Any) -> None:
        self.dice = dice
        site = dice.choice(["ordinary", "sensitive"])
        own = "F5" if site == "sensitive" else dice.choice([None, "F5", "D24"])
        zones = Zones(dice.randint(-75, -60), dice.randint(-95, -80))
        self.config = settings(folder, FLEET, privacy=Privacy(site, own), zones=zones)
        self.newest, self.listed_at = 0, None
        self.taken: list[bytes] = []
        self._product, self._standing = product, product.Standing(self.config)

    def right(self, **more: Any) -> DeviceConfig:
        """A document that may be taken, changed by `more`."""
        dice, zones = self.dice, self.config.zones
        inside = dice.choice([UNSET, dice.randint(zones.inside_dbm, -40)])
        asked = {
            "version": self.newest + dice.randint(1, 3),
            "profile": dice.choice([UNSET, "F5", self.config.profile]),
            "inside_dbm": inside,
            "outside_dbm": dice.choice([UNSET, dice.randint(zones.outside_dbm, zones.inside_dbm)]),
            "opt_outs": UNSET if self.listed_at is None and dice.random() < 0.7 else self.listed(),
        }
        return wanted(**asked | more)

    def listed(self, later_s: int = 0) -> Any:
        made_at = (NOW - 9000 if self.listed_at is None else self.listed_at) + later_s
        people = [(1, self.dice.randbytes(6)) for _ in range(3)]
        return make_list(people, bytes(32), made_at, self.dice.randrange)

    def takes(self, payload: bytes) -> bool:
        """Hand the sensor a document; whether it is in force now and was not before."""
        before = self._kept()
        self._standing.take(payload, NOW)
        if self.dice.random() < 0.01:
            self._standing = self._product.Standing(self.config)  # a restart forgets nothing
        return self._kept() == payload != before

    def took(self, payload: bytes) -> None:
        """A right document was taken: from now on this is what is in force."""
        document = decode(DeviceConfig, base64.b64decode(decode(Signed, payload).payload))
        self.newest = document.version
        self.listed_at = self.listed_at if document.opt_outs is UNSET else document.opt_outs.made_at
        self.taken.append(payload)

    def looser(self) -> bool:
        """Whether the settings in force are looser than the sensor's own, or differ in anything else."""
        kept = read(self.config.desired_path, self.config.fleet.config_keys, SENSOR)
        now = self.config if kept is None else strictest(self.config, kept)
        own = msgspec.structs.replace(now, privacy=self.config.privacy, zones=self.config.zones)
        return (
            own != self.config
            or (now.profile, self.config.profile) == ("D24", "F5")
            or now.zones.inside_dbm < self.config.zones.inside_dbm
            or now.zones.outside_dbm < self.config.zones.outside_dbm
        )

    def _kept(self) -> bytes:
        path = self.config.desired_path
        return path.read_bytes() if path.exists() else b""


def _flipped(payload: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(payload))
    return payload[:at] + bytes([payload[at] ^ 1 << dice.randrange(8)]) + payload[at + 1 :]


def _respelt(target: Target) -> bytes:
    """The same bytes in base64 whose last character has spare bits set."""
    body = encode(target.right())
    body += b" " * (1 + -len(body) % 3)
    text = base64.b64encode(body).decode()
    assert text.endswith("==")
    signed = FLEET.signed(body)
    return signed.replace(text.encode(), (text[:-3] + chr(ord(text[-3]) + 1) + "==").encode())


def _with_field(target: Target) -> bytes:
    extra = target.dice.choice([{"epsilon": 9}, {"epoch_hours": 48}, {"log_addresses": True}, {"window_s": 3600}])
    return FLEET.signed(json.dumps(json.loads(encode(target.right())) | extra).encode())


def _silencing(target: Target) -> bytes:
    """A list of every entry there is, which would leave everybody out."""
    document = json.loads(encode(target.right(opt_outs=target.listed())))
    document["opt_outs"] |= {"modulus": 1024, "entries": list(range(1024))}
    return FLEET.signed(json.dumps(document).encode())


def _swapped(target: Target) -> bytes:
    one, other = json.loads(FLEET.signed(target.right())), json.loads(FLEET.signed(target.right(version=2**50)))
    return json.dumps(one | {"sig": other["sig"]}).encode()


def _padded(target: Target) -> bytes:
    payload = FLEET.signed(target.right())
    return payload + b" " * (MAX_PAYLOAD_BYTES + 1 - len(payload) + target.dice.randrange(1000))


def _looser(target: Target) -> bytes:
    """One thing looser, whatever else it makes stricter."""
    zones, dice = target.config.zones, target.dice
    changes: list[dict[str, object]] = [
        {"inside_dbm": dice.randint(-127, zones.inside_dbm - 1), "outside_dbm": UNSET},
        {"outside_dbm": dice.randint(-127, zones.outside_dbm - 1)},
        {"outside_dbm": zones.outside_dbm - 1, "inside_dbm": 0, "profile": "F5"},
    ]
    if target.config.profile == "F5":
        changes.append({"profile": "D24"})
    if target.listed_at is not None:
        changes += [{"opt_outs": UNSET}, {"opt_outs": target.listed(-dice.randint(1, 8000))}] * 2
    return FLEET.signed(target.right(**dice.choice(changes)))


WRONG: dict[str, Callable[[Target], bytes]] = {
    "forged": lambda one: FORGER.signed(one.right(), kid=FLEET.kid),
    "of a stranger": lambda one: FORGER.signed(one.right(), kid="stranger"),
    "signed for something else": lambda one: FLEET.signed(one.right(), begins=one.dice.choice([b"", b"update v1\0"])),
    "with another's signature": _swapped,
    "replayed": lambda one: one.dice.choice(one.taken[:-1] or [b"{}"]),
    "rolled back": lambda one: (
        FLEET.signed(one.right(version=one.dice.randint(1, max(1, one.newest)))) if one.newest else b"{}"
    ),
    "expired": lambda one: FLEET.signed(one.right(not_before=0, expires=NOW - one.dice.randint(0, 10**6))),
    "early": lambda one: FLEET.signed(one.right(not_before=NOW + one.dice.randint(1, 10**4))),
    "of another sensor": lambda one: FLEET.signed(one.right(sensor=one.dice.choice(["demo:back", "other:door"]))),
    "damaged": lambda one: _flipped(FLEET.signed(one.right()), one.dice),
    "cut off": lambda one: FLEET.signed(one.right())[: -one.dice.randint(1, 100)],
    "respelt": _respelt,
    "oversized": _padded,
    "with a field": _with_field,
    "silencing": _silencing,
    "looser": _looser,
    "crossed": lambda one: FLEET.signed(one.right(inside_dbm=one.config.zones.inside_dbm, outside_dbm=0)),
}


def attack(folder: Path, product: Any, documents: int, *, until_seen: bool = False) -> Counter[str]:
    """Send documents to sensors; counts of what was `taken`, taken `wrongly`, `missed` and found `looser`."""
    dice = random.Random(8)
    found: Counter[str] = Counter()
    kinds = [*WRONG, "right", "right"]
    for number in range(documents):
        if number % max(50, documents // 40) == 0:
            target = Target(folder / f"{number}", dice, product)
        kind = dice.choice(kinds)
        payload = FLEET.signed(target.right()) if kind == "right" else WRONG[kind](target)
        taken = target.takes(payload)
        found["documents"] += 1
        if taken and kind == "right":
            found["taken"] += 1
            target.took(payload)
        elif taken:
            found["wrongly"] += 1
            target = Target(folder / f"{number}-after", dice, product)
        elif kind == "right":
            found["missed"] += 1
        if taken:
            found["looser"] += target.looser()
        if until_seen and found["wrongly"]:
            break
    return found


# Settings files

TEMPTING: list[tuple[str, str, object]] = [
    ("", "epoch_hours", 48), ("", "epsilon", 9.0), ("", "log_addresses", True), ("", "debug", True),
    ("privacy", "epsilon", 9.0), ("privacy", "epoch_s", 10**6), ("privacy", "log_addresses", True),
    ("privacy", "threshold", 0), ("privacy", "profile", "R28"), ("privacy", "site", "any"), ("", "window_s", 86_400),
    ("", "key_file", "/key"), ("radio", "keep_addresses", True), ("zones", "outside_dbm", 1), ("fleet", "remote", True),
]  # fmt: skip


def settings_text(dice: random.Random, tempting: tuple[str, str, object] | None) -> str:
    """A settings file with random known keys, most of them well within what is allowed."""
    tables: dict[str, dict[str, object]] = {
        "": {"sensor": SENSOR, "window_s": dice.choice([60, 300, 600])},
        "privacy": {"site": dice.choice(["ordinary", "sensitive"])},
        "radio": {},
        "zones": {"inside_dbm": dice.randint(-80, -50), "outside_dbm": dice.randint(-127, -80)},
        "fleet": dice.choice([{}, {"config_keys": {FLEET.kid: FLEET.public}}]),
    }
    if dice.random() < 0.7:
        tables["privacy"]["profile"] = dice.choice(["F5", "D24"])
    source = dice.choice(["monitor", "street"])
    tables["radio.wifi"] = {"source": source}
    if dice.random() < 0.3:
        tables["time"] = {"start": 0, "real_start": dice.choice([0, 10**12]), "speed": dice.choice([1e-6, 1.0, 300.0])}
    if tempting:
        tables[tempting[0]][tempting[1]] = tempting[2]
    return "".join(
        (f"[{name}]\n" if name else "") + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)


def files(folder: Path, product: Any, number: int) -> Counter[str]:
    """Have settings files read; counts of those `understood`, and of those `loose`, by what is loose about them."""
    dice = random.Random(8)
    found: Counter[str] = Counter()
    path = folder / "config.toml"
    for _ in range(number):
        found["files"] += 1
        tempting = dice.choice(TEMPTING) if dice.random() < 0.5 else None
        path.write_text(settings_text(dice, tempting))
        try:
            config = product.load(path)
        except product.ConfigError:
            continue
        found["understood"] += 1
        # Under a clock of its own a day's key would live as long as that clock likes: no real radio may have one.
        clock = config.time is not None and type(config.radio.wifi).__name__ == Monitor.__name__
        found["tempted"] += tempting is not None
        found["sensitive"] += config.privacy.site == "sensitive" and config.profile != "F5"
        found["long"] += clock or config.window_s > 600
    found["loose"] = found["tempted"] + found["sensitive"] + found["long"]
    return found


def expressible(kind: type[Struct], place: str = "") -> list[str]:
    """Settings, anywhere below a type, that speak of what none may, or whose seconds have no bound within a day."""
    found: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = f"{place}{field.name}"
        if set(field.name.split("_")) & NEVER and name not in ("radio.wifi.seed",):  # the simulated street's
            found.append(name)
        kinds = [field.type, *getattr(field.type, "__args__", ())]
        for inner in (one for one in kinds if isinstance(one, type) and issubclass(one, Struct)):
            found += expressible(inner, f"{name}.")
        if field.name.endswith("_s") and not any(0 < (m.le or 0) <= 86_400 for m in _metas(field.type)):
            found.append(name)
    return found


def _metas(hint: Any) -> list[Any]:
    return [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, msgspec.Meta)]


class Leaky(Config, frozen=True, forbid_unknown_fields=True):  # type: ignore[misc]
    """Settings as they must not be."""

    log_addresses: bool = False
    epoch_s: float = 86_400.0


def controls(folder: Path) -> list[str]:
    """Checks whose absence the attack did not see."""
    missed = [
        name
        for name in CHECKS
        if not attack(folder / name, copy_without(agent.desired, name), 3000, until_seen=True)["wrongly"]
    ]
    unchecked = files(folder, copy_without(agent.config, "_check"), 200)
    careless = copy_without(agent.config, source=lambda text: text.replace(", forbid_unknown_fields=True", ""))
    missed += [f"config._check ({kind})" for kind in ("sensitive", "long") if not unchecked[kind]]
    if not files(folder, careless, 200)["tempted"]:
        missed.append("forbid_unknown_fields")
    if set(expressible(Leaky)) != {"log_addresses", "epoch_s"}:
        missed.append("log_addresses")
    return missed


def prove(folder: Path, *, full: bool) -> Proof:
    logging.getLogger("footfall.desired").disabled = True  # a line for each document that is refused
    try:
        return _prove(folder, full=full)
    finally:
        logging.getLogger("footfall.desired").disabled = False


def _prove(folder: Path, *, full: bool) -> Proof:
    sent = attack(folder / "documents", agent.desired, 100_000 if full else 2_000)
    read_files = files(folder, agent.config, 20_000 if full else 500)
    named = expressible(Config)
    missed = controls(folder)
    right = sent["taken"] + sent["missed"]
    figure = (
        f"{sent['documents']:,} documents of {len(WRONG) + 1} kinds: {sent['wrongly']} taken wrongly, {sent['looser']} "
        f"loosened, {sent['taken']} of {right} right ones taken; of {read_files['files']:,} settings files "
        f"{read_files['understood']} understood, {read_files['loose']} of them loose; {len(named)} loose settings"
    )
    held = not (sent["wrongly"] or sent["looser"] or sent["missed"] or read_files["loose"] or named)
    held = held and sent["taken"] > 0 and read_files["understood"] > 0
    control = f"{len(CHECKS) + 3} checks taken out one by one" + (f", not seen: {', '.join(missed)}" if missed else "")
    return Proof("PT-8", CLAIM, figure, held, control, caught=not missed)


def test_no_settings_from_outside_loosen_privacy(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
