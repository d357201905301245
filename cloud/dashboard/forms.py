"""Forms: what somebody filled in, as text by field; a file as its bytes."""

from typing import Annotated

from fastapi import Depends, Request
from msgspec import Struct
from starlette.datastructures import UploadFile


class Filled(Struct, frozen=True):
    """A form that was sent. A field that is missing is "", a file not chosen has no bytes."""

    fields: dict[str, str]
    lists: dict[str, list[str]]
    files: dict[str, bytes]

    def __getitem__(self, field: str) -> str:
        return self.fields.get(field, "")

    def all(self, field: str) -> list[str]:
        """Every value of a field that may be chosen several times."""
        return self.lists.get(field, [])

    def whole(self, field: str) -> int:
        """A whole number, or 0 for what is none: no field here means anything at 0."""
        text = self[field].strip()
        return int(text) if text.isdecimal() and len(text) < 10 else 0


async def _filled(request: Request) -> Filled:
    fields: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    async with request.form(max_files=1, max_fields=500) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = await value.read()
            else:
                fields[name] = value
                lists.setdefault(name, []).append(value)
    return Filled(fields, lists, files)


Form = Annotated[Filled, Depends(_filled)]
