"""The panel: noised numbers added up, how far the noise can have moved them, and what they cost."""

import random
from collections.abc import Iterable
from datetime import date
from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from agent.contract import Report, encode
from agent.core import noise
from agent.core.noise import Day, Hour, noised_day, noised_hour
from cloud.core import budget, calendar, disclosure, laplace, panel, stays, today
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import SensorState
from cloud.core.glossary import DEFINITIONS
from cloud.core.rollup import Reading
from cloud.core.visits import PanelDay, PanelFigure
from cloud.dashboard import panel as section
from cloud.dashboard.words import Words
from cloud.language import ENGLISH
from tests.shops import (
    SENSOR,
    ZONE,
    a_dwell_day,
    a_sensor,
    a_shop,
    an_hour,
    at,
    at_rest,
    busy,
    keeping,
    visited,
    with_wifi,
    without,
)

WORDS = Words(ENGLISH)
TUESDAY = date(2026, 11, 24)
START, END = at("2026-11-24 00:00"), at("2026-11-25 00:00")
FOUR = at("2026-11-25 04:00")
EDGES_S = (300, 900, 1800, 3600, 7200, 14400)
PLACED = PlacedShop(shop=a_shop(), placements=[Placement(sensor=SENSOR, zone="door")])
TWO = PlacedShop(shop=a_shop(), placements=[*PLACED.placements, Placement(sensor="acme:back", zone="back")])


def hour(clock: int) -> int:
    return at(f"2026-11-24 {clock:02}:00")


def tuesday(readings: Iterable[Reading], placed: PlacedShop = PLACED, until: int = FOUR) -> PanelDay:
    (told,) = panel.days(placed, list(readings), TUESDAY, TUESDAY, until)
    return told


def a_day(hours: dict[int, tuple[int, int]], stays_: list[int] | None = None) -> list[Reading]:
    """Tuesday and the night after it, heard without a gap; `hours` by the clock."""
    told = {hour(clock): counts for clock, counts in hours.items()}
    return visited(busy(START, FOUR), told, {FOUR: stays_} if stays_ else None)


def moved(readings: Iterable[Reading], **key: object) -> list[Reading]:
    return [replace(one, **key) for one in readings]


def shown(figure: PanelFigure) -> tuple[float | None, float | None, float | None]:
    return figure.value, figure.low, figure.high


# The sum of noise


def added(scales: Iterable[int], reach: int) -> dict[int, float]:
    """The law of the added noise, convolved term by term, up to `reach`."""
    law = {0: 1.0}
    for scale in scales:
        q = exp(-1 / scale)
        one = {k: (1 - q) / (1 + q) * q ** abs(k) for k in range(-reach, reach + 1)}
        sums: dict[int, float] = {}
        for a, p in law.items():
            for b, r in one.items():
                if abs(a + b) <= reach:
                    sums[a + b] = sums.get(a + b, 0.0) + p * r
        law = sums
    return law


@pytest.mark.parametrize("scales", [(1,), (3,), (1, 3), (2,) * 7, (1,) * 11, (1, 1, 1, 3, 3, 3)])
def test_the_half_width_is_that_of_the_convolved_law(scales: tuple[int, ...]) -> None:
    law = added(scales, 120)
    held = [sum(p for k, p in law.items() if abs(k) <= width) for width in range(40)]
    half = laplace.half_width(scales)
    assert held[half] >= 0.8 > held[half - 1]
    for width in range(40):
        assert laplace.within(width, scales) == pytest.approx(held[width], abs=1e-6)


def test_the_half_width_of_one_number_by_hand() -> None:
    # P(|k| > w) = 2 q^(w + 1) / (1 + q): of scale 1 (q = 0.3679) 0.538 for w = 0 and 0.198 for w = 1;
    # of scale 3 (q = 0.7165) 0.220 for w = 4 and 0.158 for w = 5.
    assert [laplace.half_width([scale]) for scale in (1, 3)] == [1, 5]
    assert laplace.within(1, [1]) == pytest.approx(0.8021, abs=1e-4)
    assert laplace.within(5, [3]) == pytest.approx(0.8423, abs=1e-4)
    assert laplace.half_width([]) == 0


