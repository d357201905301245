"""Bring the catalogues to the source: `python -m cloud.language`.

Every sentence that pages and mails can say is looked for in the source: patterns of `Saying`, `t` and `say` in Python
and templates, and the texts of the glossary. Each catalogue gets those it lacks, untranslated, and loses those nobody
says.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from msgspec.structs import astuple

from cloud.core.glossary import DEFINITIONS
from cloud.language.language import HERE, LANGUAGES

CLOUD = HERE.parent
KEYWORDS = dict.fromkeys(("Saying", "t", "say"))


def sentences() -> dict[str, str]:
    """Every sentence of the source, with the file that says it first."""
    found: dict[str, str] = {}
    for path, method in _files():
        for _, message, _, _ in extract(method, BytesIO(path.read_bytes()), KEYWORDS):
            found.setdefault(str(message), str(path.relative_to(CLOUD)))
    for definition in DEFINITIONS:
        name, *texts, _ = astuple(definition)
        for text in texts:
            found.setdefault(text, f"core/definitions, {name}")
    return {sentence: place for sentence, place in found.items() if sentence}


def _files() -> Iterator[tuple[Path, str]]:
    yield from ((path, "python") for path in sorted(CLOUD.rglob("*.py")))
    yield from ((path, "jinja2") for path in sorted((CLOUD / "dashboard" / "templates").glob("*.html")))


def main() -> None:
    """Write the catalogues anew."""
    wanted = sentences()
    for code in LANGUAGES:
        path = HERE / f"{code}.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            known = read_po(file, locale=code)
        fresh = Catalog(locale=code)
        for sentence, place in sorted(wanted.items(), key=lambda item: (item[1], item[0])):
            entry = known.get(sentence)
            fresh.add(sentence, entry.string if entry else "", auto_comments=[place])
        with path.open("wb") as file:
            write_po(file, fresh, width=120, omit_header=True, no_location=True)
        missing = sum(not one.string for one in fresh if one.id)
        print(f"{path.name}: {len(wanted)} sentences, {missing} to be translated")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
