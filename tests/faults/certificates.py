"""Certificates: those of the sensor and of the broker, expired, of a stranger or not yet valid, on a real mutual TLS.

In each case the outbox keeps what comes, `footfall-agent status` and the log say in one sentence what to do, and once
a good certificate lies in the same file the sensor goes on by itself. Certificates expire here for real, after seconds.
The control is an agent that read its certificates once, when it started: it must stay away.
"""

import datetime
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent import status
from tests.brokers import free_port
from tests.faults.line import Naive, arrived, awaited, judged, missed, until_next
from tests.faults.parts import Progress, Whole, whole
from tests.faults.table import Line
from tests.faults.wire import Wire, wire

LONG_S, LIFE_S, AWAY_S = 86_400.0, 3.0, 5.0
PATIENCE_S = 15.0  # for a sentence to come
WAITING = 3  # reports in the outbox before the remedy comes


class Pair(NamedTuple):
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes

    def place(self, folder: Path, name: str) -> None:
        """Put both where those of `name` are, each as a whole; between the two they do not match."""
        for suffix, content in (("pem", self.certificate), ("key", self.key)):
            fresh = folder / f"{name}.new"
            fresh.write_bytes(content)
            os.replace(fresh, folder / f"{name}.{suffix}")  # noqa: PTH105 - the atomic one


class Issuer:
    """A certificate authority; `certificate` is what to trust, PEM."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        made = _builder(self._name, self._name, self._key.public_key(), -LONG_S, LONG_S)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, begins_s: float = -60.0, ends_s: float = LONG_S, host: str = "127.0.0.1") -> Pair:
        """A pair for `name` at `host`, valid between these seconds from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(_named(name), self._name, key.public_key(), begins_s, ends_s)
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        pem = serialization.Encoding.PEM
        return Pair(
            made.sign(self._key, hashes.SHA256()).public_bytes(pem),
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins_s: float, ends_s: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(seconds=begins_s))
        .not_valid_after(now + datetime.timedelta(seconds=ends_s))
    )


class Secured:
    """A `Whole` whose sensor and broker know each other by certificate. The cloud has a plain listener of its own."""

    def __init__(self, one: Whole, line: Wire, tls: int) -> None:
        self.one, self.line, self.folder = one, line, one.folder
        self.ours, self.strangers = Issuer("ours"), Issuer("strangers")
        self.trust(self.ours)
        self.show(self.ours.issue("broker"))
        self.give(self.ours.issue("demo:door"))
        conf, toml = self.folder / "mosquitto.conf", self.folder / "agent.toml"
        conf.write_text(
            f"{conf.read_text()}listener {tls} 127.0.0.1\ncafile {self.folder}/broker-ca.pem\n"
            f"certfile {self.folder}/broker.pem\nkeyfile {self.folder}/broker.key\nrequire_certificate true\n"
        )
        (self.folder / "broker-ca.pem").write_bytes(self.ours.certificate)
        files = {"ca_file": "ca.pem", "certificate_file": "sensor.pem", "key_file": "sensor.key"}
        named = "".join(f'{key} = "{self.folder}/{file}"\n' for key, file in files.items())
        toml.write_text(toml.read_text().replace(f"port = {one.port}\n", f"port = {line.port}\n{named}"))
        for part in ("sync", "broker"):
            one.parts[part].stop()
        for part in ("broker", "sync"):
            one.parts[part].start()

    def trust(self, issuer: Issuer) -> None:
        """The authority the sensor believes."""
        (self.folder / "ca.pem").write_bytes(issuer.certificate)

    def give(self, pair: Pair) -> None:
        """The sensor's own, in the file it always has."""
        pair.place(self.folder, "sensor")

    def show(self, pair: Pair) -> None:
        """The broker's own."""
        pair.place(self.folder, "broker")

    def restart(self) -> None:
        """The broker reads its certificate as it starts."""
        self.one.parts["broker"].stop()
        self.one.parts["broker"].start()

    def sentence(self) -> str:
        """What the sensor says of its line."""
        line = status.read_line(self.folder / "run" / "line.json")
        return line.sentence if line else ""

    def log(self) -> str:
        """What the sensor has logged."""
        return (self.folder / "sync.log").read_text()

    def status(self) -> str:
        """What `footfall-agent status` prints."""
        words = [sys.executable, "-m", "agent", "status", "--config", f"{self.folder}/agent.toml"]
        return subprocess.run(words, capture_output=True, text=True).stdout


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """All of it at work."""
    with ExitStack() as stack:
        one = stack.enter_context(whole(folder))
        tls = free_port()
        yield Secured(one, stack.enter_context(wire(tls)), tls)


class Case(NamedTuple):
    """What goes wrong, what is done about it, and what the sensor must say in between."""

    fault: str
    wrong: Callable[[Secured], None]
    remedy: Callable[[Secured], None]
    says: str


