"""The demo as the people of a shop use it, in a real browser: staff count at the door, a manager reads, sends what the
till sold, sets up a campaign, and takes the figures away.

What they see is kept as pictures in the folder FOOTFALL_PICTURES, if that is set.
"""

import csv
import io
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.brokers import until
from tests.conftest import need
from tests.e2e.test_demo import demo
from tests.processes import fetch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ENDS = ("", "/week", "/trends", "/window", "/sensor", "/count", "/till", "/alerts", "/share", "/export")
PAGES = ("/", "/campaigns", "/alerts", "/glossary", "/fleet", "/claim", *(f"/shops/bakery{end}" for end in ENDS))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, address = demo(tmp_path_factory.mktemp("demo"), "--speed", "240")
    try:
        until(lambda: fetch(f"{address}/api/v1/healthz"), "the demo to serve", 30)
        begun = fetch(f"{address}/api/v1/healthz")["now"]
        until(lambda: fetch(f"{address}/api/v1/healthz")["now"] > begun + 3600, "an hour of the street to pass", 60)
        until(lambda: gaps(address) == 0, "the weeks before", 120)
        yield address
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def gaps(address: str) -> int:
    """How many of the last days have no figure yet, in all shops."""
    told = [fetch(f"{address}/api/v1/shops/{shop}/days") for shop in ("bakery", "fashion", "books")]
    return sum(one["visitors"]["value"] is None for days in told for one in days["periods"])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 375, "height": 800}, has_touch=True, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context
    context.close()


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("FOOTFALL_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_staff_count_at_the_door_without_a_line_and_it_is_sent_later(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/bakery/count")
    until(lambda: page.evaluate("localStorage.getItem('footfall-off-by')") is not None, "the cloud's time to be known")
    begun = fetch(f"{site}/api/v1/healthz")["now"]
    phone.set_offline(True)
    page.get_by_role("button", name="Start counting").click()
    for _ in range(12):
        page.get_by_role("button", name=re.compile("Tap for each person")).tap()
    page.get_by_role("button", name="Take one back").click()
    expect(page.locator("#number")).to_have_text("11")
    picture(page, "count")
    # The street's time runs ahead while the phone's stands nearly still: what was tapped is as of a quarter of an hour.
    page.evaluate(
        """() => {
          const key = "footfall-count-bakery", told = JSON.parse(localStorage.getItem(key));
          told.begun -= 1200;
          told.taps = told.taps.map((tap, i) => told.begun + 400 + 30 * i);
          localStorage.setItem(key, JSON.stringify(told));
        }"""
    )
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#told")).to_contain_text("Kept on this phone")
    until(lambda: fetch(f"{site}/api/v1/healthz")["now"] > begun + 900, "the reports of that time to come", 30)
    phone.set_offline(False)
    expect(page.locator(".done")).to_contain_text("100 devices stand for")
    told = fetch(f"{site}/api/v1/shops/bakery/calibration")
    assert [one["people"] for one in told] == [11]
    page.goto(f"{site}/shops/bakery/sensor")
    expect(page.locator("main")).to_contain_text("100 devices stand for")
    picture(page, "sensor")


def test_a_manager_reads_today(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/bakery")
    first = page.locator(".big").inner_text()
    assert re.fullmatch(r"[\d\s]+", first)
    expect(page.locator(".range")).to_have_text(re.compile(r"\d.*people so far"))
    expect(page.locator(".big")).not_to_have_text(first)  # it moves by itself
    picture(page, "today")
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("h2").first).to_have_text("Besucher heute")


def test_a_page_that_was_seen_is_there_without_a_line(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/fashion")
    until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), "the pages to be kept")
    page.reload()
    seen = page.locator(".big").inner_text()
    time.sleep(0.5)
    phone.set_offline(True)
    page.goto(f"{site}/shops/fashion")
    assert re.fullmatch(r"[\d\s]+", page.locator(".big").inner_text()), seen
    expect(page.locator("#offline")).to_contain_text("You are offline. These are the figures of")
    picture(page, "offline")


