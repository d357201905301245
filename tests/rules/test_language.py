"""The catalogues say what the source says: every sentence, with its own values, and nothing else."""

from string import Formatter

import pytest
from babel.messages.pofile import read_po

from cloud.language import LANGUAGES
from cloud.language.__main__ import sentences
from cloud.language.language import HERE

OTHERS = sorted(set(LANGUAGES) - {"en"})


def entries(code: str) -> dict[str, str]:
    with (HERE / f"{code}.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale=code) if one.id}


def fields(pattern: str) -> list[tuple[str, str]]:
    return sorted((name, spec or "") for _, name, spec, _ in Formatter().parse(pattern) if name is not None)


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_has_every_sentence_and_no_other(code: str) -> None:
    known = entries(code)
    assert set(known) == set(sentences()), "bring it up to date: python -m cloud.language, then translate"


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_is_translated(code: str) -> None:
    assert [one for one, said in entries(code).items() if not said] == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_puts_in_the_same_values(code: str) -> None:
    wrong = [one for one, said in entries(code).items() if said and {*fields(one)} != {*fields(said)}]
    assert wrong == []
