"""Certificates as OpenSSL and a TLS connection see them, and requests that are none."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from cloud.authority import Authority, AuthorityError, make_root, opened
from tests.conftest import need
from tests.identities import DAYS, World, common_name, leaf, new_key, request
from tests.shops import at

NOW = at("2026-11-24 14:12")
DAY = 86_400


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


def openssl(*words: str | Path) -> str:
    """All that openssl says."""
    done = subprocess.run([need("openssl"), *map(str, words)], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def files(folder: Path, world: World, pem: str, revoked: bytes) -> tuple[Path, ...]:
    found = []
    for name, content in (("root", world.root.certificate), ("sent", pem.encode()), ("revoked", revoked)):
        found.append(folder / f"{name}.pem")
        found[-1].write_bytes(content)
    return tuple(found)


def checked(folder: Path, world: World, pem: str, revoked: bytes = b"", when: int = NOW, use: str = "sslclient") -> str:
    """What `openssl verify` says of what a sensor sends, as a broker looks at it: root, list of the revoked, a date."""
    root, sent, listed = files(folder, world, pem, revoked)
    crl = ["-crl_check", "-CRLfile", listed] if revoked else []
    words = ["verify", "-CAfile", root, "-untrusted", sent, *crl, "-attime", str(when), "-purpose", use, sent]
    return openssl(*words)


def test_a_certificate_is_good_for_a_client_and_nothing_else_until_it_ends(world: World, tmp_path: Path) -> None:
    made = world.authority.issue(request().encode(), "acme:door", NOW, DAYS)
    assert made.expires_at == NOW + DAYS * DAY
    assert "OK" in checked(tmp_path, world, made.pem)
    assert "OK" in checked(tmp_path, world, made.pem, when=NOW - 1800)  # the broker's clock is behind
    assert "expired" in checked(tmp_path, world, made.pem, when=made.expires_at + 1)
    assert "not yet valid" in checked(tmp_path, world, made.pem, when=NOW - DAY)
    assert "OK" not in checked(tmp_path, world, made.pem, use="sslserver")
    told = leaf(made.pem).extensions
    assert not told.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(told.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_name_in_a_request_is_not_looked_at(world: World) -> None:
    made = world.authority.issue(request(name="acme:till").encode(), "acme:door", NOW, DAYS)
    assert common_name(leaf(made.pem)) == "acme:door"
    assert b"till" not in leaf(made.pem).public_bytes(Encoding.DER)


def test_openssl_reads_the_list_and_refuses_who_is_on_it(world: World, tmp_path: Path) -> None:
    one = world.authority.issue(request().encode(), "acme:door", NOW, DAYS)
    other = world.authority.issue(request().encode(), "acme:till", NOW, DAYS)
    empty = world.authority.revocation_list([], NOW)
    assert "OK" in checked(tmp_path, world, one.pem, empty)
    full = world.authority.revocation_list([(one.number, NOW)], NOW)
    assert "certificate revoked" in checked(tmp_path, world, one.pem, full)
    assert "OK" in checked(tmp_path, world, other.pem, full)
    (tmp_path / "ca.pem").write_bytes(world.pair.certificate)
    said = openssl("crl", "-in", tmp_path / "revoked.pem", "-CAfile", tmp_path / "ca.pem", "-noout", "-text")
    assert "verify OK" in said
    assert one.number.upper() in said
    assert "CRL has expired" not in checked(tmp_path, world, other.pem, full, when=NOW + 80 * DAY)


def test_the_authority_for_sensors_makes_no_broker(world: World, tmp_path: Path) -> None:
    right = world.above.broker(["mqtt.example.com", "192.0.2.7"], NOW)
    assert "OK" in checked(tmp_path, world, right.certificate.decode(), use="sslserver")
    names = leaf(right.certificate.decode()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.example.com"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    stolen = world.authority.broker(["mqtt.example.com"], NOW)
    chain = stolen.certificate + world.pair.certificate
    assert "OK" not in checked(tmp_path, world, chain.decode(), use="sslserver")


def test_no_certificate_outlives_its_authority(world: World) -> None:
    end = int(world.authority.chain[0].not_valid_after_utc.timestamp())
    assert world.authority.issue(request().encode(), "acme:door", end - DAY, DAYS).expires_at == end
    with pytest.raises(AuthorityError, match="The authority itself expired on 2036-"):
        world.authority.issue(request().encode(), "acme:door", end, DAYS)


def _spoilt(text: str) -> str:
    """The same request with one bit of its signature changed."""
    lines = text.splitlines()
    at = len(lines) - 2
    lines[at] = ("B" if lines[at][-6] == "A" else "A").join((lines[at][:-6], lines[at][-5:]))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ("", "This is no request for a certificate"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "This is no request"),
        (request() * 40, "at most 4096 are read"),
        (request(ec.generate_private_key(ec.SECP384R1())), "is no EC key on the curve P-256"),
        (request(rsa.generate_private_key(65537, 2048)), "is no EC key on the curve P-256"),
        (_spoilt(request()), "was not signed with its own key"),
    ],
)
def test_what_is_no_right_request_is_refused_in_a_sentence(world: World, sent: str, says: str) -> None:
    with pytest.raises(AuthorityError, match=says):
        world.authority.issue(sent.encode(), "acme:door", NOW, DAYS)


def test_a_request_with_an_ed25519_key_is_refused_in_a_sentence(world: World) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    with pytest.raises(AuthorityError, match="is no EC key on the curve P-256"):
        world.authority.issue(made.public_bytes(Encoding.PEM), "acme:door", NOW, DAYS)


def test_a_name_too_long_for_a_certificate_is_refused(world: World) -> None:
    with pytest.raises(AuthorityError, match="has more than 64 letters"):
        world.authority.issue(request().encode(), "a" * 32 + ":" + "b" * 32, NOW, DAYS)


def test_files_that_are_no_authority_are_refused_in_a_sentence(world: World) -> None:
    sensor = world.authority.client("someone", NOW, DAYS)
    for certificate, key, says in (
        (b"", world.pair.key, "hold no certificate and no key"),
        (world.pair.certificate, b"nonsense", "hold no certificate and no key"),
        (world.pair.certificate, make_root("Other", NOW).key, "do not belong together"),
        (*sensor, "may sign no others"),
    ):
        with pytest.raises(AuthorityError, match=says):
            opened(certificate, key)


def test_the_key_of_an_authority_is_never_printed(world: World) -> None:
    assert "key" not in repr(Authority(world.authority.chain, new_key()))
