"""Sales in the store, on the desk, over the API and on the command line: each hour of a source once, whole or not."""

import asyncio
import json
import subprocess
import sys
from itertools import count

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract import TillHour, TillHours
from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.core.till import Sale
from cloud.core.written import date_of
from cloud.desk import Tills, UnknownShopError
from cloud.store import Kept, Store, Till, migrate
from tests.conftest import ROOT
from tests.shops import a_shop, at
from tests.web import a_web

NOON = at("2026-11-24 12:00")
NOW = at("2026-11-24 14:12")
DAY = date_of("date", "2026-11-24")
CSV = b"hour;transactions;items;net_sales\n2026-11-24T12:00;31;54;812,50\n2026-11-24T13:00;28;;-19,90\n"


def opened(folder):
    database = str(folder / "cloud.db")
    migrate(database)
    store = Store(database)
    shops = [a_shop(currency="EUR"), a_shop("other"), a_shop("secret", tenant="rival")]
    store.apply_shops([PlacedShop(shop=shop, placements=[]) for shop in shops])
    return store


@pytest.fixture
def store(tmp_path):
    store = opened(tmp_path)
    yield store
    store.close()


@pytest.fixture
def tills(store):
    return Tills(store, "acme", lambda: NOW)


def sale(hour=NOON, source="till-1", transactions=3, **more):
    return Sale(hour=hour, source=source, transactions=transactions, **more)


def rows(*transactions, source="till-1", first=NOON):
    told = [TillHour(hour=first + 3600 * at, transactions=one) for at, one in enumerate(transactions)]
    return TillHours(source=source, rows=told)


def test_an_hour_of_a_source_is_there_once_and_the_last_word_holds(store):
    till = Till(store)
    assert till.put("acme", "corner", [sale(), sale(NOON + 3600)]) == Kept(2, 0, 0)
    assert till.put("acme", "corner", [sale(), sale(NOON + 3600, transactions=9), sale(source="b")]) == Kept(1, 1, 1)
    assert till.sales("acme", "corner") == [sale(source="b"), sale(), sale(NOON + 3600, transactions=9)]
    assert till.put("acme", "corner", []) == Kept(0, 0, 0)


def test_only_the_hours_and_the_shop_asked_for_are_given(store):
    till = Till(store)
    for key in (("acme", "corner"), ("acme", "other"), ("rival", "secret")):
        till.put(*key, [sale(NOON + 3600 * at) for at in range(4)])
    assert till.sales("acme", "corner", NOON + 3600, NOON + 7200) == [sale(NOON + 3600)]
    found = till.by_shop("acme", NOON, NOON + 7200)
    assert found == {shop: [sale(), sale(NOON + 3600)] for shop in ("corner", "other")}


def test_forgetting_a_source_leaves_the_others_and_may_be_repeated(store):
    till = Till(store)
    till.put("acme", "corner", [sale(), sale(source="csv"), sale(NOON + 3600, source="csv")])
    till.put("acme", "other", [sale(source="csv")])
    assert [till.forget("acme", "corner", "csv") for _ in range(2)] == [2, 0]
    assert till.sales("acme", "corner") == [sale()]
    assert till.sales("acme", "other") == [sale(source="csv")]


HOURS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.integers(0, 3)), max_size=8)


def test_the_store_holds_what_a_dictionary_would(store):
    till, shops = Till(store), (f"shop-{number}" for number in count())

    @settings(max_examples=30, deadline=None)
    @given(st.lists(HOURS, max_size=6))
    def holds(told):
        held, shop = {}, next(shops)
        for some in told:
            new = {(NOON + 3600 * hour, source): transactions for hour, source, transactions in some}
            kept = till.put("acme", shop, [sale(*key, transactions=value) for key, value in new.items()])
            known = held.keys() & new.keys()
            same = sum(held[key] == new[key] for key in known)
            assert kept == Kept(len(new) - len(known), len(known) - same, same)
            held |= new
        assert till.sales("acme", shop) == [sale(*key, transactions=held[key]) for key in sorted(held)]

    holds()


