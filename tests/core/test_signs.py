"""Signs: what is so in a shop, and what nobody can know now."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from cloud.core import calendar, rollup, rule, so_far, unusual
from cloud.core.alerts import KINDS, Kind, Observation
from cloud.core.condition import Condition
from cloud.core.coverage import Placement
from cloud.core.figures import Figure, Holiday, OpeningHours, Period, Shop
from cloud.core.refusal import Refusal
from cloud.core.rule import Rule, RuleWanted
from cloud.core.signs import CLOSED_S, LATE_S, Sight, observations
from tests.shops import ALL_DAYS, PLACED, a_shop, at, at_rest, busy, reading, with_wifi, without

SHOP = a_shop(capacity=40)
TUESDAY = "2026-11-24"
AFTERNOON = at(f"{TUESDAY} 15:10")
ALL = RuleWanted(on=True)


def rules(shop: Shop = SHOP, **wanted: RuleWanted) -> dict[Kind, Rule]:
    return {kind: rule.in_force(shop, kind, wanted.get(kind.replace("-", "_"), ALL)) for kind in KINDS}


def sensor(now: int, age_s: int | None = 60, state: str = "counting", zone: str = "door") -> Condition:
    return Condition(sensor=f"acme:{zone}", zone=zone, state=state, last_report_at=age_s and now - age_s)


def hours(
    shop: Shop, day: str, scale: float = 1.0, lost: tuple[str, str] | None = None, placed: list[Placement] = PLACED
) -> dict[int, Period]:
    """The hours of a local date as they are rolled up, without those from the first to the second time `lost`."""
    span = calendar.day_of(shop.time_zone, date.fromisoformat(day))
    readings = busy(*span, shop.time_zone, scale)
    if lost is not None:
        readings = without(readings, *(at(f"{day} {one}", shop.time_zone) for one in lost))
    spans = calendar.hours_of(shop.time_zone, span)
    found = {start: [one for one in readings if start <= one.report.window_start < end] for start, end in spans}
    return {start: rollup.period(shop, start, end, placed, found[start]) for start, end in spans if found[start]}


def before(shop: Shop, day: str = TUESDAY, weeks: int = 8, scale: float = 1.0) -> dict[int, Period]:
    """The same weekday of the weeks before, each a little different."""
    last = date.fromisoformat(day)
    dates = [(last - timedelta(weeks=one)).isoformat() for one in range(1, weeks + 1)]
    return {s: p for n, one in enumerate(dates) for s, p in hours(shop, one, scale * (1 + 0.02 * (n % 3))).items()}


def sight(now: int = AFTERNOON, shop: Shop = SHOP, **changes: object) -> Sight:
    told: dict[str, object] = {
        "shop": shop,
        "now": now,
        "open_now": calendar.is_open(shop, now, now + 1),
        "sensors": [sensor(now)],
        "so_far": so_far.so_far(shop, now),
        "hours": {},
        "begun_at": 0,
    }
    return Sight(**(told | changes))  # type: ignore[arg-type]


def seen(kind: Kind, given: Sight, **wanted: RuleWanted) -> Observation | None:
    found = [one for one in observations(given, rules(given.shop, **wanted)) if one.kind == kind]
    return found[0] if found else None


def so(kind: Kind, given: Sight, **wanted: RuleWanted) -> bool | None:
    one = seen(kind, given, **wanted)
    return None if one is None else one.so


# Sensors


@pytest.mark.parametrize(("age_s", "late"), [(60, False), (LATE_S - 1, False), (LATE_S, True), (9000, True)])
def test_a_sensor_is_late_once_a_window_and_its_way_are_over(age_s: int, late: bool) -> None:
    one = seen("sensor-silent", sight(sensors=[sensor(AFTERNOON, age_s), sensor(AFTERNOON, zone="till")]))
    assert one is not None
    assert (one.so, one.facts.zones) == (late, ["door"] if late else [])
    assert one.since == (AFTERNOON - age_s if late else AFTERNOON)


@pytest.mark.parametrize(("clock", "hold_s"), [("15:10", 900), ("22:00", CLOSED_S)])
def test_it_is_waited_for_longer_when_the_shop_is_closed(clock: str, hold_s: int) -> None:
    now = at(f"{TUESDAY} {clock}")
    one = seen("sensor-silent", sight(now, sensors=[sensor(now, 1000)]))
    assert one is not None and one.hold_s == hold_s


def test_a_sensor_never_heard_is_being_set_up() -> None:
    never = sight(sensors=[sensor(AFTERNOON, None, "new")])
    kinds: list[Kind] = ["sensor-silent", "sensor-deaf", "sensor-clock", "coverage-low", "quiet"]
    assert [so(kind, never) for kind in kinds] == [False, False, False, None, None]


def test_nobody_is_called_silent_before_the_cloud_has_listened_itself() -> None:
    late = [sensor(AFTERNOON, 3000)]
    assert so("sensor-silent", sight(sensors=late, listening_since=AFTERNOON - LATE_S + 1)) is None
    assert so("sensor-silent", sight(sensors=late, listening_since=AFTERNOON - LATE_S)) is True


@pytest.mark.parametrize(("kind", "state"), [("sensor-deaf", "deaf"), ("sensor-clock", "clock")])
def test_a_sensor_that_is_ill_is_known_to_be_while_it_speaks(kind: Kind, state: str) -> None:
    assert so(kind, sight(sensors=[sensor(AFTERNOON, state=state)])) is True
    assert so(kind, sight()) is False
    assert so(kind, sight(sensors=[sensor(AFTERNOON, LATE_S, state=state)])) is None
    assert so(kind, sight(sensors=[sensor(AFTERNOON, 300, "silent")])) is None


# Coverage


@pytest.mark.parametrize(
    ("lost", "low"),
    [(None, False), (("12:00", "12:30"), None), (("11:00", "13:00"), True), (("09:00", "09:20"), False)],
)
def test_coverage_is_that_of_the_opening_hours_so_far(lost: tuple[str, str] | None, low: bool | None) -> None:
    assert so("coverage-low", sight(hours=hours(SHOP, TUESDAY, lost=lost))) is low


def test_hours_of_which_nothing_came_were_not_listened_to() -> None:
    one = seen("coverage-low", sight(hours=hours(SHOP, TUESDAY, lost=("11:00", "15:00"))))
    assert one is not None and (one.so, one.facts.share) == (True, 0.333)


def test_rest_by_plan_lowers_no_coverage() -> None:
    nine, ten = at(f"{TUESDAY} 09:00"), at(f"{TUESDAY} 10:00")
    resting = rollup.period(SHOP, nine, ten, PLACED, at_rest(nine, ten))
    assert so("coverage-low", sight(hours=hours(SHOP, TUESDAY) | {nine: resting})) is False


@pytest.mark.parametrize("clock", ["08:59", "09:30", "10:01", "20:02", "23:30"])
def test_before_the_first_hour_and_after_the_last_the_day_is_over(clock: str) -> None:
    one = seen("coverage-low", sight(at(f"{TUESDAY} {clock}")))
    assert one is not None and (one.so, one.over) == (False, True)


@pytest.mark.parametrize("state", ["silent", "deaf", "clock", "behind"])
def test_while_a_sensor_is_not_well_nothing_is_known_of_the_day(state: str) -> None:
    known = hours(SHOP, TUESDAY, 0.1) | before(SHOP)
    ill = sight(hours=known, sensors=[sensor(AFTERNOON), sensor(AFTERNOON, state=state, zone="till")])
    assert [so(kind, ill) for kind in ("coverage-low", "quiet", "busy")] == [None] * 3


def test_a_shop_is_not_reproached_with_the_day_it_was_set_up() -> None:
    set_up = hours(SHOP, TUESDAY, lost=("00:00", "13:00"))
    assert so("coverage-low", sight(hours=set_up, begun_at=min(set_up))) is None
    assert so("coverage-low", sight(hours=set_up, begun_at=min(set_up) - 86400)) is True


# Capacity


def windows(*devices: float, until: int = AFTERNOON, **told: object) -> list[Period]:
    starts = range(until // 300 * 300 - 300 * len(devices), until // 300 * 300, 300)
    readings = [with_wifi(reading(start, count), **told) for start, count in zip(starts, devices, strict=True)]
    return [
        rollup.period(SHOP, one.report.window_start, one.report.window_start + 300, PLACED, [one]) for one in readings
    ]


@pytest.mark.parametrize(
    ("devices", "above"),
    [((41, 42), True), ((9, 41), None), ((41, 9), None), ((41, 9, 41), None), ((40.4, 40), False), ((55, 9, 9), False)],
)
def test_two_windows_decide_whether_a_shop_is_too_full(devices: tuple[float, ...], above: bool | None) -> None:
    assert so("over-capacity", sight(windows=windows(*devices))) is above


def test_a_flooded_window_a_stale_one_and_half_a_shop_say_nothing_of_who_is_inside() -> None:
    assert so("over-capacity", sight(windows=windows(60, 60, flooded=True))) is None
    assert so("over-capacity", sight(windows=windows(60, 60, until=AFTERNOON - 1200))) is None
    half = [replace(one, coverage=0.5) for one in windows(9, 9)]
    assert so("over-capacity", sight(windows=half)) is None
    assert so("over-capacity", sight(windows=[replace(one, coverage=0.5) for one in windows(60, 60)])) is True


def test_when_the_radios_rest_a_crowd_is_over() -> None:
    start = AFTERNOON // 300 * 300 - 300
    resting = rollup.period(SHOP, start, start + 300, PLACED, at_rest(start, start + 300))
    one = seen("over-capacity", sight(windows=[*windows(60, 60, until=start), resting]))
    assert one is not None and (one.so, one.over, one.facts.figure) == (False, True, None)


# Quiet and busy


@pytest.mark.parametrize(
    ("scale", "quiet", "is_busy"), [(1.0, False, False), (0.5, True, False), (1.6, False, True), (0.75, None, False)]
)
def test_a_day_is_unusual_beside_the_same_weekdays(scale: float, quiet: bool | None, is_busy: bool) -> None:
    given = sight(hours=hours(SHOP, TUESDAY, scale) | before(SHOP))
    assert (so("quiet", given), so("busy", given)) == (quiet, is_busy)


def test_the_figures_stand_with_their_range_and_definition() -> None:
    one = seen("quiet", sight(hours=hours(SHOP, TUESDAY, 0.5) | before(SHOP)))
    assert one is not None and one.facts.figure is not None and one.facts.usual is not None
    now, usual = one.facts.figure, one.facts.usual
    assert (now.definition, usual.definition, one.facts.weeks) == ("visitors/2", "usual-so-far/1", 8)
    assert now.low < now.value < now.high < usual.low <= usual.value <= usual.high
    assert one.at == at(f"{TUESDAY} 15:00") == one.facts.until


@pytest.mark.parametrize(
    "changes",
    [
        {"hours": hours(SHOP, TUESDAY, 0.5, lost=("12:00", "13:00")) | before(SHOP)},
        {"hours": hours(SHOP, TUESDAY, 0.5) | before(SHOP, weeks=3)},
        {"hours": hours(SHOP, TUESDAY, 0.5) | before(SHOP), "factor_at": at("2026-11-10 12:00")},
        {"hours": hours(SHOP, TUESDAY, 0.5) | before(SHOP), "now": at(f"{TUESDAY} 10:30")},
        {
            "hours": hours(SHOP, TUESDAY, 0.5) | before(SHOP),
            "shop": a_shop(holidays=[Holiday(date=TUESDAY, name="Fair", opens="09:00", closes="20:00")]),
        },
    ],
    ids=["incomplete", "three weeks", "calibrated since", "one hour", "holiday"],
)
def test_what_cannot_be_compared_is_not(changes: dict[str, object]) -> None:
    assert so("quiet", sight(**changes)) is None


def test_a_small_shop_is_not_called_unusual_by_chance() -> None:
    few = Figure(value=2.0, low=1.0, high=3.0, coverage=1.0, definition="visitors/2")
    assert unusual.is_unusual(few, [4.0] * 8, 0.3, fewer=True) is None


# Days


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-10-25"),
        ("Europe/Berlin", "2026-03-29"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Africa/Cairo", "2026-04-24"),
    ],
)
def test_on_a_day_the_clock_changes_hours_match_one_to_one_or_not_at_all(zone: str, day: str) -> None:
    shop = a_shop(time_zone=zone, hours=[])
    now = at(f"{day} 23:00", zone)
    today = so_far.so_far(shop, now)
    assert today.date.isoformat() == day and not today.is_over
    for weeks in range(1, 9):
        starts = so_far.weeks_before(shop, today.hours, weeks)
        assert starts is None or len({*starts}) == len(today.hours)
    late = [one for one in today.hours if one[0] >= at(f"{day} 09:00", zone)]
    starts = so_far.weeks_before(shop, late, 1)
    wall = [
        at(f"{(date.fromisoformat(day) - timedelta(days=7)).isoformat()} {hour:02}:00", zone) for hour in range(9, 22)
    ]
    assert starts == wall


def test_an_ordinary_day_is_matched_across_a_change_of_the_clock() -> None:
    monday = a_shop()
    now = at("2026-10-26 15:10")  # the clock changed the day before
    known = hours(monday, "2026-10-26", 0.5) | before(monday, "2026-10-26")
    assert so("quiet", sight(now, monday, hours=known)) is True


def test_an_opening_past_midnight_belongs_to_the_day_it_began_on() -> None:
    bar = a_shop(hours=[OpeningHours(days=ALL_DAYS, opens="18:00", closes="02:00")])
    assert so_far.so_far(bar, at("2026-11-25 01:30")).date == date(2026, 11, 24)
    assert len(so_far.so_far(bar, at("2026-11-25 01:30")).hours) == 7
    assert so_far.so_far(bar, at("2026-11-25 02:10")).hours == []
    assert so_far.so_far(bar, at("2026-11-25 02:10")).date == date(2026, 11, 25)


# Rules


def test_where_nothing_was_said_sensors_are_watched_and_days_are_not() -> None:
    on = {kind for kind in KINDS if rule.in_force(a_shop(), kind, None).on}
    assert on == {kind for kind in KINDS if kind.startswith("sensor-")} | {"coverage-low"}
    assert rule.in_force(SHOP, "over-capacity", None) == Rule(kind="over-capacity", on=True, limit=40.0, hold_s=600)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("over-capacity", RuleWanted(on=True)),
        ("over-capacity", RuleWanted(on=True, limit=0.5)),
        ("over-capacity", RuleWanted(on=True, limit=30.5)),
        ("quiet", RuleWanted(on=True, limit=30)),
        ("busy", RuleWanted(on=True, limit=-1)),
        ("coverage-low", RuleWanted(on=True, limit=1.5)),
        ("sensor-silent", RuleWanted(on=True, limit=1)),
        ("sensor-silent", RuleWanted(on=True, hold_s=60)),
        ("quiet", RuleWanted(on=True, hold_s=10**6)),
        ("quiet", RuleWanted(on=True, limit=float("nan"))),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(kind: Kind, wanted: RuleWanted) -> None:
    with pytest.raises(Refusal):
        rule.checked(a_shop(), kind, wanted)


def test_where_no_sensor_stands_any_longer_none_is_silent() -> None:
    assert so("sensor-silent", sight(sensors=[])) is False
