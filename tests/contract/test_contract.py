"""The contract: pinned by bytes, closed to what it does not know, and without room for an address."""

import json
import re
import typing
from pathlib import Path

import msgspec
import pytest

from agent.contract import (
    Claim,
    Claimed,
    ContractError,
    DeviceConfig,
    Health,
    Hello,
    KeyList,
    OptOuts,
    Renewal,
    Renewed,
    Report,
    ReportBatch,
    ReportedConfig,
    Signed,
    Status,
    TillHours,
    Watermark,
    decode,
    encode,
    topics,
)
from agent.contract.schema import MESSAGES, schema
from tests.conftest import ROOT

VECTORS = sorted((ROOT / "tests/vectors").glob("*.json"))
UP = (Report, ReportBatch, Hello, Status, Health, ReportedConfig, Claim, Renewal, TillHours)
DOWN = (Watermark, DeviceConfig, KeyList, Signed, Claimed, Renewed)
KINDS = {kind.__name__: kind for kind in (*UP, *DOWN)}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    """Each vector decodes to its type and encodes to the same bytes; `Kind-what-it-shows.json` names the type."""
    payload = path.read_bytes().rstrip(b"\n")
    record = decode(KINDS[path.stem.split("-")[0]], payload)
    assert encode(record) == payload


def test_every_message_has_a_vector() -> None:
    assert {path.stem.split("-")[0] for path in VECTORS} == set(KINDS)


def test_the_published_schema_is_that_of_the_types() -> None:
    published = json.loads((ROOT / "docs/contract.schema.json").read_text())
    assert published == schema(), "run: python -m agent.contract.schema > docs/contract.schema.json"


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        (Status, b"online", "not a Status"),
        (Status, b'{"state":"asleep"}', "Invalid enum value"),
        (Status, b'{"v":2,"state":"online"}', "$.v"),
        (Status, b'{"state":"online","mac":"02:11:22:33:44:55"}', "unknown field"),
        (Watermark, b'{"epoch":"0123456789abcdef","sequence":-1}', "$.sequence"),
        (Watermark, b'{"epoch":"xyz","sequence":1}', "$.epoch"),
        (ReportBatch, b'{"sensor":"a:b","epoch":"0123456789abcdef","first":1,"reports":[]}', "$.reports"),
        (Hello, b"\xff\xfe", "not a Hello"),
        (Report, b"[" * 100_000, "not a Report"),
        (Signed, b'{"payload":"e30=","kid":"K","sig":""}', "$.kid"),
        (Signed, b'{"payload":"e30=","kid":"k","sig":"AAAA"}', "$.sig"),
        (Signed, b'{"payload":"{}{}","kid":"k","sig":"AAAA"}', "$.payload"),
        (DeviceConfig, b'{"sensor":"a:b","version":0,"not_before":0,"expires":1}', "$.version"),
        (
            DeviceConfig,
            b'{"sensor":"a:b","version":1,"not_before":0,"expires":1,"epsilon":9}',
            "unknown field `epsilon`",
        ),
        (DeviceConfig, b'{"sensor":"a:b","version":1,"not_before":0,"expires":1,"inside_dbm":1}', "$.inside_dbm"),
        (ReportedConfig, b'{"sensor":"a:b","version":1,"state":"ignored"}', "$.state"),
        (TillHours, b'{"source":"till 1","rows":[{"hour":0,"transactions":1}]}', "$.source"),
        (TillHours, b'{"source":"till-1","rows":[]}', "$.rows"),
        (TillHours, b'{"source":"till-1","rows":[{"hour":"14:00","transactions":1}]}', "$.rows[0].hour"),
        (TillHours, b'{"source":"till-1","rows":[{"hour":1795525200000,"transactions":1}]}', "$.rows[0].hour"),
        (TillHours, b'{"source":"till-1","rows":[{"hour":0,"transactions":-1}]}', "$.rows[0].transactions"),
        (TillHours, b'{"source":"till-1","rows":[{"hour":0,"transactions":1,"card":"4111"}]}', "unknown field `card`"),
    ],
)
def test_what_is_not_in_the_contract_is_refused(kind: type[msgspec.Struct], payload: bytes, says: str) -> None:
    with pytest.raises(ContractError, match=re.escape(says)):
        decode(kind, payload)


def test_what_is_no_phone_is_counted_under_known_names_only() -> None:
    payload = (ROOT / "tests/vectors/Report-things-that-are-no-phone.json").read_bytes()
    for other in (b'"02:11:22:33:44:55"', b'"phone"', b'""'):
        with pytest.raises(ContractError, match="others"):
            decode(Report, payload.replace(b'"tag"', other))


def test_no_field_has_room_for_an_address() -> None:
    """Every text field is a closed choice or a bounded name, so no payload can carry what the air said."""
    for kind in reachable(MESSAGES):
        for name, hint in typing.get_type_hints(kind, include_extras=True).items():
            if str in flatten(hint):
                assert "Meta" in repr(hint), f"{kind.__name__}.{name} is unbounded text"
            assert bytes not in flatten(hint), f"{kind.__name__}.{name} is bytes"


def test_what_is_made_of_addresses_goes_down_to_the_sensor_and_never_up() -> None:
    assert OptOuts in reachable((DeviceConfig,))
    assert OptOuts not in reachable(UP)
    assert {*UP, *DOWN} == set(MESSAGES), "say of a new message where it goes"


def reachable(kinds: tuple[type, ...]) -> set[type]:
    found: set[type] = set()
    waiting: list[object] = list(kinds)
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one not in found:
            found.add(one)
            for hint in typing.get_type_hints(one, include_extras=True).values():
                waiting.extend(flatten(hint))
    return found


def flatten(hint: object) -> set[object]:
    parts = {hint}
    for part in typing.get_args(hint):
        parts |= flatten(part)
    return parts


def test_topics_stay_within_what_every_broker_carries() -> None:
    all_topics = [topics.up("t:s", leaf) for leaf in topics.LEAVES_UP]
    down = (topics.watermark, topics.config, topics.keys, topics.certificate)
    all_topics += [*(topic("t:s") for topic in down), topics.till("t", "s")]
    assert all(topic.count("/") <= 7 for topic in all_topics)


def test_a_sensors_topic_reads_back() -> None:
    assert topics.parse_up(topics.up("t:s", "report")) == ("t:s", "report")
    for other in ("footfall/v1/d/t:s/down/ack", "footfall/v1/d/t:s/up/else", "a/b", "footfall/v2/d/t:s/up/report"):
        assert topics.parse_up(other) is None


def test_a_tills_topic_reads_back() -> None:
    assert topics.parse_till(topics.till("t", "high-street")) == ("t", "high-street")
    for other in ("footfall/v1/t/t/s/live", "footfall/v1/d/t/s/till", "footfall/v2/t/t/s/till", "footfall/v1/t/t/till"):
        assert topics.parse_till(other) is None
