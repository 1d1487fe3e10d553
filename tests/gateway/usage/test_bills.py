"""From what a provider says of its usage to what it costs: to the nano-USD what a person reckons."""

from __future__ import annotations

from fractions import Fraction

import orjson
import pytest

from gateway.catalog.registry import bundled
from gateway.formats.table import FORMATS
from gateway.formats.usages import tokens_of
from gateway.records import Tokens
from gateway.usage.meter import Bill, bill_of
from tests.gateway.usage.bills import CASES, Case

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}: {case.name}")


def by_hand(bill: str) -> int:
    """Nano-USD of a sum of tokens times USD per million."""
    terms = (term.split("*") for term in bill.split(" + "))
    nano = sum(int(count) * Fraction(usd) for count, usd in terms) * 1000
    assert nano.denominator == 1
    return int(nano)


def billed(case: Case, tokens: Tokens | None) -> Bill:
    return bill_of(tokens, bundled().price(case.place, case.model))


@each_case
def test_a_bill_is_what_a_person_reckons(case: Case) -> None:
    tokens = tokens_of(FORMATS[case.format].read_usage(orjson.loads(orjson.dumps(case.usage))))
    bill = billed(case, tokens)
    assert bill.cost_nano_usd == by_hand(case.bill)
    assert bill.source == ("reported" if tokens.cost_nano_usd is not None else "priced")
    assert (bill.price is None) == (bill.source == "reported")


@each_case
def test_the_end_of_a_whole_reply_tells_the_same(case: Case) -> None:
    key = "usageMetadata" if case.format == "gemini" else "usage"
    for option in (0, orjson.OPT_INDENT_2):
        body = orjson.dumps({"choices": [], key: case.usage, "model": case.model}, option=option)
        assert billed(case, FORMATS[case.format].tokens_in(body)).cost_nano_usd == by_hand(case.bill)


@each_case
def test_no_part_is_larger_than_its_whole(case: Case) -> None:
    tokens = tokens_of(FORMATS[case.format].read_usage(case.usage))
    cached = tokens.cache_read + tokens.cache_write
    assert cached + tokens.input_audio + tokens.input_image <= tokens.input
    assert tokens.reasoning + tokens.output_audio + tokens.output_image <= tokens.output
    assert tokens.cache_write_1h <= tokens.cache_write