def test_a_manager_sends_what_the_till_sold(site: str, phone: BrowserContext, tmp_path: Path) -> None:
    page = phone.new_page()
    day = fetch(f"{site}/api/v1/shops/books/today")["date"]
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text(f"when,how much\n{day}T07:00,3\n")
    right.write_text(f"Hour;Receipts;Items;Net sales\n{day}T07:00;3;5;41,20\n")
    page.goto(f"{site}/shops/books/till")
    page.get_by_label("A CSV file").set_input_files(wrong)
    page.get_by_role("button", name="Add the file").click()
    expect(page.get_by_role("alert")).to_contain_text("when")
    page.get_by_label("A CSV file").set_input_files(right)
    page.get_by_label("Which till it is from").fill("by-hand")
    page.get_by_role("button", name="Add the file").click()
    expect(page.locator(".done")).to_contain_text("Hours added: 1")
    picture(page, "till")
    told = fetch(f"{site}/api/v1/shops/books/till?from={day}&to={day}")
    assert "by-hand" in str(told)
    page.goto(f"{site}/shops/books/window")
    expect(page.locator("main")).to_contain_text("Conversion")
    picture(page, "window")


def test_a_manager_takes_the_figures_away(site: str, phone: BrowserContext, tmp_path: Path) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/bakery/export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    days = fetch(f"{site}/api/v1/shops/bakery/days")["periods"]
    assert len(rows) == len(days) == 28
    assert [row["start"] for row in rows] == [str(one["start"]) for one in days]
    picture(page, "export")


def test_a_manager_sets_up_a_campaign_and_hears_what_it_could_show(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/campaigns")
    page.get_by_role("link", name="New window display").click()
    expect(page.locator(".lead")).to_contain_text("Visitors rose by")  # by a fifth, in the simulation
    picture(page, "campaign")
    page.goto(f"{site}/campaigns")
    page.get_by_role("link", name="Set up a campaign").click()
    page.get_by_label("What it is called").fill("Autumn sale")
    page.get_by_label("Fashion store, Berlin").select_option("it ran here")
    page.get_by_role("button", name="What could be seen?").click()
    expect(page.get_by_role("alert")).to_contain_text('is exposed in "New window display" too')
    assert page.get_by_label("What it is called").input_value() == "Autumn sale"  # nothing that was filled in is lost
    page.get_by_label("Fashion store, Berlin").select_option("leave it out")
    page.get_by_label("Corner bakery, Lyon").select_option("it ran here")
    page.get_by_role("button", name="What could be seen?").click()
    expect(page.locator(".done")).to_contain_text(re.compile(r"lift of .* or more"))
    picture(page, "campaign-new")
    page.get_by_role("button", name="Keep the campaign").click()
    expect(page.locator("h1")).to_have_text("Autumn sale")
    expect(page.locator(".lead")).not_to_contain_text("rose")  # nothing was done there


def test_a_chart_can_be_saved_as_a_picture(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/bakery/trends")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a picture").click()
    assert download.value.suggested_filename == "corner-bakery-lyon-visitors-by-week.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_link_shows_one_shop_and_changes_nothing(site: str, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{site}/shops/bakery/share")
    page.get_by_label("Whom it is for").fill("the landlord")
    page.get_by_role("button", name="Make a link").click()
    page.locator("#link").click()
    expect(page.locator("h1")).to_have_text("Corner bakery, Lyon")
    assert page.locator("header nav").count() == 0
    links = [str(one.get_attribute("href")) for one in page.locator("main a").all()]
    assert links and all(re.match(r"/s/|/glossary", one) for one in links), links
    picture(page, "shared")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_read_by_everyone(site: str, chromium: Browser, path: str, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 700}, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    answer = page.goto(site + path)
    assert answer is not None and answer.status == 200
    found = Axe().run(page, options=AXE)
    picture(page, f"{scheme}{path.replace('/', '-')}")
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []
    assert complaints == []
    assert wide <= 320
