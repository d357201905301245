"""The carrier: what is due goes out by a real mail server and to a real receiver, at least once and under one name."""

import base64
import hashlib
import hmac
import json
from contextlib import closing

import pytest

from cloud import hook, smtp
from cloud.core.message import Hook, Mail, Undelivered, name
from cloud.post import Carrier
from cloud.store import Store, migrate
from cloud.store.outgoing import GIVE_UP_S, LEASE_S, Outgoing
from tests.brokers import until
from tests.certificates import Authority
from tests.mailboxes import mail_server, receiver

NOW = 1_800_000_000
KEY = b"k" * 32
RANGE = "(390\N{EN DASH}435)"
LINK = "https://counts.example.com/unsubscribe/corner." + "w" * 60


def mail(to="anna@example.com", **more):
    told = {
        "subject": f"Grüne Ecke: Dienstag: 412 Personen {RANGE}",
        "text": f"412 {RANGE}\n",
        "html": f"<p>412 {RANGE} ü</p>",
    }
    return Mail(to=to, **(told | more))


def server(port, **more):
    told = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "footfall@example.com"}
    return smtp.Server(**(told | more))


class World:
    """A store with an outbox, and a carrier at a time that tests move."""

    def __init__(self, folder):
        self.database = str(folder / "cloud.db")
        migrate(self.database)
        self.store, self.now = Store(self.database), NOW
        self.outgoing = Outgoing(self.store)

    def put(self, *messages):
        names = [name(str(n), repr(one)) for n, one in enumerate(messages)]
        self.outgoing.put("acme", dict(zip(names, messages, strict=True)), self.now)
        return names

    def carrier(self, server=None, targets=None, before=lambda now: None, **more):
        return Carrier(self.store, "acme", lambda: self.now, server, targets or {}, before, **more)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.store.close()


def test_a_mail_has_text_first_then_the_same_as_html_and_heads_that_end_it(world):
    (told,) = world.put(mail(unsubscribe=LINK))
    with mail_server() as (box, port):
        assert world.carrier(server(port)).round() == 1
    (letter,) = box.mails
    assert (letter["To"], letter["From"]) == ("anna@example.com", "Footfall <footfall@example.com>")
    assert letter["Subject"] == f"Grüne Ecke: Dienstag: 412 Personen {RANGE}"
    assert letter["Message-ID"] == f"<{told}@example.com>"
    assert letter["List-Unsubscribe"] == f"<{LINK}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content_type() == "multipart/alternative"
    text, html = letter.iter_parts()
    assert (text.get_content_type(), text.get_content()) == ("text/plain", f"412 {RANGE}\r\n")
    assert (html.get_content_type(), html.get_content()) == ("text/html", f"<p>412 {RANGE} ü</p>\r\n")
    assert world.outgoing.counts("acme") == (0, 0)


def test_a_link_stands_in_the_head_in_one_piece(world):
    raw = smtp.written("footfall@example.com", name("x"), mail(unsubscribe=LINK), NOW).as_bytes()
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in raw
    assert raw.isascii()


def test_without_a_link_an_answer_ends_it(world):
    letter = smtp.written("footfall@example.com", name("x"), mail(), NOW)
    assert letter["List-Unsubscribe"] == "<mailto:footfall@example.com?subject=STOP>"
    assert letter["List-Unsubscribe-Post"] is None


def test_a_name_with_a_line_break_makes_no_head(world):
    letter = smtp.written("footfall@example.com", name("x"), mail(subject="A\r\nBcc: eve@example.com"), NOW)
    assert letter["Subject"] == "A Bcc: eve@example.com"
    assert letter["Bcc"] is None


def test_mails_go_by_starttls_signed_in(world, tmp_path):
    authority = Authority(tmp_path)
    world.put(mail())
    with mail_server("starttls", authority.issue("mail"), sign_in=True) as (box, port):
        known = server(port, tls="starttls", user="footfall", password="right", ca=str(authority.certificate))
        assert world.carrier(known).round() == 1
    assert (len(box.mails), box.secure, box.signed_in) == (1, [True], [("footfall", "right")])


def test_mails_go_by_tls_from_the_first_byte(world, tmp_path):
    authority = Authority(tmp_path)
    world.put(mail())
    with mail_server("tls", authority.issue("mail")) as (box, port):
        assert world.carrier(server(port, tls="tls", ca=str(authority.certificate))).round() == 1
    assert len(box.mails) == 1


def test_a_server_that_is_another_gets_neither_mail_nor_password(world, tmp_path):
    (tmp_path / "other").mkdir()
    ours, theirs = Authority(tmp_path), Authority(tmp_path / "other")
    world.put(mail())
    with mail_server("starttls", theirs.issue("mail"), sign_in=True) as (box, port):
        known = server(port, tls="starttls", user="footfall", password="right", ca=str(ours.certificate))
        assert world.carrier(known).round() == 0
    with mail_server("tls", theirs.issue("mail")) as (other, port):
        world.now += 100
        assert world.carrier(server(port, tls="tls", ca=str(ours.certificate))).round() == 0
    assert (box.mails, box.signed_in, other.mails) == ([], [], [])
    assert world.outgoing.counts("acme") == (1, 0)


