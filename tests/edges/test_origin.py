"""The guard around the site: another site's page changes nothing, programs may, and nothing is too large for memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from cloud.api import Live, OwnOrigin, SecurityHeaders
from cloud.api.origin import MAX_BODY_BYTES
from tests.shops import MemoryStore, a_shop, at
from tests.web import a_web, serving

HERE = "127.0.0.1:8080"
CHROME = {"accept": "text/html", "user-agent": "Mozilla/5.0", "upgrade-insecure-requests": "1"}
# What browsers send, by the Fetch and Fetch Metadata standards, to a site that says `Referrer-Policy: no-referrer`.
FORM_HERE = CHROME | {"origin": "null", "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}
SCRIPT_HERE = {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
FORM_ELSEWHERE = CHROME | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
SCRIPT_ELSEWHERE = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
OTHER_PORT = {"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}
BEFORE_FETCH_METADATA = {"origin": "https://evil.example"}


def a_site() -> FastAPI:
    """A site that answers how many bytes it was sent, below /api/ and outside of it."""
    site = FastAPI()
    site.add_middleware(OwnOrigin)
    site.add_middleware(SecurityHeaders)

    async def size(request: Request) -> int:
        return len(await request.body())

    for path in ("/api/v1/size", "/size"):
        site.add_api_route(path, size, methods=["GET", "POST", "PUT", "DELETE"])
    return site


def ask(method: str, path: str = "/api/v1/size", headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(a_site())
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HERE}") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(asked())


@pytest.mark.parametrize("headers", [FORM_ELSEWHERE, SCRIPT_ELSEWHERE, OTHER_PORT, BEFORE_FETCH_METADATA])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_page_of_another_site_changes_nothing(method: str, headers: dict[str, str]) -> None:
    answer = ask(method, headers=headers)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "Nothing was changed: a page of another site asked for it. Do it from a page of this site."
    }


@pytest.mark.parametrize(
    "headers",
    [
        FORM_HERE,
        SCRIPT_HERE,
        {"origin": f"http://{HERE}"},  # a browser from before Fetch Metadata
        {"sec-fetch-site": "none"},
        {"origin": "https://shop.example", "sec-fetch-site": "same-origin"},  # behind a proxy that changes Host
        {},  # a program
    ],
)
def test_our_own_pages_and_programs_may_write(headers: dict[str, str]) -> None:
    assert ask("POST", headers=headers, content=b"12345").json() == 5


def test_an_origin_without_a_name_is_another_site_where_the_browser_says_no_more() -> None:
    for origin in ("null", "", "http://127.0.0.1"):
        assert ask("POST", headers={"origin": origin}).status_code == 403


def test_reading_is_never_refused() -> None:
    assert ask("GET", headers=FORM_ELSEWHERE).status_code == 200


def test_a_page_gets_the_sentence_as_text() -> None:
    answer = ask("POST", "/size", FORM_ELSEWHERE)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert answer.text.startswith("Nothing was changed")
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_body_may_be_as_large_as_is_said_and_no_larger() -> None:
    assert ask("POST", content=bytes(MAX_BODY_BYTES)).json() == MAX_BODY_BYTES
    answer = ask("POST", content=bytes(MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["error"]) == (
        413,
        "This is too large: at most 6 MB can be sent at a time. Send it in parts.",
    )


def test_a_body_that_does_not_say_its_length_is_cut_off() -> None:
    passed = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal passed
        while passed < 10 * MAX_BODY_BYTES:
            passed += 1_000_000
            yield bytes(1_000_000)

    assert ask("POST", content=endless()).status_code == 413
    assert passed <= MAX_BODY_BYTES + 1_000_000


@contextmanager
def the_web() -> Iterator[str]:
    live = Live()
    with serving(a_web(MemoryStore(a_shop()), at("2026-11-24 14:12"), live), live) as (_, address):
        yield address


def test_it_stands_around_the_site_as_it_is_served() -> None:
    with the_web() as address:
        paths = ("/", "/api/v1/shops")
        answers = [httpx.post(address + path, headers=FORM_ELSEWHERE) for path in paths]
        assert [one.status_code for one in answers] == [403, 403]
        assert [httpx.post(address + path).status_code for path in paths] == [405, 405]
