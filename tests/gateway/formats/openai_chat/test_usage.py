"""Usage in every shape that servers give it, in whole replies and alone."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.neutral import Usage
from gateway.formats.openai_chat.usage import read_usage, tokens_in, write_usage
from gateway.formats.usages import tokens_of
from gateway.records import Tokens


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, Tokens(input=5)),
        ({"input_tokens": 5, "output_tokens": 2}, Tokens(input=5, output=2)),
        (
            {"input_tokens": 5, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 3}},
            Tokens(input=5, output=2, cache_read=3),
        ),
        ({"total_tokens": 9}, Tokens(input=9)),
        ({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}}, Tokens(input=1, cache_read=1)),
        ({"prompt_tokens": "many", "completion_tokens": -3, "prompt_tokens_details": 7}, Tokens()),
        ({}, Tokens()),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Tokens(input=9, cache_read=4)),
        # Reasoning that its completion leaves out is in the total; where it is in both, it counts once.
        (
            {"completion_tokens": 2, "total_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}},
            Tokens(output=9, reasoning=7),
        ),
        (
            {"completion_tokens": 9, "total_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}},
            Tokens(output=9, reasoning=7),
        ),
        # Images; transcriptions, whose details have another name.
        (
            {"input_tokens": 9, "output_tokens": 5, "input_tokens_details": {"image_tokens": 6, "text_tokens": 3}},
            Tokens(input=9, output=5, input_image=6),
        ),
        (
            {"input_tokens": 14, "output_tokens": 45, "input_token_details": {"audio_tokens": 14}, "total_tokens": 59},
            Tokens(input=14, output=45, input_audio=14),
        ),
        # What was cached is charged as such and not as audio: what is told apart, and what is not.
        (
            {
                "prompt_tokens": 90,
                "prompt_tokens_details": {
                    "cached_tokens": 50,
                    "audio_tokens": 40,
                    "image_tokens": 10,
                    "cached_tokens_details": {"audio_tokens": 30, "text_tokens": 20},
                },
            },
            Tokens(input=90, cache_read=50, input_audio=10, input_image=10),
        ),
        (
            {
                "prompt_tokens": 90,
                "prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 7, "image_tokens": 60},
            },
            Tokens(input=90, cache_read=80, input_audio=7, input_image=3),
        ),
        (
            {
                "completion_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 10, "audio_tokens": 15, "image_tokens": 90},
            },
            Tokens(output=30, reasoning=10, output_audio=15, output_image=5),
        ),
        ({"prompt_tokens": 1, "cost": 0.5}, Tokens(input=1, cost_nano_usd=500_000_000)),
    ],
)
def test_usage_in_every_shape(usage: dict[str, Any], tokens: Tokens) -> None:
    assert tokens_of(read_usage(usage)) == tokens


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}', Tokens(input=3)),
        (b'{"usage" : {"prompt_tokens":3,"details":{"a":{}}} }', Tokens(input=3)),
        (b'{"usage" : {"prompt_tokens":3,"details":{"a":{"b":{}}}},"id":"\\"usage\\"" }', Tokens(input=3)),
        (b'{"choices":[],"x":{"usage" : {"prompt_tokens":3,"details":{"a":{}}} }}', Tokens(input=3)),
        (b'{"choices":[],"x":{"usage" : {"prompt_tokens":3,"details":{"a":{"b":{}}}} }}', None),
        (b'{"choices":[],"x":["usage"]}', None),
        (b'{"usage":[3]}', None),
        (b'{"text":"say \\"usage\\": {}"}', None),
        (b'{"usage":null}', None),
        (b'{"usage":{bad}}', None),
        (b"", None),
    ],
)
def test_usage_of_a_whole_reply(body: bytes, tokens: Tokens | None) -> None:
    assert tokens_in(body) == tokens


def test_what_was_written_is_read_again() -> None:
    usage = Usage(fresh=5, cache_read=3, cache_write=2, visible=7, reasoning=4)
    assert read_usage(write_usage(usage)) == usage
