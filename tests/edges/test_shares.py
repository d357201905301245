"""Links that show a shop: made once, kept as a hash, ended by time or by hand, and of one tenant."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.desk import Shares, UnknownShopError
from cloud.desk.shares import MOST_LINKS
from cloud.store import Store
from tests.shops import Clock, a_shop, a_store, at
from tests.web import a_web

NOW = at("2026-11-24 14:12")
DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    shops = [a_shop(), a_shop("other"), a_shop("theirs", tenant="rival")]
    with a_store(tmp_path, [PlacedShop(shop=shop, placements=[]) for shop in shops]) as one:
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def shares(store: Store, clock: Clock) -> Shares:
    return Shares(store, "acme", clock)


def test_a_link_opens_what_it_was_made_for(shares: Shares) -> None:
    share, token = shares.create("corner", " the landlord ", 30, ["report", "today"])
    assert len(token) == 43  # 256 bits
    assert shares.open(token) == share
    assert (share.shop, share.label, share.pages) == ("corner", "the landlord", ("today", "report"))
    assert share.expires_at - share.created_at == 30 * DAY


def test_it_opens_until_it_expires_and_not_a_second_longer(shares: Shares, clock: Clock) -> None:
    share, token = shares.create("corner", "x", 1)
    clock.now = share.expires_at - 0.1
    assert shares.open(token) == share
    clock.now = share.expires_at
    assert shares.open(token) is None
    assert shares.of("corner") == []


def test_it_opens_no_more_once_it_is_ended_and_ending_twice_is_ending_once(shares: Shares) -> None:
    share, token = shares.create("corner", "x", 1)
    other, other_token = shares.create("corner", "y", 1)
    shares.revoke("corner", share.id)
    shares.revoke("corner", share.id)
    assert shares.open(token) is None
    assert shares.open(other_token) == other
    assert shares.of("corner") == [other]


def test_a_link_is_ended_from_its_own_shop_only(shares: Shares) -> None:
    share, token = shares.create("corner", "x", 1)
    shares.revoke("other", share.id)
    assert shares.open(token) == share


def test_what_is_kept_opens_nothing(shares: Shares, store: Store) -> None:
    share, token = shares.create("corner", "x", 1)
    with sqlite3.connect(store.database) as db:
        (row,) = db.execute("SELECT tenant, hash, body FROM share").fetchall()
    assert token not in str(row)
    assert (row[0], row[1]) == ("acme", share.id)
    assert shares.open(share.id) is None
    for wrong in ("", token[:-1], token + "A", "é", "x" * 100_000):
        assert shares.open(wrong) is None


def test_no_other_tenant_opens_or_sees_it(shares: Shares, store: Store, clock: Clock) -> None:
    _, token = shares.create("corner", "x", 1)
    rival = Shares(store, "rival", clock)
    assert rival.open(token) is None
    for ask in (rival.of, lambda shop: rival.create(shop, "x", 1), lambda shop: rival.revoke(shop, "x")):
        with pytest.raises(UnknownShopError):
            ask("corner")


def test_links_that_have_ended_are_forgotten_when_one_is_made(shares: Shares, store: Store, clock: Clock) -> None:
    shares.create("corner", "x", 1)
    clock.now += 2 * DAY
    kept, _ = shares.create("other", "y", 1)
    with sqlite3.connect(store.database) as db:
        assert db.execute("SELECT hash FROM share").fetchall() == [(kept.id,)]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("x", 0), "days is 0: a link lasts from 1 to 366 days."),
        (("x", 367), "days is 367"),
        ((" ", 1), "label: say in 1 to 80 letters whom the link is for."),
        (("x" * 81, 1), "label: say"),
        (("x", 1, []), "pages is empty: name at least one of today, history, report."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(shares: Shares, asked: tuple[Any, ...], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        shares.create("corner", *asked)


def test_a_shop_has_only_so_many_links(shares: Shares) -> None:
    for _ in range(MOST_LINKS):
        shares.create("corner", "x", 1)
    with pytest.raises(Refusal, match="There are 100 links to this shop already: end one first"):
        shares.create("corner", "x", 1)
    shares.create("other", "x", 1)


def test_over_the_api(store: Store) -> None:
    web = a_web(store, NOW)

    async def asked() -> None:
        base = "http://127.0.0.1/api/v1/shops/"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url=base) as client:
            made = (await client.post("corner/shares", json={"label": "the landlord"})).json()
            share = made["share"]
            assert made["path"].startswith("/s/")
            assert share["expires_at"] - share["created_at"] == 30 * DAY
            assert (await client.get("corner/shares")).json() == [share]
            for path, body, status, says in (
                ("nowhere/shares", {"label": "x"}, 404, "There is no shop"),
                ("corner/shares", {"days": 3}, 422, "missing required field `label`"),
                ("corner/shares", {"label": "x", "pages": ["till"]}, 422, "Invalid enum value 'till'"),
                ("corner/shares", {"label": "x", "days": 400}, 422, "Days is 400: a link lasts from 1 to 366 days."),
            ):
                answer = await client.post(path, json=body)
                assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
            assert (await client.post("corner/shares", content=b"\xff")).status_code == 422
            for _ in range(2):
                assert (await client.delete(f"corner/shares/{share['id']}")).json() == []

    asyncio.run(asked())
