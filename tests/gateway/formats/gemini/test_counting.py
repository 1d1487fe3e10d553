"""Counts of tokens: the wish in either of its two shapes, and the number."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, UpstreamMalformed
from gateway.formats.gemini.counting import count_request, read_count, read_count_prompt, write_count

CONTENTS: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "q"}]}]


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_wish_may_hold_a_whole_request(name: str) -> None:
    request = {"model": "models/gemini-x", "contents": CONTENTS}
    assert read_count_prompt({name: request}) == request


def test_a_wish_may_be_of_contents_alone() -> None:
    assert read_count_prompt({"contents": CONTENTS}) == {"contents": CONTENTS}


def test_a_wish_about_no_object_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_count_prompt({"generateContentRequest": 7})
    assert refused.value.param == "generateContentRequest"


def test_instructions_are_counted_among_the_contents() -> None:
    body = {"systemInstruction": {"parts": [{"text": "S"}]}, "contents": CONTENTS, "tools": [{}]}
    assert count_request(body) == {"contents": [{"role": "user", "parts": [{"text": "S"}]}, *CONTENTS]}
    assert count_request({"contents": CONTENTS}) == {"contents": CONTENTS}


def test_a_number_is_told_as_it_is_read() -> None:
    assert read_count(write_count(7)) == 7


@pytest.mark.parametrize("fields", [{}, {"totalTokens": -1}, {"totalTokens": True}, {"totalTokens": "7"}])
def test_an_answer_without_a_number_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMalformed):
        read_count(fields)
