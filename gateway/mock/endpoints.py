"""What the mock serves: one row per method and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from gateway.mock import (
    anthropic,
    anthropic_lists,
    anthropic_messages,
    gemini,
    gemini_generate,
    gemini_lists,
    openai,
    openai_chat,
    openai_completions,
    openai_lists,
    openai_media,
    openai_responses,
)
from gateway.mock.answers import Answer, Call, Endpoint, Family

_GEMINI_ACTIONS: tuple[tuple[str, Callable[[Call], Answer]], ...] = (
    ("generateContent", gemini_generate.answer),
    ("streamGenerateContent", gemini_generate.stream),
    ("countTokens", gemini_lists.count_tokens),
    ("embedContent", gemini_lists.embed),
    ("batchEmbedContents", gemini_lists.embed_many),
)
_GEMINI_LISTS = (("models", gemini_lists.list_models), ("models/{model}", gemini_lists.find_model))

ENDPOINTS = (
    Endpoint("POST", "/v1/chat/completions", openai_chat.answer, openai.FAMILY),
    Endpoint("POST", "/v1/responses", openai_responses.answer, openai.FAMILY),
    Endpoint("POST", "/v1/responses/input_tokens", openai_responses.count, openai.FAMILY),
    Endpoint("POST", "/v1/responses/compact", openai_responses.compact, openai.FAMILY),
    Endpoint("GET", "/v1/responses/{id}", openai_responses.fetch, openai.FAMILY, "none"),
    Endpoint("DELETE", "/v1/responses/{id}", openai_responses.forget, openai.FAMILY, "none"),
    Endpoint("POST", "/v1/responses/{id}/cancel", openai_responses.cancel, openai.FAMILY, "none"),
    Endpoint("GET", "/v1/responses/{id}/input_items", openai_responses.list_items, openai.FAMILY, "none"),
    Endpoint("POST", "/v1/completions", openai_completions.answer, openai.FAMILY),
    Endpoint("POST", "/v1/embeddings", openai_lists.embed, openai.FAMILY),
    Endpoint("GET", "/v1/models", openai_lists.list_models, openai.FAMILY, "none"),
    Endpoint("GET", "/v1/models/{model}", openai_lists.find_model, openai.FAMILY, "none"),
    Endpoint("POST", "/v1/moderations", openai_lists.moderate, openai.FAMILY),
    Endpoint("POST", "/v1/rerank", openai_lists.rerank, openai.FAMILY),
    Endpoint("POST", "/v1/images/generations", openai_media.draw, openai.FAMILY),
    Endpoint("POST", "/v1/images/edits", openai_media.draw, openai.FAMILY, "form"),
    Endpoint("POST", "/v1/audio/speech", openai_media.speak, openai.FAMILY),
    Endpoint("POST", "/v1/audio/transcriptions", openai_media.transcribe, openai.FAMILY, "form"),
    Endpoint("POST", "/v1/audio/translations", openai_media.translate, openai.FAMILY, "form"),
    Endpoint("POST", "/v1/messages", anthropic_messages.answer, anthropic.FAMILY),
    Endpoint("POST", "/v1/messages/count_tokens", anthropic_lists.count_tokens, anthropic.FAMILY),
    Endpoint("GET", "/v1/models", anthropic_lists.list_models, anthropic.FAMILY, "none", b"anthropic-version"),
    Endpoint("GET", "/v1/models/{model}", anthropic_lists.find_model, anthropic.FAMILY, "none", b"anthropic-version"),
    *(Endpoint("POST", f"/{version}/models/{{model}}:{action}", answer, gemini.FAMILY)
      for version in ("v1beta", "v1") for action, answer in _GEMINI_ACTIONS),
    *(Endpoint("GET", f"/{version}/{path}", answer, gemini.FAMILY, "none", hint)
      for version, hint in (("v1beta", b""), ("v1", b"x-goog-api-key")) for path, answer in _GEMINI_LISTS),
)  # fmt: skip

_EXACT: dict[tuple[str, str], list[Endpoint]] = {}
for _row in ENDPOINTS:
    if "{" not in _row.path:
        _EXACT.setdefault((_row.method, _row.path), []).append(_row)
_PATTERNS = tuple((row, row.path.split("/")) for row in ENDPOINTS if "{" in row.path)

_ACTIONS = tuple(f":{action}" for action, _ in _GEMINI_ACTIONS)
_FAMILIES = (
    ("/v1/messages", b"anthropic-version", anthropic.FAMILY),
    ("/v1beta", b"x-goog-api-key", gemini.FAMILY),
)
"""Whose an unknown path is: by its beginning, or by a header."""


def find(method: str, path: str, headers: Mapping[bytes, bytes]) -> Endpoint | None:
    """The endpoint that answers, if any: of several with this path the one whose hint is among the headers."""
    rows = _EXACT.get((method, path)) or _fitting(method, path)
    if len(rows) == 1:
        return rows[0]
    hinted = (row for row in rows if row.hint in headers)
    return next(hinted, None) or next((row for row in rows if not row.hint), None)


def methods_of(path: str) -> tuple[str, ...]:
    """The methods this path knows."""
    return tuple(dict.fromkeys(row.method for row in ENDPOINTS if _fits(row.path.split("/"), path.split("/"))))


def family_of(path: str, headers: Mapping[bytes, bytes]) -> Family:
    """The provider that a path without an endpoint most likely means."""
    known = (family for start, hint, family in _FAMILIES if path.startswith(start) or hint in headers)
    return next(known, openai.FAMILY)


def model_in(endpoint: Endpoint, path: str) -> str:
    """The model that the path names, with its script, for an endpoint whose path does; else nothing."""
    named, _, action = endpoint.path.rpartition("/")[2].partition("}")
    if not named.startswith("{model"):
        return ""
    return unquote(path.rpartition("/")[2]).removesuffix(action)


def _fitting(method: str, path: str) -> list[Endpoint]:
    asked = path.split("/")
    return [row for row, parts in _PATTERNS if row.method == method and _fits(parts, asked)]


def _fits(parts: list[str], asked: list[str]) -> bool:
    return len(parts) == len(asked) and all(map(_fits_segment, parts, asked))


def _fits_segment(part: str, segment: str) -> bool:
    """A colon may come as `%3A`, as some clients write it."""
    if not part.startswith("{"):
        return part == segment
    action = part.partition("}")[2]
    segment = unquote(segment)
    if not action and segment.endswith(_ACTIONS):
        return False
    return len(segment) > len(action) and segment.endswith(action)
