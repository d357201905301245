"""Every page of a shop of which nothing is known yet: it says so, and shows no zero for it."""

import re
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from cloud.core.campaign import Campaign
from cloud.core.coverage import PlacedShop
from cloud.core.till import Sale
from cloud.dashboard import pages
from cloud.desk import Desk
from cloud.language import LANGUAGES
from cloud.store import Store, migrate
from cloud.store.till import Till
from tests.shops import a_shop, at

pytestmark = pytest.mark.anyio
NOW = at("2026-11-24 12:00")
ENDS = ("", "/figures", "/week", "/week?view=usual", "/zones", "/trends", "/window", "/window?preset=meraki", "/sensor")
OWN_ENDS = ("/count", "/till", "/alerts", "/share", "/export")
ZERO = re.compile(r'<(?:td|p class="(?:big|fact|count)")[^>]*>\s*0\s*<')


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    always_open = a_shop("kiosk", name="Kiosk", hours=[])
    store.apply_shops([PlacedShop(shop=one, placements=[]) for one in (a_shop(), always_open)])
    sale = Sale(hour=at("2026-11-24 10:00"), source="till", transactions=3, items=5, net_sales=20.0)
    Till(store).put("acme", "kiosk", [sale])  # sold, and not listened to
    made = Desk(store, "acme", lambda: NOW)
    told = {"first": "2026-11-10", "last": "2026-11-20", "exposed": ["corner"], "control": ["kiosk"]}
    made.campaigns.put(Campaign(id="sale", title="Sale", **told))  # type: ignore[arg-type]
    return made


async def page(desk: Desk, path: str, language: str = "en") -> tuple[int, str]:
    async with AsyncClient(transport=ASGITransport(pages(desk)), base_url="http://localhost") as client:
        answer = await client.get(path, headers={"accept-language": language})
    return answer.status_code, answer.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_of_a_shop_without_anything_says_so(desk: Desk, language: str) -> None:
    _, token = desk.shares.create("kiosk", "all", 1)
    paths = ["/", "/campaigns", "/campaigns/new", "/campaigns/sale", "/alerts", "/glossary", "/fleet", "/claim"]
    paths += [f"/shops/{shop}{end}" for shop in ("corner", "kiosk") for end in (*ENDS, *OWN_ENDS)]
    paths += [f"/s/{token}{end}" for end in ENDS if end != "/sensor"]
    for path in paths:
        status, text = await page(desk, path, language)
        assert (path, status) == (path, 200)
        assert "None" not in text, path
        if "/figures" in path or path.endswith(("corner", "kiosk", "/week", "/window")):
            assert not ZERO.search(text), path


async def test_an_hour_sold_and_not_listened_to_is_no_conversion(desk: Desk) -> None:
    _, text = await page(desk, "/shops/kiosk/window")
    assert "The sensor did not listen during one hour" in text


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/shops/none", 404, "There is no shop &#34;none&#34;"),
        ("/campaigns/none", 404, "There is no campaign"),
        ("/s/none", 404, "This link has ended"),
        ("/shops/corner/window?from=soon", 422, "which is no date"),
        ("/shops/corner/window?from=2026-11-20&to=2026-11-01", 422, "swap them"),
        ("/shops/corner/week?date=2026-13-01", 422, "which is no date"),
        ("/shops/corner/export/file?from=2020-01-01&to=2026-01-01", 422, "ask for fewer at a time"),
        ("/nothing", 404, "There is no such page."),
    ],
)
async def test_what_cannot_be_shown_is_one_sentence(desk: Desk, path: str, status: int, says: str) -> None:
    found, text = await page(desk, path)
    assert (found, says in text) == (status, True), text