def test_a_file_is_shown_before_it_is_kept_and_kept_once(tills):
    seen = tills.preview("corner", CSV, "till-1")
    assert (seen.told.new, seen.currency, len(seen.rows)) == (2, "EUR", 2)
    assert (seen.takings.start, seen.takings.end, seen.takings.hours) == (NOON, NOON + 7200, 2)
    assert (seen.takings.transactions, seen.takings.items, seen.takings.net_sales) == (59, None, 792.6)
    assert tills.sources("corner").sources == []
    told = [tills.add_csv("corner", CSV, "till-1").sentence for _ in range(2)]
    assert told == [
        "Hours added: 2; changed: 0; known already: 0.",
        "Hours added: 0; changed: 0; known already: 2.",
    ]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (CSV.replace(b"13:00", b"16:00"), "2026-11-24T16:00.01:00 has not begun yet"),
        (CSV.replace(b"13:00", b"13:30"), "Line 3: 2026-11-24T13:30.01:00 lies within an hour"),
        (CSV.replace(b"28", b"-28"), "Line 3"),
        (b"", "The file is empty"),
    ],
)
def test_a_file_with_one_wrong_line_leaves_nothing_behind(tills, payload, says):
    for take in (tills.preview, tills.add_csv):
        with pytest.raises(Refusal, match=says):
            take("corner", payload, "till-1")
    assert tills.sources("corner").sources == []


def test_hours_and_days_have_gaps_and_end_now(tills):
    tills.put("corner", rows(31, 28))
    hours = tills.hours("corner", DAY, DAY).periods
    assert [one.start for one in hours] == [NOON + 3600 * at for at in range(-12, 3)]
    assert [one.transactions for one in hours] == [None] * 12 + [31, 28, None]
    days = tills.days("corner", date_of("from", "2026-11-23"), date_of("to", "2026-12-31"))
    assert [one.transactions for one in days.periods] == [None, 59]
    assert (days.from_, days.to, days.currency) == ("2026-11-23", "2026-12-31", "EUR")
    assert tills.hours("corner", date_of("a", "2027-01-01"), date_of("b", "2027-01-01")).periods == []


def test_a_day_on_which_the_clock_changes_has_all_its_hours(store):
    tills = Tills(store, "acme", lambda: NOW)
    start = at("2026-10-25 00:00")
    tills.put("corner", rows(*range(25), first=start))
    day = date_of("date", "2026-10-25")
    assert [one.transactions for one in tills.hours("corner", day, day).periods] == list(range(25))
    assert [one.transactions for one in tills.days("corner", day, day).periods] == [300]


def test_two_sources_that_say_the_same_are_shown_and_one_is_forgotten(tills):
    told = [5, 8, 2, 9]
    for source in ("api", "csv"):
        tills.put("corner", rows(*told, source=source, first=NOON - 3 * 3600))
    tills.put("corner", rows(*reversed(told), source="till-2", first=NOON - 3 * 3600))
    found = tills.sources("corner")
    assert [(one.sources, one.transactions, one.hours) for one in found.sources] == [
        (["api"], 24, 4),
        (["csv"], 24, 4),
        (["till-2"], 24, 4),
    ]
    assert found.notes == [
        '"api" and "csv" say the same of 4 hours. If they are one till told twice, forget one.',
    ]
    assert tills.days("corner", DAY, DAY).periods[0].transactions == 72
    assert tills.forget("corner", "csv").hours == 4
    assert tills.days("corner", DAY, DAY).periods[0].transactions == 48
    assert tills.sources("corner").notes == []


def test_a_shop_of_another_tenant_is_unknown(tills):
    for ask in (
        lambda: tills.put("secret", rows(1)),
        lambda: tills.add_csv("secret", CSV, "a"),
        lambda: tills.preview("secret", CSV, "a"),
        lambda: tills.sources("secret"),
        lambda: tills.forget("secret", "a"),
        lambda: tills.days("secret", DAY, DAY),
    ):
        with pytest.raises(UnknownShopError):
            ask()


@pytest.fixture
def ask(store):
    """Asks the API; gives the status and the answer."""
    web = a_web(store, NOW)

    def asked(method, path, **sent):
        async def send():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://shop") as client:
                return await client.request(method, f"/api/v1/shops/{path}", **sent)

        answer = asyncio.run(send())
        return answer.status_code, answer.json()

    return asked


