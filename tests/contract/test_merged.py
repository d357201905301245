"""The merged figures' contract: pinned by bytes, described by a schema, and with room for disclosed figures only."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agent.contract import decode, encode, topics
from cloud.core import merged
from tests.conftest import ROOT

VECTORS = sorted((ROOT / "tests/vectors/merged").glob("*.json"))
KINDS = {kind.__name__: kind for kind in merged.MESSAGES}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    """Each decodes to its type, encodes to the same bytes, and is what the published schema says."""
    kind = path.stem.split("-")[0]
    payload = path.read_bytes().rstrip(b"\n")
    assert encode(decode(KINDS[kind], payload)) == payload
    Draft202012Validator(merged.schema() | {"$ref": f"#/$defs/{kind}"}).validate(json.loads(payload))


def test_every_message_has_a_vector() -> None:
    assert {path.stem.split("-")[0] for path in VECTORS} == set(KINDS)


def test_the_published_schema_is_that_of_the_types() -> None:
    published = json.loads((ROOT / "docs/merged.schema.json").read_text())
    assert published == merged.schema(), "run: python -m cloud.core.merged > docs/merged.schema.json"


def test_whoever_listens_may_pass_over_what_is_unknown() -> None:
    later = json.loads(VECTORS[0].read_bytes()) | {"colour": "green"}
    assert decode(KINDS[VECTORS[0].stem.split("-")[0]], json.dumps(later).encode())


def test_no_topic_is_one_that_the_cloud_itself_listens_to() -> None:
    for leaf in ("live", "hour", "day", "alert"):
        told = merged.topic("demo", "corner", leaf)
        assert told == f"footfall/v1/t/demo/corner/{leaf}"
        assert topics.parse_till(told) is None and topics.parse_up(told) is None
