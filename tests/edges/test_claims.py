"""Claims: a code works once, for its board, in its quarter hour and tenant; and what a claimed sensor is from then."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from agent.contract import Claimed, decode, encode, topics
from cloud.api import Live, OwnOrigin, routes
from cloud.core.claim import GOOD_FOR_S, MOST_WRONG, NOT_VALID, digest
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.desk import Claims, Desk, UnknownClaimError, UnknownShopError
from cloud.store import Store, receive
from cloud.store.deeds import Deeds
from tests.identities import SERIAL, World, a_claim, common_name, leaf, request
from tests.shops import Clock, a_shop, a_store, at

NOW = at("2026-11-24 14:12")
OTHER = "feedc0de00000001"
PLACED = [Placement(sensor="acme:till", zone="till")]
SHOPS = [
    PlacedShop(shop=a_shop(), placements=PLACED),
    PlacedShop(shop=a_shop("other"), placements=[]),
    PlacedShop(shop=a_shop("theirs", tenant="rival"), placements=[]),
]


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with a_store(tmp_path, SHOPS) as one:
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def desk(store: Store, clock: Clock, world: World) -> Desk:
    return Desk(store, "acme", clock, issuing=world.issuing)


@pytest.fixture
def claims(desk: Desk) -> Claims:
    return desk.claims


def refused(claims: Claims, code: str, serial: str = SERIAL) -> None:
    with pytest.raises(Refusal) as caught:
        claims.take(a_claim(code, serial))
    assert str(caught.value) == NOT_VALID


def joined(desk: Desk, zone: str = "door", serial: str = SERIAL, shop: str = "corner", name: str = "") -> Claimed:
    return desk.claims.take(a_claim(desk.claims.open(shop, zone, serial, name).code, serial))


def test_a_code_makes_the_board_a_sensor_of_the_shop(desk: Desk, store: Store, world: World) -> None:
    made = desk.claims.open("corner", "  Front  door ", "1000 0000 ABCD EF12", who="anna")
    assert made.claim.expires_at - made.claim.opened_at == GOOD_FOR_S == 900
    answer = desk.claims.take(a_claim(made.code))
    assert decode(Claimed, encode(answer)) == answer
    assert (answer.sensor, answer.shop_name, answer.time_zone) == ("acme:front-door", "Corner Shop", "Europe/Berlin")
    assert (answer.host, answer.port, answer.country) == ("mqtt.example.com", 8883, "DE")
    assert answer.authority.encode() == world.root.certificate
    assert common_name(leaf(answer.certificate)) == "acme:front-door"
    member = desk.members.one("front-door")
    assert (member.serial, member.claimed_at, member.software) == (SERIAL, NOW, "footfall-0.8.0")
    here = Placement(sensor="acme:front-door", zone="Front door", valid_from=NOW)
    assert here in store.placements("acme", "corner")
    told = {(one.who, one.kind, one.what) for one in Deeds(store, "acme").newest()}
    assert told == {
        ("anna", "claim", f"Made a code for the board {SERIAL} in Front door of corner."),
        (f"board {SERIAL}", "claim", "Became the sensor acme:front-door, in Front door of corner."),
    }


def test_of_a_code_only_its_hash_is_kept(claims: Claims, store: Store) -> None:
    made = claims.open("corner", "door", SERIAL)
    with sqlite3.connect(store.database) as db:
        told = str([db.execute(f"SELECT * FROM {one}").fetchall() for one in ("claim", "deed")])
    assert made.code not in told
    assert digest(made.code) in told
    assert digest(made.code)[:8] not in made.claim.id


def test_the_same_claim_again_has_the_same_answer_and_any_other_none(claims: Claims, clock: Clock) -> None:
    code = claims.open("corner", "door", SERIAL).code
    sent = a_claim(code)
    answer = claims.take(sent)
    clock.now += GOOD_FOR_S - 1
    assert claims.take(sent) == answer
    refused(claims, code)  # the same code and board, another key
    clock.now += 1
    with pytest.raises(Refusal, match="not valid"):
        claims.take(sent)


@pytest.mark.parametrize("late_s", [GOOD_FOR_S, GOOD_FOR_S + 1, 86_400])
def test_a_code_is_good_for_fifteen_minutes_and_not_a_second_longer(claims: Claims, clock: Clock, late_s: int) -> None:
    first, code = clock.now, claims.open("corner", "door", SERIAL).code
    clock.now = first + late_s
    refused(claims, code)
    clock.now = first + GOOD_FOR_S - 0.5
    claims.take(a_claim(code))


def test_a_code_is_good_for_its_board_and_tenant_only(claims: Claims, store: Store, clock: Clock, world: World) -> None:
    code = claims.open("corner", "door", SERIAL).code
    refused(claims, code, OTHER)
    refused(Desk(store, "rival", clock, issuing=world.issuing).claims, code)
    claims.take(a_claim(code))


def test_a_newer_code_for_a_board_ends_the_older(claims: Claims) -> None:
    old, new = (claims.open("corner", "door", SERIAL).code for _ in range(2))
    refused(claims, old)
    claims.take(a_claim(new))


@pytest.mark.parametrize("knows", ["code", "board"])
def test_ten_wrong_attempts_end_a_code_and_the_page_says_so(claims: Claims, knows: str) -> None:
    made = claims.open("corner", "door", SERIAL)
    for number in range(MOST_WRONG):
        assert claims.state("corner", made.claim.id).state == "open"
        refused(claims, *((made.code, f"beef{number:04}") if knows == "code" else (f"0000000{number}", SERIAL)))
    refused(claims, made.code)
    told = claims.state("corner", SERIAL)
    assert told.state == "ended"
    assert told.sentence == "Somebody tried wrong codes, so this one was ended: make a new one."
    claims.take(a_claim(claims.open("corner", "door", SERIAL).code))


def test_who_knows_neither_code_nor_board_writes_nothing(claims: Claims, store: Store) -> None:
    made = claims.open("corner", "door", SERIAL)
    with sqlite3.connect(store.database) as db:
        before = db.execute("PRAGMA data_version").fetchone()
        for number in range(50):
            refused(claims, f"ZZZZZZ{number:02}", OTHER)
        assert db.execute("PRAGMA data_version").fetchone() == before
    claims.take(a_claim(made.code))


def test_of_many_at_the_same_moment_exactly_one_has_the_code(claims: Claims, desk: Desk) -> None:
    code = claims.open("corner", "door", SERIAL).code
    ready, took, failed = threading.Barrier(8), [], []

    def one() -> None:
        mine = a_claim(code)
        ready.wait()
        try:
            took.append(claims.take(mine))
        except Refusal as refusal:
            failed.append(str(refusal))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(took), failed) == (1, [NOT_VALID] * 7)
    assert len(desk.members.certificates()) == 1


def test_a_spoilt_request_says_what_is_wrong_and_costs_no_code(claims: Claims) -> None:
    code = claims.open("corner", "door", SERIAL).code
    spoilt = request().replace("\n-----END", "AAAA\n-----END", 1)
    for wrong in (code, "00000000"):  # the sentence is the same whether the code is right or not
        with pytest.raises(Refusal, match="This is no request for a certificate"):
            claims.take(a_claim(wrong, wanted=spoilt))
    claims.take(a_claim(code))


def test_an_authority_that_has_ended_says_so_and_costs_no_code(desk: Desk, clock: Clock, world: World) -> None:
    clock.now = world.authority.chain[0].not_valid_after_utc.timestamp()
    made = desk.claims.open("corner", "door", SERIAL)
    with pytest.raises(Refusal, match="The authority itself expired on 2036-"):
        desk.claims.take(a_claim(made.code))
    assert desk.claims.state("corner", made.claim.id).state == "open"


def test_names_are_never_given_twice(desk: Desk, store: Store) -> None:
    named = [joined(desk, "door", f"beef{n:04}").sensor for n in range(3)]
    assert named == ["acme:door", "acme:door-2", "acme:door-3"]
    desk.members.retire("acme:door-2")
    assert joined(desk, "door", "beef0009").sensor == "acme:door-4"
    assert joined(desk, "till", "beef0010").sensor == "acme:till-2"  # the settings have a till


def test_a_board_claimed_anew_keeps_its_name_and_loses_its_certificate(desk: Desk, store: Store, clock: Clock) -> None:
    first = joined(desk)
    desk.members.label("door", {"floor": "2"})
    clock.now += 5000
    second = joined(desk, "window", shop="other")
    assert second.sensor == first.sensor
    held = {one.number: one.revoked_at for one in desk.members.certificates("door")}
    assert held == {
        f"{leaf(first.certificate).serial_number:x}": NOW + 5000,
        f"{leaf(second.certificate).serial_number:x}": None,
    }
    assert desk.members.one("door").labels == {"floor": "2"}
    placed = [(one.valid_from, one.valid_to) for one in store.placements("acme", "corner") if one.zone == "door"]
    assert placed == [(NOW, NOW + 5000)]
    assert [one.valid_from for one in store.placements("acme", "other")] == [NOW + 5000]


def test_a_board_of_somebody_else_has_to_be_released_first(
    desk: Desk, store: Store, clock: Clock, world: World
) -> None:
    rival = Desk(store, "rival", clock, issuing=world.issuing)
    before = rival.claims.open("theirs", "door", SERIAL).code
    joined(desk)
    with pytest.raises(Refusal, match="is somebody else's sensor: they have to release it first"):
        rival.claims.open("theirs", "door", SERIAL)
    refused(rival.claims, before)
    desk.members.retire("door")
    assert joined(rival, shop="theirs").sensor == "rival:door"
    assert desk.members.one("door").retired_at == NOW


def test_a_sensor_of_the_settings_can_be_claimed_by_its_name(desk: Desk, store: Store) -> None:
    assert joined(desk, "wherever", name="till").sensor == "acme:till"
    assert store.placements("acme", "corner") == PLACED
    for shop, serial, name, says in (
        ("corner", OTHER, "till", "There is a sensor acme:till already: choose another name."),
        ("corner", SERIAL, "door", "is the sensor acme:till already: leave the name out"),
        ("corner", OTHER, "Till!", "is no name of a sensor"),
        ("other", "beef0001", "till", "There is a sensor acme:till already"),
    ):
        with pytest.raises(Refusal, match=says):
            desk.claims.open(shop, "door", serial, name)


def test_a_restart_keeps_where_claimed_sensors_stand(desk: Desk, store: Store) -> None:
    joined(desk)
    before = store.placements("acme", "corner")
    again = Store(store.database)
    assert again.apply_shops(SHOPS) == set()
    assert again.placements("acme", "corner") == before
    renamed = msgspec.structs.replace(SHOPS[0], shop=a_shop(name="Corner & Co", pass_s=99.0))
    assert again.apply_shops([renamed, *SHOPS[1:]]) == {("acme", "corner")}
    assert sorted(map(str, again.placements("acme", "corner"))) == sorted(map(str, before))
    again.close()


def test_papers_of_a_shop_are_of_its_claimed_sensors_too(desk: Desk, store: Store) -> None:
    joined(desk)
    corner, *_ = store.with_claimed(SHOPS)
    assert [one.sensor for one in corner.placements] == ["acme:till", "acme:door"]


def test_of_a_sensor_that_the_settings_name_they_say_where_it_stands(desk: Desk, store: Store) -> None:
    joined(desk)
    moved = PlacedShop(shop=a_shop("other"), placements=[Placement(sensor="acme:door", zone="lift")])
    store.apply_shops([SHOPS[0], moved, SHOPS[2]])
    assert store.placements("acme", "corner") == PLACED
    assert store.placements("acme", "other") == moved.placements


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("corner", " ", SERIAL), "zone: say in 1 to 64 letters"),
        (("corner", "x" * 65, SERIAL), "zone: say in 1 to 64 letters"),
        (("corner", "door", "?"), "is no serial number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(claims: Claims, asked: tuple[str, str, str], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        claims.open(*asked)


def test_without_an_authority_nothing_is_claimed(store: Store, clock: Clock) -> None:
    claims = Claims(store, "acme", clock)
    for ask in (lambda: claims.open("corner", "door", SERIAL), lambda: claims.take(a_claim("00000000"))):
        with pytest.raises(Refusal, match="footfall-cloud fleet init"):
            ask()


def test_the_page_of_a_claim_tells_how_it_goes(claims: Claims, store: Store, clock: Clock) -> None:
    made = claims.open("corner", "door", SERIAL)
    assert str(made.claim.sentence) == f"Waiting for the sensor with the serial number {SERIAL}."
    answer = claims.take(a_claim(made.code))
    told = claims.state("corner", made.claim.id)
    assert (told.state, told.sensor, told.live) == ("claimed", answer.sensor, None)
    assert "now the sensor connects" in told.sentence
    heard(store, answer.sensor, int(clock.now) + 5)
    told = claims.state("corner", SERIAL)
    assert told.live is not None
    assert (told.live.sensor, told.live.online) == (answer.sensor, True)
    assert isinstance(told.sentence, Saying)
    for shop, which in (("other", made.claim.id), ("corner", "nonsense")):
        with pytest.raises(UnknownClaimError):
            claims.state(shop, which)
    with pytest.raises(UnknownShopError):
        claims.state("theirs", made.claim.id)


def heard(store: Store, sensor: str, now: int) -> None:
    store.commit([receive(topics.up(sensor, "status"), b'{"state":"online"}', now)], now)


def test_old_claims_are_forgotten_when_one_is_made(claims: Claims, store: Store, clock: Clock) -> None:
    claims.open("corner", "door", SERIAL)
    clock.now += 2 * 86_400
    claims.open("corner", "door", OTHER)
    with sqlite3.connect(store.database) as db:
        assert db.execute("SELECT serial FROM claim").fetchall() == [(OTHER,)]


def test_over_the_api(desk: Desk) -> None:
    web = FastAPI()
    web.add_middleware(OwnOrigin)
    web.mount("/api/v1", routes(desk, Live()))

    async def asked() -> None:
        base = "http://127.0.0.1/api/v1/"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url=base) as client:
            made = (await client.post("shops/corner/claims", json={"zone": "door", "serial": SERIAL})).json()
            page = f"shops/corner/claims/{made['claim']['id']}"
            assert (await client.get(page)).json() == made["claim"]
            sent = msgspec.to_builtins(a_claim(made["code"]))
            for path, body, status, says in (
                ("shops/nowhere/claims", {"zone": "door", "serial": SERIAL}, 404, "There is no shop"),
                ("shops/corner/claims", {"zone": "door"}, 422, "missing required field `serial`"),
                ("shops/corner/claims", {"zone": "", "serial": SERIAL}, 422, "Zone: say in 1 to 64 letters"),
                ("claim", {**sent, "code": "00000000"}, 422, NOT_VALID),
                ("claim", {**sent, "serial": OTHER}, 422, NOT_VALID),
                ("claim", {**sent, "code": "OOOOOOOO"}, 422, "at `$.code`"),
                ("claim", {**sent, "request": "x" * 5000}, 422, "at `$.request`"),
                ("claim", {**sent, "tenant": "acme"}, 422, "unknown field `tenant`"),
            ):
                answer = await client.post(path, json=body)
                assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
            taken = await client.post("claim", json=sent)
            assert taken.status_code == 200
            assert decode(Claimed, taken.content).sensor == "acme:door"
            assert (await client.post("claim", json=sent)).content == taken.content
            assert (await client.get(page)).json()["sensor"] == "acme:door"
            assert (await client.get("shops/corner/claims/nonsense")).status_code == 404
            foreign = await client.post("claim", json=sent, headers={"origin": "https://elsewhere.example"})
            assert foreign.status_code == 403

    asyncio.run(asked())
