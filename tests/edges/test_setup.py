"""The setup page over real HTTP: who is let in, what is refused, when the port is closed, and what it shows."""

import http.client
import re
import socket
import stat
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Formatter
from urllib.parse import urlencode

import pytest

from agent import site, status
from agent.config import Config
from agent.contract.identity import as_meant
from agent.core.gauge import Gauge
from agent.dial import Dial, Looking
from agent.setup import words
from agent.setup.door import LOCKED_S, TRIES, Door, Lock, is_code, word_at
from agent.setup.hearing import Hearing
from agent.setup.lights import lights
from agent.setup.server import MOST_BYTES, serve
from agent.setup.station import OPEN_S, Refused, Station, open_for
from agent.status import Line
from tests.brokers import until
from tests.conftest import ROOT

SERIAL, WORD, CODE = "100000007f3a", "7WRDHERE", "7F3AK2PX"
NO_LINE = "ZZZZZZZZ"


def claims(config: Config, code: str) -> Refused | None:
    """Stands for the cloud: one code is good, and one time there is no line."""
    if code == NO_LINE:
        return Refused("The cloud cannot be reached.", guessed=False)
    if code != CODE:
        return Refused("This code is not valid.")
    site.settled(config.site_path, sensor="demo:door", shop_name="Corner <b>Shop</b>")
    return None