def test_over_the_api_rows_and_files_are_told_read_and_forgotten(ask):
    told = {"source": "api", "rows": [{"hour": "2026-11-24T12:00", "transactions": 31, "net_sales": 812.5}]}
    for new, same in ((1, 0), (0, 1)):
        status, answer = ask("PUT", "corner/till", json=told)
        assert (status, answer["new"], answer["same"], answer["source"]) == (200, new, same, "api")
    status, answer = ask("POST", "corner/till.csv", params={"source": "till-1"}, content=CSV)
    assert (status, answer["sentence"]) == (200, "Hours added: 2; changed: 0; known already: 0.")
    _, hours = ask("GET", "corner/till", params={"date": "2026-11-24"})
    assert hours["periods"][12] == {
        "start": NOON,
        "end": NOON + 3600,
        "hours": 1,
        "transactions": 62,
        "items": None,
        "net_sales": 1625.0,
        "sources": ["api", "till-1"],
    }
    _, days = ask("GET", "corner/till", params={"grain": "day", "from": "2026-11-23", "to": "2026-11-24"})
    assert [one["transactions"] for one in days["periods"]] == [None, 90]
    assert len(ask("GET", "corner/till/sources")[1]["sources"]) == 2
    assert ask("DELETE", "corner/till/sources/api")[1]["hours"] == 1
    assert [one["sources"] for one in ask("GET", "corner/till/sources")[1]["sources"]] == [["till-1"]]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "says"),
    [
        ("PUT", "nowhere/till", {"json": {"source": "a", "rows": [{"hour": NOON, "transactions": 1}]}}, 404, "no shop"),
        (
            "PUT",
            "corner/till",
            {"json": {"source": "a", "rows": [{"hour": NOON + 1, "transactions": 1}]}},
            422,
            "within",
        ),
        ("PUT", "corner/till", {"json": {"source": "a b", "rows": [{"hour": 0, "transactions": 1}]}}, 422, "$.source"),
        ("PUT", "corner/till", {"content": b"\xff{"}, 422, "not as openapi.json describes it"),
        ("POST", "corner/till.csv", {"content": b"shop\n1"}, 422, 'The header is "shop"'),
        ("POST", "corner/till.csv", {"content": CSV, "params": {"source": "a/b"}}, 422, "cannot name a source"),
        ("GET", "corner/till", {"params": {"date": "24.11."}}, 422, "is no date"),
    ],
)
def test_what_is_wrong_over_the_api_is_said_in_a_sentence(ask, method, path, sent, status, says):
    found, answer = ask(method, path, **sent)
    assert found == status
    assert says in answer["error"]


def command(folder, *words):
    """What `footfall-cloud` did: its exit code, and what it printed to either side."""
    config = folder / "cloud.toml"
    config.write_text(f'database = "{folder}/cloud.db"\n')
    words = [sys.executable, "-m", "cloud", *map(str, words), "-c", str(config)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_from_the_command_line_a_file_is_tried_then_kept(store, tmp_path):
    file = tmp_path / "sales.csv"
    file.write_bytes(CSV.replace(b"2026", b"2025"))
    tried = command(tmp_path, "till", "corner", file, "--source", "till-1", "--dry-run")
    assert (tried.returncode, tried.stdout) == (0, "Hours that would be added: 2; changed: 0; known already: 0.\n")
    assert Till(store).sales("acme", "corner") == []
    kept = json.loads(command(tmp_path, "till", "corner", file, "--source", "till-1", "--json").stdout)
    assert (kept["source"], kept["new"], kept["changed"], kept["same"], kept["notes"]) == ("till-1", 2, 0, 0, [])
    assert len(Till(store).sales("acme", "corner")) == 2


def test_the_command_line_says_what_is_wrong(store, tmp_path):
    file = tmp_path / "sales.csv"
    file.write_text("hour,transactions\n2025-11-24T14:30,1\n")
    wrong = command(tmp_path, "till", "corner", file)
    assert (wrong.returncode, wrong.stderr.startswith("Line 2: ")) == (1, True)
    assert "There is no shop nowhere: there are corner, other" in command(tmp_path, "till", "nowhere", file).stderr
