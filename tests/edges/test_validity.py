"""The end of a certificate is read from its bytes, as OpenSSL does it, and of anything else there is none."""

import random
from pathlib import Path

import pytest
from cryptography import x509

from agent import validity
from tests.certificates import Authority


@pytest.mark.parametrize("days", [1, 90, 400, 10_000, -3])
def test_it_is_what_cryptography_reads(tmp_path: Path, days: int) -> None:
    path = Authority(tmp_path).issue("acme:door", days=days).certificate
    expected = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    assert validity.until(path) == expected


def test_a_chain_begins_with_our_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mine = authority.issue("acme:door", days=9).certificate
    expected = validity.until(mine)
    mine.write_bytes(mine.read_bytes() + authority.certificate.read_bytes())
    assert validity.until(mine) == expected


def test_damage_is_no_validity_and_no_error(tmp_path: Path) -> None:
    path = Authority(tmp_path).issue("acme:door").certificate
    whole, chance = path.read_bytes(), random.Random(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))])
        assert validity.until(path) is None or isinstance(validity.until(path), float)
    assert validity.until(tmp_path / "none.pem") is None
