"""The panel: visits worked by hand from sightings. Times are seconds; a gap of 15 minutes ends a visit."""

from agent.core.visits import GAP_S, MAX_GUESTS, STATIONARY_S, Panel


def seen(panel: Panel, tag: int, *times: float) -> None:
    for at in times:
        panel.hear(tag, at)


def test_one_burst_is_not_a_visit_and_two_are() -> None:
    panel = Panel()
    seen(panel, 1, 0, 0.5, 1.0)
    assert panel.hour() == (0, 0)
    seen(panel, 1, 60)
    assert panel.hour() == (1, 1)


def test_an_arrival_is_told_once_and_each_visit_too() -> None:
    panel = Panel()
    seen(panel, 1, 0, 60)
    seen(panel, 1, 60 + GAP_S + 1, 60 + GAP_S + 61)
    assert panel.hour() == (1, 2)
    assert panel.hour() == (0, 0)


def test_silence_of_just_the_gap_is_the_same_visit() -> None:
    panel = Panel()
    seen(panel, 1, 0, 60, 60 + GAP_S)
    assert panel.hour() == (1, 1)


def test_of_one_device_three_visits_count_and_no_more() -> None:
    panel = Panel()
    for visit in range(10):
        seen(panel, 1, 4000.0 * visit, 4000.0 * visit + 60)
    assert panel.hour() == (1, 3)


def test_the_length_of_the_first_visit_counts_and_of_no_other() -> None:
    panel = Panel()
    seen(panel, 1, 0, 200, 400)  # 400 s: the second bin
    seen(panel, 1, 5000, 6000 - 200, 6600, 7400)  # longer, and not counted
    panel.settle(20_000)
    assert panel.day() == (0, 1, 0, 0, 0, 0, 0)


def test_who_is_still_there_at_the_end_counts_as_long_as_it_stayed() -> None:
    panel = Panel()
    seen(panel, 1, 0, 100)
    seen(panel, 2, *range(0, 4000, 500))
    seen(panel, 3, 0)  # never recognised
    assert panel.day() == (1, 0, 0, 1, 0, 0, 0)


def test_what_never_leaves_is_found_after_eight_hours_and_left_out() -> None:
    panel = Panel()
    seen(panel, 7, *(float(at) for at in range(0, int(STATIONARY_S), 600)))
    assert panel.settle(STATIONARY_S - 600) == set()
    seen(panel, 7, STATIONARY_S)
    assert panel.settle(STATIONARY_S) == {7}
    panel.hour()
    seen(panel, 7, STATIONARY_S + 5000, STATIONARY_S + 5060)
    assert panel.hour() == (0, 0)
    assert sum(panel.day()) == 0


def test_eight_hours_with_a_break_are_not_stationary() -> None:
    panel = Panel()
    seen(panel, 7, *(float(at) for at in range(0, 4 * 3600, 600)))
    seen(panel, 7, *(float(at) for at in range(5 * 3600, 9 * 3600, 600)))
    assert panel.settle(9 * 3600) == set()


def test_what_is_packed_goes_on_as_if_nothing_had_been() -> None:
    straight, broken = Panel(), Panel()
    for panel in (straight, broken):
        seen(panel, 1, 0, 60, 700)
        seen(panel, 2, 10)
        seen(panel, 3, *(float(at) for at in range(0, int(STATIONARY_S) + 1, 600)))
        panel.settle(STATIONARY_S)
    again = Panel()
    again.unpack(*broken.pack())
    for panel in (straight, again):
        seen(panel, 1, 30_000, 30_060)
        seen(panel, 2, 30_000, 30_060)
        seen(panel, 3, 40_000, 40_060)
    assert again.hour() == straight.hour() == (3, 4)
    assert again.day() == straight.day()


def test_packed_it_fits_the_kernels_keyring_for_a_thousand_devices() -> None:
    panel = Panel()
    for tag in range(700):
        panel.hear(tag, 1.7e9)
    assert len(panel.pack()[0]) < 19_000


def test_a_full_panel_keeps_one_out_for_each_that_is_in() -> None:
    panel = Panel()
    for tag in range(MAX_GUESTS):
        panel.hear(tag, 0.0)
    seen(panel, MAX_GUESTS, 1, 61)
    assert panel.hour() == (0, 0)
    seen(panel, 0, *(float(at) for at in range(300, int(STATIONARY_S) + 900, 600)))
    assert panel.settle(STATIONARY_S + 900) == {0}
    panel.hour()
    seen(panel, MAX_GUESTS, 40_000, 40_060)  # the place of what never leaves stays taken
    assert panel.hour() == (0, 0)