def _given(one: Secured, pair: Pair, expires_s: float = 0.0) -> None:
    """Another pair for the sensor, which it meets as it connects anew; where it expires, once more after that."""
    one.give(pair)
    one.line.drop(reset=True)
    if expires_s:
        time.sleep(expires_s + 1)
        one.line.drop(reset=True)


def _shown(one: Secured, pair: Pair, expires_s: float = 0.0) -> None:
    """Another pair for the broker, which reads it as it starts."""
    one.show(pair)
    one.restart()
    if expires_s:
        time.sleep(expires_s + 1)
        one.line.drop(reset=True)


def _renewed(one: Secured) -> None:
    """A good certificate in the same file, and no word to the sensor."""
    one.give(one.ours.issue("demo:door"))


CASES = [
    Case(
        "the sensor's certificate expires",
        lambda one: _given(one, one.ours.issue("demo:door", ends_s=LIFE_S), LIFE_S),
        _renewed,
        r"This sensor's certificate .*sensor\.pem expired on .*: put a new one",
    ),
    Case(
        "the broker's certificate is of another authority",
        lambda one: _shown(one, one.strangers.issue("broker")),
        lambda one: _shown(one, one.ours.issue("broker")),
        r"shows a certificate .*issuer.*: check mqtt\.ca_file",
    ),
    Case(
        "the broker's certificate is not yet valid, as under a clock in 1970",
        lambda one: _shown(one, one.ours.issue("broker", begins_s=3 * LIFE_S)),
        lambda one: None,  # time passes
        r"shows a certificate .*not yet valid.*clock",
    ),
    Case(
        "the broker's certificate expires",
        lambda one: _shown(one, one.ours.issue("broker", ends_s=LIFE_S), LIFE_S),
        lambda one: _shown(one, one.ours.issue("broker")),
        r"shows a certificate .*expired.*: renew",
    ),
    Case(
        "the sensor's certificate is not yet valid",
        lambda one: _given(one, one.ours.issue("demo:door", begins_s=LONG_S / 2)),
        _renewed,
        r"This sensor's certificate .*sensor\.pem is not valid before .*clock",
    ),
    Case(
        "the sensor's certificate is of another authority",
        lambda one: _given(one, one.strangers.issue("demo:door")),
        _renewed,
        r"hung up .*sensor\.pem",
    ),
    Case(
        "the sensor's key is of another certificate",
        lambda one: _given(one, one.ours.issue("demo:door")._replace(key=one.ours.issue("demo:door").key)),
        _renewed,
        r"sensor\.key",
    ),
]


def torture(folder: Path, *, full: bool) -> list[Line]:
    """Five rounds of each case in full; one of two cases in short."""
    rounds, cases = (5, CASES) if full else (1, CASES[:2])
    longest, unsaid, progress = dict.fromkeys(CASES, 0.0), set(), Progress(rounds * len(cases))
    with secured(folder) as one:
        until_next(folder, "the first report")
        control = _control(one)
        for number in range(rounds * len(cases)):
            case = cases[number % len(cases)]
            took, said = _round(one, case)
            longest[case] = max(took, longest[case])
            if not said:
                unsaid.add(case)
            progress.show(number + 1, f"{case.fault}: back after {took:.1f} s")
        line = judged(one.one, "", rounds, 0.0)
    lines = [
        line._replace(
            fault=case.fault,
            longest_recovery_s=longest[case],
            note="said what to do" if case not in unsaid else f"did not say: {case.says}",
            held=line.held and case not in unsaid,
        )
        for case in cases
    ]
    return [*lines, control]


def _round(one: Secured, case: Case) -> tuple[float, bool]:
    """Spoil and mend; seconds from the remedy to the next report, and whether both places said what is wrong."""
    told = one.log()
    case.wrong(one)
    awaited(lambda: one.one.waiting() >= WAITING, "reports that wait")
    try:
        awaited(lambda: re.search(case.says, one.sentence()), "the sentence", PATIENCE_S)
    except AssertionError:
        said = False
    else:
        said = bool(re.search(case.says, one.log()[len(told) :])) and bool(re.search(case.says, one.status()))
    case.remedy(one)
    return until_next(one.folder, f"a report after {case.fault}"), said


def _control(one: Secured) -> Line:
    """A sensor whose certificate expires too, and which is given a good one too, but which read it at its start."""
    one.ours.issue("demo:once", ends_s=LIFE_S).place(one.folder, "once")
    files = [one.folder / name for name in ("ca.pem", "once.pem", "once.key")]
    with Naive("once", one.line.port, 0, *files) as naive:
        awaited(lambda: arrived(one.folder, naive.name), "the first report of the naive one")
        time.sleep(LIFE_S)
        one.ours.issue("demo:once").place(one.folder, "once")
        one.line.drop(reset=True)
        until_next(one.folder, "a report of the sensor")
        time.sleep(AWAY_S)
        given = naive.given()
    lost = missed(one.folder, naive.name, given)
    return Line("control: certificates read once, at the start", 1, lost, 0, 0.0, "must lose some", lost > 0)
