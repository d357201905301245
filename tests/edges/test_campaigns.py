"""Campaigns on a real store: kept once, told apart, looked ahead at and judged by the days that have ended."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from agent.contract import encode
from cloud.core import calendar, ledger
from cloud.core.campaign import Campaign
from cloud.core.coverage import PlacedShop
from cloud.core.ledger import Line, Range
from cloud.core.refusal import Refusal
from cloud.desk import Campaigns, UnknownCampaignError
from cloud.store import Store, migrate, schema, statements
from tests.conftest import ROOT
from tests.shops import ZONE, a_shop, at
from tests.trade import a_factor, compared
from tests.web import a_web

NOW = at("2026-11-24 14:12")
FIRST, LAST = date(2026, 11, 9), date(2026, 11, 22)
SHOPS = [f"shop-{n}" for n in range(8)]
WINDOW = Campaign(
    id="window", title="Window", first=FIRST.isoformat(), last=LAST.isoformat(), exposed=SHOPS[:2], control=SHOPS[2:]
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = opened(tmp_path, SHOPS)
    fill(one, SHOPS, FIRST, lift=0.3)
    yield one
    one.close()


@pytest.fixture
def campaigns(store: Store) -> Campaigns:
    return Campaigns(store, "acme", lambda: NOW)


def opened(folder: Path, shops: list[str]) -> Store:
    migrate(str(folder / "cloud.db"))
    one = Store(str(folder / "cloud.db"))
    placed = [PlacedShop(shop=a_shop(shop, name=shop.title()), placements=[]) for shop in shops]
    one.apply_shops([*placed, PlacedShop(shop=a_shop("theirs", tenant="rival"), placements=[])])
    return one


def fill(store: Store, shops: list[str], begins: date, *, lift: float, weeks: int = 14, days: int = 14) -> None:
    """Pages as the roller writes them: simulated shops of which the first two have a lift from a date on."""
    cohort = compared(5, 2, len(shops) - 2, weeks, days, lift)
    first, rows = begins - timedelta(weeks=weeks), []
    for one in cohort.shops:
        months: dict[int, list[Line]] = {}
        for n, value in enumerate(one.values):
            span = calendar.day_of(ZONE, first + timedelta(days=n))
            told = None if value is None else Range(value, value * 0.9, value * 1.1)
            line = Line(*span, True, 0.0 if value is None else 1.0, 39_600.0, 0.0, told, told)
            months.setdefault(ledger.month_at(ZONE, span[0])[0], []).append(line)
        rows += [("acme", one.shop, "page", start, encode(ledger.page(lines))) for start, lines in months.items()]
    with store.writing() as db:
        statements.put(db, schema.period, rows)


def double(store: Store, shop: str, since: int) -> None:
    """The page of a shop's month as the roller would write it with a factor of two from `since` on."""
    month = ledger.month_at(ZONE, since)
    lines = [
        replace(one, visitors=one.visitors and Range(2 * one.visitors.value, one.visitors.low, one.visitors.high))
        if one.start >= since
        else one
        for one in store.lines("acme", [shop], *month)[shop]
    ]
    with store.writing() as db:
        statements.put(db, schema.period, [("acme", shop, "page", month[0], encode(ledger.page(lines)))])


def test_a_campaign_told_twice_is_there_once_and_taken_back_it_is_gone(campaigns: Campaigns) -> None:
    for title in ("Flyer", "Window", "Window"):
        campaigns.put(replace(WINDOW, title=title))
    assert [(one.campaign, one.state) for one in campaigns.lines()] == [(WINDOW, "ended")]
    assert campaigns.get("window") == WINDOW
    campaigns.delete("window")
    campaigns.delete("window")
    assert campaigns.lines() == []
    with pytest.raises(UnknownCampaignError, match="no campaign"):
        campaigns.get("window")


def test_they_are_of_one_tenant(store: Store, campaigns: Campaigns) -> None:
    campaigns.put(WINDOW)
    theirs = Campaigns(store, "rival", lambda: NOW)
    assert theirs.lines() == []
    with pytest.raises(UnknownCampaignError):
        theirs.result("window")
    with pytest.raises(Refusal, match="no shop"):
        theirs.put(WINDOW)


def test_what_clashes_is_refused_and_not_kept(campaigns: Campaigns) -> None:
    campaigns.put(WINDOW)
    for clash in (
        replace(WINDOW, id="other"),
        replace(WINDOW, id="other", exposed=["shop-5"], control=["shop-0"]),
        replace(WINDOW, id="other", exposed=["nowhere"]),
    ):
        for ask in (campaigns.put, campaigns.power):
            with pytest.raises(Refusal):
                ask(clash)
    assert len(campaigns.lines()) == 1


