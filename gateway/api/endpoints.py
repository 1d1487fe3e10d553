"""The inference endpoints we serve: a row each. What may be asked of them is the provider's business."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import NamedTuple

from gateway.records import Endpoint

CHAT = "openai_chat"
RESPONSES = "openai_responses"
ANTHROPIC = "anthropic"
GEMINI = "gemini"

ENDPOINTS = (
    Endpoint("/v1/chat/completions", "/chat/completions", CHAT, "generate", ends_with_done=True),
    Endpoint("/v1/responses", "/responses", RESPONSES, "generate"),
    Endpoint("/v1/responses/input_tokens", "/responses/input_tokens", RESPONSES, "count"),
    Endpoint("/v1/responses/compact", "/responses/compact", RESPONSES, "compact"),
    Endpoint("/v1/messages", "/v1/messages", ANTHROPIC, "generate"),
    Endpoint("/v1/messages/count_tokens", "/v1/messages/count_tokens", ANTHROPIC, "count"),
    Endpoint("/v1beta/models/{model}:generateContent", "generateContent", GEMINI, "generate"),
    Endpoint("/v1beta/models/{model}:streamGenerateContent", "streamGenerateContent", GEMINI, "generate"),
    Endpoint("/v1beta/models/{model}:countTokens", "countTokens", GEMINI, "count"),
    Endpoint("/v1beta/models/{model}:embedContent", "embedContent", GEMINI),
    Endpoint("/v1beta/models/{model}:batchEmbedContents", "batchEmbedContents", GEMINI),
    Endpoint("/v1/completions", "/completions", CHAT, ends_with_done=True),
    Endpoint("/v1/embeddings", "/embeddings", CHAT),
    Endpoint("/v1/moderations", "/moderations", CHAT, default_model="omni-moderation-latest"),
    Endpoint("/v1/rerank", "/rerank", CHAT),
    Endpoint("/v1/images/generations", "/images/generations", CHAT, default_model="dall-e-2", once=True),
    Endpoint("/v1/images/edits", "/images/edits", CHAT, body="multipart", default_model="dall-e-2", once=True),
    Endpoint(
        "/v1/images/variations", "/images/variations", CHAT, body="multipart", default_model="dall-e-2", once=True
    ),
    Endpoint("/v1/audio/speech", "/audio/speech", CHAT, once=True),
    Endpoint("/v1/audio/transcriptions", "/audio/transcriptions", CHAT, body="multipart"),
    Endpoint("/v1/audio/translations", "/audio/translations", CHAT, body="multipart"),
)
"""Default models as in https://platform.openai.com/docs/api-reference (moderations, images)."""

BY_PATH = MappingProxyType({endpoint.path: endpoint for endpoint in ENDPOINTS})

_GEMINI = MappingProxyType({each.upstream_path: each for each in ENDPOINTS if each.format == GEMINI})
_GEMINI_PATH = re.compile(r"/v1(?:beta)?/models/(.+):([A-Za-z]+)")
"""Model names may have slashes and colons of their own; the method is what stands behind the last colon."""


class Asked(NamedTuple):
    """An endpoint, and the model where the path names it."""

    endpoint: Endpoint
    model: str = ""


_FOUND = MappingProxyType({path: Asked(endpoint) for path, endpoint in BY_PATH.items() if endpoint.format != GEMINI})


def find(path: str) -> Asked | None:
    """The endpoint that a decoded path asks for, if any."""
    return _FOUND.get(path) or (_find_gemini(path) if ":" in path else None)


def _find_gemini(path: str) -> Asked | None:
    found = _GEMINI_PATH.fullmatch(path)
    endpoint = _GEMINI.get(found[2]) if found is not None else None
    return Asked(endpoint, found[1]) if endpoint is not None and found is not None else None
