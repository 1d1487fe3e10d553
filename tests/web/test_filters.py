from __future__ import annotations

from datetime import UTC
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.usage.chosen import Filter
from web.filters import FIELDS, Asked, address, read_filter, shown
from web.span import Span, span_of

SPAN: Span = span_of({"range": "7d"}, 1_795_324_830_000_000, UTC)


def read(**query: str) -> Asked:
    return read_filter(query, SPAN, None)


def test_nothing_said_means_everything_in_the_time() -> None:
    asked = read()
    assert asked.filter == Filter(since_us=SPAN.since_us, until_us=SPAN.until_us)
    assert (asked.said, asked.odd, asked.chips("/requests", SPAN)) == ({}, (), ())


@pytest.mark.parametrize(
    ("word", "text", "name", "value"),
    [
        ("model", "gpt-4o", "model", "gpt-4o"),
        ("asked", "fast", "requested_model", "fast"),
        ("outcome", "failed", "outcome", "failed"),
        ("source", "counted", "usage_source", "counted"),
        ("stream", "yes", "stream", True),
        ("retried", "no", "retried", False),
        ("slower", "1500", "least_total_us", 1_500_000),
        ("slower", "0.5", "least_total_us", 500),
        ("dearer", "0.01", "least_cost", 10_000_000),
        ("search", "  claude  ", "search", "claude"),
    ],
)
def test_a_word_is_understood(word: str, text: str, name: str, value: object) -> None:
    asked = read(**{word: text})
    assert getattr(asked.filter, name) == value
    assert asked.odd == ()


@pytest.mark.parametrize(
    ("word", "text"),
    [("outcome", "great"), ("outcome", "counted"), ("source", "ok"),
     ("stream", "perhaps"), ("slower", "long"), ("slower", "-1"), ("dearer", "nan"),
     ("dearer", "inf"), ("model", "a\nb"), ("slower", "1e300")],
)  # fmt: skip
def test_what_cannot_be_read_is_left_out_and_said_so(word: str, text: str) -> None:
    asked = read(**{word: text})
    assert asked.odd == (word,)
    assert asked.said == {}


def test_a_chip_leads_to_the_same_without_it() -> None:
    chips = read(model="gpt-4o", outcome="left", slower="1500").chips("/requests", SPAN)
    assert [(chip.label, chip.value) for chip in chips] == [
        ("Outcome", "client left"),
        ("Model", "gpt-4o"),
        ("Took at least", "1.5 s"),
    ]
    there = urlsplit(chips[1].without)
    assert there.path == "/requests"
    assert dict(parse_qsl(there.query)) == {"range": "7d", "outcome": "left", "slower": "1500"}


def test_only_keys_that_one_may_see_are_meant_whatever_the_address_says() -> None:
    asked = read_filter({"key": "another", "key_ids": "another"}, SPAN, ("mine",))
    assert asked.filter.key_ids == ("mine",)
    assert asked.filter.parameter()["key_ids"] == ["mine"]


def test_every_field_is_one_of_the_filter() -> None:
    assert {each.target for each in FIELDS} <= set(Filter.__struct_fields__)
    assert len({each.name for each in FIELDS}) == len(FIELDS)


def test_of_two_words_that_are_alike_the_later_counts_and_an_empty_one_takes_it_away() -> None:
    assert address("/x", {"a": "1", "b": "2"}, {"a": "3", "b": ""}) == "/x?a=3"
    assert address("/x", {"a": "1"}, {"a": ""}) == "/x"
    assert address("/x", {}) == "/x"


def test_money_is_shown_as_money() -> None:
    field = next(each for each in FIELDS if each.name == "dearer")
    assert shown(field, "0.01") == "$0.010"
