"""What is set aside for a request is the most that it can use, whatever a client does to make it look small."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.api.endpoints import BY_PATH
from gateway.limits.rules import IMAGE_TOKENS, LARGEST_MEDIA_TOKENS, bounds_of
from gateway.records import ModelFacts, Target
from gateway.relay.prospects import Wanted
from gateway.relay.setting_aside import reserve

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GEMINI, COMPLETIONS = "/v1beta/models/{model}:generateContent", "/v1/completions"
CONTEXT = 200_000
ASSUMED = 32_000
SOUND = "QUJD" * 50_000


def set_aside(path: str, fields: dict[str, Any]) -> int:
    bounds = bounds_of(None, ModelFacts(context=CONTEXT), ASSUMED)
    return reserve(Wanted(BY_PATH[path], fields, orjson.dumps(fields)), [Target("p", "m")], lambda _: bounds).tokens


def said_by(role: str, *parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": list(parts)}]


@pytest.mark.parametrize(
    ("path", "fields", "at_least"),
    [
        (CHAT, {"max_completion_tokens": 1, "max_tokens": 9000}, 9000),
        (CHAT, {"max_tokens": 1, "max_completion_tokens": 9000}, 9000),
        (CHAT, {"max_tokens": 10, "n": 100}, 1000),
        (CHAT, {"max_tokens": 10, "n": "100"}, 1000),
        (CHAT, {"max_tokens": 10, "n": 100.0}, 1000),
        (CHAT, {"max_tokens": 10, "n": 1e300}, 1280),
        (COMPLETIONS, {"max_tokens": 10, "n": 1, "best_of": 20, "prompt": "x"}, 200),
        (COMPLETIONS, {"max_tokens": 1000, "prompt": ["x"] * 500}, 500_000),
        (COMPLETIONS, {"max_tokens": 1000, "prompt": [[1, 2]] * 500}, 500_000),
        (GEMINI, {"generationConfig": {"maxOutputTokens": 10, "candidateCount": "8"}}, 80),
        (GEMINI, {"generationConfig": {"maxOutputTokens": 1}, "generation_config": {"maxOutputTokens": 9000}}, 9000),
        (GEMINI, {"generationConfig": {"maxOutputTokens": "9000"}}, ASSUMED),
    ],
)
def test_of_several_numbers_the_largest_counts(path: str, fields: dict[str, Any], at_least: int) -> None:
    assert at_least <= set_aside(path, fields) < at_least + 1000 + len(orjson.dumps(fields))


def test_the_tokens_of_one_prompt_are_not_as_many_prompts() -> None:
    assert set_aside(COMPLETIONS, {"max_tokens": 1000, "prompt": [1, 2, 3]}) < 1100


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (RESPONSES, {"previous_response_id": "resp_1", "input": "go on", "max_output_tokens": 1}),
        (RESPONSES, {"conversation": "conv_1", "input": "go on", "max_output_tokens": 1}),
        (GEMINI, {"cachedContent": "cachedContents/1", "generationConfig": {"maxOutputTokens": 1}}),
    ],
)
def test_a_conversation_that_the_provider_has_may_be_as_long_as_the_model_takes(
    path: str, fields: dict[str, Any]
) -> None:
    assert CONTEXT < set_aside(path, fields) < CONTEXT + 200


@pytest.mark.parametrize(
    "messages",
    [
        said_by("user", {"type": "text", "text": "an image: " + "a" * 1_000_000}),
        said_by("user", {"type": "text", "text": "data:image/png;base64," + "a" * 1_000_000}),
        said_by("assistant", {"type": "tool_use", "input": {"type": "image", "source": {"data": "a" * 1_000_000}}}),
        said_by("user", {"type": "text", "text": '{"inlineData": {"mimeType": "image/png"}}' + "a" * 1_000_000}),
    ],
)
def test_text_that_looks_like_media_is_text(messages: list[dict[str, Any]]) -> None:
    assert set_aside(MESSAGES, {"max_tokens": 1, "messages": messages}) > 500_000


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (CHAT, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + SOUND}}),
        (RESPONSES, {"type": "input_image", "image_url": "data:image/png;base64," + SOUND}),
        (MESSAGES, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": SOUND}}),
        (GEMINI, {"inlineData": {"mimeType": "image/png", "data": SOUND}}),
        (CHAT, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
        (RESPONSES, {"type": "input_image", "image_url": "https://example.org/a.png"}),
        (RESPONSES, {"type": "input_image", "file_id": "file-1"}),
        (MESSAGES, {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}),
    ],
)
def test_an_image_counts_as_one_enclosed_or_not(path: str, part: dict[str, Any]) -> None:
    tokens = set_aside(path, whole(path, part)) - 1
    assert IMAGE_TOKENS <= tokens < IMAGE_TOKENS + 150


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (CHAT, {"type": "file", "file": {"file_id": "file-1"}}),
        (RESPONSES, {"type": "input_file", "file_id": "file-1"}),
        (RESPONSES, {"type": "input_file", "file_url": "https://example.org/a.pdf"}),
        (MESSAGES, {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}),
        (MESSAGES, {"type": "document", "title": "image", "source": {"type": "file", "file_id": "file_1"}}),
        (GEMINI, {"fileData": {"mimeType": "video/mp4", "fileUri": "https://www.youtube.com/watch?v=1"}}),
        (GEMINI, {"file_data": {"file_uri": "https://generativelanguage.googleapis.com/v1beta/files/1"}}),
        (
            GEMINI,
            {"text": "this", "file_data": {"file_uri": "https://generativelanguage.googleapis.com/v1beta/files/1"}},
        ),
        (MESSAGES, {"content": "this", "source": {"type": "file", "file_id": "file_1"}}),
        (CHAT, {"type": "text", "text": "this", "file_id": "file-1"}),
    ],
)
def test_a_document_that_is_elsewhere_may_be_a_large_one(path: str, part: dict[str, Any]) -> None:
    assert set_aside(path, whole(path, part)) >= LARGEST_MEDIA_TOKENS


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (CHAT, {"type": "input_audio", "input_audio": {"format": "wav", "data": SOUND}}),
        (CHAT, {"type": "file", "file": {"file_data": "data:application/pdf;base64," + SOUND}}),
        (RESPONSES, {"type": "input_file", "file_data": "data:application/pdf;base64," + SOUND}),
        (MESSAGES, {"type": "document", "source": {"type": "base64", "data": SOUND}}),
        (GEMINI, {"inlineData": {"mimeType": "audio/wav", "data": SOUND}}),
    ],
)
def test_what_is_enclosed_counts_by_its_bytes(path: str, part: dict[str, Any]) -> None:
    assert IMAGE_TOKENS + 15_000 <= set_aside(path, whole(path, part)) - 1 < IMAGE_TOKENS + 15_200


def whole(path: str, part: dict[str, Any]) -> dict[str, Any]:
    """A request with this part, and one token for its answer."""
    if path == GEMINI:
        return {"contents": [{"parts": [part]}], "generationConfig": {"maxOutputTokens": 1}}
    messages, limit = ("input", "max_output_tokens") if path == RESPONSES else ("messages", "max_tokens")
    return {messages: said_by("user", part), limit: 1}