def test_a_scale_the_contract_allows_and_no_sensor_uses_is_soon_told() -> None:
    assert laplace.half_width([1000]) == 1609  # the continuous law's is 1000 ln 5 = 1609.4


# Golden numbers


def test_a_day_by_hand() -> None:
    told = tuesday(a_day({10: (12, 20), 11: (-1, 3), 12: (15, 14)})).wifi
    assert shown(told.arrivals) == (26.0, 23.0, 29.0)  # three of scale 1: 3 holds 87 %, 2 hold 75 %
    assert shown(told.visits) == (37.0, 28.0, 46.0)
    assert shown(told.returns) == (11.0, 2.0, 20.0)
    assert told.arrivals.coverage == pytest.approx(3 / 24)
    assert [laplace.half_width(one) for one in ((3,) * 3, (1, 1, 1, 3, 3, 3))] == [9, 9]
    ten = told.hours[10]
    assert (ten.start, ten.end, ten.rested) == (hour(10), hour(11), 0.0)
    assert (shown(ten.arrivals), shown(ten.visits), shown(ten.returns)) == ((12, 11, 13), (20, 15, 25), (8, 3, 13))
    assert ten.arrivals.coverage == 1.0


def test_an_hour_of_which_nothing_was_told_is_null_and_not_zero() -> None:
    told = tuesday(a_day({10: (0, 0)})).wifi
    assert shown(told.hours[10].visits)[0] == 0.0
    assert shown(told.hours[11].visits) == (None, None, None)
    assert told.hours[11].visits.coverage == 0.0
    assert shown(tuesday(busy(START, FOUR)).wifi.visits) == (None, None, None)


def test_what_is_below_zero_is_added_as_it_came() -> None:
    told = tuesday(a_day(dict.fromkeys(range(9, 13), (-2, -3)))).wifi
    assert (told.arrivals.value, told.visits.value) == (-8.0, -12.0)


def test_stays_by_hand() -> None:
    # Of 100 devices 40 stayed less than 5 minutes and 30 less than 15: half of them 5 + 10 * 10/30 minutes.
    # The noise of seven bins is within 9 four times out of five: 2 * 40 - 100 = -20 at 5 minutes, 40 at 15, so
    # the range is where that lead is -9 and 9: 5 + 10 * 11/60 and 5 + 10 * 29/60 minutes.
    told = tuesday(a_day({10: (9, 9)}, [40, 30, 20, 8, 2, 0, 0])).wifi.stays
    assert told is not None
    assert (told.start, told.end, told.edges_s) == (at("2026-11-24 04:00"), FOUR, list(EDGES_S))
    assert [one.value for one in told.devices] == [40, 30, 20, 8, 2, 0, 0]
    assert shown(told.devices[0]) == (40.0, 37.0, 43.0)
    assert laplace.half_width([2] * 7) == 9
    assert shown(told.median) == pytest.approx((5 + 10 / 3, 5 + 110 / 60, 5 + 290 / 60))
    assert told.median.fewer_than is None


@pytest.mark.parametrize(
    "devices",
    [
        [8, 4, 2, 1, 1, 1, 0],  # 17 devices: a half-width of 9 is more than a quarter of them
        [-3, 1, 0, 0, 0, 0, 0],
        [20, 10, 10, 5, 5, 5, 50],  # half of them may have stayed beyond the last edge
    ],
)
def test_there_is_no_median_where_it_would_say_nothing(devices: list[int]) -> None:
    assert stays.median_s(EDGES_S, devices, 9) is None


def test_a_panel_too_small_for_a_median_says_so() -> None:
    told = tuesday(a_day({10: (9, 9)}, [8, 4, 2, 1, 1, 1, 0])).wifi.stays
    assert told is not None
    assert shown(told.median) == (None, None, None)
    assert told.median.fewer_than == 18


