"""What the mock serves: one row per method and path."""

from __future__ import annotations

from gateway.mock import openai, openai_chat, openai_completions, openai_lists, openai_media
from gateway.mock.answers import Endpoint

ENDPOINTS = (
    Endpoint("POST", "/v1/chat/completions", openai_chat.answer, openai.FAMILY),
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
)

_EXACT = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS if "{" not in endpoint.path}
_PATTERNS = tuple((endpoint, endpoint.path.split("/")) for endpoint in ENDPOINTS if "{" in endpoint.path)


def find(method: str, path: str) -> Endpoint | None:
    """The endpoint that answers, if any."""
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact
    return next((row for row, parts in _PATTERNS if row.method == method and _fits(parts, path.split("/"))), None)


def methods_of(path: str) -> tuple[str, ...]:
    """The methods this path knows."""
    return tuple(dict.fromkeys(row.method for row in ENDPOINTS if find(row.method, path) is not None))


def _fits(parts: list[str], asked: list[str]) -> bool:
    return len(parts) == len(asked) and all(
        bool(segment) if part.startswith("{") else part == segment for part, segment in zip(parts, asked, strict=True)
    )
