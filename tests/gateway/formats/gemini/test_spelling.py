"""Spellings that Google takes alike."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.formats.gemini.spelling import (
    a_figure,
    a_whole,
    a_word,
    decoded_text,
    drop_unknown,
    given,
    json_text,
    standard_base64,
)
from gateway.formats.losses import Losses


def test_fields_are_read_in_camel_and_in_snake_case_and_null_is_absent() -> None:
    assert given({"max_output_tokens": 1, "topP": 2, "seed": None, "_a": 3}, "x") == {
        "maxOutputTokens": 1,
        "topP": 2,
        "A": 3,
    }


def test_what_is_no_object_is_refused_by_its_path() -> None:
    with pytest.raises(InvalidRequest) as refused:
        given([], "contents[0]")
    assert refused.value.param == "contents[0]"


def test_unknown_fields_are_reported_by_their_path() -> None:
    losses = Losses({})
    drop_unknown({"a": 1, "b": 2}, ("a",), "", losses)
    drop_unknown({"c": 1}, (), "tools[0]", losses)
    assert losses.dropped == ["b", "tools[0].c"]


@pytest.mark.parametrize(("value", "number"), [(1, 1), (3.0, 3), ("12", 12), ("-4", -4)])
def test_integers_may_be_strings(value: Any, number: int) -> None:
    assert a_whole(value, "x") == number


@pytest.mark.parametrize(("value", "number"), [(0.5, 0.5), ("0.5", 0.5), ("1e-2", 0.01), ("7", 7)])
def test_numbers_may_be_strings(value: Any, number: float) -> None:
    assert a_figure(value, "x") == number


@pytest.mark.parametrize("value", ["", "x", "nan", "1e999", "1" * 30, True, [], {}])
def test_other_strings_are_no_numbers(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        a_figure(value, "x")


def test_words_are_read_in_either_case() -> None:
    assert a_word("any", "x") == "ANY"


@pytest.mark.parametrize("content", [b"", b"a", b"\xff\xfe\xfb\xef", b"hello"])
def test_base64_of_urls_becomes_the_standard_kind(content: bytes) -> None:
    for written in (base64.urlsafe_b64encode(content).decode(), base64.b64encode(content).decode().rstrip("=")):
        assert base64.b64decode(standard_base64(written), validate=True) == content


def test_base64_may_be_broken_into_lines() -> None:
    assert standard_base64("aGVs\nbG8=\r\n") == "aGVsbG8="


@pytest.mark.parametrize("text", ["ü", "a!", "abcde"])
def test_what_is_no_base64_says_nothing(text: str) -> None:
    assert decoded_text(text) is None


def test_json_that_is_too_deep_to_be_written_again_is_refused() -> None:
    value: Any = {}
    for _ in range(400):
        value = [value]
    with pytest.raises(InvalidRequest):
        json_text(value, "x")
    assert json_text({"ü": 1}, "x") == '{"ü":1}'