@given(st.lists(st.integers(-10, 200), min_size=7, max_size=7), st.integers(0, 30))
def test_a_median_lies_in_its_range(devices: list[int], half: int) -> None:
    found = stays.median_s(EDGES_S, devices, half)
    if found is not None:
        middle, low, high = found
        assert 0 <= low <= middle <= high <= EDGES_S[-1]


# What counts, and once


def test_the_same_report_twice_and_in_any_order_changes_nothing() -> None:
    readings = a_day({clock: (clock, 2 * clock) for clock in range(9, 20)}, [9, 8, 7, 6, 5, 4, 3])
    again = readings + readings[50:200]
    random.Random(1).shuffle(again)
    assert encode(tuesday(again)) == encode(tuesday(readings))


def test_of_a_cell_with_two_values_the_first_by_epoch_and_sequence_counts() -> None:
    once = a_day({10: (12, 20)})
    other = moved(a_day({10: (50, 50)}), epoch="1" * 16)
    earlier = moved(a_day({10: (7, 8)}), sequence=-1)
    assert tuesday(once + other).wifi.visits.value == tuesday(other + once).wifi.visits.value == 20.0
    assert tuesday(once + other + earlier).wifi.visits.value == 8.0


def test_sensors_add_up_and_one_that_tells_nothing_lowers_coverage() -> None:
    door, back = a_day({10: (12, 20)}), moved(a_day({10: (5, 6)}), sensor="acme:back")
    both = tuesday(door + back, TWO).wifi.hours[10].arrivals
    assert shown(both) == (17.0, 15.0, 19.0)
    assert both.coverage == 1.0
    assert tuesday(door, TWO).wifi.hours[10].arrivals.coverage == 0.5


def test_bluetooth_is_a_panel_of_its_own() -> None:
    def with_ble(one: Reading) -> Reading:
        wifi = one.report.wifi
        assert wifi is not None
        heard = replace(wifi, visits=an_hour(hour(10), 30, 40))
        return replace(one, report=replace(one.report, ble=heard if wifi.visits is not UNSET else None))

    readings = a_day({10: (12, 20)})
    told = tuesday(map(with_ble, readings))
    assert told.ble is not None
    assert (told.wifi.visits.value, told.ble.visits.value) == (20.0, 40.0)
    assert tuesday(readings).ble is None


def test_an_hour_that_heard_nothing_tells_noise_alone_and_is_left_out() -> None:
    def night(one: Reading) -> Reading:
        start = one.report.window_start - 3300
        if start % 3600 == 0 and start < hour(8):
            return with_wifi(one, visits=an_hour(start, 3, -4, listened_s=0.0))
        return one

    resting = [*at_rest(START, hour(9)), *busy(hour(9), hour(20)), *at_rest(hour(20), FOUR)]
    readings = visited(resting, {hour(clock): (10, 12) for clock in range(9, 20)})
    told = tuesday(map(night, readings)).wifi
    assert shown(told.hours[3].arrivals) == (None, None, None)
    assert (told.hours[3].rested, told.hours[3].arrivals.coverage) == (1.0, 0.0)
    assert told.visits.value == 11 * 12.0
    assert told.visits.coverage == 1.0  # nothing else was due


def test_an_hour_that_a_crash_has_stretched_belongs_to_the_window_that_brings_it() -> None:
    (last,) = [one for one in busy(hour(13), hour(16)) if one.report.window_start == hour(16) - 300]
    told = tuesday([with_wifi(last, visits=replace(an_hour(hour(13), 11, 12), end=hour(16)))]).wifi
    assert [one.visits.value for one in told.hours[13:16]] == [None, None, 12.0]


def test_only_hours_that_have_ended_are_told() -> None:
    told = tuesday(a_day({10: (12, 20)}), until=hour(14) + 600).wifi
    assert len(told.hours) == 14
    assert told.arrivals.coverage == pytest.approx(1 / 14)
    assert panel.days(PLACED, [], TUESDAY, date(2026, 11, 23), FOUR) == []


