"""The post: who is told, of what, once; and the reports of the day before, when they are due."""

import json
from contextlib import closing
from datetime import date, datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.core.alerts import Alert, News
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Holiday, OpeningHours, Shop
from cloud.core.message import Endpoint, Hook, Mail, Ways
from cloud.core.recipient import Wishes, address
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.desk import Dailies, Desk, Post, UnknownShopError, UnknownWordError
from cloud.desk.dailies import PATIENCE_S, is_time
from cloud.store import Store, migrate
from cloud.store.outgoing import Outgoing
from cloud.store.recipients import Recipients
from tests import fleet
from tests.shops import ALL_DAYS, at

ANNA, BERT = "anna@example.com", "bert@example.com"
MORNING = at("2026-11-25 08:00")
DAY = (at("2026-11-24 00:00"), at("2026-11-25 00:00"))
MAILS = Ways(mail=True)
SITE = Ways(mail=True, public_url="https://counts.example.com")
HOOK = "https://hooks.example.com/"


def a_shop(name="corner", zone="Europe/Berlin", title=None, **more) -> Shop:
    hours = [OpeningHours(days=ALL_DAYS[:6], opens="09:00", closes="20:00")]
    told = {"hours": hours, "name": title or name.title()} | more
    return Shop(tenant="demo", shop=name, time_zone=zone, **told)


class World:
    """A store with shops, and a time that tests move."""

    def __init__(self, folder, *shops: Shop):
        self.database = str(folder / "cloud.db")
        migrate(self.database)
        self.store, self.now = Store(self.database), MORNING
        self.place(*(shops or (a_shop(),)))
        self.sent = set()

    def place(self, *shops, since=0):
        self.store.apply_shops(
            PlacedShop(
                shop=one,
                placements=[Placement(sensor=f"demo:{one.shop}", zone="door", valid_from=since)],
            )
            for one in shops
        )

    def post(self, ways=MAILS, since=None) -> Post:
        """The post of a process that has run since then, or for ever."""
        now, self.now = self.now, 0 if since is None else since
        made = Post(self.store, "demo", lambda: self.now, ways)
        self.now = now
        return made

    def hear(self, shop="corner", span=DAY, inside=4.0, sequence=1):
        """A report for every five minutes of a span, and one after it."""
        windows = range(span[0], span[1] + 300, 300)
        reports = [fleet.report(one, 300, fleet.heard(inside=inside, listened_s=300.0)) for one in windows]
        for n in range(0, len(reports), 100):
            some = reports[n : n + 100]
            self.store.commit([fleet.delivery(sequence + n, some, f"demo:{shop}")], span[1] + 300)
        while self.store.recompute(500):
            pass

    def mails(self) -> list[Mail | Hook]:
        """What is in the outbox and was not looked at yet."""
        found = Outgoing(self.store).due("demo", self.now, 10_000)
        for one in found:
            Outgoing(self.store).done(one)
        return [one.message for one in found]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


def some_news(shop="corner", state="firing", key="demo/corner/sensor-silent/1") -> News:
    return News(
        id=key,
        shop=shop,
        shop_name=shop.title(),
        kind="sensor-silent",
        state=state,
        at=MORNING,
        title=Saying("A sensor is silent"),
        sentence=Saying("Nothing has come from the sensor ({zone}) since {since}.", zone="door", since="07:10"),
        alert=Alert(kind="sensor-silent", shop=shop, state="firing", began_at=1, since=1),
    )


# ------------------------------------------------------------------------------------------------------ recipients


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Anna@Example.COM ", ANNA), ("a.b+c@b.example", "a.b+c@b.example"), ("a@b\u00fccher.de", "a@xn--bcher-kva.de")],
)
def test_an_address_is_kept_in_one_way(sent, kept):
    assert address(sent) == kept


NO_ADDRESSES = (
    *("", "anna", "anna@home", "@b.de", "a@b@c.de", "a b@c.de", '"a"@c.de', "a@[10.0.0.1]", "Anna <a@b.de>", "a@b..de"),
    *("a@b.de,c@d.de", "a@-b.de", "a..b@c.de", "\u00fc@b.de", "=?utf-8?q?a?=@b.de", "a" * 250 + "@b.de"),
    "a@b.de\r\nBcc: c@d.de",
)


