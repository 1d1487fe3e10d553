"""What a provider says is taken as far as it is of the right kind, and streams that are none end in our words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UpstreamClosed, UpstreamMalformed
from gateway.formats import told
from gateway.formats.broken import cut_off, no_object, not_json
from gateway.formats.events import ReplyFailed
from gateway.formats.neutral import Usage
from gateway.formats.usages import count_of, last_tokens, usage_member
from gateway.records import Tokens

OTHERS: list[Any] = [None, 1, True, 1.5]


@pytest.mark.parametrize("value", [*OTHERS, [], {}])
def test_what_is_no_string_says_nothing(value: Any) -> None:
    assert told.string_of(value) == told.text_in({"a": value}, "a") == told.text_in({}, "a") == ""
    assert told.string_of("x") == told.text_in({"a": "x"}, "a") == "x"


@pytest.mark.parametrize("value", [*OTHERS, [], "x"])
def test_what_is_no_object_is_an_empty_one(value: Any) -> None:
    assert told.object_of(value) == told.object_in({"a": value}, "a") == told.object_in({}, "a") == {}
    assert told.object_of({"b": 1}) == told.object_in({"a": {"b": 1}}, "a") == {"b": 1}


@pytest.mark.parametrize("value", [*OTHERS, {}, "x", [1, "x", []]])
def test_only_objects_of_a_list_are_found_in_it(value: Any) -> None:
    assert told.objects_of(value) == told.objects_in({"a": value}, "a") == []
    assert told.objects_in({"a": [1, {"b": 1}, None]}, "a") == [{"b": 1}]


@pytest.mark.parametrize("value", [*OTHERS[:1], True, 1.5, -1, 0, 2**53, "7", [7]])
def test_what_is_no_number_of_tokens_counts_as_none(value: Any) -> None:
    assert count_of(value) == 0
    assert count_of(7) == 7


def test_the_last_usage_that_says_something_counts() -> None:
    body = b'{"u":{"in":3,"of":{"x":1}},"said":{"u":{"out":"x"}},"u":{"in":{}},"u":{"in":bad}}'

    def read(fields: dict[str, Any]) -> Usage | None:
        return Usage(fresh=fields["in"]) if isinstance(fields.get("in"), int) else None

    assert last_tokens(body, usage_member(b"u", depth=1), read) == Tokens(3, 0, 0, 0, 0)
    assert last_tokens(body, usage_member(b"u", depth=0), read) is None


@pytest.mark.parametrize("data", [b"", b" \n", b"[DONE]", b" [DONE] "])
def test_a_blank_and_the_end_mark_are_no_events(data: bytes) -> None:
    assert not_json(data) == ()


def test_other_data_is_an_error_of_the_provider() -> None:
    with pytest.raises(UpstreamMalformed, match="not JSON"):
        not_json(b"{")
    assert "no JSON object" in no_object().message
    (event,) = cut_off()
    assert isinstance(event, ReplyFailed)
    assert isinstance(event.error, UpstreamClosed)