def test_stays_belong_to_the_date_on_which_the_panel_began() -> None:
    monday, until = date(2026, 11, 23), at("2026-11-24 05:00")
    readings = visited(busy(START, hour(5)), {hour(3): (1, 2)}, {hour(4): [40, 30, 20, 8, 2, 0, 0]})
    told = panel.days(PLACED, readings, monday, TUESDAY, until)
    assert [one.wifi.stays is not None for one in told] == [True, False]
    assert told[1].wifi.hours[3].visits.value == 2.0  # and the hour to the date on the wall


def test_a_sensor_with_other_bins_is_left_out_and_lowers_coverage() -> None:
    door = a_day(dict.fromkeys(range(24), (5, 5)), [40, 30, 20, 8, 2, 0, 0])
    other = replace(a_dwell_day(FOUR, [1, 2]), edges_s=[600])
    back = [
        with_wifi(one, dwell=other) if one.report.window_start == FOUR - 300 else one
        for one in moved(a_day(dict.fromkeys(range(24), (5, 5))), sensor="acme:inner")
    ]
    placed = PlacedShop(shop=a_shop(), placements=[*PLACED.placements, Placement(sensor="acme:inner", zone="back")])
    one, two = tuesday(door, placed).wifi.stays, tuesday(door + back, placed).wifi.stays
    assert one is not None and one == two
    assert one.median.coverage == pytest.approx(20 / 48)  # of 04:00 to 04:00, the last four hours were not told
    damaged = with_wifi(door[-1], dwell=a_dwell_day(FOUR, [1, 2, 3]))
    assert tuesday([*door[:-1], damaged]).wifi.stays is None


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_date_of_a_clock_change_has_all_its_hours(day: date, hours: int) -> None:
    (told,) = panel.days(PLACED, [], day, day, 2**40)
    assert len(told.wifi.hours) == hours
    begins, ends = calendar.panel_day_of(ZONE, day)
    assert ends - begins == 86400  # the clock changed before 04:00
    assert calendar.panel_date_at(ZONE, begins) == calendar.panel_date_at(ZONE, ends - 1) == day


counts = st.integers(-20, 200)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.integers(0, 23), st.tuples(counts, counts)))
def test_hours_add_up_to_their_day(hours: dict[int, tuple[int, int]]) -> None:
    ends = [one for one in busy(START, END) if (one.report.window_start + 300) % 3600 == 0]
    told = tuesday(visited(ends, {hour(clock): both for clock, both in hours.items()})).wifi
    for name in ("arrivals", "visits", "returns"):
        values = [getattr(one, name).value for one in told.hours if getattr(one, name).value is not None]
        assert getattr(told, name).value == (sum(values) if values else None)


# How often the range holds the truth, by simulation with the sensor's own noise


def test_the_range_holds_the_truth_four_times_out_of_five() -> None:
    below, trials = random.Random(7).randrange, 1500
    truth = [Hour(hour(clock), hour(clock + 1), 3600.0, clock, 2 * clock) for clock in range(9, 20)]
    ends = [one for one in busy(hour(9), hour(20)) if (one.report.window_start + 300) % 3600 == 0]
    true = {"arrivals": sum(one.arrivals for one in truth), "visits": sum(one.visits for one in truth)}
    true["returns"] = true["visits"] - true["arrivals"]
    held = dict.fromkeys([*true, "hour"], 0)
    for _ in range(trials):
        told = tuesday(
            with_wifi(one, visits=noised_hour(real, below)) for one, real in zip(ends, truth, strict=True)
        ).wifi
        for name, number in true.items():
            held[name] += getattr(told, name).low <= number <= getattr(told, name).high
        held["hour"] += told.hours[12].visits.low <= 24 <= told.hours[12].visits.high
    scales = {"arrivals": [1] * 11, "visits": [3] * 11, "returns": [1, 3] * 11, "hour": [3]}
    for name, each in scales.items():
        claimed = laplace.within(laplace.half_width(each), each)
        assert 0.8 <= claimed < 0.86, name
        assert held[name] / trials == pytest.approx(claimed, abs=0.03), name  # 3 standard errors


