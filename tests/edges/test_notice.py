"""The notice on the door: what it must say, in every language and both profiles, on one page each."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec import structs

from cloud.config import load
from cloud.paperwork import page, papers, sheet
from cloud.paperwork.facts import Facts, PaperworkError
from cloud.paperwork.notice import Language, Notice, write
from cloud.paperwork.radius import sensed_radius_m
from tests.conftest import need
from tests.fleet import NOON
from tests.papers import CONTROLLER, SHOP, health, pages, settings, told

PROFILES = ("F5", "D24")


def facts(folder: Path, profile: str) -> Facts:
    config = told(folder, health("demo:door", profile, -82), health("demo:back", profile, -90))
    return papers.facts_of(config, "one", None, NOON)


def texts(notice: Notice) -> str:
    parts = [one for section in notice.sections for one in (section.heading, *section.paragraphs)]
    return "\n".join([notice.title, notice.lead, *parts, notice.more, notice.url, notice.foot])


@pytest.fixture(params=PROFILES)
def known(request, tmp_path) -> Facts:
    return facts(tmp_path, request.param)


@pytest.mark.parametrize("language", Language)
def test_it_says_who_how_far_how_long_and_how_to_object(known, language):
    said = texts(write(known, language))
    controller = structs.asdict(known.controller)
    assert not [key for key, value in controller.items() if value not in said]
    near, far = sensed_radius_m(-90)  # the sensor that hears farthest, not the first
    for number in (near, far):
        assert f"{number:,}".replace(",", "\N{NO-BREAK SPACE}") in said
    periods = {"F5": ["5 "], "D24": ["24 ", "10 "]}  # minutes; hours and minutes
    assert all(f" {period}" in said for period in periods[known.profile])
    assert "{" not in said


def test_the_words_differ_by_profile(tmp_path):
    for name in PROFILES:
        (tmp_path / name).mkdir()
    five, day = (texts(write(facts(tmp_path / name, name), Language.ENGLISH)) for name in PROFILES)
    assert "live for 5 minutes" in five
    assert "epsilon" not in five
    assert "at most 24 hours" in day
    assert "any other for at most 10 minutes" in day
    assert "epsilon 5 per device and day" in day  # two sensors, and a device may be heard by both
    assert "how long they stay" in day
    assert "how long they stay" not in five


def test_it_never_claims_what_a_hash_cannot_give(known):
    for language in Language:
        said = texts(write(known, language)).lower()
        assert not re.search(r"anonym|anónim|匿名|hash", said)


def test_only_radios_that_listen_are_named(tmp_path):
    config = told(tmp_path, *(health(one, "F5", radios=("wifi",)) for one in ("demo:door", "demo:back")))
    said = texts(write(papers.facts_of(config, "one", None, NOON), Language.GERMAN))
    assert "WLAN-Signale" in said
    assert "Bluetooth" not in said


def test_the_pdf_has_one_page_for_each_language_that_says_it_all(known):
    notices = [write(known, language) for language in Language]
    printed = pages(sheet.pdf(notices))
    assert len(printed) == len(Language)
    for said, notice in zip(printed, notices, strict=True):
        bare = re.sub(r"\s", "", said)
        for paragraph in texts(notice).splitlines():
            assert re.sub(r"\s", "", paragraph) in bare, notice.language


def test_long_words_of_the_operator_make_it_smaller_and_in_the_end_refused(tmp_path):
    usual = facts(tmp_path, "D24")
    long = structs.replace(usual.controller, name="Gesellschaft " * 19, authority="Behörde " * 30, contact="a" * 255)
    crowded = write(structs.replace(usual, controller=long), Language.GERMAN)
    assert sheet.size_of(crowded) < sheet.size_of(write(usual, Language.GERMAN))
    assert len(pages(sheet.pdf([crowded]))) == 1
    endless = structs.replace(crowded, lead=crowded.lead * 30)
    with pytest.raises(PaperworkError, match=r"\(de\) does not fit on one page: shorten the name"):
        sheet.pdf([endless])


def test_a_letter_no_font_has_is_named(tmp_path):
    usual = facts(tmp_path, "F5")
    polish = structs.replace(usual, controller=structs.replace(usual.controller, name="Łódź"))
    with pytest.raises(PaperworkError, match='no letter "Ł"'):
        sheet.pdf([write(polish, Language.ENGLISH)])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_html_tells_languages_headings_and_pictures_apart(known):
    made = page.html([write(known, language) for language in Language])
    tags = Tags()
    tags.feed(made)
    html = next(found for tag, found in tags.found if tag == "html")
    assert html["lang"] == "en"
    assert [found["lang"] for tag, found in tags.found if tag == "article"] == [str(one) for one in Language]
    names = [tag for tag, _ in tags.found]
    assert names.count("h1") == len(Language)
    assert {"main", "title"} <= set(names)
    for tag, found in tags.found:
        assert tag != "svg" or found.get("aria-hidden") == "true" or found.get("aria-label")
        assert tag not in ("script", "link", "img")  # all of it is in the one file
    assert "@page" in made


def test_what_the_operator_writes_is_text_in_the_html(tmp_path):
    usual = facts(tmp_path, "F5")
    sly = structs.replace(usual, controller=structs.replace(usual.controller, name="<script>alert(1)</script>"))
    assert "<script" not in page.html([write(sly, Language.ENGLISH)])


@pytest.mark.browser
def test_the_html_prints_on_one_page_for_each_language(tmp_path):
    made = tmp_path / "notice.html"
    made.write_text(page.html([write(facts(tmp_path, "D24"), language) for language in Language]))
    printed = tmp_path / "printed.pdf"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={tmp_path}/me"]
    subprocess.run(
        [need("chromium"), *flags, f"--print-to-pdf={printed}", str(made)], check=True, capture_output=True, timeout=60
    )
    assert len(re.findall(rb"/Type /Page\b", printed.read_bytes())) == len(Language)


@pytest.mark.parametrize(
    ("dbm", "metres"),
    [
        (-40, (3, 6)),  # 10 ** (14.8 / 35) = 2.6, 10 ** (14.8 / 20) = 5.5
        (-82, (42, 700)),  # 56.8 dB: 41.9 and 689
        (-90, (72, 1800)),  # 64.8 dB: 71.0 and 1731
        (0, (1, 1)),
    ],
)
def test_the_radius_is_the_log_distance_formula_rounded_up(dbm, metres):
    assert sensed_radius_m(dbm) == metres


def test_missing_words_of_the_controller_are_one_sentence_that_says_where(tmp_path):
    config = told(tmp_path, *(health(one, "F5") for one in ("demo:door", "demo:back")), text=SHOP)
    with pytest.raises(PaperworkError) as refused:
        papers.notice(config, "one", [Language.ENGLISH], tmp_path, None, NOON)
    assert str(refused.value) == (
        "The notice has to say name, address, contact, url, authority, register: add them to the cloud's settings "
        "under [controller], or to the `controller` of shop one."
    )


def test_where_no_sensor_has_told_it_is_refused_unless_somebody_says_what_is_planned(tmp_path):
    config = told(tmp_path, health("demo:door", "F5"))
    with pytest.raises(PaperworkError, match="keep to: demo:back sent no health with privacy settings"):
        papers.notice(config, "one", [Language.ENGLISH], tmp_path, None, NOON)
    made = papers.notice(config, "one", [Language.ENGLISH], tmp_path, "D24,-95,2.5", NOON)
    assert (made["profile"], made["outside_dbm"], made["epsilon"], made["assumed"]) == ("D24", -95, 2.5, True)
    (said,) = pages((tmp_path / "notice-one.pdf").read_bytes())
    assert "the sensors have not confirmed it yet" in said


@pytest.mark.parametrize("text", ["", "F5", "D24,-90", "F5,-90,1", "D24,-90,99", "R28,-90", "F5,90", "D24,x,1"])
def test_what_cannot_be_assumed_is_refused_with_the_way_to_write_it(tmp_path, text):
    config = told(tmp_path)
    with pytest.raises(PaperworkError, match=r"--assume: write F5,DBM or D24,DBM,EPSILON"):
        papers.notice(config, "one", [Language.ENGLISH], tmp_path, text, NOON)


def test_files_go_where_they_are_wanted(tmp_path):
    config = told(tmp_path, *(health(one, "D24") for one in ("demo:door", "demo:back")))
    languages = [Language.FRENCH, Language.GERMAN, Language.FRENCH]
    made = papers.notice(config, "demo/one", languages, tmp_path / "new/door.pdf", None, NOON)
    assert made["files"] == [str(tmp_path / "new/door.pdf")]
    assert made["languages"] == ["fr", "de"]
    with pytest.raises(PaperworkError, match=r"cannot be written .* name another place with --to"):
        papers.notice(config, "one", languages, tmp_path / "cloud.toml" / "x", None, NOON)


def test_a_shop_nobody_knows_is_one_sentence(tmp_path):
    config = told(tmp_path)
    with pytest.raises(PaperworkError, match="There is no shop absent: there are demo/one"):
        papers.notice(config, "absent", [Language.ENGLISH], tmp_path, None, NOON)


def test_a_shop_of_two_tenants_has_to_be_told_apart(tmp_path):
    other = SHOP.replace('"demo"', '"other"').replace("demo:", "other:").replace("an der Kasse", "hinten")
    config = load(settings(tmp_path, CONTROLLER + SHOP + other))
    with pytest.raises(PaperworkError, match="Several tenants have a shop one: write demo/one or other/one"):
        papers.facts_of(config, "one", "F5,-90", NOON)
    assert papers.facts_of(config, "other/one", "F5,-90", NOON).controller.opt_out_point == "hinten"
