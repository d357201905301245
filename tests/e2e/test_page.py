"""The page in a real browser: what a shop's manager sees, with and without scripts, in the light and in the dark."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from cloud.api import Live
from cloud.core.rollup import Reading
from cloud.dashboard import chart
from tests.e2e.browser import Page, browser
from tests.shops import MemoryStore, a_sensor, a_shop, at, at_rest, busy, keeping, reading, visited, without
from tests.web import a_web, serving

pytestmark = pytest.mark.browser
NOW = at("2026-11-24 17:12")
TODAY, LAST_WEEK = at("2026-11-24 00:00"), at("2026-11-17 00:00")
WEIGHT = 200_000
BIG = "document.querySelector('.big').textContent"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def store() -> MemoryStore:
    others = a_shop("empty", name="Empty Shop"), a_shop("big", name="Big Shop", calibrated=True)
    made = MemoryStore(a_shop(), *others, a_shop("panel", name="Panel Shop"))
    made.readings["corner"] = without(
        busy(TODAY, at("2026-11-24 17:05")), at("2026-11-24 12:00"), at("2026-11-24 13:00")
    )
    made.readings["big"] = busy(TODAY, NOW // 300 * 300, scale=8.8) + busy(LAST_WEEK, LAST_WEEK + 86400, scale=8)
    made.readings["panel"] = panel_readings()
    made.states["panel"] = [replace(a_sensor(), privacy=keeping())]
    made.states["big"] = [a_sensor("silent", "Silent for 2 hours: check its plug."), a_sensor()]
    return made


def panel_readings() -> list[Reading]:
    """Monday and today of a sensor that counts visits from 09:00 to 20:00 and rests by plan at all other times."""
    opens, closes = at("2026-11-24 09:00"), at("2026-11-23 20:00")
    day = busy(at("2026-11-23 09:00"), closes) + at_rest(closes, opens) + busy(opens, NOW // 300 * 300)
    hours = {start: (7 + start // 3600 % 5, 9 + start // 3600 % 7) for start in range(opens, NOW - 3600, 3600)}
    return visited(day, hours, {at("2026-11-24 04:00"): [40, 30, 20, 8, 2, 0, -1]})


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
def site(store: MemoryStore, live: Live, page: Page) -> Iterator[str]:
    with serving(a_web(store, NOW, live), live) as (_, address):
        yield address
        page.call("Page.navigate", url="about:blank")


def text(page: Page) -> str:
    """All the page says, with plain spaces."""
    return re.sub(r"\s+", " ", page.evaluate("document.body.innerText"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(320, 640), (1280, 900)])
@pytest.mark.parametrize("path", ["/", "/shops/corner", "/shops/empty", "/shops/big", "/shops/panel", "/glossary"])
def test_no_page_complains_or_runs_over_its_edge(
    page: Page, site: str, path: str, width: int, height: int, scheme: str
) -> None:
    page.open(site + path, width, height, scheme)
    assert page.complaints() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith((site, "data:")) for url in page.requested())


def test_today_shows_the_number_its_range_and_what_is_missing(page: Page, site: str) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    told = text(page)
    assert page.evaluate(BIG) == "468"
    assert "435\N{EN DASH}506 people so far" in told
    assert "incomplete The sensor listened to 86 % of the opening hours so far" in told
    assert "Not calibrated: one device counts as one person." in told
    assert "No comparison Today is incomplete." in told
    assert "Busiest hour 16:00\N{EN DASH}17:00" in told
    assert "average of the minutes up to 17:05" in told
    assert page.evaluate("document.querySelectorAll('.chart canvas').length") == 1


def test_a_complete_day_is_compared(page: Page, site: str) -> None:
    page.open(f"{site}/shops/big", 1280, 900)
    told = text(page)
    assert "10 % more than last Tuesday" in told
    assert "incomplete" not in told.replace("incomplete Hours", "").split("Visitors by hour")[0]
    assert "1 of 2 sensors need a look. Door: Silent for 2 hours: check its plug." in told
    assert "Not calibrated" not in told


def test_a_shop_never_heard_of_shows_no_zero(page: Page, site: str) -> None:
    page.open(f"{site}/shops/empty", 360, 780)
    assert page.evaluate(BIG) == "\N{EN DASH}"
    assert "Not listened yet today" in text(page)
    assert page.evaluate("[...document.querySelectorAll('td')].filter(cell => cell.textContent === '0').length") == 0


def test_the_table_says_what_the_chart_draws(page: Page, site: str) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    drawn = page.evaluate("JSON.parse(document.querySelector('.chart').dataset.hours)")
    rows = page.evaluate(
        "[...document.querySelectorAll('tbody tr')].map(row => [...row.children].map(cell => cell.textContent))"
    )
    assert [row[0][:2] for row in rows] == drawn["hour"]
    assert [row[1] for row in rows] == ["\N{EN DASH}" if one is None else str(int(one)) for one in drawn["value"]]
    gap = drawn["hour"].index("12")
    assert (drawn["value"][gap], drawn["state"][gap], rows[gap][3]) == (
        None,
        "not listened",
        "0\N{NARROW NO-BREAK SPACE}%, not listened",
    )
    assert set(drawn["state"]) <= set(chart.State.__args__)


def test_visits_of_the_panel_are_told_with_their_range_and_their_noise(page: Page, site: str) -> None:
    page.open(f"{site}/shops/panel", 360, 780)
    told = text(page)
    # Eight hours of 7 to 11 first arrivals, by hand 75; of 9 to 15 visits, 95: so 20 returns.
    assert "Visits (panel) Of devices whose address stays the same: a minority of phones." in told
    assert "First arrivals 75 70\N{EN DASH}80 devices up to 17:00." in told
    assert "Same-day returns 20 4\N{EN DASH}36 visits up to 17:00." in told
    assert "Median stay 8 min 6\N{EN DASH}10 minutes on Monday." in told
    assert "Noise was added on the sensor: \N{GREEK SMALL LETTER EPSILON} = 2.5 per device and day." in told
    links = page.evaluate("[...document.querySelectorAll('.panel a')].map(link => link.getAttribute('href'))")
    assert len(links) == 4
    page.open(f"{site}/glossary", 360, 780)
    for link in links:
        assert page.evaluate(f"document.getElementById('{link.partition('#')[2]}') !== null")
    page.open(f"{site}/shops/corner", 360, 780)
    assert page.evaluate("document.querySelector('.panel')") is None


def test_a_rest_by_plan_is_drawn_as_closed_and_said_in_the_table(page: Page, site: str) -> None:
    page.open(f"{site}/shops/panel", 360, 780)
    drawn = page.evaluate("JSON.parse(document.querySelector('.chart').dataset.hours)")
    remarks = page.evaluate("[...document.querySelectorAll('tbody tr')].map(row => row.lastElementChild.textContent)")
    eight = drawn["hour"].index("08")
    assert (drawn["state"][eight], drawn["value"][eight], remarks[eight]) == ("resting", None, "resting, closed")
    told = text(page)
    assert "closed, at rest" in told
    assert "not listened" not in told and "incomplete The sensor" not in told
    assert drawn["state"][drawn["hour"].index("12")] == "heard"


def test_new_figures_come_by_themselves(page: Page, site: str, store: MemoryStore, live: Live) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    page.evaluate("document.querySelector('.hours details').open = true")
    page.wait("document.querySelector('.chart canvas') !== null")
    assert page.evaluate(BIG) == "468"
    until_watched = "performance.getEntriesByType('resource').length"  # any round trip, while the stream opens
    for _ in range(200):
        if live.watching():
            break
        page.evaluate(until_watched)
    store.readings["corner"].append(reading(at("2026-11-24 17:05"), 34))
    live.announce("acme", "corner")
    page.wait(f"{BIG} === '478'")
    page.wait("document.querySelector('.chart canvas') !== null")
    assert page.evaluate("document.querySelector('.hours details').open")
    page.wait("document.getElementById('told').textContent.startsWith('Updated at')")
    assert page.complaints() == []


def test_it_works_without_scripts(page: Page, site: str) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(f"{site}/shops/corner", 360, 780)
        assert page.evaluate(BIG) == "468"
        assert page.evaluate("document.querySelectorAll('tbody tr').length") == 14
        assert not page.evaluate("document.querySelector('.chart').offsetHeight")
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_the_page_is_light(page: Page, site: str) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    urls = {url for url in page.requested() if url.startswith(site) and not url.endswith("/live")}
    assert len(urls) >= 7
    sizes = [len(httpx.get(url).content) for url in urls]  # uncompressed: the most it can be
    assert sum(sizes) < WEIGHT


def test_every_name_of_a_number_leads_to_its_definition(page: Page, site: str) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    links = page.evaluate("[...document.querySelectorAll('a.name')].map(link => link.getAttribute('href'))")
    assert {"/glossary#visitors-2", "/glossary#occupancy-1", "/glossary#interval-1"} <= set(links)
    page.open(f"{site}/glossary", 360, 780)
    for link in links:
        assert page.evaluate(f"document.getElementById('{link.partition('#')[2]}') !== null")


@pytest.mark.parametrize("path", ["/", "/shops/corner", "/shops/big", "/glossary"])
def test_a_screen_reader_finds_its_way(page: Page, site: str, path: str) -> None:
    page.open(site + path, 360, 780)
    count = "document.querySelectorAll('{}').length"
    assert page.evaluate("document.documentElement.lang") == "en"
    for only in ("h1", "main", "header nav[aria-label]", "footer"):
        assert page.evaluate(count.format(only)) == 1, only
    assert page.evaluate(count.format("table:not(:has(caption)), th:not([scope])")) == 0
    assert page.evaluate("document.querySelector('.skip').getAttribute('href')") == "#main"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    named = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].map(n => n.getAttribute('aria-labelledby'))"
    )
    assert set(named) <= set(ids)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_their_ground(page: Page, site: str, scheme: str) -> None:
    """WCAG 2.2: text 4.5 to 1 (1.4.3), what a chart is read by 3 to 1 (1.4.11)."""
    page.open(f"{site}/shops/corner", 360, 780, scheme)
    names = ("ground", "card", "ink", "quiet", "accent", "warn", "bar", "whisker", "closed")
    style = "getComputedStyle(document.documentElement).getPropertyValue('--{}').trim()"
    colours = {name: page.evaluate(style.format(name)) for name in names}
    for ground in ("ground", "card"):
        for ink in ("ink", "quiet", "accent", "warn"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for mark, ground in (("bar", "card"), ("bar", "closed"), ("whisker", "card"), ("whisker", "bar")):
        assert _contrast(colours[mark], colours[ground]) >= 3, (mark, ground)


def test_a_picture_of_it_is_taken(page: Page, site: str, tmp_path: Path) -> None:
    page.open(f"{site}/shops/corner", 360, 780)
    page.screenshot(tmp_path / "today.png")
    assert (tmp_path / "today.png").read_bytes().startswith(b"\x89PNG")


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