@pytest.mark.parametrize("sent", NO_ADDRESSES)
def test_what_is_no_address_is_refused_in_one_sentence(sent):
    with pytest.raises(Refusal, match="is no mail address: write it as"):
        address(sent)


@given(st.text(max_size=300))
def test_whatever_is_sent_makes_an_address_that_a_head_can_bear_or_a_refusal(text):
    try:
        kept = address(text)
    except Refusal:
        return
    letter = EmailMessage()
    letter["To"] = kept
    assert letter["To"].addresses[0].addr_spec == kept == address(kept)


def test_recipients_are_put_changed_and_forgotten(world):
    post = world.post()
    post.put("corner", "Anna@example.com", Wishes(language="de"))
    kept = post.put("corner", ANNA, Wishes(language="fr", alerts=False))
    assert [one.address for one in post.recipients("corner")] == [ANNA]
    assert (kept.wishes.language, kept.wishes.alerts, kept.confirmed_at) == ("fr", False, MORNING)
    post.delete("corner", ANNA)
    post.delete("corner", ANNA)
    assert post.recipients("corner") == []
    with pytest.raises(UnknownShopError):
        post.put("elsewhere", ANNA, Wishes())


def test_what_cannot_be_done_is_refused(world):
    with pytest.raises(Refusal, match='language is "eo": write one of en, de, fr, zh'):
        world.post().put("corner", ANNA, Wishes(language="eo"))
    with pytest.raises(Refusal, match="No mail can be sent from here"):
        world.post(Ways()).put("corner", ANNA, Wishes())
    for n in range(100):
        world.post().put("corner", f"{n}@example.com", Wishes())
    world.post().put("corner", "7@example.com", Wishes(daily=False))
    with pytest.raises(Refusal, match="There are 100 recipients already"):
        world.post().put("corner", ANNA, Wishes())


def test_who_has_not_said_yes_gets_no_figures(world):
    post = world.post(SITE)
    post.put("corner", ANNA, Wishes(language="de"))
    post.put("corner", ANNA, Wishes(language="de"))
    (asked,) = world.mails()
    link = asked.text.split("https://counts.example.com/confirm/")[1].split()[0]
    world.hear()
    assert (post.dailies(world.now), post.tell([some_news()])) == (0, 0)
    shop, known = post.asked(link)
    assert (shop.shop, known.address, known.confirmed_at) == ("corner", ANNA, None)
    assert post.confirm(link).confirmed_at == MORNING
    assert post.confirm(link).confirmed_at == MORNING
    assert (post.dailies(world.now), post.tell([some_news()])) == (1, 1)
    assert post.put("corner", ANNA, Wishes()).confirmed_at == MORNING


def test_the_link_in_a_mail_ends_the_mails_of_that_shop_without_a_sign_in(tmp_path):
    world = World(tmp_path, a_shop(), a_shop("station"))
    for shop in ("corner", "station"):
        world.post().put(shop, ANNA, Wishes())
    post = world.post(SITE)
    world.hear()
    world.hear("station")
    mails = world.mails() if post.dailies(world.now) else []
    links = sorted(one.unsubscribe for one in mails)
    assert all(f"To end these mails: {one.unsubscribe}" in one.text and one.unsubscribe in one.html for one in mails)
    word = links[0].removeprefix("https://counts.example.com/unsubscribe/")
    assert word.startswith("corner.")
    post.stop(word)
    assert [len(post.recipients(one)) for one in ("corner", "station")] == [0, 1]
    for wrong in (word, "", "corner.", "corner." + "x" * 32, "nowhere.x", "\u00fc.\u00fc"):
        with pytest.raises(UnknownWordError, match="This link has ended"):
            post.stop(wrong)
    world.store.close()


def test_words_are_long_and_differ(world):
    for to in (ANNA, BERT):
        world.post().put("corner", to, Wishes())
    words = [one.word for _, one in Recipients(world.store).of("demo")]
    assert len(set(words)) == 2
    assert min(map(len, words)) >= 32


# ----------------------------------------------------------------------------------------------------------- news


