"""The exports: what is read back is what the API says, for CSV and Parquet, and memory does not grow with the table."""

import asyncio
import csv
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from msgspec import Raw
from pyarrow import parquet

from agent.contract import ReportBatch, encode, topics
from cloud.api import Live
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Period
from cloud.core.glossary import DEFINITIONS
from cloud.core.rollup import Reading
from cloud.core.table import COLUMNS, FIGURES
from cloud.core.till import Sale
from cloud.desk import Exports, UnknownShopError
from cloud.store import Store, StoreError, migrate, receive
from cloud.store.till import Till
from tests.conftest import ROOT
from tests.shops import a_shop, at, busy, reading, without
from tests.web import a_web, serving

NOW = at("2026-10-26 14:12")
FIRST, LAST = date(2026, 10, 24), date(2026, 10, 26)  # 25 October has 25 hours in Berlin
NOON = (at("2026-10-24 12:00"), at("2026-10-24 13:00"))
SHOPS = (
    a_shop(region="North", currency="EUR"),
    a_shop("other", name='=HYPERLINK("http://evil.example") "Ōsaka", 2', time_zone="Asia/Tokyo"),
    a_shop("secret", tenant="rival"),
)


def told(store: Store, sensor: str, readings: list[Reading]) -> None:
    """The readings as this sensor sends them."""
    for at_once in (readings[n : n + 50] for n in range(0, len(readings), 50)):
        batch = ReportBatch(
            sensor=sensor,
            epoch="00000000000000aa",
            first=readings.index(at_once[0]) + 1,
            reports=[Raw(encode(one.report)) for one in at_once],
        )
        store.commit([receive(topics.up(sensor, "report"), encode(batch), NOW)], NOW)
    assert store.quarantined() == []
    while store.recompute():
        pass


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    database = str(tmp_path_factory.mktemp("store") / "cloud.db")
    migrate(database)
    one = Store(database)
    one.apply_shops(
        PlacedShop(shop=shop, placements=[Placement(sensor=f"{shop.tenant}:{shop.shop}", zone="door")])
        for shop in SHOPS
    )
    told(one, "acme:corner", without(busy(at("2026-10-24 00:00"), NOW // 300 * 300), *NOON))
    told(one, "acme:other", [reading(second, 5) for second in range(at("2026-10-24 09:00"), NOW, 300)])
    sales = [
        Sale(hour=at("2026-10-24 11:00"), source="till-1", transactions=20, items=31, net_sales=1234.5),
        Sale(hour=at("2026-10-24 11:00"), source="till-2", transactions=2, items=1, net_sales=-20.0),
        Sale(hour=at("2026-10-26 09:00"), source="till-1", transactions=7),
    ]
    Till(one).put("acme", "corner", sales)
    yield one
    one.close()


@pytest.fixture
def exports(store: Store) -> Exports:
    return Exports(store, "acme", lambda: float(NOW))


def table(pieces: Iterator[bytes], delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline=""), delimiter=delimiter))


def get(store: Store, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(a_web(store, NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
            return await client.get(path)

    return asyncio.run(ask())


def of_api(store: Store, grain: str, shop: str) -> list[dict[str, Any]]:
    answer = get(store, f"/shops/{shop}/{grain}s?from={FIRST}&to={LAST}")
    periods: list[dict[str, Any]] = answer.json()["periods"]
    return periods


@pytest.mark.parametrize("grain", ["hour", "day"])
def test_csv_read_back_is_what_the_api_says(store: Store, grain: str) -> None:
    answer = get(store, f"/export.csv?grain={grain}&from={FIRST}&to={LAST}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="footfall-{grain}s-{FIRST}-{LAST}.csv"'
    rows = table(iter([answer.content]))
    for shop in ("corner", "other"):
        periods = of_api(store, grain, shop)
        found = [row for row in rows if row["shop"] == shop]
        assert len(found) == len(periods)
        for row, period in zip(found, periods, strict=True):
            assert read(row) == flat(period)
    assert {row["shop"] for row in rows} == {"corner", "other"}


@pytest.mark.parametrize("grain", ["hour", "day"])
def test_parquet_read_back_is_what_the_api_says(store: Store, grain: str) -> None:
    answer = get(store, f"/export.parquet?grain={grain}&from={FIRST}&to={LAST}&shop=other&shop=corner")
    found = parquet.read_table(io.BytesIO(answer.content))
    periods = [flat(one) for shop in ("other", "corner") for one in of_api(store, grain, shop)]
    assert len(periods) > 2
    assert [{name: row[name] for name in periods[0]} for row in map(seconds, found.to_pylist())] == periods


def flat(period: dict[str, Any]) -> dict[str, Any]:
    """A period of the API with its figures side by side."""
    cells = {name: value for name, value in period.items() if not isinstance(value, dict)}
    for name, *_ in FIGURES:
        figure = period[name]
        cells |= {name: figure["value"]} | {f"{name}_{one}": figure[one] for one in ("low", "high", "coverage")}
    return cells | {"definitions": " ".join(period[name]["definition"] for name, *_ in FIGURES)}


def read(row: dict[str, str]) -> dict[str, Any]:
    """The cells of a row of CSV that a period of the API has, by the kinds of their columns."""
    kinds = {
        "text": str,
        "second": int,
        "whole": int,
        "number": float,
        "truth": lambda text: {"true": True, "false": False}[text],
    }
    ours = COLUMNS[5 : [one.name for one in COLUMNS].index("till_hours")]
    return {one.name: kinds[one.kind](row[one.name]) if row[one.name] else None for one in ours}


def seconds(row: dict[str, Any]) -> dict[str, Any]:
    return {name: int(cell.timestamp()) if isinstance(cell, datetime) else cell for name, cell in row.items()}


def test_a_gap_is_a_row_and_null_is_an_empty_cell(exports: Exports) -> None:
    rows = table(exports.csv(["corner"], "hour", FIRST, LAST))
    gap = next(row for row in rows if row["start"] == str(NOON[0]))
    assert [gap[name] for name in ("visitors", "visitors_low", "visitors_coverage", "coverage")] == ["", "", "0", "0"]
    quiet = next(row for row in rows if row["start"] == str(at("2026-10-24 03:00")))
    assert (quiet["visitors"], quiet["open"]) == ("0", "false")


def test_local_time_says_its_offset_so_that_a_repeated_hour_is_two(exports: Exports) -> None:
    rows = table(exports.csv(["corner"], "hour", date(2026, 10, 25), date(2026, 10, 25)))
    assert [row["start_local"] for row in rows][1:4] == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
    ]
    assert len(rows) == 25
    (day,) = table(exports.csv(["other"], "day", date(2026, 10, 25), date(2026, 10, 25)))
    assert day["start_local"] == "2026-10-25T00:00+09:00"


def test_what_tills_told_stands_beside_the_figures_and_what_they_did_not_is_empty(exports: Exports) -> None:
    names = ("till_hours", "transactions", "items", "net_sales", "currency")
    hours = {row["start_local"]: [row[one] for one in names] for row in table(exports.csv([], "hour", FIRST, LAST))}
    assert hours["2026-10-24T11:00+02:00"] == ["1", "22", "32", "1214.5", "EUR"]
    assert hours["2026-10-24T12:00+02:00"] == ["0", "", "", "", ""]
    assert hours["2026-10-26T09:00+01:00"] == ["1", "7", "", "", ""]
    days = [[row[one] for one in names] for row in table(exports.csv(["corner"], "day", FIRST, LAST))]
    assert days == [["1", "22", "32", "1214.5", "EUR"], ["0", "", "", "", ""], ["1", "7", "", "", ""]]


def test_a_text_is_no_formula_and_quotes_survive(exports: Exports) -> None:
    (row,) = table(exports.csv(["other"], "day", FIRST, FIRST))
    assert row["name"] == "'" + SHOPS[1].name
    ends = set(b"".join(exports.csv(["other"], "day", FIRST, FIRST)).split(b"\r\n"))
    assert not any(b"\n" in line for line in ends)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_every_sign_that_starts_a_formula_is_disarmed(sign: str, tmp_path: Path) -> None:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops([PlacedShop(shop=a_shop(name=f"{sign}1+1", region=f"{sign}2"), placements=[])])
    (row,) = table(Exports(store, "acme", lambda: float(NOW)).csv([], "day", FIRST, FIRST))
    assert (row["name"], row["region"]) == (f"'{sign}1+1", f"'{sign}2")
    store.close()


def test_a_spreadsheet_gets_its_own_signs(exports: Exports) -> None:
    programs, point, comma = (
        b"".join(exports.csv(["corner"], "day", FIRST, FIRST, sign)) for sign in (None, "point", "comma")
    )
    assert point == "\N{ZERO WIDTH NO-BREAK SPACE}".encode() + programs
    (plain,), (row,) = table(iter([programs])), table(iter([comma[3:]]), ";")
    assert row == {name: cell.replace(".", ",") if cell.count(".") == 1 else cell for name, cell in plain.items()}


def test_parquet_says_what_its_columns_mean(exports: Exports) -> None:
    made = parquet.ParquetFile(io.BytesIO(b"".join(exports.parquet([], "hour", FIRST, LAST))))
    field = made.schema_arrow.field("visitors")
    assert (field.type, field.metadata[b"definition"]) == (pa.float64(), b"visitors/2")
    assert made.schema_arrow.field("start").type == pa.timestamp("ms", tz="UTC")
    told = json.loads(made.metadata.metadata[b"footfall"])
    assert (told["version"], told["grain"], [one["name"] for one in told["columns"]]) == (
        1,
        "hour",
        [one.name for one in COLUMNS],
    )
    name = made.read(["name"]).column("name")
    assert SHOPS[1].name in name.to_pylist()  # it is no formula there
    start = made.read(["start"]).column("start")[0].as_py()
    assert start == datetime(2026, 10, 23, 22, tzinfo=UTC)


def test_the_columns_are_described(store: Store) -> None:
    described = get(store, "/export/columns").json()
    assert [one["name"] for one in described] == [one.name for one in COLUMNS]
    known = {one.name for one in DEFINITIONS} | {None}
    assert all(one["says"] and one["definition"] in known for one in described)


def test_columns_are_only_added_at_the_end() -> None:
    assert " ".join(one.name for one in COLUMNS).startswith(
        "shop name region time_zone start_local start end open coverage rested flooded "
        "occupancy occupancy_low occupancy_high occupancy_coverage visitors visitors_low visitors_high "
        "visitors_coverage passers_by passers_by_low passers_by_high passers_by_coverage capture_rate "
        "capture_rate_low capture_rate_high capture_rate_coverage definitions till_hours transactions items "
        "net_sales currency"
    )


def test_nothing_is_of_days_yet_to_come(exports: Exports) -> None:
    later = date(2027, 1, 1)
    assert table(exports.csv([], "day", later, later)) == []
    assert parquet.read_table(io.BytesIO(b"".join(exports.parquet([], "day", later, later)))).num_rows == 0


def test_what_cannot_be_had_is_said_before_anything_is_sent(store: Store, exports: Exports) -> None:
    for shop in ("nowhere", "secret"):
        with pytest.raises(UnknownShopError):
            exports.csv([shop], "day", FIRST, LAST)
    for query, status, says in (
        ("shop=secret", 404, "There is no shop"),
        ("from=2026-10-01&to=2026-09-01", 422, "swap them"),
        ("from=2020-10-01&to=2026-09-01", 422, "more than 400 days"),
        ("grain=week", 422, "grain is wrong"),
        ("spreadsheet=1", 422, "spreadsheet is wrong"),
    ):
        answer = get(store, f"/export.csv?{query}")
        assert (answer.status_code, says.lower() in answer.text.lower()) == (status, True), answer.text
    assert len(table(iter([get(store, "/export.csv?shop=corner").content]))) == 28


def test_memory_does_not_grow_with_the_number_of_shops(tmp_path: Path) -> None:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops(PlacedShop(shop=a_shop(f"s{n}"), placements=[]) for n in range(8))
    exports = Exports(store, "acme", lambda: float(NOW))

    def peak(shops: list[str]) -> int:
        tracemalloc.start()
        sent = sum(map(len, exports.csv(shops, "hour", date(2026, 9, 1), date(2026, 9, 14))))
        assert sent > len(shops) * 14 * 24 * 100
        made = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return made

    peak(["s0"])  # what is made once
    assert peak([f"s{n}" for n in range(8)]) < 1.5 * peak(["s0"])
    store.close()


def test_the_command_writes_the_same_table(store: Store, tmp_path: Path) -> None:
    config, made = tmp_path / "cloud.toml", tmp_path / "figures"
    config.write_text(f'database = "{store.database}"\n')

    def run(*words: str) -> subprocess.CompletedProcess[bytes]:
        span = ("--from", str(FIRST), "--to", str(LAST), "-c", str(config))
        return subprocess.run(
            [sys.executable, "-m", "cloud", "export", *span, *words], capture_output=True, timeout=60, cwd=ROOT
        )

    # Times of the command are now; all of these dates have begun for it as for the test.
    exports = Exports(store, "acme", lambda: float(at("2026-10-27 00:00")))
    assert run("--shop", "corner").stdout == b"".join(exports.csv(["corner"], "day", FIRST, LAST))
    assert run("--shop", "corner", "--format", "parquet", "--grain", "hour", "--file", str(made)).returncode == 0
    assert made.read_bytes() == b"".join(exports.parquet(["corner"], "hour", FIRST, LAST))
    for words, says in (
        ((), b"There are shops of 2 tenants: name those of one with --shop."),
        (("--shop", "nowhere"), b"There is no shop nowhere"),
        (("--shop", "corner", "--from", "x"), b'from is "x", which is no date'),
    ):
        refused = run(*words)
        assert (refused.returncode, says in refused.stderr) == (1, True), refused.stderr


class Failing(Store):
    """A store whose disk is gone after the first shop."""

    def periods(self, tenant: str, shop: str, grain: str, start: int, end: int) -> list[Period]:
        if shop == "other":
            raise StoreError("The database cannot be used now.")
        return super().periods(tenant, shop, grain, start, end)


@pytest.mark.parametrize("path", ["export.csv", "export.parquet"])
def test_a_table_that_breaks_off_has_no_end(store: Store, path: str) -> None:
    live, failing = Live(), Failing(store.database)
    with serving(a_web(failing, NOW, live), live) as (_, address), pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{address}/api/v1/{path}?from={FIRST}&to={LAST}&shop=corner&shop=other")
    failing.close()
