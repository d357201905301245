"""The published description of the API, docs/openapi.json: `python -m tests.openapi` writes it anew.

It refuses to where the API would break a promise: within /api/v1 nothing that was published is taken away or changes
its type. What may come: paths, methods, parameters that may be left out, answers, types, fields of answers, fields that
may be left out of what is sent, and values of a choice. `broken` finds what may not.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from cloud.api import Live, routes
from cloud.desk import Desk
from tests.conftest import ROOT
from tests.shops import MemoryStore

PUBLISHED = ROOT / "docs/openapi.json"
WORDS = ("description", "title", "summary", "default", "examples")  # they explain, and break no program
Json = dict[str, Any]


def described() -> Json:
    """What the API says of itself."""
    store: Any = MemoryStore()  # describing asks it nothing
    document: Json = json.loads(json.dumps(routes(Desk(store, "acme", lambda: 0.0), Live()).openapi()))
    return document


def published() -> Json:
    document: Json = json.loads(PUBLISHED.read_text())
    return document


def broken(old: Json, new: Json) -> list[str]:
    """What of `old` is not in `new`, or is something else there: one line each."""
    return [*_paths(old, new), *_types(old, new)]


def _paths(old: Json, new: Json) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, was in methods.items():
            place, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{place} is gone"
                continue
            if was["operationId"] != now["operationId"]:
                yield f"{place} has another name"
            yield from _parameters(place, was, now)
            yield from _contents(f"{place}: what is sent", was.get("requestBody", {}), now.get("requestBody", {}))
            for status, answer in was["responses"].items():
                yield from _contents(f"{place}: {status}", answer, now["responses"].get(status))


def _parameters(place: str, was: Json, now: Json) -> Iterator[str]:
    before = {(one["in"], one["name"]): one for one in was.get("parameters", [])}
    after = {(one["in"], one["name"]): one for one in now.get("parameters", [])}
    for key, one in before.items():
        where = f"{place}: the {key[0]} parameter {key[1]}"
        if key not in after:
            yield f"{where} is gone"
        elif not _same(one["schema"], after[key]["schema"]):
            yield f"{where} has another type"
    for key, one in after.items():
        if one["required"] and not (key in before and before[key]["required"]):
            yield f"{place}: the {key[0]} parameter {key[1]} must be sent now"
    if now.get("requestBody", {}).get("required") and not was.get("requestBody", {}).get("required"):
        yield f"{place}: a body must be sent now"


def _contents(place: str, was: Json, now: Json | None) -> Iterator[str]:
    if now is None:
        yield f"{place} is gone"
        return
    for media_type, content in was.get("content", {}).items():
        other = now.get("content", {}).get(media_type)
        if other is None:
            yield f"{place}: {media_type} is gone"
        elif not _same(content.get("schema", {}), other.get("schema", {})):
            yield f"{place}: {media_type} has another type"


def _types(old: Json, new: Json) -> Iterator[str]:
    taken = _taken(old)
    for name, was in old["components"]["schemas"].items():
        now = new["components"]["schemas"].get(name)
        if now is None:
            yield f"the type {name} is gone"
            continue
        if not _same(_without_fields(was), _without_fields(now)):
            yield f"the type {name} is another"
        for field, schema in was.get("properties", {}).items():
            if field not in now.get("properties", {}):
                yield f"the field {name}.{field} is gone"
            elif not _same(schema, now["properties"][field]):
                yield f"the field {name}.{field} has another type"
        before, after = set(was.get("required", [])), set(now.get("required", []))
        yield from (f"the field {name}.{field} may be missing now" for field in sorted(before - after))
        if name in taken:
            yield from (f"the field {name}.{field} must be sent now" for field in sorted(after - before))


def _taken(document: Json) -> set[str]:
    """The types that somebody sends, and their parts."""
    bodies = [method.get("requestBody", {}) for path in document["paths"].values() for method in path.values()]
    found: set[str] = set()
    waiting = sorted(set().union(*map(names, bodies)))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(names(document["components"]["schemas"][name]))
    return found


def names(schema: Any) -> set[str]:
    """The types a piece of a document refers to."""
    if isinstance(schema, list):
        return set().union(*map(names, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if "$ref" in schema else set()
    return own.union(*map(names, schema.values()))


def _without_fields(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key not in {"properties", "required"}}


def _same(old: Any, new: Any) -> bool:
    """Whether whoever knows `old` understands `new`: the same, but for words and for values that a choice has more."""
    if isinstance(old, dict) and isinstance(new, dict):
        if set(old.get("enum", [])) - set(new.get("enum", [])):
            return False
        left_out = (*WORDS, "enum")
        before, after = ({key: one[key] for key in one if key not in left_out} for one in (old, new))
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return bool(old == new)


def main() -> None:
    document = described()
    if PUBLISHED.exists() and (problems := broken(published(), document)):
        sys.exit("Not written, for it would break what is published:\n" + "\n".join(problems))
    PUBLISHED.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
