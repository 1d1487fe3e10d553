"""Usage numbers, both ways."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec import structs

from gateway.formats.gemini.usage import known_usage, read_usage, tokens_in, write_usage
from gateway.formats.neutral import Usage
from gateway.records import Tokens

ALL = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 5,
    "toolUsePromptTokenCount": 3,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 11,
    "totalTokenCount": 41,
}
NEUTRAL = Usage(fresh=15, cache_read=5, tool_prompt=3, visible=7, reasoning=11)


def test_numbers_that_overlap_are_taken_apart_and_put_together() -> None:
    assert read_usage(ALL) == NEUTRAL
    assert write_usage(NEUTRAL) == ALL


def counts(**modalities: int) -> list[dict[str, Any]]:
    return [{"modality": name.upper(), "tokenCount": count} for name, count in modalities.items()]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"promptTokensDetails": counts(text=5, audio=15)}, {"input_audio": 15}),
        ({"promptTokensDetails": counts(audio=15), "cacheTokensDetails": counts(audio=5)}, {"input_audio": 10}),
        ({"promptTokensDetails": counts(audio=2), "cacheTokensDetails": counts(audio=5)}, {}),
        ({"promptTokensDetails": counts(audio=20, image=20)}, {"input_audio": 18}),
        ({"promptTokensDetails": counts(image=4), "toolUsePromptTokensDetails": counts(image=3)}, {"input_image": 7}),
        ({"candidatesTokensDetails": counts(text=1, image=6)}, {"output_image": 6}),
        ({"candidatesTokensDetails": counts(audio=99)}, {"output_audio": 7}),
        ({"promptTokensDetails": counts(video=9, document=9)}, {}),
        ({"promptTokensDetails": [7, {}, {"modality": "AUDIO"}, {"modality": "AUDIO", "tokenCount": "9"}]}, {}),
        ({"promptTokensDetails": 7, "candidatesTokensDetails": {"modality": "AUDIO"}}, {}),
    ],
)
def test_audio_and_images_that_no_cache_had(details: dict[str, Any], expected: dict[str, int]) -> None:
    assert read_usage({**ALL, **details}) == structs.replace(NEUTRAL, **expected)


def test_what_was_written_to_a_cache_is_part_of_the_prompt() -> None:
    assert write_usage(Usage(fresh=1, cache_write=2)) == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 0,
        "totalTokenCount": 3,
    }


def test_more_cached_than_there_was_is_no_negative_number() -> None:
    assert read_usage({"promptTokenCount": 3, "cachedContentTokenCount": 5}) == Usage(cache_read=5)


@pytest.mark.parametrize("value", [None, "7", -1, 1.5, True, [], {}])
def test_what_is_no_count_is_none(value: Any) -> None:
    assert read_usage(dict.fromkeys(ALL, value)) == Usage()


@pytest.mark.parametrize("usage", [None, 7, [], {}, {"promptTokenCount": 0, "totalTokenCount": 0}])
def test_placeholders_are_no_usage(usage: Any) -> None:
    assert known_usage(usage) is None


def test_tokens_are_found_in_the_last_bytes_of_a_reply() -> None:
    details = [{"modality": "TEXT", "tokenCount": 20}]
    fields = {"candidates": [], "usageMetadata": {**ALL, "promptTokensDetails": details}, "modelVersion": "m"}
    assert tokens_in(orjson.dumps(fields)[-500:]) == Tokens(23, 18, 5, 0, 11)
    assert tokens_in(orjson.dumps(fields, option=orjson.OPT_INDENT_2)) == Tokens(23, 18, 5, 0, 11)


def test_of_several_the_last_that_says_something_counts() -> None:
    pieces: tuple[dict[str, int], ...] = ({"promptTokenCount": 1}, {"promptTokenCount": 2}, {"promptTokenCount": 0}, {})
    body = b",".join(orjson.dumps({"usageMetadata": each}) for each in pieces)
    assert tokens_in(body) == Tokens(2, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"usageMetadata":{}}', b'"usageMetadata":{oops}', b'"usageMetadata":{"a"']
)
def test_without_usage_there_are_none(body: bytes) -> None:
    assert tokens_in(body) is None
