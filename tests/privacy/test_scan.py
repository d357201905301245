"""The scan itself: it finds every form wherever it stands, in files and in memory, and nothing where nothing is."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse
import zlib
from pathlib import Path
from random import Random

import pytest

from tests.privacy.scan import CHUNK, Scan, forms, in_file, in_folder, in_memory

ADDRESS = bytes.fromhex("54eaa8316c7f")
TEXT = "54:ea:a8:31:6c:7f"
NAME = b"Kaffeehaus-am-Markt"
# What programs make of an address, without the code under test.
MADE = {
    "a frame": os.urandom(25) + ADDRESS + os.urandom(40),
    "on the air of Bluetooth": ADDRESS[::-1],
    "hex": b"54eaa8316c7f",
    "capitals": b"54EAA8316C7F",
    "colons": TEXT.encode(),
    "capitals with colons": TEXT.upper().encode(),
    "dashes": b"54-ea-a8-31-6c-7f",
    "capitals with dashes": b"54-EA-A8-31-6C-7F",
    "dots": b"54ea.a831.6c7f",
    "backwards with colons": b"7f:6c:31:a8:ea:54",
    "decimal": b"%d" % 0x54EAA8316C7F,
    "decimal, little-endian": b"%d" % 0x7F6C31A8EA54,
    "base64": base64.b64encode(ADDRESS),
    "base64 of a message": base64.b64encode(b'{"a":"' + ADDRESS + b'"}'),
    "base64 of one longer by one": base64.b64encode(b'{"aa":"' + ADDRESS + b'"}'),
    "base64 of one longer by two": base64.b64encode(b'{"aaa":"' + ADDRESS + b'"}'),
    "base64url": base64.urlsafe_b64encode(b"\xff\xfe" + ADDRESS + b"\xff"),
    "URL-encoded": urllib.parse.quote(ADDRESS).encode(),
    "URL-encoded throughout": b"%54%EA%A8%31%6C%7F",
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16, big-endian": TEXT.encode("utf-16-be"),
    "JSON list": json.dumps(list(ADDRESS)).encode(),
    "dense JSON list": json.dumps(list(ADDRESS), separators=(",", ":")).encode(),
    "JSON text": json.dumps({"a": ADDRESS.decode("latin-1")}).encode(),
    "repr": repr(ADDRESS).encode(),
    "escaped": b"\\x54\\xea\\xa8\\x31\\x6c\\x7f",
    "latin-1 in UTF-8": ADDRESS.decode("latin-1").encode(),
    "md5": hashlib.md5(ADDRESS).digest(),
    "md5 in hex": hashlib.md5(ADDRESS).hexdigest().encode(),
    "sha1 of text": hashlib.sha1(TEXT.encode()).digest(),
    "sha256": hashlib.sha256(ADDRESS).digest(),
    "sha256 in hex": hashlib.sha256(ADDRESS).hexdigest().encode(),
    "sha256 of capitals in hex": hashlib.sha256(TEXT.upper().encode()).hexdigest().encode(),
    "sha256 cut to 64 bits": hashlib.sha256(ADDRESS).digest()[:8],
    "sha256 cut to 64 bits, as a number": b"%d" % int.from_bytes(hashlib.sha256(ADDRESS).digest()[:8], "little"),
    "sha256 in base64": base64.b64encode(hashlib.sha256(ADDRESS).digest()),
    "blake2s": hashlib.blake2s(ADDRESS).digest(),
    "blake2s of 64 bits": hashlib.blake2s(ADDRESS, digest_size=8).digest(),
    "blake2b": hashlib.blake2b(ADDRESS).digest(),
    "a tag without a key": hashlib.blake2s(b"\x07\x01" + ADDRESS, digest_size=8, person=b"visit").digest(),
    "a tag under zeros": hashlib.blake2s(b"\x07\x03" + ADDRESS, digest_size=8, key=bytes(32), person=b"count").digest(),
}
SHORT = {
    "crc32": zlib.crc32(ADDRESS).to_bytes(4, "little"),
    "crc32, big-endian": zlib.crc32(ADDRESS).to_bytes(4, "big"),
    "sha256 cut to 32 bits": hashlib.sha256(ADDRESS).digest()[:4],
}


@pytest.fixture(scope="module")
def scan() -> Scan:
    others = [Random(number).randbytes(6) for number in range(200)]
    return Scan([*others, ADDRESS, NAME])


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_what_programs_make_of_an_address_is_found_wherever_it_stands(scan: Scan, made: bytes) -> None:
    for before in range(9):
        found = scan.search([("here", [bytes(before) + b"x" + made])])
        assert {hit.canary for hit in found.hits} == {200}
        assert all(hit.place == "here" and before < hit.at <= before + 40 for hit in found.hits)


@pytest.mark.parametrize("canary", [ADDRESS, NAME], ids=["address", "name"])
def test_every_form_it_knows_is_found_also_across_pieces(scan: Scan, canary: bytes) -> None:
    listed = list(forms(canary))
    assert len({name for name, _ in listed}) >= 20
    for name, form in listed:
        assert len(form) >= 6, name
        for cut in (0, 1, len(form) // 2, len(form) - 1):
            whole = b"\x01" * 300 + form + b"\x01" * 300
            found = scan.search([("here", [whole[: 300 + cut], whole[300 + cut :]])])
            assert 300 in [hit.at for hit in found.hits], f"{name} cut at {cut}"


def test_a_hit_is_told_once_though_pieces_overlap(scan: Scan) -> None:
    pieces = [b"a" * 50 + ADDRESS + b"b", b"c" * 200, b"d" * 10]
    assert [hit.at for hit in scan.search([("here", pieces)]).hits] == [50]


def test_one_piece_of_a_name_is_enough(scan: Scan) -> None:
    found = scan.search([("here", [b"...haus-am-..."])])
    assert found.canaries() == 0
    found = scan.search([("here", [b"--Kaffeeha--"])])
    assert found.canaries() == 1


@pytest.mark.parametrize("made", SHORT.values(), ids=SHORT)
def test_short_forms_are_weighed_against_decoys(made: bytes) -> None:
    dice = Random(1)
    canaries, decoys = ([dice.randbytes(6) for _ in range(50)] for _ in range(2))
    scan = Scan([*canaries, ADDRESS], decoys)
    assert scan.search([("here", [b"...", made, b"..."])]).short == {50}
    kept = [zlib.crc32(one).to_bytes(4, "little") for one in canaries]
    assert scan.search([("here", kept)]).excess > 7
    both = kept + [zlib.crc32(one).to_bytes(4, "little") for one in decoys]
    assert scan.search([("here", both)]).excess == 0


def test_nothing_is_found_in_random_bytes_and_in_our_own_programs(tmp_path: Path) -> None:
    dice = Random(2)
    canaries, decoys = ([dice.randbytes(6) for _ in range(300)] for _ in range(2))
    scan = Scan(canaries, decoys)
    (tmp_path / "random").write_bytes(os.urandom(CHUNK + 12_345))
    found = scan.search([*in_folder(tmp_path), ("python", in_file(Path(sys.executable).resolve()))])
    assert not found.hits
    assert found.excess < 5
    assert found.size == CHUNK + 12_345 + Path(sys.executable).resolve().stat().st_size
    assert scan.chance(found.size) < 1e-3


HOLDING = """
import sys
address = bytes.fromhex(sys.stdin.readline())
held = [int.from_bytes(address, "big")] if sys.argv[1] == "int" else [bytes(address)] * (sys.argv[1] == "bytes")
del address
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(("kept", "form"), [("int", "Python int, big-endian"), ("bytes", "raw")])
def test_what_a_process_holds_is_found_in_its_memory(scan: Scan, kept: str, form: str) -> None:
    words = [sys.executable, "-c", HOLDING, kept]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(ADDRESS.hex().encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        found = scan.search(in_memory("it", process.pid))
        process.stdin.close()
    assert form in {hit.form for hit in found.hits}
    assert found.size > 5_000_000
