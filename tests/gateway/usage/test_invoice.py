"""Invoices as their tables come from consoles and hands, what is said of those that cannot be read, and both sums."""

from __future__ import annotations

import datetime
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Unacceptable
from gateway.usage.figures import DAY
from gateway.usage.invoice import (
    AGREES_NANO_USD,
    MOST_DAYS,
    MOST_LINES,
    Beside,
    Booked,
    Charge,
    by_day,
    by_model,
    in_all,
    read_invoice,
)

FIRST = 1_793_491_200 * 1_000_000
"""2026-11-01."""

DOLLAR = 10**9


def booked(day: int = 0, model: str = "mini", nano_usd: int = DOLLAR, **more: int) -> Booked:
    return Booked(FIRST + day * DAY, model, **{"requests": 1, "unpriced": 0, "estimated": 0, **more}, nano_usd=nano_usd)


@pytest.mark.parametrize(
    "day",
    [
        *("2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T23:59:59+00:00", "2026-11-01 08:00:00 UTC"),
        *("2026-11-01T05:00:00", "2026-11-02T01:00:00+02:00", "1793491200", "1793577599", "20261101T120000Z"),
    ],
)
@pytest.mark.parametrize("head", ["Date", "usage_date_utc", "Start Time (ISO)", "\N{BYTE ORDER MARK}day"])
def test_a_day_is_that_of_utc_however_it_is_written(day: str, head: str) -> None:
    assert read_invoice(f"{head},cost\n{day},1\n").charges == (Charge(FIRST, "", DOLLAR),)


