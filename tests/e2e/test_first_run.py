"""The first run as the people of a shop walk it, in a real browser: a sensor nobody owns, a cloud, a broker with TLS.

They get a code on the cloud's page, type it on the sensor's, see both come alive, walk the test and keep the zones.
What they see is kept as pictures in the folder FOOTFALL_PICTURES, if that is set.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from agent import site
from agent.core.frame import Frame
from tests.air import heard, written
from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_story import AXE, picture
from tests.processes import cloud, started

pytestmark = [pytest.mark.browser, pytest.mark.mosquitto, pytest.mark.timeout(240)]
SERIAL = "100000007f3a"
SHOPS = '[[shops]]\ntenant = "demo"\nshop = "corner"\nname = "Corner Shop"\ntime_zone = "Europe/Berlin"\n'
START = 1_700_000_100.0
WALKED = (("door", -52), ("till", -45), ("back", -61), ("outside", -76))
BEGINS_S, BEFORE_S, EACH_S = 36.0, 23.0, 30.0
COMPLAINTS: list[str] = []  # of the browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def alone(chromium: Browser) -> Iterator[None]:
    """Nothing of one test is left for the next."""
    expect.set_options(timeout=20_000)
    yield
    for one in chromium.contexts:
        one.close()
    COMPLAINTS.clear()
    expect.set_options(timeout=5_000)


def phone(chromium: Browser, scheme: str = "light", locale: str = "en-GB") -> Page:
    size = {"width": 320, "height": 700}
    context = chromium.new_context(viewport=size, color_scheme=scheme, locale=locale, has_touch=True)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("pageerror", lambda error: COMPLAINTS.append(str(error)))
    page.on("console", lambda said: COMPLAINTS.append(said.text))
    return page


def readable(page: Page, name: str) -> None:
    """Everyone can read it, on the narrowest phone."""
    found = Axe().run(page, options=AXE).response["violations"]
    picture(page, name)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert [one for one in COMPLAINTS if "403 (Forbidden)" not in one] == []  # a wrong word is said so


@contextmanager
def fleet(folder: Path) -> Iterator[str]:
    """A broker that asks for certificates, and the cloud that makes them; gives its address."""
    need("mosquitto")
    made = folder / "certificates"
    words = [sys.executable, "-m", "cloud", "fleet", "init", str(made), "--host", "127.0.0.1", "--json"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    broker = (
        f"cafile {made}/root.pem\ncertfile {made}/broker.pem\nkeyfile {made}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    port = free_port()
    own = json.loads(done.stdout)["settings"] + f"\nbroker_port = {port}\n"
    tls = f'ca = "{made}/root.pem"\ncert = "{made}/cloud.pem"\nkey = "{made}/cloud.key"\n'
    served = f"[mqtt]\nport = {port}\ntls = true\n{tls}{own}{SHOPS}"
    with mosquitto(folder, port, broker), cloud(folder, served) as address:
        yield address


@contextmanager
def sensor(folder: Path, settings: str, *parts: str) -> Iterator[str]:
    """The parts of a sensor, its setup page among them; gives the page's address."""
    config, port = folder / "agent.toml", free_port()
    config.write_text(f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n{settings}')
    with ExitStack() as stack:
        for part in parts:
            stack.enter_context(started("agent", part, "--config", str(config), log=folder / f"{part}.log"))
        words = ("agent.daemon", "setup", str(config), str(port))
        stack.enter_context(started(*words, log=folder / "setup.log"))
        until(lambda: "open on port" in (folder / "setup.log").read_text(), "the setup page", 20)
        yield f"http://127.0.0.1:{port}"


def test_a_sensor_out_of_the_box_is_claimed_and_comes_alive(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_SERIAL", SERIAL)
    with fleet(tmp_path) as address:
        settings = (
            f'window_s = 60\nbattery_clock = true\nhealth_interval_s = 1\n[fleet]\nclaim_url = "{address}"\n'
            '[radio.wifi]\nsource = "street"\nvisitors_per_day = 2000\nopens_hour = 0\ncloses_hour = 24\n'
        )
        with sensor(tmp_path, settings, "run") as setup:
            own, office = phone(chromium), phone(chromium, "dark")
            own.goto(setup)
            expect(own.locator("#lights")).to_contain_text("The cloud can be reached.")
            expect(own.locator("#live .big")).to_have_text(re.compile(r"[1-9]\d*"))
            assert f"{address}/claim/{SERIAL}" in own.content()
            readable(own, "setup-unclaimed")

            office.goto(f"{address}/claim/{SERIAL}")
            readable(office, "claim")
            office.get_by_label("At the door").check()
            office.get_by_role("button", name="Get the code").click()
            code = office.locator("#code").inner_text()
            expect(office.locator("#claim")).to_contain_text("Waiting for your sensor")
            readable(office, "claim-code")

            own.goto(f"{setup}/claim#{code.lower()}")
            expect(own.get_by_label("Code, 8 characters")).to_have_value(code.lower())
            own.get_by_role("button", name="Claim this sensor").click()
            connected = "Connected: what is counted is handed over."
            claimed = "This sensor is demo:door, in Corner Shop."
            expect(own.locator("#next")).to_contain_text(claimed, timeout=60_000)
            expect(own.locator("#lights")).to_contain_text(connected, timeout=60_000)
            expect(office.locator("#claim")).to_contain_text(connected)
            first = own.locator("#next .lights li").last
            expect(first).to_contain_text("done", timeout=90_000)
            expect(office.locator(".progress li").last).to_contain_text("done", timeout=30_000)
            expect(office.locator(".lamps li.good")).to_have_count(3)  # power, internet, Wi-Fi
            readable(own, "setup-claimed")
            readable(office, "claim-alive")
            own.get_by_role("link", name="Walk test").click()
            expect(
                own.get_by_role("button", name="Begin the walk test")
            ).to_be_visible()  # no word: the code was enough


def around() -> list[Frame]:
    """Two neighbours that scan once a minute, and the walker's phone: quiet at first, then every eight seconds."""
    rng, found = Random(3), []
    for number, dbm in ((1, -83), (2, -70)):
        found += [heard(START + 13 * number + 60 * turn, f"5a:00:00:00:00:0{number}", dbm) for turn in range(5)]
    for turn, (_, dbm) in enumerate(WALKED):
        since = START + BEGINS_S + BEFORE_S + EACH_S * turn
        for scan in range(4):
            sender = bytes((0x5A, *rng.randbytes(5))).hex(":")
            found += [heard(since + 1 + 8 * scan + 0.1 * n, sender, dbm + rng.randint(-1, 1)) for n in range(2)]
    return sorted(found)


def test_the_walk_test_finds_the_zones(chromium: Browser, tmp_path: Path) -> None:
    speed = 4.0
    begun = time.time() + 3
    capture = written(tmp_path / "walk.pcap", around())
    settings = (
        f'sensor = "demo:door"\nwindow_s = 600\n[radio.wifi]\nsource = "capture"\npath = "{capture}"\n'
        f"[time]\nstart = {START}\nreal_start = {begun}\nspeed = {speed}\n"
    )

    def wait_for(second: float) -> None:
        time.sleep(max(0.0, begun + second / speed - time.time()))

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "setup-page").touch()  # as somebody would who opens the page by hand
    with sensor(tmp_path, settings, "sense") as setup:
        own = phone(chromium)
        own.goto(f"{setup}/walk")
        own.get_by_label("Setup word").fill("nonsense")
        own.get_by_role("button", name="Go on").click()
        expect(own.get_by_role("alert")).to_contain_text("That is not its setup word.")
        own.get_by_label("Setup word").fill((tmp_path / "state" / "setup-word").read_text().lower())
        readable(own, "setup-word")
        own.get_by_role("button", name="Go on").click()
        begin = own.get_by_role("button", name="Begin the walk test")
        expect(begin).to_be_visible()
        wait_for(BEGINS_S)
        begin.click()
        expect(own.locator("#walk")).to_contain_text("Wait here")
        for turn, (place, _) in enumerate(WALKED):
            wait_for(BEFORE_S + BEGINS_S + EACH_S * turn)
            button = own.locator(f"button[value={place}]")
            expect(button).to_be_enabled()
            button.click()
            expect(own.locator("#walk .lead")).to_contain_text("Stand still")
            expect(own.locator("#walk .places li").nth(turn)).to_contain_text("heard,", timeout=10_000)
        expect(own.locator("#zones")).to_contain_text(re.compile(r"phone looks 1[3-7] dB weaker: good separation"))
        readable(own, "setup-walked")
        own.get_by_role("button", name="Keep these").click()
        expect(own.locator(".done-said")).to_contain_text("Kept: inside from")
    found = site.read(tmp_path / "state" / "site.json")
    assert isinstance(found.inside_dbm, int) and isinstance(found.outside_dbm, int)
    assert found.outside_dbm < -76 < found.inside_dbm < -61
    assert "5a:" not in "".join(path.read_text(errors="replace") for path in (tmp_path / "run").glob("*.json"))
