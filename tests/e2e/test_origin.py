"""The guard in a real browser: its own pages may change something, by form and by script; another site's may not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse

from cloud.api import Live, OwnOrigin, SecurityHeaders
from tests.e2e.browser import browser
from tests.web import serving

pytestmark = pytest.mark.browser
FORM = '<form method="post" action="{to}/written"><input name="a" value="1"></form>'


class Site:
    """A site with a form whose target is given, that counts how often something was written."""

    def __init__(self, target: str, *, guarded: bool) -> None:
        self.written = 0
        self.web = FastAPI()
        if guarded:
            self.web.add_middleware(OwnOrigin)
            self.web.add_middleware(SecurityHeaders)
        self.web.get("/")(lambda: HTMLResponse(FORM.format(to=target)))
        self.web.post("/written")(self._write)

    def _write(self) -> HTMLResponse:
        self.written += 1
        return HTMLResponse("written")


@pytest.fixture
def ours() -> Site:
    return Site("", guarded=True)


@pytest.fixture
def address(ours: Site) -> Iterator[str]:
    live = Live()
    with serving(ours.web, live) as (_, address):
        yield address


def test_a_browser_writes_from_our_page_and_from_no_other(ours: Site, address: str, tmp_path: Path) -> None:
    theirs, live = Site(address, guarded=False), Live()
    with browser(tmp_path) as page, serving(theirs.web, live) as (_, elsewhere):
        page.open(address, 800, 600)
        assert page.evaluate("fetch('/written', {method: 'POST'}).then(answer => answer.status)") == 200
        page.evaluate("document.forms[0].submit()")
        page.wait("document.body?.textContent === 'written'")
        assert ours.written == 2
        # The same machine under another name, and another port under the same one: both are other sites' pages.
        for other in (elsewhere.replace("127.0.0.1", "localhost"), elsewhere):
            page.open(other, 800, 600)
            page.evaluate("document.forms[0].submit()")
            page.wait("document.body?.textContent.startsWith('Nothing was changed')")
            page.open(other, 800, 600)
            sent = f"fetch('{address}/written', {{method: 'POST', mode: 'no-cors'}})"
            page.evaluate(f"{sent}.catch(() => 'our Cross-Origin-Resource-Policy keeps the answer from them')")
        assert ours.written == 2