@pytest.mark.parametrize(
    ("amount", "nano_usd"),
    [
        *(("12.34", 12_340_000_000), ("$12.34", 12_340_000_000), ("12.34 USD", 12_340_000_000), ("0", 0)),
        *(("1234.5", 1_234_500_000_000), ('"$1,234.50"', 1_234_500_000_000), ('"12,345,678"', 12_345_678 * DOLLAR)),
        *((".5", DOLLAR // 2), ("1.5e-05", 15_000), ("0.0000000014", 1), ("-3.25", -3_250_000_000)),
        *(("-$3", -3 * DOLLAR), ("$-3", -3 * DOLLAR), ("0.1", 100_000_000)),
    ],
)
def test_an_amount_is_exact_however_it_is_written(amount: str, nano_usd: int) -> None:
    assert read_invoice(f"date,amount\n2026-11-01,{amount}").charges[0].nano_usd == nano_usd


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_every_amount_that_can_be_booked_can_be_read(nano_usd: int) -> None:
    text = f"{nano_usd // 10**9 if nano_usd >= 0 else -(-nano_usd // 10**9)}.{abs(nano_usd) % 10**9:09}"
    text = text if nano_usd >= 0 or text.startswith("-") else f"-{text}"
    assert read_invoice(f"date,cost\n2026-11-01,{text}").charges[0].nano_usd == nano_usd


@given(st.dates(min_value=datetime.date(2015, 1, 1), max_value=datetime.date(2100, 1, 1)))
def test_every_date_is_its_own_day(day: datetime.date) -> None:
    (charge,) = read_invoice(f"date;cost\n{day};1").charges
    assert charge.day_us == (day - datetime.date(1970, 1, 1)).days * DAY


def test_columns_are_found_by_their_heads_and_others_passed_over() -> None:
    text = (
        "Organization\tUsage Date\tLine Item\tAPI key\tCost (USD)\tCurrency\nacme\t2026-11-01\tmini, input\tk\t2\tusd"
    )
    invoice = read_invoice(text)
    assert invoice.charges == (Charge(FIRST, "mini, input", 2 * DOLLAR),)
    assert invoice.names_models


def test_the_likelier_of_two_heads_is_taken() -> None:
    (charge,) = read_invoice("date,cost,cost_usd,model,description\n2026-11-01,9,2,mini,tokens").charges
    assert charge == Charge(FIRST, "mini", 2 * DOLLAR)


def test_sums_and_what_has_no_day_or_no_amount_is_left_out_and_told() -> None:
    invoice = read_invoice("date,cost\n2026-11-01,1,\n\n,5\n2026-11-02,\n2026-11-02,2\nTotal,8\n")
    assert [charge.nano_usd for charge in invoice.charges] == [DOLLAR, 2 * DOLLAR]
    assert invoice.left_out == (4, 5, 7)
    assert (invoice.since_us, invoice.until_us) == (FIRST, FIRST + 2 * DAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste the table with its line of heads"),
        ("date,cost\n", "Paste the table with its line of heads"),
        (
            "when,cost\n2026-11-01,1",
            "No column has the days: call it `date`, `day`, `usage_date` or the like. There is",
        ),
        ("date,eur\n2026-11-01,1", "No column has the amounts in US dollars"),
        ("date,cost\n11/01/2026,1", "Line 2 has `11/01/2026` for a day: write 2026-11-30"),
        ("date,cost\n2026-11-31,1", "Line 2 has `2026-11-31` for a day"),
        ("date,cost\n2026-11-01,1\n2026-11-02,twelve", "Line 3 has `twelve` for an amount"),
        ("date;cost\n2026-11-01;12,5", "Line 2 has `12,5` for an amount: write US dollars as 1234.56"),
        ("date,cost\n2026-11-01,1,234.50", "Line 2 has 3 cells below 2 heads"),
        ("date,cost\n2026-11-01,-", "Line 2 has `-` for an amount"),
        ("date,cost\n2026-11-01,€3", "for an amount"),
        ("date,cost\n2026-11-01,1e99", "which cannot be"),
        ("date,cost,currency\n2026-11-01,1,EUR", "Line 2 is in EUR: what is booked here is in US dollars"),
        ("date,cost\nTotal,5", "No line of this has a day and an amount"),
        ("date,cost\n2024-01-01,5\n2026-01-01,5", f"more than {MOST_DAYS} days"),
        ("date,cost\n" + "2026-11-01,1\n" * MOST_LINES, "can be compared at once"),
        ('date,cost\n"' + "x" * 140_000 + '",1', "Line 2 cannot be read: field larger than"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        read_invoice(text)
    assert said in caught.value.message
    assert caught.value.param == "invoice"
    assert len(caught.value.message) < 600


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(Unacceptable):
        assert read_invoice(f"date,cost,model\n{text}").charges


def test_each_day_has_both_sums_also_where_one_side_is_silent() -> None:
    invoice = read_invoice("date,model,cost\n2026-11-03,mini,3\n2026-11-01,mini,1\n2026-11-01,large,4")
    found = by_day(invoice, [booked(0, nano_usd=2 * DOLLAR), booked(0, "large", requests=3), booked(1, unpriced=1)])
    assert list(found) == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    assert found[FIRST] == Beside(5 * DOLLAR, 3 * DOLLAR, 4, 0, 0)
    assert found[FIRST + DAY] == Beside(None, DOLLAR, 1, 1, 0)
    assert found[FIRST + 2 * DAY] == Beside(3 * DOLLAR, None, 0, 0, 0)


def test_models_come_by_how_much_they_differ() -> None:
    invoice = read_invoice("date,model,cost\n2026-11-01,mini,1\n2026-11-01,large,4\n2026-11-02,odd,2")
    found = by_model(invoice, [booked(0), booked(0, "large", nano_usd=DOLLAR, estimated=1)])
    assert list(found) == ["large", "odd", "mini"]
    assert found["large"].difference == -3 * DOLLAR
    assert found["large"].share == -0.75
    assert in_all(invoice, [booked(0)]) == Beside(7 * DOLLAR, DOLLAR, 1, 0, 0)


@pytest.mark.parametrize(
    ("billed", "ours", "standing"),
    [
        *((DOLLAR, DOLLAR, "agrees"), (100 * DOLLAR, 101 * DOLLAR, "agrees"), (100 * DOLLAR, 99 * DOLLAR, "agrees")),
        *((100 * DOLLAR, 102 * DOLLAR, "more"), (100 * DOLLAR, 98 * DOLLAR, "less")),
        *((None, AGREES_NANO_USD, "agrees"), (None, AGREES_NANO_USD + 1, "more"), (DOLLAR, None, "less")),
        *((-DOLLAR, -DOLLAR, "agrees"), (-DOLLAR, None, "more")),
    ],
)
def test_sums_agree_but_for_what_rounding_does(billed: int | None, ours: int | None, standing: str) -> None:
    assert Beside(billed, ours, 1, 0, 0).standing == standing
