"""Campaigns that can be told from each other, and what is refused of the others."""

import pytest
from msgspec.structs import replace

from cloud.core.campaign import Campaign, check, check_apart, elsewhere
from cloud.core.refusal import Refusal

SHOPS = ["a", "b", "c", "d"]
NOVEMBER = Campaign(id="n", title="Window", first="2026-11-10", last="2026-11-23", exposed=["a"], control=["b", "c"])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"first": "2026-11-24"}, "before first"),
        ({"first": "10.11.2026"}, "no date"),
        ({"last": "20261123"}, "no date"),
        ({"last": "0001-01-01"}, "only dates from"),
        ({"last": "2027-05-20"}, "192 days"),
        ({"exposed": []}, "exposed is empty"),
        ({"exposed": ["a", "x"]}, 'no shop "x"'),
        ({"control": ["a", "b"]}, "both exposed and control"),
        ({"control": ["b", "b"]}, "named twice"),
        ({"title": " "}, "title"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(changed: dict[str, object], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        check(replace(NOVEMBER, **changed), SHOPS)


def test_one_to_come_and_one_without_control_will_do() -> None:
    check(replace(NOVEMBER, first="2030-11-10", last="2030-11-10", control=[]), SHOPS)


def test_two_campaigns_do_not_run_in_one_shop_on_one_date() -> None:
    other = replace(NOVEMBER, id="o", title="Flyer", first="2026-11-23", last="2026-11-30", control=[])
    with pytest.raises(Refusal, match='a is exposed in "Flyer" too'):
        check_apart(NOVEMBER, [other])
    check_apart(NOVEMBER, [replace(other, first="2026-11-24")])
    check_apart(NOVEMBER, [replace(other, exposed=["d"])])


def test_a_control_shop_runs_nothing_else_but_may_be_control_twice() -> None:
    other = replace(NOVEMBER, id="o", title="Flyer", exposed=["c"], control=["b"])
    with pytest.raises(Refusal, match="so it cannot be control then"):
        check_apart(NOVEMBER, [other])
    check_apart(replace(NOVEMBER, control=["b"]), [other])


def test_writing_a_campaign_anew_does_not_clash_with_itself() -> None:
    check_apart(replace(NOVEMBER, last="2026-11-30"), [NOVEMBER])


def test_when_shops_run_something_else_is_known_by_shop() -> None:
    other = replace(NOVEMBER, id="o", exposed=["b", "c"], control=[])
    assert elsewhere(NOVEMBER, [NOVEMBER, other]) == {"b": [other.dates], "c": [other.dates]}
