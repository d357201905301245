"""PT-8: no settings that come from outside loosen privacy, and no settings at all can express what would.

Documents and key lists from the fleet: right ones, and forged, replayed, expired, rolled back, oversized, damaged,
misdirected and loosening ones, lists by wrong roots and by keys that sign settings, each in the place of the other, in
random order, at sensors of every profile, in trials and after them. What is taken is told by the files that are kept.
Settings files: random ones, some with a tempting key in them. The controls are copies of the product's own modules with
one check taken out; the same attack must see each.
"""

import ast
import base64
import inspect
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import UNSET, Struct

import agent.config
import agent.standing
from agent.config import HERE, Bluetooth, Config, Fleet, Hours, Monitor, Mqtt, Privacy, Radio, Zones
from agent.contract import DeviceConfig, Signed, decode, encode
from agent.contract.desired import Broker, Opening, Tuning, keys_to_sign
from agent.contract.handover import MAX_PAYLOAD_BYTES
from agent.contract.optout import make_list
from agent.core import hours
from agent.effective import REACH, flat
from agent.in_force import InForce
from agent.standing import Moment
from agent.taken import Taken
from tests.privacy.proof import Proof, check
from tests.signed import NOW, SENSOR, WELL, Signer, settings, wanted

CLAIM = "no settings from outside loosen privacy; none can express a longer epoch, an epsilon or a log of addresses"
FLEET, FORGER, NEXT, ROOT = Signer(1), Signer(2), Signer(3, "next"), Signer(4, "root")
PARTS = ("agent.desired", "agent.keylist", "agent.effective", "agent.taken", "agent.standing")  # each uses those before
CHECKS = (
    "_check_signature", "_check_sensor", "_check_newer", "_check_time", "_check_size", "_check_stricter",
    "_check_encrypted", "check_list_stays",
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


def product_without(name: str) -> Any:
    """A copy of what takes settings, of all its parts, in which the check `name` does nothing."""
    real = {part: sys.modules[part] for part in PARTS}
    try:
        for part, module in real.items():
            put(part, copy_without(module, *([name] if f"\ndef {name}(" in inspect.getsource(module) else [])))
        return sys.modules["agent.standing"]
    finally:
        for part, module in real.items():
            put(part, module)


def put(part: str, module: Any) -> None:
    sys.modules[part] = module
    setattr(agent, part.removeprefix("agent."), module)


# Documents


class Target:
    """One sensor under attack. It knows by itself what may be taken: nothing here asks the product."""

    def __init__(self, folder: Path, dice: random.Random, product: Any) -> None:
        self.dice = dice
        site = dice.choice(["ordinary", "sensitive"])
        own = "F5" if site == "sensitive" else dice.choice([None, "F5", "D24"])
        self.config = msgspec.structs.replace(
            settings(folder, FLEET, privacy=Privacy(site, own)),
            zones=Zones(dice.randint(-75, -60), dice.randint(-95, -80)),
            hours=dice.choice([[], [Hours(days=["mon", "tue"], opens="09:00", closes="18:00")]]),
            radio=Radio(Monitor(), dice.choice([None, Bluetooth(), Bluetooth(mode="passive")])),
            mqtt=dice.choice([Mqtt(), Mqtt(host="cloud.example", port=8883, ca_file="/ca.pem")]),
            fleet=Fleet(config_keys={FLEET.kid: FLEET.public}, root_keys={ROOT.kid: ROOT.public}),
        )
        self.newest, self.listed_at, self.keys = 0, None, 0
        self.may_sign, self.at = [FLEET], 0.0
        self.taken: list[bytes] = []
        self._product, self._standing = product, self._begin(product)

    def signed(self, document: DeviceConfig | bytes) -> bytes:
        """Signed by a key that may."""
        return self.dice.choice(self.may_sign).signed(document)

    def right(self, **more: Any) -> DeviceConfig:
        """A document that may be taken, changed by `more`."""
        dice, zones = self.dice, self.config.zones
        inside = dice.choice([UNSET, dice.randint(zones.inside_dbm, -40)])
        host = (
            dice.choice(["new.example", "localhost"])
            if self.config.mqtt.ca_file
            else dice.choice(["127.0.0.1", "localhost"])
        )
        week = [Opening(days=[dice.choice(["mon", "tue"])], opens="10:00", closes=dice.choice(["12:00", "18:00"]))]
        asked = {
            "version": self.newest + dice.randint(1, 3),
            "profile": dice.choice([UNSET, "F5", self.config.profile]),
            "inside_dbm": inside,
            "outside_dbm": dice.choice([UNSET, dice.randint(zones.outside_dbm, zones.inside_dbm)]),
            "opt_outs": UNSET if self.listed_at is None and dice.random() < 0.7 else self.listed(),
            "hours": dice.choice([UNSET, week]),
            "bluetooth": dice.choice([UNSET, UNSET, "off", "passive"]),
            "tuning": dice.choice([UNSET, Tuning(channels=[1, 36]), Tuning(stay_s=1.5)]),
            "broker": dice.choice([UNSET, Broker(host=host, port=8883)]),
        }
        return wanted(**asked | more)

    def listed(self, later_s: int = 0) -> Any:
        made_at = (NOW - 9000 if self.listed_at is None else self.listed_at) + later_s
        people = [(1, self.dice.randbytes(6)) for _ in range(3)]
        return make_list(people, bytes(32), made_at, self.dice.randrange)

    def takes(self, payload: bytes, *, as_keys: bool = False) -> bool:
        """Hand the sensor a document or a key list; whether anything was taken that was not before."""
        before, dice = self._kept(), self.dice
        if as_keys:
            self._standing.take_keys(payload)
        else:
            self._standing.take(payload, self._here())
        if dice.random() < 0.1:  # time goes on, and with it trials
            self.at += dice.choice([1, 60, 300, 700])
            self._standing.look(self._here(), answered=dice.random() < 0.5)
        if dice.random() < 0.01:
            self._standing = self._begin(self._product)  # a restart forgets nothing
        return self._kept() != before

    def took(self, payload: bytes) -> None:
        """A right document was taken: from now on this is the newest."""
        document = decode(DeviceConfig, base64.b64decode(decode(Signed, payload).payload))
        self.newest = document.version
        self.listed_at = self.listed_at if document.opt_outs is UNSET else document.opt_outs.made_at
        self.taken.append(payload)

    def settle(self) -> None:
        """A document that waited for this key list is right now, if it is by a key on it and newer than any."""
        self._standing.look(self._here(), answered=False)
        newest = self._kept()[0]
        named = newest is not None and newest.kid in [one.kid for one in self.may_sign]
        if newest is not None and named and _version(encode(newest)) > self.newest:
            self.took(encode(newest))

    def holds(self, payload: bytes) -> bool:
        """Whether this is the newest document or the key list that is kept."""
        return decode(Signed, payload) in self._kept()

    def looser(self) -> bool:
        """Whether the settings in force are looser than the sensor's own, or differ in what nothing reaches."""
        own, now = self.config, InForce(self.config).config
        before, after = dict(flat(own)), dict(flat(now))
        opened, opens = (hours.minutes([hours.opening(h.days, h.opens, h.closes) for h in x.hours]) for x in (now, own))
        return (
            any(before[name] != value for name, value in after.items() if name not in REACH)
            or (now.profile, own.profile) == ("D24", "F5")
            or now.zones.inside_dbm < own.zones.inside_dbm
            or now.zones.outside_dbm < own.zones.outside_dbm
            or bool(opened & ~opens)
            or (now.radio.ble is not None and now.radio.ble not in (own.radio.ble, Bluetooth(mode="passive")))
            or (now.mqtt.ca_file is None and now.mqtt.host not in HERE)
        )

    def _begin(self, product: Any) -> Any:
        return product.Standing(self.config, self.at, "boot", 600.0)

    def _here(self) -> Moment:
        return Moment(NOW, self.at, WELL)

    def _kept(self) -> tuple[Signed | None, Signed | None]:
        settings_path, keys_path = self.config.desired_path, self.config.keys_path
        newest = decode(Taken, settings_path.read_bytes()).newest.signed if settings_path.exists() else None
        return newest, decode(Signed, keys_path.read_bytes()) if keys_path.exists() else None


def _flipped(payload: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(payload))
    return payload[:at] + bytes([payload[at] ^ 1 << dice.randrange(8)]) + payload[at + 1 :]


def _respelt(target: Target) -> bytes:
    """The same bytes in base64 whose last character has spare bits set."""
    body = encode(target.right())
    body += b" " * (1 + -len(body) % 3)
    text = base64.b64encode(body).decode()
    assert text.endswith("==")
    signed = target.signed(body)
    return signed.replace(text.encode(), (text[:-3] + chr(ord(text[-3]) + 1) + "==").encode())


def _with_field(target: Target) -> bytes:
    extra = target.dice.choice([{"epsilon": 9}, {"epoch_hours": 48}, {"log_addresses": True}, {"window_s": 3600}])
    return target.signed(json.dumps(json.loads(encode(target.right())) | extra).encode())


def _silencing(target: Target) -> bytes:
    """A list of every entry there is, which would leave everybody out."""
    document = json.loads(encode(target.right(opt_outs=target.listed())))
    document["opt_outs"] |= {"modulus": 1024, "entries": list(range(1024))}
    return target.signed(json.dumps(document).encode())


def _swapped(target: Target) -> bytes:
    one, other = json.loads(target.signed(target.right())), json.loads(target.signed(target.right(version=2**50)))
    return json.dumps(one | {"sig": other["sig"]}).encode()


def _padded(target: Target) -> bytes:
    payload = target.signed(target.right())
    return payload + b" " * (MAX_PAYLOAD_BYTES + 1 - len(payload) + target.dice.randrange(1000))


def _looser(target: Target) -> bytes:
    """One thing looser, whatever else it makes stricter."""
    zones, dice = target.config.zones, target.dice
    changes: list[dict[str, object]] = [
        {"inside_dbm": dice.randint(-127, zones.inside_dbm - 1), "outside_dbm": UNSET},
        {"outside_dbm": dice.randint(-127, zones.outside_dbm - 1)},
        {"outside_dbm": zones.outside_dbm - 1, "inside_dbm": 0, "profile": "F5"},
    ]
    if target.config.hours:
        changes.append({"hours": [Opening(days=["sun"], opens="09:00", closes="18:00")]})
        changes.append({"hours": [Opening(days=["mon"], opens="08:00", closes="18:00")]})
    if target.config.mqtt.ca_file is None:
        changes += [{"broker": Broker(host="evil.example", port=1883)}] * 2
    if target.config.profile == "F5":
        changes.append({"profile": "D24"})
    if target.listed_at is not None:
        changes += [{"opt_outs": UNSET}, {"opt_outs": target.listed(-dice.randint(1, 8000))}] * 2
    return target.signed(target.right(**dice.choice(changes)))


WRONG: dict[str, Callable[[Target], bytes]] = {
    "forged": lambda one: FORGER.signed(one.right(), kid=FLEET.kid),
    "of a stranger": lambda one: FORGER.signed(one.right(), kid="stranger"),
    "signed for something else": lambda one: one.may_sign[0].signed(
        one.right(), begins=one.dice.choice([b"", b"update v1\0"])
    ),
    "with another's signature": _swapped,
    "replayed": lambda one: one.dice.choice(one.taken[:-1] or [b"{}"]),
    "rolled back": lambda one: (
        one.signed(one.right(version=one.dice.randint(1, max(1, one.newest)))) if one.newest else b"{}"
    ),
    "expired": lambda one: one.signed(one.right(not_before=0, expires=NOW - one.dice.randint(0, 10**6))),
    "early": lambda one: one.signed(one.right(not_before=NOW + one.dice.randint(1, 10**4))),
    "of another sensor": lambda one: one.signed(one.right(sensor=one.dice.choice(["demo:back", "other:door"]))),
    "damaged": lambda one: _flipped(one.signed(one.right()), one.dice),
    "cut off": lambda one: one.signed(one.right())[: -one.dice.randint(1, 100)],
    "respelt": _respelt,
    "oversized": _padded,
    "with a field": _with_field,
    "silencing": _silencing,
    "looser": _looser,
    "in no time": lambda one: one.signed(one.right(hours=[Opening(days=["mon"], opens="18:00", closes="09:00")])),
    "on no channel": lambda one: one.signed(one.right(tuning=Tuning(channels=[1, 20]))),
    "by a key that was taken off": lambda one: next(
        (key.signed(one.right()) for key in (FLEET, NEXT) if key not in one.may_sign), b"{}"
    ),
    "a key list": lambda one: ROOT.listing(one.keys + 1, FLEET),
    "crossed": lambda one: one.signed(one.right(inside_dbm=one.config.zones.inside_dbm, outside_dbm=0)),
}


def right_list(target: Target) -> tuple[bytes, list[Signer]]:
    """A key list that may be taken, and who may sign under it."""
    named = target.dice.choice([[FLEET], [NEXT], [FLEET, NEXT]])
    return ROOT.listing(target.keys + target.dice.randint(1, 3), *named), named


WRONG_LISTS: dict[str, Callable[[Target], bytes]] = {
    "by another root": lambda one: Signer(5, "root").listing(one.keys + 1, FORGER),
    "by a stranger": lambda one: Signer(5, "stranger").listing(one.keys + 1, FORGER),
    "by a key that signs settings": lambda one: one.may_sign[0].listing(one.keys + 1, one.may_sign[0], FORGER),
    "older": lambda one: ROOT.listing(one.dice.randint(1, one.keys), FLEET, FORGER) if one.keys else b"{}",
    "settings": lambda one: one.signed(one.right()),
    "settings by a root": lambda one: ROOT.signed(one.right(), begins=keys_to_sign(b"")),
    "signed as settings": lambda one: ROOT.signed(
        base64.b64decode(decode(Signed, ROOT.listing(one.keys + 1, FORGER)).payload)
    ),
    "damaged": lambda one: _flipped(right_list(one)[0], one.dice),
    "oversized": lambda one: right_list(one)[0] + b" " * MAX_PAYLOAD_BYTES,
}


def attack(folder: Path, product: Any, documents: int, *, until_seen: bool = False) -> Counter[str]:
    """Send documents and key lists to sensors; counts of `taken`, taken `wrongly`, `missed` and found `looser`."""
    dice = random.Random(8)
    found: Counter[str] = Counter()
    kinds = [*WRONG, "right", "right"]
    for number in range(documents):
        if number % max(50, documents // 40) == 0:
            target = Target(folder / f"{number}", dice, product)
        found["documents"] += 1
        if dice.random() < 0.2:
            taken, right = _send_list(target)
        else:
            kind = dice.choice(kinds)
            payload, right = (target.signed(target.right()), True) if kind == "right" else (WRONG[kind](target), False)
            taken = target.takes(payload)
            if taken and right and target.holds(payload):
                target.took(payload)
        found["taken"] += taken and right
        found["missed"] += right and not taken
        if taken and not right:
            found["wrongly"] += 1
            target = Target(folder / f"{number}-after", dice, product)
        elif taken or dice.random() < 0.05:
            found["looser"] += target.looser()
        if until_seen and found["wrongly"]:
            break
    return found


def _send_list(target: Target) -> tuple[bool, bool]:
    """Send a key list; whether it was taken, and whether it was right."""
    dice = target.dice
    if dice.random() < 0.2:
        payload, named = right_list(target)
        taken = target.takes(payload, as_keys=True)
        if taken and target.holds(payload):
            target.may_sign, target.keys = named, _version(payload)
            target.settle()
        return taken, True
    return target.takes(WRONG_LISTS[dice.choice([*WRONG_LISTS])](target), as_keys=True), False


def _version(payload: bytes) -> int:
    return int(json.loads(base64.b64decode(decode(Signed, payload).payload))["version"])


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
        name for name in CHECKS if not attack(folder / name, product_without(name), 5000, until_seen=True)["wrongly"]
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
    level = logging.getLogger("footfall").level
    logging.getLogger("footfall").setLevel(logging.CRITICAL)  # a line for each document that is refused
    try:
        return _prove(folder, full=full)
    finally:
        logging.getLogger("footfall").setLevel(level)


def _prove(folder: Path, *, full: bool) -> Proof:
    sent = attack(folder / "documents", agent.standing, 100_000 if full else 2_000)
    read_files = files(folder, agent.config, 20_000 if full else 500)
    named = expressible(Config)
    missed = controls(folder)
    right = sent["taken"] + sent["missed"]
    kinds = len(WRONG) + len(WRONG_LISTS) + 2
    figure = (
        f"{sent['documents']:,} documents of {kinds} kinds: {sent['wrongly']} taken wrongly, {sent['looser']} loosened,"
        f" {sent['taken']} of {right} right ones taken; of {read_files['files']:,} settings files "
        f"{read_files['understood']} understood, {read_files['loose']} of them loose; {len(named)} loose settings"
    )
    held = not (sent["wrongly"] or sent["looser"] or sent["missed"] or read_files["loose"] or named)
    held = held and sent["taken"] > 0 and read_files["understood"] > 0
    control = f"{len(CHECKS) + 3} checks taken out one by one" + (f", not seen: {', '.join(missed)}" if missed else "")
    return Proof("PT-8", CLAIM, figure, held, control, caught=not missed)


def test_no_settings_from_outside_loosen_privacy(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