@pytest.mark.parametrize("devices", [(40, 30, 20, 8, 2, 0, 0), (12, 30, 50, 40, 9, 3, 1)])
def test_the_range_of_a_median_holds_the_true_one(devices: tuple[int, ...]) -> None:
    below, trials = random.Random(3).randrange, 1500
    half = laplace.half_width([noise.DWELL_SCALE] * 7)
    true = stays.median_s(EDGES_S, devices, 0)
    assert true is not None
    held = told = 0
    for _ in range(trials):
        found = stays.median_s(EDGES_S, noised_day(Day(0, 86400, devices), below).devices, half)
        if found is not None:
            told += 1
            held += found[1] <= true[0] <= found[2]
    assert told > 0.99 * trials
    assert 0.79 <= held / told <= 0.88


# What is shown, and what it costs


def test_few_are_not_shown_and_nobody_is_less_than_nobody() -> None:
    exact = tuesday(a_day({10: (9, 10), 11: (-4, 30)}, [9, 12, 40, 2, 0, -1, 0]))
    told = disclosure.disclosed_day(exact).wifi
    ten, eleven = told.hours[10], told.hours[11]
    assert (shown(ten.arrivals), ten.arrivals.fewer_than) == ((None, None, None), 10)
    assert (shown(ten.visits), ten.visits.fewer_than) == ((10.0, 5.0, 15.0), None)
    assert (shown(eleven.arrivals), eleven.arrivals.fewer_than) == ((None, None, None), 10)
    assert shown(told.hours[12].arrivals) == (None, None, None)
    assert told.hours[12].arrivals.fewer_than is None  # not told, which is not the same
    assert told.visits.value == 40.0
    assert told.stays is not None
    assert [one.value for one in told.stays.devices] == [None, 12.0, 40.0, None, None, None, None]
    low = tuesday(a_day({10: (0, 11)} | dict.fromkeys(range(11, 16), (0, 0))))
    assert shown(low.wifi.visits) == (11.0, -2.0, 24.0)
    assert shown(disclosure.disclosed_day(low).wifi.visits) == (11.0, 0.0, 24.0)


def test_a_median_is_shown_in_whole_minutes_its_range_outward() -> None:
    told = disclosure.disclosed_day(tuesday(a_day({10: (9, 9)}, [40, 30, 20, 8, 2, 0, 0]))).wifi.stays
    assert told is not None
    assert shown(told.median) == (8.0, 6.0, 10.0)


def test_every_definition_is_in_the_glossary_with_its_caveat() -> None:
    entries = {one.name: one for one in DEFINITIONS}
    for name in (*panel.COUNTS, panel.STAYS, panel.MEDIAN):
        for word in ("minority", "not people", "on purpose"):
            assert word in entries[name].caveat, (name, word)


def test_the_budget_is_what_the_sensor_says_or_what_its_noise_amounts_to_if_that_is_more() -> None:
    readings = a_day({10: (12, 20)}, [9, 8, 7, 6, 5, 4, 3])
    for said, spent in ((2.5, 2.5), (0.0, 2.5), (4.0, 4.0)):
        told = budget.budget(PLACED, [replace(a_sensor(), privacy=keeping(said))], readings)
        assert (told.epsilon, told.epsilon_shop, told.longest_key_s) == (spent, spent, 86400.0)
    nothing_said = budget.budget(PLACED, [a_sensor()], readings)
    assert (nothing_said.epsilon, nothing_said.sensors[0].profile, nothing_said.longest_key_s) == (2.5, "D24", None)
    assert noise.EPSILON == 2.5
    assert budget.VISITS_CAP == noise.VISITS_CAP


