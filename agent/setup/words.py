"""Words: what the page says, in the language of whoever asks."""

import tomllib
from functools import cache
from html import escape
from importlib.resources import files

LANGUAGES = ("en", "de", "fr", "zh")


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("agent.setup") / "words.toml").read_text(encoding="utf-8"))


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, name: str, **values: object) -> str:
        """The sentence of that name with its values, as text in HTML."""
        return escape(self.said(name, **values))

    def said(self, name: str, **values: object) -> str:
        """The sentence as it is, to be a value in another."""
        return _catalogue()[name][self.language].format(**values)


def spoken(accepted: str) -> Words:
    """The best of our languages for an Accept-Language header (RFC 9110 12.5.4); English where none fits."""
    wanted = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, tag[:2].lower()))
        except ValueError:
            continue
    return Words(next((tag for weight, _, tag in sorted(wanted) if tag in LANGUAGES and weight < 0), "en"))