def test_news_are_told_once_to_those_who_want_them(world):
    hooks = (Endpoint(url=HOOK, events=("alert",)), Endpoint(url=HOOK + "2", events=("daily",)))
    post = world.post(Ways(mail=True, webhooks=hooks))
    post.put("corner", ANNA, Wishes())
    post.put("corner", BERT, Wishes(alerts=False))
    assert post.tell([some_news()]) == 2
    assert post.tell([some_news()]) == 0
    assert world.post(post.ways).tell([some_news()]) == 0
    mail, hook = sorted(world.mails(), key=lambda one: isinstance(one, Hook))
    assert (mail.to, hook.url, hook.kind) == (ANNA, HOOK, "alert")
    assert mail.subject == "Corner: A sensor is silent"
    assert mail.text.startswith("A sensor is silent\nNothing has come from the sensor (door) since 07:10.\n")
    told = json.loads(hook.body)
    assert (told["specversion"], told["type"], told["source"]) == ("1.0", "footfall.alert", "/demo/corner")
    assert (told["id"], told["time"]) == (hook.event, "2026-11-25T07:00:00Z")
    assert told["data"]["sentence"] == "Nothing has come from the sensor (door) since 07:10."
    assert post.tell([some_news(state="resolved")]) == 2


def test_news_of_many_shops_are_told_once_to_each_address(tmp_path):
    world = World(tmp_path, a_shop(), a_shop("station"))
    post = world.post()
    for shop, to in (("corner", ANNA), ("station", ANNA), ("station", BERT)):
        post.put(shop, to, Wishes())
    assert post.tell([some_news(shop="")]) == 2
    assert sorted(one.to for one in world.mails()) == [ANNA, BERT]
    world.store.close()


# -------------------------------------------------------------------------------------------------------- reports


def test_the_report_has_the_numbers_in_the_mail(world):
    post = world.post(Ways(mail=True, webhooks=(Endpoint(url=HOOK),)))
    post.put("corner", ANNA, Wishes())
    world.hear()
    assert post.dailies(world.now) == 2
    mail, hook = sorted(world.mails(), key=lambda one: isinstance(one, Hook))
    # By hand: 288 windows of 4 devices, 300 s of a stay of 720 s, so 4 x 288 / 3.4 = 338.8; the range is a quarter.
    headline = "Tuesday: 339 devices (254\N{EN DASH}424)"
    assert mail.subject == f"Corner: {headline}"
    lines = mail.text.split("\n")
    assert lines[0] == f"{headline}."
    assert "Listened to: 100\N{NARROW NO-BREAK SPACE}% of the opening hours." in lines
    assert "Nothing needs your attention." in lines
    assert "answer with STOP" in lines[-2]
    assert all(line in mail.html for line in lines[:5])
    assert mail.html.startswith('<!doctype html>\n<html lang="en">')
    assert mail.unsubscribe is None
    told = json.loads(hook.body)
    assert (told["type"], told["data"]["figures"]["visitors"]["value"]) == ("footfall.daily", 339)
    assert told["data"]["headline"] == f"{headline}."


def test_a_mail_is_html_whatever_a_shop_is_called(tmp_path):
    world = World(tmp_path, a_shop(title="<b>Tom & Anna's"))
    world.post(SITE).put("corner", ANNA, Wishes())
    (asked,) = world.mails()
    assert "<b>" in asked.subject
    assert "<h1>Do you want the numbers of &lt;b&gt;Tom &amp; Anna&#x27;s by mail?</h1>" in asked.html
    assert '<a href="https://counts.example.com/confirm/corner.' in asked.html
    world.store.close()


def test_the_report_is_due_at_eight_by_the_shops_clock_and_told_once(world):
    post = world.post()
    post.put("corner", ANNA, Wishes())
    world.hear()
    assert post.dailies(MORNING - 1) == 0
    assert post.dailies(MORNING) == 1
    assert post.dailies(MORNING + 60) == 0
    assert world.post().dailies(MORNING + 3600) == 0
    with closing(Store(world.database)) as another:
        assert Post(another, "demo", lambda: 0, MAILS).dailies(MORNING) == 0
    assert len(world.mails()) == 1


def test_it_waits_for_the_night_and_for_the_roller(world):
    post = world.post()
    post.put("corner", ANNA, Wishes())
    assert post.dailies(MORNING) == 0
    reports = [fleet.report(one, 300) for one in (DAY[1] - 300, DAY[1])]
    world.store.commit([fleet.delivery(1, reports[:1], "demo:corner")], MORNING)
    assert post.dailies(MORNING) == 0  # something of the night may be on its way
    world.store.commit([fleet.delivery(2, reports[1:], "demo:corner")], MORNING)
    assert post.dailies(MORNING) == 0  # what came is not rolled up
    while world.store.recompute():
        pass
    assert post.dailies(MORNING) == 1


