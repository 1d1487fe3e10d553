"""Numbers of the Responses usage object, both ways."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import ResponseUsage

from gateway.formats.neutral import Usage
from gateway.formats.openai_responses.usage import read_usage, tokens_in, write_usage
from gateway.records import Tokens

FULL = {
    "input_tokens": 100,
    "input_tokens_details": {
        "cached_tokens": 60,
        "cache_write_tokens": 30,
        "cache_write_tokens_details": {"ttl_30m_tokens": 10, "ttl_12h_tokens": 20},
    },
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 150,
}


def test_parts_are_told_apart() -> None:
    assert read_usage(FULL) == Usage(
        fresh=10, cache_read=60, cache_write=30, cache_write_1h=20, visible=30, reasoning=20
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage()),
        ({"input_tokens": 5, "output_tokens": 2}, Usage(fresh=5, visible=2)),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9}}, Usage(cache_read=9)),
        ({"output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 9}}, Usage(reasoning=9)),
        ({"input_tokens": -1, "output_tokens": True, "input_tokens_details": 7, "output_tokens_details": []}, Usage()),
        ({"input_tokens": "5", "input_tokens_details": {"cached_tokens": None}}, Usage()),
    ],
)
def test_odd_numbers_count_as_nothing(usage: dict[str, Any], expected: Usage) -> None:
    assert read_usage(usage) == expected


def test_audio_images_and_what_was_charged_are_told_too() -> None:
    details = {"cached_tokens": 5, "audio_tokens": 3, "image_tokens": 90}
    more = {"reasoning_tokens": 1, "audio_tokens": 2, "image_tokens": 4}
    usage = {"input_tokens": 20, "input_tokens_details": details, "output_tokens": 9, "output_tokens_details": more}
    assert read_usage({**usage, "cost_in_usd_ticks": 30}) == Usage(
        fresh=15,
        cache_read=5,
        visible=8,
        reasoning=1,
        input_audio=3,
        input_image=12,
        output_audio=2,
        output_image=4,
        cost_nano_usd=3,
    )


@pytest.mark.parametrize("usage", [None, Usage(), Usage(fresh=1, cache_read=2, tool_prompt=3, visible=4, reasoning=5)])
def test_every_number_is_always_there(usage: Usage | None) -> None:
    written = write_usage(usage)
    ResponseUsage.model_validate(written, strict=True)
    assert written["total_tokens"] == written["input_tokens"] + written["output_tokens"]
    assert written["input_tokens"] == (usage or Usage()).input


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"output":[],"usage":{"input_tokens":3,"output_tokens":4}}', Tokens(3, 4)),
        (
            b'..."usage" : {"input_tokens":9,"input_tokens_details":{"cached_tokens":2,"cache_write_tokens":1,'
            b'"cache_write_tokens_details":{"ttl_12h_tokens":1}},"output_tokens":4,'
            b'"output_tokens_details":{"reasoning_tokens":3}},"user":null}',
            Tokens(9, 4, 2, 1, 3, 1),
        ),
        (b'{"usage":{"input_tokens":3,"output_tokens":4},"metadata":{"usage":{"a":1}}}', Tokens(3, 4)),
        (b'{"usage":null}', None),
        (b'{"usage":{"input_tokens":}}', None),
        (b"", None),
    ],
)
def test_only_usage_is_parsed_of_a_whole_reply(body: bytes, expected: Tokens | None) -> None:
    assert tokens_in(body) == expected
