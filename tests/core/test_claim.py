"""A claim's code, serial number and name, and how an offer stands from second to second."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.contract.identity import Code
from cloud.core import claim
from cloud.core.claim import ALPHABET, GOOD_FOR_S, MOST_WRONG, Offer
from cloud.core.member import MOST_LABELS, labelled
from cloud.core.refusal import Refusal

OFFER = Offer(id="1", shop="corner", zone="door", serial="abcd", opened_at=1000, expires_at=1000 + GOOD_FOR_S)
PATTERN = re.compile(Code.__metadata__[0].pattern)


@given(st.integers(0, 2**40 - 1))
def test_every_number_has_a_code_of_its_own_that_the_contract_takes(number: int) -> None:
    made = claim.code(number)
    assert PATTERN.fullmatch(made)
    assert sum(ALPHABET.index(letter) << 5 * place for place, letter in enumerate(reversed(made))) == number


def test_a_code_is_good_until_the_second_it_expires() -> None:
    assert OFFER.state(OFFER.expires_at - 1) == "open"
    assert OFFER.state(OFFER.expires_at) == "expired"
    assert replace(OFFER, wrong=MOST_WRONG - 1).state(1000) == "open"
    assert replace(OFFER, wrong=MOST_WRONG).state(1000) == "ended"
    assert replace(OFFER, used_at=1001, wrong=MOST_WRONG).state(OFFER.expires_at) == "claimed"


@pytest.mark.parametrize(
    ("typed", "serial"),
    [("1000 0000 ABCD EF12", "10000000abcdef12"), (" 10:00:ab-cd\n", "1000abcd"), ("a" * 32, "a" * 32)],
)
def test_a_serial_number_is_read_as_people_type_it(typed: str, serial: str) -> None:
    assert claim.serial_of(typed) == serial


@pytest.mark.parametrize("typed", ["", "abc", "a" * 33, "1000_0000", "ä123", "12345'; --"])
def test_what_is_no_serial_number_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(Refusal, match="is no serial number: type the 4 to 32 letters and digits"):
        claim.serial_of(typed)


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("Door", (), "door"),
        ("Door", ("door",), "door-2"),
        ("Door", ("door", "door-2"), "door-3"),
        ("Hintere Tür / Lager", (), "hintere-tur-lager"),
        ("门口", (), "sensor"),
        ("--", ("sensor",), "sensor-2"),
        ("x" * 64, (), "x" * 31),
        ("x" * 64, ("x" * 31,), "x" * 24 + "-2"),
    ],
)
def test_a_name_is_made_from_the_zone_and_is_nobody_elses(wanted: str, taken: tuple[str, ...], name: str) -> None:
    assert claim.name_for(wanted, taken) == name
    claim.check_name(name)


def test_labels_are_added_replaced_taken_away_and_bounded() -> None:
    assert labelled({"floor": "1", "b": "x"}, {"floor": "2", "b": "", "c": "y z"}) == {"c": "y z", "floor": "2"}
    for changes, says in (
        ({"Floor": "1"}, "is no name of a label"),
        ({"floor": "x" * 65}, "is too long"),
        ({"floor": "a\nb"}, "is too long: use up to 64 letters on one line"),
        ({f"l{n}": "x" for n in range(MOST_LABELS + 1)}, "at most 32 labels"),
    ):
        with pytest.raises(Refusal, match=says):
            labelled({}, changes)
