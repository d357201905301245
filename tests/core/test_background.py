"""What is heard when nobody is there, learnt in closed hours and taken off."""

from agent.contract import Estimate
from cloud.core import background
from cloud.core.background import NONE, Background
from cloud.core.figures import OpeningHours, Shop

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SHOP = Shop(
    tenant="t", shop="s", name="S", time_zone="Etc/UTC", hours=[OpeningHours(days=DAYS, opens="09:00", closes="18:00")]
)
DAY = 1_782_777_600  # 2026-06-30 00:00 UTC


def around(devices: float) -> Estimate:
    return Estimate(devices, devices * 0.8, devices * 1.2)


def test_a_low_level_of_the_closed_hours_is_taken() -> None:
    night = [(around(float(n % 10)), around(3.0)) for n in range(100)]
    assert background.learn(night) == Background(inside=1.0, outside=3.0, windows=100)


def test_a_loud_evening_does_not_eat_the_day() -> None:
    night = [(around(2.0), around(0.0))] * 80 + [(around(30.0), around(0.0))] * 20
    assert background.learn(night).inside == 2.0


def test_too_little_is_nothing() -> None:
    assert background.learn([(around(5.0), around(5.0))] * (background.FEWEST - 1)) == NONE


def test_it_never_makes_a_count_negative() -> None:
    assert background.above(around(2.0), 5.0) == Estimate(0.0, 0.0, 0.0)
    above = background.above(around(10.0), 3.0)
    assert (above.low, above.devices, above.high) == (5.0, 7.0, 9.0)


def test_closed_leaves_a_margin_for_the_staff() -> None:
    def closed(hour: float) -> bool:
        return background.is_closed(SHOP, int(DAY + 3600 * hour), int(DAY + 3600 * hour) + 300)

    assert [closed(hour) for hour in (3, 7.5, 8.5, 12, 18.5, 19.5)] == [True, True, False, False, False, True]
    always = Shop(tenant="t", shop="s", name="S", time_zone="Etc/UTC", hours=[])
    assert not background.is_closed(always, DAY, DAY + 300)


def test_it_is_learnt_from_the_days_before() -> None:
    start, end = background.span(SHOP, DAY + 3600)
    assert (end, end - start) == (DAY, 14 * 86_400)
