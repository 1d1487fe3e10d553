"""What a provider's list of models says: their ids, and what they can do as far as it tells. Pure.

One reader for all vendors: a field means the same wherever it is, and what is missing or of another kind is not known.
Their lists, as of 2026: https://platform.openai.com/docs/api-reference/models/list,
https://docs.claude.com/en/api/models-list, https://ai.google.dev/api/models, https://openrouter.ai/docs/api-reference,
https://docs.mistral.ai/api, https://console.groq.com/docs/models, https://platform.moonshot.ai/docs,
https://docs.ollama.com/api, https://docs.vllm.ai, https://lmstudio.ai/docs/api.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from gateway.records import ModelFacts

Row = dict[str, Any]

LONGEST_ID = 300
MOST_TOKENS = 2**53
MOST_MODELS = 5000
"""Of one provider; the longest lists have some hundreds. All that follow are not heard: each of them costs us time and
memory in every process."""

NOTHING_SAID = ModelFacts()


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list of models, or a page of one."""

    models: Mapping[str, ModelFacts | None]
    """By id, in the provider's order; None where nothing is said of one but its id."""
    next_page: tuple[str, str] | None = None
    """Name and value of what the query must say for the next page."""


def model_ids(body: bytes) -> tuple[str, ...] | None:
    """The ids of a list of models; None for what is no such list."""
    page = read_list(body)
    return tuple(page.models) if page is not None else None


def read_list(body: bytes) -> ListPage | None:
    """A list of models: `data` of OpenAI and Anthropic, `models` of Gemini and Ollama, `results`, or a bare list; its
    first `MOST_MODELS` rows.

    None for what is no such list.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    said = [fields.get(name) for name in ("data", "models", "results")] if isinstance(fields, dict) else [fields]
    rows = next((each for each in said if isinstance(each, list)), None)
    if rows is None:
        return None
    models: dict[str, ModelFacts | None] = {}
    for row in rows[:MOST_MODELS]:
        if isinstance(row, dict) and (name := _name_of(row)):
            models.setdefault(name, _facts_of(row))
    return ListPage(models, _next_page(fields) if isinstance(fields, dict) else None)


def _name_of(row: Row) -> str:
    """The id of one model; Gemini's names begin with what they are names of."""
    name = row.get("id") or row.get("name") or row.get("model")
    if not isinstance(name, str) or len(name) > LONGEST_ID or not name.isprintable():
        return ""
    return name.removeprefix("models/")


def _next_page(fields: Row) -> tuple[str, str] | None:
    """Anthropic names the last id of a page, Google a token."""
    if isinstance(token := fields.get("nextPageToken"), str) and token:
        return "pageToken", token
    if fields.get("has_more") is True and isinstance(last := fields.get("last_id"), str) and last:
        return "after_id", last
    return None


def _facts_of(row: Row) -> ModelFacts | None:
    values: dict[str, Any] = {name: number for name, paths in _NUMBERS.items() if (number := _number(row, paths))}
    for read in (*_ABILITIES, _thinking):
        values = {name: value for name, value in read(row) if value is not None} | values
    facts = ModelFacts(**values)
    return None if facts == NOTHING_SAID else facts


# Limits


_NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # LM Studio loads a model with less than it could have.
        "context": (
            *("loaded_context_length", "context_length", "context_window", "max_model_len", "max_context_length"),
            *("meta.n_ctx", "limits.max_context_length"),
        ),
        "max_input": ("max_input_tokens", "inputTokenLimit", "limits.max_input_tokens"),
        "max_output": (
            *("top_provider.max_completion_tokens", "max_completion_tokens", "max_tokens", "outputTokenLimit"),
            *("max_output_tokens", "limits.max_output_tokens"),
        ),
    }
)
"""Where vendors say a limit: the first that does is heard."""


def _number(row: Row, paths: tuple[str, ...]) -> int | None:
    said = (_at(row, path) for path in paths)
    return next((number for number in said if type(number) is int and 0 < number <= MOST_TOKENS), None)


def _at(row: Row, path: str) -> Any:
    found: Any = row
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


# Abilities: each of these functions knows one way to say them

_Said = Iterator[tuple[str, Any]]


def _by_modalities(row: Row) -> _Said:
    """What may go in: OpenRouter's `architecture`, xAI's own field, GitHub's."""
    paths = ("architecture.input_modalities", "input_modalities", "supported_input_modalities", "modalities.input")
    said = next((each for path in paths if isinstance(each := _at(row, path), list)), None)
    if said is not None:
        yield "images", "image" in said
        yield "audio", "audio" in said
        # OpenRouter reads documents to models that cannot themselves.
        yield (
            "documents",
            True if {"file", "pdf"}.intersection(each for each in said if isinstance(each, str)) else None,
        )


def _by_parameters(row: Row) -> _Said:
    """OpenRouter names the parameters that a model takes."""
    said = row.get("supported_parameters")
    if isinstance(said, list):
        yield "tools", "tools" in said


_SUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "capabilities.vision": "images",
        "capabilities.function_calling": "tools",
        "capabilities.audio": "audio",
        "capabilities.image_input.supported": "images",
        "capabilities.pdf_input.supported": "documents",
        "supports_image_in": "images",
        "supports_tools": "tools",
    }
)
"""Mistral's, Anthropic's, Moonshot's."""


def _by_flags(row: Row) -> _Said:
    for path, name in _SUPPORTED.items():
        if isinstance(said := _at(row, path), bool):
            yield name, said


def _by_words(row: Row) -> _Said:
    """LM Studio tells a model's kind, and, as Ollama does, what it can beside talking."""
    said = row.get("capabilities")
    kind = row.get("type") if "arch" in row else None
    if kind == "vlm" or (isinstance(said, list) and "vision" in said):
        yield "images", True
    elif kind == "llm":
        yield "images", False
    if isinstance(said, list) and {"tool_use", "tools"}.intersection(each for each in said if isinstance(each, str)):
        yield "tools", True


_ABILITIES: tuple[Callable[[Row], _Said], ...] = (_by_words, _by_flags, _by_parameters, _by_modalities)


def _thinking(row: Row) -> _Said:
    """Whether and how it is told to think; adaptive goes before a budget where a model takes both."""
    thinking = _at(row, "capabilities.thinking")
    if row.get("supports_reasoning") is False or _at(row, "capabilities.thinking.supported") is False:
        yield "thinking", "none"
    elif isinstance(thinking, dict):
        ways = (("types.adaptive.supported", "adaptive"), ("types.enabled.supported", "budget"))
        yield "thinking", next((way for path, way in ways if _at(thinking, path) is True), None)
