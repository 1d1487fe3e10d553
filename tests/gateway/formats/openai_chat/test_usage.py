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
    ],
)
def test_usage_in_every_shape(usage: dict[str, Any], tokens: Tokens) -> None:
    assert tokens_of(read_usage(usage)) == tokens


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"data":[],"usage":{"prompt_tokens":3,"total_tokens":3}}', Tokens(input=3)),
        (b'{"usage" : {"prompt_tokens":3,"details":{"a":{}}} }', None),
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
