"""The least that makes sense to ask at each endpoint, where nobody says what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web.dialects import PLACE

HELLO = "Hello"
TALK: Mapping[str, Any] = {"messages": [{"role": "user", "content": HELLO}]}
GEMINI: Mapping[str, Any] = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": TALK,
    "/v1/messages": {**TALK, "max_tokens": 1024},
    "/v1/messages/count_tokens": TALK,
    "/v1/completions": {"prompt": HELLO},
    "/v1/images/generations": {"prompt": HELLO},
    "/v1/images/edits": {"prompt": HELLO},
    "/v1/audio/speech": {"input": HELLO, "voice": "alloy"},
    "/v1/rerank": {"query": HELLO, "documents": [HELLO]},
    "/v1beta/models/{model}:embedContent": {"content": {"parts": [{"text": HELLO}]}},
    "/v1beta/models/{model}:batchEmbedContents": {"requests": []},
}

FILES: Mapping[str, Mapping[str, str]] = {
    "/v1/images/edits": {"image": "image.png", "prompt": HELLO},
    "/v1/images/variations": {"image": "image.png"},
    "/v1/audio/transcriptions": {"file": "speech.mp3"},
    "/v1/audio/translations": {"file": "speech.mp3"},
}
"""Endpoints that take no JSON but forms with files: their fields."""

OF_FILES = frozenset(("image", "file"))
"""Fields that hold one."""


def least_body(endpoint: str) -> Mapping[str, Any]:
    """What is asked at an endpoint, but for the model."""
    return BODIES.get(endpoint, GEMINI if PLACE in endpoint else {"input": HELLO})


def whole_body(endpoint: str, model: str, *, is_streamed: bool = False) -> Mapping[str, Any]:
    """The same of a model; where its path does not name it, the body does, and says that it is to be streamed."""
    if PLACE in endpoint:
        return least_body(endpoint)
    return {"model": model, **least_body(endpoint), **({"stream": True} if is_streamed else {})}
