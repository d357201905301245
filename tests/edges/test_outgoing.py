"""The outbox of the cloud: put once, held by one, tried again, given up and counted, and empty of what was sent."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.core.message import Hook, Mail, name
from cloud.store import Store, migrate
from cloud.store.outgoing import FIRST_PAUSE_S, GIVE_UP_S, LEASE_S, LONGEST_PAUSE_S, Outgoing, pause

NOW = 1_800_000_000
ONE, TWO = name("one"), name("two")


def mail(to="anna@example.com"):
    return Mail(to=to, subject="High Street: 412 people", text="412 people (390-435)")


@pytest.fixture
def database(tmp_path):
    path = str(tmp_path / "cloud.db")
    migrate(path)
    return path


@pytest.fixture
def outgoing(database):
    store = Store(database)
    yield Outgoing(store)
    store.close()


def test_a_name_is_put_once_whatever_became_of_it(outgoing):
    assert outgoing.put("acme", {ONE: mail(), TWO: mail("bert@example.com")}, NOW) == 2
    assert outgoing.put("acme", {ONE: mail()}, NOW + 1) == 0
    first, second = outgoing.due("acme", NOW, 9)
    outgoing.done(first)
    outgoing.failed(second, NOW, "no", for_good=True)
    assert outgoing.put("acme", {ONE: mail(), TWO: mail()}, NOW + 9) == 0
    assert outgoing.due("acme", NOW + 10 * GIVE_UP_S) == []
    assert outgoing.known("acme", [ONE, TWO, name("three")]) == {ONE, TWO}
    assert outgoing.known("other", [ONE]) == set()


def test_another_tenant_sends_its_own(outgoing):
    outgoing.put("acme", {ONE: mail()}, NOW)
    assert outgoing.due("other", NOW, 9) == []


def test_who_takes_a_message_has_it_alone_until_the_lease_ends(outgoing, database):
    outgoing.put("acme", {ONE: mail()}, NOW)
    other = Store(database)
    with closing(other):
        (mine,) = outgoing.due("acme", NOW)
        assert Outgoing(other).due("acme", NOW + LEASE_S - 1) == []
        (theirs,) = Outgoing(other).due("acme", NOW + LEASE_S)
        assert (mine.id, mine.message) == (theirs.id, theirs.message)
        assert (mine.attempts, theirs.attempts) == (1, 2)
        # Whoever lost the lease does not decide what becomes of it.
        assert not outgoing.failed(mine, NOW + LEASE_S, "too late")
        assert outgoing.due("acme", NOW + LEASE_S + FIRST_PAUSE_S * 2) == []
        Outgoing(other).done(theirs)
        outgoing.failed(mine, NOW + LEASE_S, "too late")
    assert outgoing.counts("acme") == (0, 0)


def test_what_fails_is_tried_again_later_and_later_for_three_days(outgoing):
    outgoing.put("acme", {ONE: mail()}, NOW)
    now, tries = NOW, []
    while found := outgoing.due("acme", now):
        tries.append(now)
        if outgoing.failed(found[0], now, "the server is down"):
            break
        assert outgoing.due("acme", now + pause(ONE, found[0].attempts) - 1) == []
        now += pause(ONE, found[0].attempts)
    assert GIVE_UP_S <= now - NOW <= GIVE_UP_S + 1.2 * LONGEST_PAUSE_S
    assert 15 < len(tries) < 25
    assert outgoing.counts("acme") == (0, 1)


def test_who_asks_for_time_gets_it(outgoing):
    outgoing.put("acme", {ONE: mail()}, NOW)
    outgoing.failed(outgoing.due("acme", NOW)[0], NOW, "busy", pause_s=3000)
    assert outgoing.due("acme", NOW + 2999) == []
    assert len(outgoing.due("acme", NOW + 3000)) == 1


def test_nothing_is_kept_of_what_was_sent_and_only_why_of_what_was_given_up(outgoing, database):
    outgoing.put("acme", {ONE: mail(), TWO: mail("bert@example.com")}, NOW)
    first, second = outgoing.due("acme", NOW, 9)
    outgoing.done(first)
    outgoing.failed(second, NOW, "550 no such user", for_good=True)
    with closing(sqlite3.connect(database)) as db:
        bodies = b"".join(body for (body,) in db.execute("SELECT body FROM outgoing"))
    assert b"example.com" not in bodies
    assert b"550 no such user" in bodies


def test_a_hook_comes_out_as_it_was_put(outgoing):
    hook = Hook(url="https://example.com/", event=ONE, kind="daily", body=b'{"a": "\xc3\xa4"}')
    outgoing.put("acme", {ONE: hook}, NOW)
    assert outgoing.due("acme", NOW)[0].message == hook


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.integers(1, 10**6))
def test_a_pause_is_never_shorter_than_the_one_before_nor_without_end(told, attempts):
    assert pause(told, attempts) <= pause(told, attempts + 1) <= 1.2 * LONGEST_PAUSE_S
    assert pause(told, 1) >= FIRST_PAUSE_S