def test_a_server_without_starttls_is_sent_nothing(world):
    world.put(mail())
    with mail_server() as (box, port):
        assert world.carrier(server(port, tls="starttls")).round() == 0
    assert box.mails == []


def test_a_wrong_password_is_tried_again(world, tmp_path):
    authority = Authority(tmp_path)
    world.put(mail(), mail("bert@example.com"))
    with mail_server("starttls", authority.issue("mail"), sign_in=True) as (box, port):
        known = {"tls": "starttls", "user": "footfall", "ca": str(authority.certificate)}
        world.carrier(server(port, password="wrong", **known)).round()
        assert len(box.signed_in) == 2  # by PLAIN and by LOGIN, but not for each mail
        world.now += 100
        assert world.carrier(server(port, password="right", **known)).round() == 2
    assert len(box.mails) == 2


def test_an_address_nobody_has_is_given_up_and_one_that_is_full_is_not(world):
    world.put(mail("gone@example.com"), mail("full@example.com"), mail("anna@example.com"))
    with mail_server() as (box, port):
        box.refused = {"gone@example.com": "550 no such user", "full@example.com": "452 mailbox full"}
        assert world.carrier(server(port)).round() == 1
        assert world.outgoing.counts("acme") == (1, 1)
        box.refused.clear()
        world.now += 100
        assert world.carrier(server(port)).round() == 1
    assert sorted(one["To"] for one in box.mails) == ["anna@example.com", "full@example.com"]


def test_a_server_that_is_down_is_asked_once_a_round_and_gets_everything_later(world):
    world.put(*(mail(f"{n}@example.com") for n in range(30)))
    with mail_server() as (box, port):
        box.answers = ["451 try later"]
        assert world.carrier(server(port)).round() == 0
        assert box.answers == []
        world.now += 100
        assert world.carrier(server(port)).round() == 30
    assert len({one["Message-ID"] for one in box.mails}) == 30


def test_after_three_days_without_a_server_mails_are_given_up(world):
    world.put(mail())
    world.carrier(server(1)).round()
    world.now += GIVE_UP_S
    world.carrier(server(1)).round()
    assert world.outgoing.counts("acme") == (0, 1)


def test_dying_between_sending_and_noting_it_sends_again_under_the_same_name(world):
    world.put(mail())
    with mail_server() as (box, port), receiver() as calls:
        targets = {calls.url: hook.Target(secret=KEY)}
        world.put(Hook(url=calls.url, event=name("event"), kind="daily", body=b"{}"))
        for one in world.outgoing.due("acme", NOW, 9):  # sent, and then the power fails
            if isinstance(one.message, Mail):
                smtp.send(server(port), one.id, one.message, NOW)
            else:
                hook.call(targets[calls.url], one.message, NOW)
        with closing(Store(world.database)) as again:
            world.now += LEASE_S
            Carrier(again, "acme", lambda: world.now, server(port), targets, lambda now: None).round()
    assert [one["Message-ID"] for one in box.mails] == [box.mails[0]["Message-ID"]] * 2
    assert [one.headers["webhook-id"] for one in calls.calls] == [name("event")] * 2
    assert len({one.headers["webhook-timestamp"] for one in calls.calls}) == 2


def verified(call, key, now):
    """As the specification has a receiver do it."""
    told = int(call.headers["webhook-timestamp"])
    signed = f"{call.headers['webhook-id']}.{told}.".encode() + call.body
    want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    known = [one.partition(",") for one in call.headers["webhook-signature"].split(" ")]
    return abs(now - told) <= 300 and any(v == "v1" and hmac.compare_digest(one, want) for v, _, one in known)


def test_a_webhook_is_called_with_a_signature_that_fits(world):
    with receiver() as calls:
        world.put(Hook(url=calls.url, event=name("event"), kind="alert", body=b'{"id": "x"}'))
        assert world.carrier(targets={calls.url: hook.Target(secret=KEY)}).round() == 1
    (call,) = calls.calls
    assert (call.path, json.loads(call.body)) == ("/hook?a=1", {"id": "x"})
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert verified(call, KEY, NOW)
    assert not verified(call._replace(body=call.body + b" "), KEY, NOW)
    assert not verified(call, b"o" * 32, NOW)


def test_the_signature_is_that_of_the_specification():
    # Made with the libraries of standard-webhooks: their own test vector.
    key = hook.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    told = hook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_" + "A" * 100, "whsec_%"]
)
def test_a_secret_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="24 to 64 random bytes"):
        hook.secret(text)


