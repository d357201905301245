"""The cloud's claim page: it asks for a sensor and its place, shows the code once, and tells how far it is."""

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response

from agent.contract import Health, RadioHealth
from agent.contract.health import Machine
from cloud.core.coverage import PlacedShop
from cloud.core.lamps import STALE_S, lamps
from cloud.dashboard import pages
from cloud.desk import Desk
from cloud.store import Store, migrate
from tests.identities import World
from tests.shops import a_shop, at

pytestmark = pytest.mark.anyio
NOW = at("2026-11-24 12:00")
SERIAL = "100000007f3a"


def desk(folder: Path, *, certified: bool = True) -> Desk:
    migrate(str(folder / "cloud.db"))
    store = Store(str(folder / "cloud.db"))
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[])])
    return Desk(store, "acme", lambda: NOW, issuing=World(NOW).issuing if certified else None)


async def asked(of: Desk, method: str, path: str, **form: str) -> Response:
    async with AsyncClient(transport=ASGITransport(pages(of)), base_url="http://localhost") as client:
        return await client.request(method, path, data=form or None)


async def test_the_code_is_on_the_page_that_made_it_and_nowhere_else(tmp_path: Path) -> None:
    of = desk(tmp_path)
    made = await asked(of, "POST", "/claim", serial="1000-0000-7F3A", shop="corner", zone="till")
    assert made.status_code == 200
    code = made.text.partition('id="code">')[2].partition("<")[0]
    assert len(code) == 9 and f"http://footfall-7f3a.local/claim#{code.replace('-', '')}" in made.text
    path = made.text.partition('hx-get="')[2].partition('"')[0]
    moving = await asked(of, "GET", path)
    assert moving.status_code == 200
    assert code not in moving.text and code.replace("-", "") not in moving.text
    assert "The code is good for 15 more minutes." in moving.text


async def test_what_was_filled_in_comes_back_with_the_reason(tmp_path: Path) -> None:
    told = await asked(desk(tmp_path), "POST", "/claim", serial='"><script>', shop="corner", zone="back")
    assert told.status_code == 422
    assert "is no serial number" in told.text
    assert '"><script>' not in told.text
    assert 'value="back" checked' in told.text


async def test_a_cloud_without_an_authority_says_what_is_missing(tmp_path: Path) -> None:
    told = await asked(desk(tmp_path, certified=False), "POST", "/claim", serial=SERIAL, shop="corner", zone="door")
    assert (told.status_code, "cannot be claimed here yet" in told.text) == (422, True)


async def test_a_label_leads_to_the_page_with_its_number_filled_in(tmp_path: Path) -> None:
    of = desk(tmp_path)
    assert f'value="{SERIAL}"' in (await asked(of, "GET", f"/claim/{SERIAL.upper()}")).text
    assert (await asked(of, "GET", f"/claim?serial={SERIAL}")).headers["location"] == f"/claim/{SERIAL}"
    assert (await asked(of, "GET", "/claim")).status_code == 200
    assert (await asked(of, "GET", "/shops/corner/claims/none")).status_code == 404


def health(**changes: object) -> Health:
    wifi = RadioHealth(radio="wifi", state="listening", source="wlan1", frames=9, dropped=0, last_frame_age_s=1.0)
    told = {"v": 1, "sensor": "acme:door", "at": float(NOW), "uptime_s": 9.0, "software": "1", "clock": "trusted"}
    return Health(**(told | {"profile": "F5", "radios": [wifi]} | changes))  # type: ignore[arg-type]


def test_lamps_say_what_was_told_lately_and_no_more() -> None:
    def states(said: Health | None, at: int | None, *, online: bool = True) -> list[str]:
        return [one.state for one in lamps(said, at, online=online, now=NOW)]

    deaf = RadioHealth(radio="ble", state="deaf", source="hci0", frames=0, dropped=0, last_frame_age_s=None)
    assert states(None, None, online=False) == ["wait"] * 4
    assert states(health(), NOW - 1) == ["good", "good", "good", "off"]
    assert states(health(), NOW - STALE_S - 1) == ["wait", "good", "wait", "wait"]
    weak = health(machine=Machine(strained=["under-voltage"]), radios=[deaf])
    assert states(weak, NOW) == ["bad", "good", "off", "bad"]
