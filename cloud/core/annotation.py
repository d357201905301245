"""Annotation: what happened in a shop on a local date, in a few words, to be seen beside its figures."""

from typing import Annotated

from msgspec import Meta, Struct

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

LONGEST_TEXT = 120


class Annotation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A note such as "sale" or "window change" at the local date `date` (ISO).

    `id` is made up by whoever writes it, so that what is sent twice is there once.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    date: str
    text: str


def tidied(text: str) -> str:
    """The text on one line, without space around it. Raises Refusal for none, or for more than `LONGEST_TEXT`."""
    words = " ".join(text.split())
    if not words:
        raise Refusal(Saying("text is empty: say what happened, such as sale or window change."))
    if len(words) > LONGEST_TEXT:
        raise Refusal(Saying("text has {n} letters: say it in {most} at most.", n=len(words), most=LONGEST_TEXT))
    return words
