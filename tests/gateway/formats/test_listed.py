"""Lists of models as vendors send them: ids, pages, and what they say of each model."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.formats.listed import MOST_MODELS, ListPage, model_ids, read_list
from gateway.records import ModelFacts


def yes(*names: str) -> dict[str, Any]:
    return {name: {"supported": True} for name in names}


OPENAI = {"id": "gpt-4o", "object": "model", "created": 1715367049, "owned_by": "system"}
OPENROUTER = {
    "id": "anthropic/claude-sonnet-4.5",
    "canonical_slug": "anthropic/claude-4.5-sonnet-20250929",
    "name": "Anthropic: Claude Sonnet 4.5",
    "created": 1759161676,
    "context_length": 1_000_000,
    "architecture": {
        "modality": "text+image+file->text",
        "input_modalities": ["text", "image", "file"],
        "output_modalities": ["text"],
        "tokenizer": "Claude",
    },
    "pricing": {"prompt": "0.000003", "completion": "0.000015"},
    "top_provider": {"context_length": 1_000_000, "max_completion_tokens": 64_000, "is_moderated": True},
    "per_request_limits": None,
    "supported_parameters": ["include_reasoning", "max_tokens", "reasoning", "tool_choice", "tools"],
}
OPENROUTER_PLAIN = {
    **OPENROUTER,
    "id": "mistralai/mistral-7b-instruct:free",
    "context_length": 32_768,
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "top_provider": {"context_length": 32_768, "max_completion_tokens": None},
    "supported_parameters": ["max_tokens", "temperature"],
}
ANTHROPIC = {
    "type": "model",
    "id": "claude-sonnet-4-5-20250929",
    "display_name": "Claude Sonnet 4.5",
    "created_at": "2025-09-29T00:00:00Z",
    "max_input_tokens": 200_000,
    "max_tokens": 64_000,
    "capabilities": {
        **yes("batch", "citations", "image_input", "pdf_input", "structured_outputs"),
        "effort": {"supported": False},
        "thinking": {"supported": True, "types": {"adaptive": {"supported": False}, **yes("enabled", "disabled")}},
    },
}
ANTHROPIC_ADAPTIVE = {
    **ANTHROPIC,
    "id": "claude-opus-5",
    "capabilities": {
        "image_input": {"supported": True},
        "pdf_input": {"supported": False},
        "thinking": {"supported": True, "types": yes("adaptive", "enabled")},
    },
}
ANTHROPIC_OLD = {**ANTHROPIC, "id": "claude-3-haiku", "capabilities": {"thinking": {"supported": False, "types": {}}}}
GEMINI = {
    "name": "models/gemini-2.5-flash",
    "version": "001",
    "displayName": "Gemini 2.5 Flash",
    "inputTokenLimit": 1_048_576,
    "outputTokenLimit": 65_536,
    "supportedGenerationMethods": ["generateContent", "countTokens"],
    "temperature": 1,
    "thinking": True,
}
OLLAMA = {
    "name": "llama3.2:latest",
    "model": "llama3.2:latest",
    "modified_at": "2026-01-31T00:00:00Z",
    "size": 2019393189,
    "digest": "a80c4f17acd5",
    "details": {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
}
VLLM = {
    "id": "meta-llama/Llama-3.1-8B",
    "object": "model",
    "owned_by": "vllm",
    "root": "/models/llama",
    "parent": None,
    "max_model_len": 8192,
}
LM_STUDIO = {
    "id": "qwen2-vl-7b-instruct",
    "object": "model",
    "type": "vlm",
    "publisher": "mlx-community",
    "arch": "qwen2_vl",
    "state": "not-loaded",
    "max_context_length": 32_768,
    "capabilities": ["tool_use"],
}
LM_STUDIO_LOADED = {
    "id": "qwen2.5-7b",
    "type": "llm",
    "arch": "qwen2",
    "state": "loaded",
    "max_context_length": 32_768,
    "loaded_context_length": 4096,
}
MISTRAL = {
    "id": "mistral-large-latest",
    "object": "model",
    "owned_by": "mistralai",
    "capabilities": {"completion_chat": True, "function_calling": True, "completion_fim": False, "vision": False},
    "aliases": ["mistral-large-2411"],
    "max_context_length": 131_072,
}
GROQ = {
    "id": "llama-3.3-70b-versatile",
    "object": "model",
    "owned_by": "Meta",
    "active": True,
    "public_apps": None,
    "context_window": 131_072,
    "max_completion_tokens": 32_768,
}
MOONSHOT = {
    "id": "kimi-k2",
    "object": "model",
    "owned_by": "moonshot",
    "context_length": 131_072,
    "supports_image_in": False,
    "supports_video_in": False,
    "supports_reasoning": False,
}
XAI = {"id": "grok-4", "input_modalities": ["text", "image"], "output_modalities": ["text"]}

SAID: dict[str, tuple[dict[str, Any], str, ModelFacts | None]] = {
    "openai": (OPENAI, "gpt-4o", None),
    "openrouter": (
        OPENROUTER,
        "anthropic/claude-sonnet-4.5",
        ModelFacts(context=1_000_000, max_output=64_000, images=True, audio=False, documents=True, tools=True),
    ),
    "openrouter, a model of words alone": (
        OPENROUTER_PLAIN,
        "mistralai/mistral-7b-instruct:free",
        ModelFacts(context=32_768, images=False, audio=False, tools=False),
    ),
    "anthropic": (
        ANTHROPIC,
        "claude-sonnet-4-5-20250929",
        ModelFacts(max_input=200_000, max_output=64_000, images=True, documents=True, thinking="budget"),
    ),
    "anthropic, adaptive": (
        ANTHROPIC_ADAPTIVE,
        "claude-opus-5",
        ModelFacts(max_input=200_000, max_output=64_000, images=True, documents=False, thinking="adaptive"),
    ),
    "anthropic, no thinking": (
        ANTHROPIC_OLD,
        "claude-3-haiku",
        ModelFacts(max_input=200_000, max_output=64_000, thinking="none"),
    ),
    "gemini": (GEMINI, "gemini-2.5-flash", ModelFacts(max_input=1_048_576, max_output=65_536)),
    "ollama": (OLLAMA, "llama3.2:latest", None),
    "vllm": (VLLM, "meta-llama/Llama-3.1-8B", ModelFacts(context=8192)),
    "lm studio": (LM_STUDIO, "qwen2-vl-7b-instruct", ModelFacts(context=32_768, images=True, tools=True)),
    "lm studio, loaded": (LM_STUDIO_LOADED, "qwen2.5-7b", ModelFacts(context=4096, images=False)),
    "mistral": (MISTRAL, "mistral-large-latest", ModelFacts(context=131_072, images=False, tools=True)),
    "groq": (GROQ, "llama-3.3-70b-versatile", ModelFacts(context=131_072, max_output=32_768)),
    "moonshot": (MOONSHOT, "kimi-k2", ModelFacts(context=131_072, images=False, thinking="none")),
    "xai": (XAI, "grok-4", ModelFacts(images=True, audio=False)),
}


@pytest.mark.parametrize("vendor", SAID)
@pytest.mark.parametrize("within", ["data", "models", "results", None])
def test_what_a_vendor_says_of_a_model(vendor: str, within: str | None) -> None:
    row, name, facts = SAID[vendor]
    body = orjson.dumps([row] if within is None else {"object": "list", within: [row]})
    assert read_list(body) == ListPage({name: facts})


@pytest.mark.parametrize(
    ("more", "next_page"),
    [
        ({"has_more": True, "first_id": "a", "last_id": "b"}, ("after_id", "b")),
        ({"has_more": False, "last_id": "b"}, None),
        ({"has_more": True, "last_id": None}, None),
        ({"nextPageToken": "Ch1tb2Rl"}, ("pageToken", "Ch1tb2Rl")),
        ({"nextPageToken": ""}, None),
        ({"nextPageToken": 7}, None),
        ({}, None),
    ],
)
def test_a_page_says_where_the_next_one_is(more: dict[str, Any], next_page: tuple[str, str] | None) -> None:
    page = read_list(orjson.dumps({"data": [{"id": "a"}, {"id": "b"}], **more}))
    assert page == ListPage({"a": None, "b": None}, next_page)


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b"null", b'"x"', b"{}", b'{"data": 7}', b"\xff", b'{"data":'])
def test_what_is_no_list_is_none(body: bytes) -> None:
    assert read_list(body) is None
    assert model_ids(body) is None


def test_an_empty_list_is_one() -> None:
    assert read_list(b'{"object": "list", "data": []}') == ListPage({})


def test_ids_are_there_once_and_those_that_are_none_are_left_out() -> None:
    rows = [{"id": "b"}, {"id": "a"}, {"id": "b", "context_length": 7}, 7, None, {}, {"id": 7}, {"id": ""}]
    rows += [{"id": "x" * 301}, {"id": "a\nb"}, {"id": None, "name": "models/c"}]
    assert model_ids(orjson.dumps({"data": rows})) == ("b", "a", "c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"context_length": "8192"},
        {"context_length": 0},
        {"context_length": -1},
        {"context_length": True},
        {"context_length": 1.5},
        {"context_length": 2**60},
        {"top_provider": 7},
        {"architecture": {"input_modalities": "text"}},
        {"supported_parameters": {"tools": True}},
        {"capabilities": {"vision": "yes", "thinking": [], "image_input": {"supported": 1}}},
        {"capabilities": [7, None, {}]},
        {"max_tokens": []},
    ],
)
def test_what_is_of_another_kind_is_not_known(wrong: dict[str, Any]) -> None:
    assert read_list(orjson.dumps({"data": [{"id": "a", **wrong}]})) == ListPage({"a": None})


def test_odd_words_among_modalities_do_no_harm() -> None:
    page = read_list(orjson.dumps({"data": [{"id": "a", "input_modalities": [7, None, {}, "image", ["x"]]}]}))
    assert page == ListPage({"a": ModelFacts(images=True, audio=False)})


def test_of_a_hundred_thousand_models_the_first_are_heard() -> None:
    page = read_list(orjson.dumps([{"id": f"m{number}"} for number in range(100_000)]))
    assert page is not None
    assert list(page.models) == [f"m{number}" for number in range(MOST_MODELS)]
