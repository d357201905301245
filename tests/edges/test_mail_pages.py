"""The pages that links in mails open: asking does nothing, saying yes does it, and a link that ended says so."""

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from cloud.core.coverage import PlacedShop
from cloud.core.message import Ways
from cloud.core.recipient import Wishes
from cloud.dashboard import pages
from cloud.desk import Desk
from cloud.store import Store, migrate
from cloud.store.recipients import Recipients
from tests.shops import a_shop, at

pytestmark = pytest.mark.anyio
NOW = at("2026-11-24 12:00")
ADDRESS = "kim@example.com"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[])])
    desk = Desk(store, "acme", lambda: NOW, Ways(mail=True, public_url="https://shop.example"))
    desk.post.put("corner", ADDRESS, Wishes(language="de"))
    desk.word = Recipients(store).of("acme", "corner")[0][1].word  # type: ignore[attr-defined]
    return desk


async def asked(desk: Desk, path: str, method: str = "GET") -> tuple[int, str]:
    async with AsyncClient(transport=ASGITransport(pages(desk)), base_url="http://shop.example") as client:
        answer = await client.request(method, f"{path}/{desk.word}")  # type: ignore[attr-defined]
    return answer.status_code, answer.text


async def test_an_address_is_confirmed_by_a_button_and_not_by_opening_the_link(desk: Desk) -> None:
    status, page = await asked(desk, "/confirm")
    assert (status, ADDRESS in page, "Yes, send them" in page) == (200, True, True)
    assert [one.confirmed_at for one in desk.post.recipients("corner")] == [None]
    status, page = await asked(desk, "/confirm", "POST")
    assert (status, "Mails go to kim@example.com from now on" in page) == (200, True)
    assert [one.confirmed_at for one in desk.post.recipients("corner")] == [NOW]


async def test_mails_are_ended_by_a_button_and_the_link_with_them(desk: Desk) -> None:
    status, page = await asked(desk, "/unsubscribe")
    assert (status, "No more mails" in page) == (200, True)
    assert len(desk.post.recipients("corner")) == 1
    status, page = await asked(desk, "/unsubscribe", "POST")
    assert (status, "it is forgotten here" in page) == (200, True)
    assert desk.post.recipients("corner") == []
    status, page = await asked(desk, "/unsubscribe")
    assert (status, "This link has ended" in page) == (404, True)