def test_a_sensor_that_is_silent_is_waited_for_an_hour(world):
    post = world.post()
    post.put("corner", ANNA, Wishes())
    world.now += PATIENCE_S
    assert post.dailies(world.now - 1) == 0
    assert post.dailies(world.now) == 1
    (mail,) = world.mails()
    assert mail.text.startswith("Tuesday: no figures, nothing was heard.\n")


def test_a_cloud_that_was_down_tells_when_it_is_back_but_not_in_the_evening(world):
    world.post().put("corner", ANNA, Wishes())
    back = at("2026-11-25 14:00")
    late = world.post(since=back)
    assert late.dailies(back) == 0  # the sensors tell what they kept first
    assert late.dailies(at("2026-11-25 20:00")) == 0
    assert world.post(since=at("2026-11-25 19:30")).dailies(at("2026-11-25 19:59")) == 0
    assert late.dailies(back + PATIENCE_S) == 1


def test_a_closed_day_has_no_report_nor_has_a_shop_without_a_sensor(tmp_path):
    world = World(tmp_path, a_shop(holidays=[Holiday(date="2026-11-24", name="Stocktaking")]))
    world.place(a_shop("new"), since=DAY[1])
    post = world.post()
    for shop in ("corner", "new"):
        post.put(shop, ANNA, Wishes())
    assert post.dailies(MORNING + PATIENCE_S) == 0
    assert post.dailies(at("2026-11-23 12:00")) == 0  # of Sunday
    world.store.close()


def test_who_wants_no_reports_gets_none_and_a_late_comer_gets_the_days(world):
    post = world.post()
    post.put("corner", ANNA, Wishes(daily=False))
    world.hear()
    assert post.dailies(MORNING) == 0
    post.put("corner", BERT, Wishes())
    assert post.dailies(MORNING + 7200) == 1


def test_two_hundred_shops_are_told_once_each_whatever_restarts(tmp_path):
    names = [f"shop-{n}" for n in range(200)]
    world = World(tmp_path, *(a_shop(one) for one in names))
    first = world.post()
    for one in names:
        first.put(one, ANNA, Wishes())
    world.now = MORNING + PATIENCE_S
    with Killed(world.store) as killed, pytest.raises(KeyboardInterrupt):
        Post(killed, "demo", lambda: 0, MAILS).dailies(world.now)
    done = len(world.mails())
    assert 0 < done < 200
    put = [world.post().dailies(world.now) for _ in range(3)]
    assert put == [200 - done, 0, 0]
    assert done + len({one.subject for one in world.mails()}) == 200
    world.store.close()


class Killed(Store):
    """The same store in a process that is killed in the middle of what it does."""

    def __init__(self, store):
        super().__init__(store.database)
        self._left = 70

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def writing(self):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return super().writing()


CHANGES = (
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/St_Johns", "2026-11-01"),
)


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_eight_is_eight_on_days_of_a_clock_change(zone, day):
    shop = a_shop(zone=zone)
    for clock, so in (("07:59", False), ("08:00", True), ("19:59", True), ("20:00", False)):
        assert is_time(shop, at(f"{day} {clock}", zone)) is so


@given(st.sampled_from([zone for zone, _ in CHANGES]), st.integers(1_790_000_000, 1_830_000_000))
def test_reports_are_told_from_eight_to_twenty_by_the_clock_on_the_wall(zone, second):
    assert is_time(a_shop(zone=zone), second) is (8 <= datetime.fromtimestamp(second, ZoneInfo(zone)).hour < 20)


def test_the_report_of_a_day_that_is_asked_for(world):
    world.hear()
    told = Dailies(world.store, "demo", lambda: MORNING).report("corner", date(2026, 11, 24))
    assert told.headline == "Tuesday: 339 devices (254\N{EN DASH}424)."
    with pytest.raises(UnknownShopError):
        Dailies(world.store, "demo", lambda: MORNING).report("elsewhere", date(2026, 11, 24))


def test_the_desk_has_the_post_with_its_ways(world):
    assert Desk(world.store, "demo", lambda: MORNING, SITE).post.ways == SITE
    assert Desk(world.store, "demo", lambda: MORNING).post.dailies(MORNING) == 0
