"""The inference endpoints we serve: a row each. What may be asked of them is the provider's business."""

from __future__ import annotations

from types import MappingProxyType

from gateway.records import Endpoint

CHAT = "openai_chat"

ENDPOINTS = (
    Endpoint("/v1/chat/completions", "/chat/completions", CHAT, ends_with_done=True),
    Endpoint("/v1/completions", "/completions", CHAT, ends_with_done=True),
    Endpoint("/v1/embeddings", "/embeddings", CHAT),
    Endpoint("/v1/moderations", "/moderations", CHAT, default_model="omni-moderation-latest"),
    Endpoint("/v1/rerank", "/rerank", CHAT),
    Endpoint("/v1/images/generations", "/images/generations", CHAT, default_model="dall-e-2"),
    Endpoint("/v1/images/edits", "/images/edits", CHAT, body="multipart", default_model="dall-e-2"),
    Endpoint("/v1/images/variations", "/images/variations", CHAT, body="multipart", default_model="dall-e-2"),
    Endpoint("/v1/audio/speech", "/audio/speech", CHAT),
    Endpoint("/v1/audio/transcriptions", "/audio/transcriptions", CHAT, body="multipart"),
    Endpoint("/v1/audio/translations", "/audio/translations", CHAT, body="multipart"),
)
"""Default models as in https://platform.openai.com/docs/api-reference (moderations, images)."""

BY_PATH = MappingProxyType({endpoint.path: endpoint for endpoint in ENDPOINTS})
