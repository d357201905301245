"""Render: a template in the language of whoever asks.

The language is that of the cookie `language`, which the choice on the page sets and which says nothing else, or the
browser's own. Templates know `w` (words), `t` (a sentence), `api` (where the API is) and `here` (the path asked for).
"""

from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from cloud.core import condition
from cloud.core.figures import COMPLETE
from cloud.core.today import counting, sensor_line
from cloud.dashboard import chart, panel, words
from cloud.dashboard.words import Words
from cloud.language import LANGUAGES, chosen

HERE = Path(__file__).parent
COOKIE = "language"


def environment() -> Environment:
    """The templates."""
    jinja = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(languages=LANGUAGES, chart=chart, panel=panel, sensor_line=sensor_line, complete=COMPLETE)
    jinja.globals.update(status_line=condition.line)
    jinja.filters["listened_today"] = words.listened_today
    jinja.tests.update(counting=counting, incomplete=words.incomplete)
    return jinja


class Render:
    """Makes pages; `api` is where the API is mounted."""

    def __init__(self, api: str) -> None:
        self._jinja = environment()
        self._api = api

    def words(self, request: Request) -> Words:
        """The words of whoever asks."""
        return Words(chosen(request.cookies.get(COOKIE), request.headers.get("accept-language", "")))

    def __call__(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page of a template with these values."""
        w = self.words(request)
        known = {"w": w, "t": w.t, "api": self._api, "here": request.url.path} | values
        answer = HTMLResponse(self._jinja.get_template(template).render(known), status_code=status)
        answer.headers["Content-Language"] = w.language.code
        answer.headers["Vary"] = "Cookie, Accept-Language"
        return answer