def test_the_result_holds_the_lift(campaigns: Campaigns) -> None:
    campaigns.put(WINDOW)
    found = campaigns.result("window")
    told = found.lift
    assert told.outcome == "rose"
    assert told.lift.low is not None
    assert told.lift.high is not None
    assert told.lift.low <= 0.3 <= told.lift.high
    assert (told.exposed, told.control) == (SHOPS[:2], SHOPS[2:])
    assert (found.from_, found.to, len(found.chart)) == ("2026-09-14", "2026-11-22", 70)
    assert found.names["shop-0"] == "Shop-0"
    assert [one.date for one in found.chart if one.campaign] == [
        (FIRST + timedelta(days=n)).isoformat() for n in range(14)
    ]


def test_a_calibration_in_between_is_no_lift(store: Store, campaigns: Campaigns) -> None:
    campaigns.put(WINDOW)
    before = campaigns.result("window").lift.lift
    begins = calendar.day_of(ZONE, FIRST)[0]
    for shop in SHOPS[:2]:
        store.calibrate("acme", shop, a_factor(begins, 2.0))
        double(store, shop, begins)
    assert campaigns.result("window").lift.lift == before


def test_days_of_another_campaign_are_left_out_of_its_weeks_before(campaigns: Campaigns) -> None:
    campaigns.put(WINDOW)
    campaigns.put(
        Campaign(id="older", title="Older", first="2026-10-05", last="2026-10-11", exposed=["shop-0", "shop-1"])
    )
    chart = {one.date: one for one in campaigns.result("window").chart}
    assert chart["2026-10-07"].exposed is None
    assert chart["2026-10-07"].control is not None
    assert chart["2026-10-13"].exposed is not None


def test_one_that_runs_is_judged_by_the_days_that_ended(store: Store) -> None:
    running = Campaigns(store, "acme", lambda: at("2026-11-18 14:00"))
    running.put(WINDOW)
    found = running.result("window")
    assert (found.state, found.to) == ("running", "2026-11-17")
    assert found.lift.warnings[0].startswith("It still runs")


def test_one_to_come_has_no_lift_but_can_be_looked_ahead_at(campaigns: Campaigns) -> None:
    later = replace(WINDOW, id="later", first="2026-11-30", last="2026-12-13")
    campaigns.put(later)
    found = campaigns.result("later")
    assert (found.state, found.lift.outcome, found.lift.lift.value, found.chart) == ("planned", "unknown", None, [])
    ahead = campaigns.power(later)
    assert ahead.detectable.value is not None
    assert 0.03 < ahead.detectable.value < 0.4
    assert "you can see a lift of" in ahead.sentence


def test_shops_without_figures_are_told_of(tmp_path: Path) -> None:
    store = opened(tmp_path, SHOPS)
    bare = Campaigns(store, "acme", lambda: NOW)
    bare.put(WINDOW)
    found = bare.result("window")
    assert found.lift.outcome == "unknown"
    assert len([one for one in found.lift.warnings if "left out" in one]) == 8
    assert bare.power(WINDOW).detectable.value is None
    store.close()


def test_forty_shops_and_half_a_year_take_less_than_two_seconds(tmp_path: Path) -> None:
    shops = [f"shop-{n}" for n in range(40)]
    store = opened(tmp_path, shops)
    fill(store, shops, FIRST, lift=0.1, weeks=12, days=180)
    campaigns = Campaigns(store, "acme", lambda: at("2027-06-24 14:12"))
    last = (FIRST + timedelta(days=179)).isoformat()
    campaigns.put(replace(WINDOW, last=last, exposed=shops[:10], control=shops[10:]))
    campaigns.result("window")  # statsmodels is imported
    began = time.process_time()
    assert campaigns.result("window").lift.days > 100
    assert time.process_time() - began < 2
    store.close()


def ask(store: Store, method: str, path: str, **options: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(a_web(store, NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, f"/api/v1{path}", **options)

    return asyncio.run(asked())


def test_over_http(store: Store) -> None:
    body = json.loads(encode(WINDOW))
    assert ask(store, "PUT", "/campaigns/window", json=body).json() == body
    assert ask(store, "PUT", "/campaigns/other", json=body).status_code == 422
    assert ask(store, "GET", "/campaigns").json() == [{"campaign": body, "state": "ended"}]
    assert ask(store, "GET", "/campaigns/window").json() == body
    result = ask(store, "GET", "/campaigns/window/result").json()
    assert result["lift"]["outcome"] == "rose"
    assert result["lift"]["verdict"].startswith("Visitors rose by")
    assert result["from"] == "2026-09-14"
    ahead = ask(store, "POST", "/campaigns/power", json=body | {"id": "draft", "exposed": ["shop-5"], "control": []})
    assert ahead.status_code == 200, ahead.text
    assert ask(store, "DELETE", "/campaigns/window").status_code == 200
    assert ask(store, "GET", "/campaigns/window/result").status_code == 404


def test_the_server_starts_without_statistics() -> None:
    code = "import sys, cloud.app; sys.exit(any(one in sys.modules for one in ('statsmodels', 'scipy', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