def test_a_device_that_two_sensors_hear_pays_twice() -> None:
    door = replace(a_sensor(), privacy=keeping())
    back = replace(door, sensor="acme:back", zone="back")
    told = budget.budget(TWO, [door, back], [])
    assert (told.epsilon, told.epsilon_shop) == (2.5, 5.0)
    assert "two sensors" in told.note and "both" in told.note
    assert [(one.sensor, one.zone) for one in told.sensors] == [("acme:back", "back"), ("acme:door", "door")]
    unknown = budget.budget(TWO, [door, replace(back, privacy=None)], [])
    assert (unknown.epsilon, unknown.epsilon_shop) == (2.5, None)
    assert budget.budget(PLACED, [], []).epsilon is None
    only_counts = budget.budget(PLACED, [replace(door, privacy=keeping(0.0, "F5"))], [])
    assert (only_counts.epsilon, only_counts.epsilon_shop, only_counts.sensors[0].profile) == (0.0, 0.0, "F5")


def test_a_key_that_was_reset_is_told() -> None:
    readings = a_day({10: (12, 20)})
    reset = [replace(one, report=reset_in(one.report)) for one in readings[:1]] + readings[1:]
    assert not budget.budget(PLACED, [a_sensor()], readings).key_reset
    told = budget.budget(PLACED, [a_sensor()], reset)
    assert told.key_reset and told.sensors[0].key_reset


def on_the_page(readings: list[Reading], until: int, sensors: list[SensorState]) -> tuple[list[tuple[str, str]], str]:
    """(words, note) of every figure on the first page, and what it says of the noise."""
    cost = budget.budget(TWO, sensors, readings)
    told = panel.today(PLACED, readings, until, cost)
    exact = today.today(a_shop(), until, hours=[], windows=[], latest=None, sensors=sensors, panel=told)
    page = today.disclosed_today(exact)
    return [(one.words, one.note) for one in section.facts(page, WORDS)], section.noise(page, WORDS)


def test_the_page_says_why_a_figure_is_not_there() -> None:
    readings = visited(busy(START, hour(14)), {hour(10): (3, 40)}, {hour(4): [8, 4, 2, 1, 1, 1, 0]})
    one = [replace(a_sensor(), privacy=keeping())]
    told, noise_line = on_the_page(readings, hour(14), one)
    assert told == [
        ("fewer than 10", "Devices up to 14:00; 7\N{NARROW NO-BREAK SPACE}% listened, incomplete."),
        ("37", "32\N{EN DASH}42 visits up to 14:00; 7\N{NARROW NO-BREAK SPACE}% listened, incomplete."),
        ("\N{EN DASH}", "Fewer than 18 devices on Monday."),
    ]
    assert noise_line == "\N{GREEK SMALL LETTER EPSILON} = 2.5 per device and day"
    two = [*one, replace(one[0], sensor="acme:back")]
    early, noise_line = on_the_page(readings, hour(9), two)
    assert early[0] == ("\N{EN DASH}", "No hour of today has been told yet.")
    assert noise_line.endswith("2.5 per device and day at each sensor, 5 where both hear it")
    no_stays, _ = on_the_page(visited(busy(START, hour(14)), {hour(10): (3, 4)}), hour(14), one)
    assert no_stays[2] == ("\N{EN DASH}", "None was told on Monday.")
    assert on_the_page(busy(START, hour(14)), hour(14), one) == ([], "")


def reset_in(report: Report) -> Report:
    return replace(report, key_reset=True)


def test_the_first_page_shows_the_hours_so_far_and_the_stays_of_the_day_before() -> None:
    monday = at("2026-11-23 04:00")
    hours = {hour(clock): (10, 13) for clock in range(9, 14)}
    readings = visited(busy(monday, hour(14)), hours, {hour(4): [40, 30, 20, 8, 2, 0, 0]})
    until = hour(14) + 700
    assert panel.dates_today(ZONE, until) == (date(2026, 11, 23), TUESDAY)
    told = panel.today(PLACED, readings, until, budget.budget(PLACED, [], readings))
    assert told is not None
    assert (told.until, told.arrivals.value, told.returns.value) == (hour(14), 50.0, 15.0)
    assert (told.stays_date, told.stays is not None) == ("2026-11-23", True)
    assert panel.today(PLACED, without(readings, monday, END), until, told.budget) is None
    night = at("2026-11-24 02:00")  # the panel of Monday has not ended
    assert panel.dates_today(ZONE, night) == (date(2026, 11, 22), TUESDAY)