class Opened:
    """The page of a sensor whose files are in `folder`, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        config = folder / "agent.toml"
        config.write_text(
            f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n[radio.wifi]\nsource = "street"\n'
            '[fleet]\nclaim_url = "http://127.0.0.1:9"\n'
        )
        self.station = Station(config, SERIAL, claims)
        self.stopping = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(
            target=serve, args=(self.listening, self.station, Door(WORD), self.stopping.is_set)
        )
        self.thread.start()

    def ask(self, method: str, path: str, form: object = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        body = urlencode(form) if isinstance(form, dict) else form
        line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})  # type: ignore[arg-type]
        answer = line.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())

    def enter(self) -> dict[str, str]:
        """The cookie of somebody who typed the word."""
        status, _, headers = self.ask("POST", "/word", {"word": WORD})
        assert status == 303
        return {"Cookie": headers["Set-Cookie"].partition(";")[0]}


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    page = Opened(folder)
    try:
        yield page
    finally:
        page.stopping.set()
        page.thread.join(5)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Opened]:
    with opened(tmp_path) as one:
        yield one


def test_the_first_page_answers_at_once_and_shows_no_secret(page: Opened) -> None:
    begun = time.monotonic()
    code, text, headers = page.ask("GET", "/")
    assert (code, time.monotonic() - begun < 1) == (200, True)
    assert WORD not in text
    assert "footfall-7f3a" in text and SERIAL in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?! src=\"/static)|style=|\son\w+=|https?://(?!127\.0\.0\.1:9/)", text)


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.7:80", "[fe80::1]", "footfall-7f3a.local", "localhost:8080"])
def test_it_answers_to_its_own_names(page: Opened, host: str) -> None:
    assert page.ask("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "footfall-7f3a.evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_a_name_that_another_site_was_given_is_not_answered_to(page: Opened, host: str) -> None:
    assert page.ask("GET", "/", Host=host)[0] == 421
    assert page.ask("POST", "/claim", {"code": CODE}, Host=host)[0] == 403


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(page: Opened, header: dict[str, str]) -> None:
    cookie = page.enter()
    assert page.ask("POST", "/claim", {"code": CODE}, **header)[0] == 403
    assert page.ask("POST", "/zones", {"inside": "-60", "outside": "-80"}, **header, **cookie)[0] == 403
    time.sleep(0.2)
    assert site.read(page.station.config.site_path) == site.Site()


def test_its_own_page_may(page: Opened) -> None:
    own = {"Origin": f"http://127.0.0.1:{page.port}", "Sec_Fetch_Site": "same-origin"}
    status, _, headers = page.ask("POST", "/zones", {"inside": "-60", "outside": "-80"}, **own, **page.enter())
    assert (status, headers["Location"]) == (303, "/walk?kept")
    found = site.read(page.station.config.site_path)
    assert (found.inside_dbm, found.outside_dbm) == (-60, -80)
    assert (page.station.config.zones.inside_dbm, page.station.config.zones.outside_dbm) == (-60, -80)


def test_without_the_word_nothing_is_settled(page: Opened) -> None:
    for path, form in (("/zones", {"inside": "-60", "outside": "-80"}), ("/walk", {"do": "begin"})):
        assert page.ask("POST", path, form)[0] == 403
        assert page.ask("POST", path, form, Cookie="setup=guess")[0] == 403
        assert page.ask("POST", path, form, Cookie="setup=\x7f;;=")[0] == 403
    assert not page.station.config.site_path.exists()
    assert page.station.hearing.walk is None


def test_after_ten_wrong_words_even_the_right_one_waits(page: Opened) -> None:
    assert [page.ask("POST", "/word", {"word": "WRONGONE"})[0] for _ in range(TRIES)] == [403] * TRIES
    status, text, headers = page.ask("POST", "/word", {"word": WORD})
    assert (status, "wait a quarter of an hour" in text, "Set-Cookie" in headers) == (429, True, False)


def test_the_lock_opens_again_after_a_quarter_of_an_hour() -> None:
    lock = Lock()
    for number in range(TRIES):
        assert not lock.shut(number)
        lock.wrong(number)
    assert lock.shut(LOCKED_S - 1)
    assert not lock.shut(LOCKED_S + 1)


@pytest.mark.parametrize(
    "zones", [("-80", "-60"), ("-60", "-60"), ("0", "-60"), ("-60", "-127"), ("x", "-80"), ("", "")]
)
def test_zones_that_are_none_are_refused_in_a_sentence(page: Opened, zones: tuple[str, str]) -> None:
    status, text, _ = page.ask("POST", "/zones", {"inside": zones[0], "outside": zones[1]}, **page.enter())
    assert (status, "Outside must begin below inside" in text) == (422, True)
    assert not page.station.config.site_path.exists()


def test_a_claim_forgives_how_the_code_is_typed_and_lets_its_bearer_do_the_rest(page: Opened) -> None:
    status, _, headers = page.ask("POST", "/claim", {"code": " 7f3a-k2px "})
    cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    assert status == 303
    assert "SameSite=Strict" in headers["Set-Cookie"] and "HttpOnly" in headers["Set-Cookie"]
    until(lambda: "demo:door" in page.ask("GET", "/")[1], "the claim to be there", 5)
    text = page.ask("GET", "/")[1]
    assert "Corner &lt;b&gt;Shop" in text
    assert page.ask("POST", "/zones", {"inside": "-60", "outside": "-80"}, **cookie)[0] == 303
    assert page.ask("POST", "/claim", {"code": CODE})[0] == 422  # it is somebody's now


def test_who_sent_a_wrong_code_may_change_nothing_and_is_told(page: Opened) -> None:
    _, _, headers = page.ask("POST", "/claim", {"code": "00000000"})
    cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    until(lambda: "This code is not valid." in page.ask("GET", "/")[1], "the refusal", 5)
    assert page.ask("POST", "/zones", {"inside": "-60", "outside": "-80"}, **cookie)[0] == 403


def test_codes_cannot_be_guessed_without_end(page: Opened) -> None:
    for number in range(2 * TRIES):  # a line that is away is nobody's guess
        code = NO_LINE if number < TRIES else f"0000000{number % TRIES}"
        assert page.ask("POST", "/claim", {"code": code})[0] == 303
        until(lambda: not page.station.view(words.Words("en")).claiming, "the answer", 5)
    assert page.ask("POST", "/claim", {"code": CODE})[0] == 422


def test_what_cannot_be_a_code_never_reaches_the_cloud(page: Opened) -> None:
    for typed in ("", "7F3AK2P", "7F3AK2PU", "7F3AK2PX0", "<script>"):
        status, text, _ = page.ask("POST", "/claim", {"code": typed})
        assert (status, "8 letters and digits" in text) == (422, True)


def test_letters_that_are_misread_are_forgiven() -> None:
    assert as_meant("o1il-o0o0") == "01110000"
    assert is_code(as_meant("oil0 0000"))


def test_a_long_body_is_refused_before_it_is_read(page: Opened) -> None:
    assert page.ask("POST", "/claim", "code=" + "0" * MOST_BYTES)[0] == 413
    assert page.ask("POST", "/claim", "code=1", Transfer_Encoding="chunked")[0] == 413
    assert page.ask("POST", "/word", "&".join(f"a{n}=1" for n in range(50)))[0] == 413


@pytest.mark.parametrize(
    "path",
    ["/static/../words.toml", "/static/%2e%2e/words.toml", "//etc/passwd", "/static/", "/setup-word", "/../", "/x"],
)
def test_there_are_no_other_paths(page: Opened, path: str) -> None:
    assert page.ask("GET", path)[0] == 404
    assert page.ask("POST", path, {"word": WORD})[0] in (403, 404)


def test_its_files_are_there(page: Opened) -> None:
    for name in ("setup.css", "setup.js"):
        status, text, headers = page.ask("GET", f"/static/{name}")
        assert status == 200 and text and headers["X-Content-Type-Options"] == "nosniff"


def test_a_visitor_who_says_nothing_keeps_nobody_out(page: Opened) -> None:
    silent = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(8)]
    assert page.ask("GET", "/")[0] == 200
    for one in silent:
        one.close()


def test_the_port_closes_when_the_hour_is_over(page: Opened) -> None:
    config = page.station.config
    open_for(config.setup_until_path, OPEN_S)
    site.settled(config.site_path, sensor="demo:door")
    time.sleep(1)
    assert page.ask("GET", "/")[0] == 200
    open_for(config.setup_until_path, 0)
    page.thread.join(5)
    assert not page.thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        page.ask("GET", "/")


def test_the_word_is_made_once_and_read_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "state" / "setup-word"
    word = word_at(path)
    assert is_code(word)
    assert word_at(path) == word
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("oops")
    assert is_code(word_at(path))


def test_every_sentence_is_there_in_every_language_with_the_same_values() -> None:
    catalogue = tomllib.loads((ROOT / "agent" / "setup" / "words.toml").read_text())
    for name, said in catalogue.items():
        assert set(said) == set(words.LANGUAGES), name
        fields = {frozenset(field for _, field, _, _ in Formatter().parse(text) if field) for text in said.values()}
        assert len(fields) == 1, name
    source = "".join(path.read_text() for path in (ROOT / "agent" / "setup").glob("*.py"))
    assert set(re.findall(r'words(?:\.said)?\(\s*"([a-z-]*[a-z])"', source)) <= set(catalogue)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("es,fr;q=0.5", "fr"),
        ("en;q=0.1,zh-CN", "zh"),
        ("x;q=y, ,;", "en"),
    ],
)
def test_it_speaks_the_language_of_whoever_asks(accepted: str, language: str) -> None:
    assert words.spoken(accepted).language == language


def test_a_light_says_what_is_known_and_no_more(tmp_path: Path) -> None:
    def now(*, claimed: bool = True) -> list[tuple[str, str]]:
        found = lights(tmp_path / "status.json", tmp_path / "line.json", None, claimed=claimed, bluetooth=False)
        return [(one.state, one.sentence) for one in found[1:]]

    assert now() == [("wait", "internet-wait"), ("wait", "radio-wait"), ("off", "ble-off")]
    assert now(claimed=False)[0] == ("bad", "internet-none")
    status.write(tmp_path / "line.json", Line(connected=True, acknowledged=7, sentence="Connected."))
    assert now()[0] == ("good", "internet-over")
    status.write(tmp_path / "line.json", Line(connected=False, acknowledged=None, sentence="No."))
    assert now()[0] == ("bad", "internet-bad")


def test_the_dial_shows_what_is_heard_and_levels_only_during_a_walk(tmp_path: Path) -> None:
    dial, gauge = Dial(tmp_path / "dial.sock"), Gauge(0.0)
    assert stat.S_IMODE((tmp_path / "dial.sock").stat().st_mode) == 0o660
    assert not dial.looked_at()
    looking = Looking(tmp_path / "dial.sock")
    assert dial.looked_at()
    gauge.frame(-50)
    dial.show(gauge.read(1.0, rests=False, walks=dial.walks))
    assert looking.read().levels == {}
    looking.walk()
    until(lambda: dial.looked_at() and dial.walks, "the walk", 2)
    gauge.frame(-50)
    dial.show(gauge.read(2.0, rests=False, walks=dial.walks))
    assert looking.read().levels == {"-50": 1}
    looking.close()
    until(lambda: not dial.looked_at(), "nobody to look", 2)
    dial.close()


def test_who_reads_too_slowly_is_hung_up_on(tmp_path: Path) -> None:
    dial, gauge = Dial(tmp_path / "dial.sock"), Gauge(0.0)
    slow = Looking(tmp_path / "dial.sock")
    for _ in range(20_000):
        if not dial.looked_at():
            break
        dial.show(gauge.read(1.0, rests=False, walks=False))
    assert not dial.looked_at()
    slow.close()
    dial.close()


def test_nobody_looks_at_the_dial_unless_the_page_is_looked_at(tmp_path: Path) -> None:
    hearing = Hearing(tmp_path / "dial.sock")
    assert hearing.now() is None
    assert not hearing.begin()
