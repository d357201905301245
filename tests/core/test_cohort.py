"""What of a shop's day may be compared: complete days of a like kind, without the factor, and nothing filled in."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from cloud.core import calendar
from cloud.core.campaign import Metric
from cloud.core.cohort import ShopHistory, changes, shop_days
from cloud.core.coverage import Placement
from cloud.core.figures import Holiday, OpeningHours
from cloud.core.ledger import Line, Range
from cloud.core.till import Sale
from tests.shops import ALL_DAYS, ZONE, a_shop, at
from tests.trade import a_factor

MONDAY = date(2026, 11, 16)
WEEK = [MONDAY + timedelta(days=one) for one in range(7)]


def a_line(day: date, visitors: float = 100.0, passers_by: float = 400.0, coverage: float = 1.0) -> Line:
    def around(number: float) -> Range:
        return Range(number, number * 0.9, number * 1.1)

    due = 11 * 3600.0
    return Line(*calendar.day_of(ZONE, day), True, coverage, due, 0.0, around(visitors), around(passers_by))


def known(**changed: object) -> ShopHistory:
    told = ShopHistory(
        shop=a_shop(), lines=[a_line(day) for day in WEEK], factors=[], sales=[], placements=[], elsewhere=[]
    )
    return replace(told, **changed)


def values(history: ShopHistory, metric: Metric = "visitors") -> list[float | None]:
    return shop_days(history, metric, WEEK, exposed=True).values


def test_a_day_counts_that_is_there_whole_and_open() -> None:
    lines = [a_line(WEEK[0]), a_line(WEEK[1], coverage=0.89), a_line(WEEK[3], visitors=0.0), a_line(WEEK[6])]
    told = shop_days(known(lines=lines), "visitors", WEEK, exposed=True)
    assert told.values == [100.0, *[None] * 6]
    assert told.due == [True] * 6 + [False]


def test_a_holiday_is_no_day_like_another_though_the_shop_opens() -> None:
    shop = a_shop(holidays=[Holiday(date=WEEK[2].isoformat(), name="Fair", opens="10:00", closes="14:00")])
    assert values(known(shop=shop))[1:4] == [100.0, None, 100.0]


def test_days_of_another_campaign_are_left_out() -> None:
    assert values(known(elsewhere=[(WEEK[1], WEEK[2])])) == [100.0, None, None, 100.0, 100.0, 100.0, None]


def test_a_count_at_the_door_in_between_is_no_lift() -> None:
    begins = at("2026-11-18 14:00")
    lines = [a_line(day, 100.0 if day < WEEK[2] else 150.0) for day in WEEK]
    told = values(known(lines=lines, factors=[a_factor(begins, 1.5)]))
    assert told == pytest.approx([100.0, 100.0, None, 100.0, 100.0, 100.0, None])


@pytest.mark.parametrize(("metric", "number"), [("passers_by", 400.0), ("capture_rate", 0.2), ("conversion", 0.3)])
def test_every_metric_is_of_the_day(metric: Metric, number: float) -> None:
    sales = [Sale(hour=at("2026-11-17 12:00"), source=one, transactions=15, net_sales=10.5) for one in ("a", "b")]
    assert values(known(sales=sales), metric)[1] == pytest.approx(number)


def test_sales_are_known_where_every_till_tells_them() -> None:
    noon = at("2026-11-17 12:00")
    sales = [Sale(hour=noon + 3600 * one, source="a", transactions=1, net_sales=10.5) for one in range(3)]
    sales.append(Sale(hour=noon + 86_400, source="a", transactions=1))
    sales.append(Sale(hour=noon + 2 * 86_400, source="a", transactions=1, net_sales=-5.0))
    assert values(known(sales=sales, lines=[]), "sales") == [None, 31.5, *[None] * 5]


def test_a_sensor_that_came_or_went_is_told_of_but_not_the_first() -> None:
    first, second = (Placement(sensor=f"acme:{name}", zone="door", valid_from=at(day)) for name, day in (
        ("a", "2026-11-17 09:00"), ("b", "2026-11-19 09:00"),
    ))  # fmt: skip
    assert changes(known(placements=[first]), WEEK) == []
    assert [str(one) for one in changes(known(placements=[first, second]), WEEK)] == [
        "In Corner Shop a sensor came or went on 19 November 2026, which may look like a lift."
    ]
    ended = replace(first, valid_from=0, valid_to=at("2026-11-20 09:00"))
    assert len(changes(known(placements=[ended]), WEEK)) == 1


def test_new_opening_hours_are_told_of() -> None:
    hours = [
        OpeningHours(days=ALL_DAYS, opens="09:00", closes="18:00", valid_to=WEEK[3].isoformat()),
        OpeningHours(days=ALL_DAYS, opens="09:00", closes="20:00", valid_from=WEEK[3].isoformat()),
    ]
    assert len(changes(known(shop=a_shop(hours=hours)), WEEK)) == 1
    assert changes(known(shop=a_shop(hours=hours)), WEEK[4:]) == []
