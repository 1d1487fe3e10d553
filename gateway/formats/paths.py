"""Where a provider of each dialect takes a request, below its base URL. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from gateway.errors import InvalidRequest
from gateway.records import Endpoint

_GENERATE: dict[str, Callable[[str, bool], str]] = {
    "openai_chat": lambda model, stream: "/chat/completions",
    "openai_responses": lambda model, stream: "/responses",
    "anthropic": lambda model, stream: "/v1/messages",
    "gemini": lambda model, stream: gemini_path(model, "streamGenerateContent" if stream else "generateContent"),
}

_COUNT: dict[str, Callable[[str], str]] = {
    "openai_responses": lambda model: "/responses/input_tokens",
    "anthropic": lambda model: "/v1/messages/count_tokens",
    "gemini": lambda model: gemini_path(model, "countTokens"),
}


MODELS = {
    "openai_chat": "/models",
    "openai_responses": "/models",
    "anthropic": "/v1/models?limit=1000",
    "gemini": "/v1beta/models?pageSize=1000",
}
"""Where a provider of each dialect lists its models, all of them at once."""


def generate_path(format_name: str, model: str, *, stream: bool) -> str:
    """Where a translated request goes."""
    return _GENERATE[format_name](model, stream)


def count_path(format_name: str, model: str) -> str | None:
    """Where tokens are counted; None where a dialect has no such place."""
    path = _COUNT.get(format_name)
    return path(model) if path is not None else None


def own_path(endpoint: Endpoint, model: str, *, stream: bool) -> str:
    """Where a request goes that stays in its dialect."""
    if endpoint.format != "gemini":
        return endpoint.upstream_path
    return gemini_path(model, "streamGenerateContent" if stream else endpoint.upstream_path)


_NAMES = re.compile(r"(?!\.{1,2}(?:/|$))[^/]+(?:/(?!\.{1,2}(?:/|$))[^/]+)*", re.DOTALL)
"""Names between slashes, none of which leads a path elsewhere."""


def gemini_path(model: str, method: str) -> str:
    """Google's own way to write a model and what is asked of it. Raises InvalidRequest for one that leads elsewhere."""
    if not _NAMES.fullmatch(model):
        raise InvalidRequest("The model's name has an empty segment, or one of dots.", param="model")
    path = f"/v1beta/models/{quote(model, safe='/')}:{method}"
    return path + "?alt=sse" if method == "streamGenerateContent" else path