def test_a_webhook_by_tls_is_called_only_where_the_certificate_fits(world, tmp_path):
    (tmp_path / "other").mkdir()
    ours, theirs = Authority(tmp_path), Authority(tmp_path / "other")
    for authority, sent in ((ours, 1), (theirs, 0)):
        with receiver(authority.issue("hook")) as calls:
            world.put(Hook(url=calls.url, event=name(str(authority.certificate)), kind="daily", body=b"{}"))
            target = hook.Target(secret=KEY, ca=str(ours.certificate))
            assert world.carrier(targets={calls.url: target}).round() == sent
            assert len(calls.calls) == sent


@pytest.mark.parametrize(
    ("answer", "counts"), [(500, (1, 0)), (404, (1, 0)), (301, (1, 0)), (410, (0, 1)), (204, (0, 0))]
)
def test_what_an_answer_means(world, answer, counts):
    with receiver() as calls:
        calls.answers = [(answer, {"Location": calls.url})]
        world.put(Hook(url=calls.url, event=name("event"), kind="daily", body=b"{}"))
        world.carrier(targets={calls.url: hook.Target(secret=KEY)}).round()
        assert len(calls.calls) == 1  # no redirect is followed
    assert world.outgoing.counts("acme") == counts


def test_a_receiver_that_is_gone_is_not_called_again(world):
    with receiver() as calls:
        calls.answers = [(410, {})]
        carrier = world.carrier(targets={calls.url: hook.Target(secret=KEY)})
        for event in ("one", "two", "three"):
            world.put(Hook(url=calls.url, event=name(event), kind="daily", body=b"{}"))
            carrier.round()
        assert len(calls.calls) == 1
    assert world.outgoing.counts("acme") == (0, 3)


def test_a_receiver_that_asks_for_time_gets_it(world):
    with receiver() as calls:
        calls.answers = [(429, {"Retry-After": "4000"})]
        world.put(Hook(url=calls.url, event=name("event"), kind="daily", body=b"{}"))
        carrier = world.carrier(targets={calls.url: hook.Target(secret=KEY)})
        assert [carrier.round()] == [0]
        world.now += 3999
        assert carrier.round() == 0
        world.now += 1
        assert carrier.round() == 1


def test_a_receiver_that_does_not_answer_holds_up_nobody_else(world):
    with receiver() as calls, mail_server() as (box, port):
        nobody = "http://127.0.0.1:1/"
        world.put(*(Hook(url=nobody, event=name(str(n)), kind="daily", body=b"{}") for n in range(9)), mail())
        targets = {nobody: hook.Target(secret=KEY), calls.url: hook.Target(secret=KEY)}
        world.put(Hook(url=calls.url, event=name("x"), kind="daily", body=b"{}"))
        assert world.carrier(server(port), targets).round() == 2
    assert (len(box.mails), len(calls.calls)) == (1, 1)


def test_a_receiver_that_speaks_without_end_is_cut_off():
    with receiver() as calls:
        calls.dripping = True
        connection = hook._Pinned(hook.urlsplit(calls.url), ["127.0.0.1"], None)
        connection.connect()
        connection.request("POST", "/", b"{}", {})
        until(lambda: calls.calls, "the call")
        connection.cut()
        with pytest.raises((OSError, hook.http.client.HTTPException)):
            connection.getresponse()
        connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/x",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0.0.0.0/",
    ],
)
def test_a_private_network_is_not_called_unless_the_operator_said_so(url):
    with pytest.raises(Undelivered, match="private network"):
        hook.call(hook.Target(secret=KEY), Hook(url=url, event=name("x"), kind="daily", body=b"{}"), NOW)


def test_a_webhook_that_left_the_settings_is_given_up(world):
    world.put(Hook(url="https://gone.example.com/", event=name("x"), kind="daily", body=b"{}"), mail())
    assert world.carrier().round() == 0
    assert world.outgoing.counts("acme") == (0, 2)


def test_it_runs_in_a_thread_puts_what_is_due_and_outlives_errors(world):
    seen = []

    def before(now):
        seen.append(now)
        if len(seen) == 1:
            raise OSError("the disk is full")
        world.put(mail())

    with mail_server() as (box, port):
        carrier = world.carrier(server(port), before=before, pause_s=0.01)
        carrier.start()
        until(lambda: box.mails, "the mail")
        carrier.stop()
    assert len(box.mails) == 1


def test_a_message_that_nobody_can_write_is_tried_again_and_holds_up_nobody(world):
    world.put(mail("anna@example.com\r\nBcc: eve@example.com"), mail())
    with mail_server() as (box, port):
        assert world.carrier(server(port)).round() == 1
        world.now += GIVE_UP_S
        assert world.carrier(server(port)).round() == 0
    assert (len(box.mails), world.outgoing.counts("acme")) == (1, (0, 1))


def test_it_does_not_start_where_nobody_can_be_told(world):
    carrier = world.carrier(before=lambda now: pytest.fail("it started"), pause_s=0.01)
    carrier.start()
    carrier.stop()
