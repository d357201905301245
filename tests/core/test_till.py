"""Sales: read from what tills and spreadsheets write, refused where two things can be meant, and added up."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.contract import TillHour, TillHours
from cloud.core import calendar, spelling, till, till_file
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.till import Sale
from tests.shops import ZONE, at

NOON = at("2026-11-24 12:00")
NOW = NOON + 3600


def read(text, zone=ZONE):
    """(local time, transactions, items, net sales) of every line."""
    content = till_file.read(text if isinstance(text, bytes) else text.encode(), zone, "till-1")
    return [(till.written(zone, one.hour)[:16], one.transactions, one.items, one.net_sales) for one in content.sales]


def refused(text, zone=ZONE):
    with pytest.raises(Refusal) as error:
        read(text, zone)
    assert isinstance(error.value.args[0], Saying)
    return str(error.value)


def sale(hour=NOON, source="till-1", transactions=3, **more):
    return Sale(hour=hour, source=source, transactions=transactions, **more)


GERMAN = (
    "\ufeffDatum;Uhrzeit;Bons;Artikel;Umsatz (EUR)\r\n"
    "24.11.2026;14:00;31;54;1.812,50 €\r\n24.11.26;15 Uhr;0;;-19,90 €\r\n;;;;\r\n"
)
EXCEL = (
    "sep=,\nUmsatz,Bons,Datum,Stunde,Stück\n"
    '"1.812,50",31,24.11.2026 00:00:00,14:00-15:00,54\n"19,90-",0,24.11.2026 00:00:00,15:00 - 15:59,\n'
)
TOLD = [("2026-11-24T14:00", 31, 54, 1812.5), ("2026-11-24T15:00", 0, None, -19.9)]


@pytest.mark.parametrize(
    "text",
    [
        "hour,transactions,items,net_sales\n2026-11-24T14:00,31,54,1812.50\n2026-11-24T15:00:00+01:00,0,,-19.9\n",
        GERMAN,
        EXCEL,
        "Date et heure;Tickets;Articles;CA HT\n24/11/2026 14h00;31;54;1 812,50\n24/11/2026 15h;0;;(19,90)\n",
        "Date\tTime\tReceipts\tQty\tNet sales\n11/24/2026\t2:00 PM\t31\t54\t1,812.50\n11/24/2026\t3 pm\t0\t\t-19.9\n",
        "小时,交易笔数,件数,销售额\n2026年11月24日 14时,31,54,¥1812.50\n2026/11/24 15:00,0,,-¥19.9\n",
        "\n\nTRANSACTIONS;Hour;Items;net-sales\n31.0;2026-11-24 13:00Z;54;1812.5\n0;2026-11-24 14:00Z;;\u221219.9",
    ],
    ids=["iso", "german", "excel", "french", "american", "chinese", "utc"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "of the country"])
def test_what_tills_and_spreadsheets_export_is_read(text, encoding):
    if encoding == "of the country":
        encoding, text = "gb18030" if "小时" in text else "cp1252", text.strip("\ufeff").replace("\u2212", "-")
    assert read(text.encode(encoding)) == TOLD


def test_what_is_not_utf_8_is_read_by_its_header_and_that_is_said():
    content = till_file.read("Stunde;Bons;Stück\n24.11.2026 14:00;31;54".encode("cp1252"), ZONE, "till-1")
    assert [one.items for one in content.sales] == [54]
    assert content.notes == ["The file is not in UTF-8; it was read as Windows-1252."]


def test_columns_nobody_asked_for_are_passed_over_and_named():
    content = till_file.read(b"hour,shop,transactions,card\n2026-11-24T14:00,1,31,x\n", ZONE, "till-1")
    assert content.notes == ["Columns that were not used: shop, card."]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The file is empty"),
        ("\ufeff\r\n \r\n", "The file is empty"),
        ("hour,transactions\n", "no line below the header"),
        ("shop;people\n1;2", 'The header is "shop;people". Write a first line as hour;transactions;items;net_sales'),
        (b"\x89PNG\r\n\x1a\n\xff\x00", "not text in UTF-8"),
        (b"x" * 5_000_001, "larger than 5 MB"),
        ("hour,transactions,Umsatz,Revenue\n2026-11-24T14:00,1,2,3", '"Umsatz" and "Revenue" are both net_sales'),
        ("hour,transactions\n\n2026-11-24T14:30,3", "Line 3: 2026-11-24T14:30+01:00 lies within an hour"),
        ("hour,transactions\n2026-11-24T14:30,3", "write 2026-11-24T14:00+01:00 (or 1795525200)"),
        (
            "hour,transactions\n2026-11-24T14:00,3\n\n2026-11-24T13:00Z,4",
            "Line 4: 2026-11-24T14:00+01:00 is in line 2 too",
        ),
        ("hour,transactions\n2026-11-24T14:00,-3", 'Line 2: "-3" should be a whole number from 0 on'),
        ("hour,transactions\n2026-11-24T14:00,3.5", 'Line 2: "3.5" should be a whole number'),
        ("hour,transactions\n2026-11-24T14:00,", 'Line 2: "" is no number'),
        ("hour,transactions\n2026-11-24T14:00,many", 'Line 2: "many" is no number'),
        ("hour,transactions\n2026-11-24T14:00,9999999", 'Line 2: "9999999" is too much for one hour'),
        ("hour,transactions,sales\n2026-11-24T14:00,3," + "9" * 400, "is too much for one hour"),
        ("hour,transactions\nTotal,3", 'Line 2: "Total" is no date with an hour'),
        ("hour,transactions\n2026-11-24,3", 'Line 2: "2026-11-24" is no date with an hour'),
        ("hour,transactions\n2026-02-30T14:00,3", "is no date with an hour"),
        ("hour,transactions\n0001-01-01T00:00,3", "is not in this century"),
        ("hour,transactions\n9999-12-31T23:00-14:00,3", "is not in this century"),
        ("hour,transactions\n2026-11-24T14:00-15:00,3", "is no date with an hour"),
        ("hour,transactions\n2026-11-24 09:00-10:00,3", "can be a span or an offset"),
        ("hour,transactions\n2026-11-24 09:00 - 12:00,3", "is not one hour"),
        ("date,transactions\n05/06/2026 14:00,3", 'Line 2: "05/06/2026 14:00" can be two dates'),
        ("hour;transactions;sales\n2026-11-24T14:00;3;1.234", 'Line 2: "1.234" can be read in two ways'),
        ("hour,transactions,sales\n2026-11-24T14:00,3,12,50", "Line 2: more cells than the header has names"),
        ('hour,transactions\n"2026-11-24T14:00,3', "Line 2: a quotation mark is missing"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line_and_what_to_write(text, says):
    assert says in refused(text)


def test_a_file_is_taken_whole_or_not_at_all():
    good = "".join(f"2026-11-24T{hour:02}:00,1\n" for hour in range(9, 20))
    assert len(read(f"hour,transactions\n{good}")) == 11
    assert refused(f"hour,transactions\n{good}rubbish,1\n").startswith("Line 13: ")


def test_one_cell_that_can_be_read_in_one_way_decides_for_all_beside_it():
    assert [one[3] for one in read("hour;bons;sales\n2026-11-24T14:00;3;1.234\n2026-11-24T15:00;1;2,5")] == [1234, 2.5]
    lines = "hour;bons\n05/06/2026 14:00;3\n13/06/2026 14:00;4"
    assert [one[0][:10] for one in read(lines)] == ["2026-06-05", "2026-06-13"]
    assert [one[0][:10] for one in read(lines.replace("13/06", "06/13"))] == ["2026-05-06", "2026-06-13"]


def test_an_hour_that_the_clock_repeats_needs_its_offset():
    says = refused("hour,transactions\n2026-10-25T02:00,3")
    assert "write 2026-10-25T02:00+02:00 or 2026-10-25T02:00+01:00" in says
    both = till_file.from_csv("hour,transactions\n2026-10-25T02:00+02:00,3\n2026-10-25T02:00+01:00,4", ZONE, "a")
    assert [one.hour for one in both] == [at("2026-10-25 02:00"), at("2026-10-25 02:00") + 3600]


def test_an_hour_that_the_clock_skips_is_refused():
    assert "skipped by the change of the clock" in refused("hour,transactions\n2026-03-29T02:00,3")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"])
def test_every_hour_of_a_year_reads_back_from_what_is_written_of_it(zone):
    hours = [
        start for start, _ in calendar.hours_of(zone, (at("2026-01-01 00:00", zone), at("2027-01-01 00:00", zone)))
    ]
    text = "hour,transactions\n" + "".join(f"{till.written(zone, hour)},1\n" for hour in hours)
    assert [one.hour for one in till_file.from_csv(text, zone, "a")] == hours
    walls = [datetime.fromtimestamp(hour, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for hour in hours]
    often = Counter(walls)
    once = [(hour, wall) for hour, wall in zip(hours, walls, strict=True) if often[wall] == 1]
    text = "hour,transactions\n" + "".join(f"{wall:%Y-%m-%d %H:%M},1\n" for _, wall in once if wall.minute == 0)
    assert [one.hour for one in till_file.from_csv(text, zone, "a")] == [hour for hour, wall in once if not wall.minute]


@given(st.text(alphabet=st.sampled_from('hour,;\t\n"2026-T:0transcio.€ü小时'), max_size=120))
@example("hour,transactions\n2026-11-24T14:00,1\x00")
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        till_file.read(text.encode(), ZONE, "a")
    except Refusal as error:
        assert isinstance(error.args[0], Saying)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(payload):
    with pytest.raises(Refusal):
        till_file.read(payload, ZONE, "a")


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(["{:,.2f}", "{:.2f}"]), st.booleans())
def test_a_number_reads_back_from_either_way_to_write_it(number, form, english):
    text = form.format(number)
    mark = "." if english else ","
    if not english:
        text = text.translate(str.maketrans(".,", ",."))
    assert spelling.number(text, mark) == float(number)
    assert spelling.decimal_mark([text]) == mark


def test_a_tills_rows_name_their_hour_by_second_or_by_local_time():
    rows = [TillHour(hour=NOON, transactions=1), TillHour(hour="2026-11-24T13:00", transactions=2, items=-1)]
    found = till.from_rows(TillHours(source="till-1", rows=rows), ZONE, NOW)
    assert found == [sale(transactions=1), sale(NOON + 3600, transactions=2, items=-1)]


@pytest.mark.parametrize(
    ("hour", "says"),
    [
        (NOON + 60, "lies within an hour: write 2026-11-24T12:00+01:00"),
        ("2026-11-24T12:30", "lies within an hour"),
        ("2026-13-24T12:00", "is no time"),
        ("2026-10-25T02:00", "comes twice"),
        (NOW + 7200, "has not begun yet"),
        (0, "not in this century"),
        (2**40, "not in this century"),
        ("0001-01-01T00:00", "not in this century"),
        ("0001-01-01T00:00+14:00", "not in this century"),
        ("9999-12-31T23:00-14:00", "not in this century"),
        ("2026-11-24T12:00+99:99", "is no time"),
    ],
)
def test_a_row_of_no_hour_is_refused(hour, says):
    with pytest.raises(Refusal, match=says.replace("+", r"\+")):
        till.from_rows(TillHours(source="a", rows=[TillHour(hour=hour, transactions=1)]), ZONE, NOW)


def test_a_till_may_be_an_hour_ahead_and_tells_no_hour_twice():
    till.check([sale(NOW // 3600 * 3600 + 3600)], ZONE, NOW)
    till.check([sale(), sale(source="till-2")], ZONE, NOW)
    with pytest.raises(Refusal, match="is there twice"):
        till.check([sale(), sale(transactions=9)], ZONE, NOW)


@pytest.mark.parametrize("name", ["", "till 1", "till/1", "ü", "x" * 33, "a\n\nb"])
def test_a_source_has_a_plain_name(name):
    with pytest.raises(Refusal, match="cannot name a source"):
        till.source_name(name)
    assert till.source_name("Till-1_b.2") == "Till-1_b.2"


def test_sources_add_up_and_what_one_does_not_tell_is_null_of_the_sum():
    told = [sale(items=4, net_sales=0.1), sale(source="till-2", items=6, net_sales=0.2)]
    found = till.total(NOON, NOON + 3600, told)
    assert (found.hours, found.transactions, found.items, found.net_sales) == (1, 6, 10, 0.3)
    assert found.sources == ["till-1", "till-2"]
    partly = till.total(NOON, NOON + 3600, [*told, sale(NOON + 1, source="till-3")])
    assert (partly.transactions, partly.items, partly.net_sales) == (9, None, None)
    nothing = till.total(NOON, NOON + 3600, [])
    assert (nothing.hours, nothing.transactions, nothing.items, nothing.net_sales) == (0, None, None, None)


def test_a_till_told_under_two_names_looks_alike_and_two_tills_do_not():
    hours = [NOON + 3600 * one for one in range(20)]
    one = [sale(hour, "api", transactions=5 + index) for index, hour in enumerate(hours)]
    copy = [sale(hour, "csv", transactions=5 + index) for index, hour in enumerate(hours)]
    other = [sale(hour, "till-2", transactions=6 + index % 7) for index, hour in enumerate(hours)]
    closed = [sale(hour, "night", transactions=0) for hour in hours]
    assert till.alike([*other, *copy, *one, *closed]) == [("api", "csv", 20)]
