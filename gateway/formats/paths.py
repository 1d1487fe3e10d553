"""Where a provider of each dialect takes a request, below its base URL. Pure.

Most servers have the paths of their dialect. Clouds that serve others' models write model and method their own way:
each of those has a scheme, which makes its path out of the dialect's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote

from gateway.errors import InvalidRequest
from gateway.records import Endpoint, Provider

from .bedrock import invoke_path

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


# Of a provider


def upstream_path(provider: Provider, endpoint: Endpoint, model: str, *, stream: bool) -> str:
    """Where this provider takes a request that stays in its dialect. Raises InvalidRequest."""
    path = endpoint.upstream_path
    if endpoint.format == "gemini":
        path = gemini_path(model, "streamGenerateContent" if stream else path)
    return _placed(provider, path, model, stream=stream) if provider.paths else path


def translated_path(provider: Provider, model: str, *, stream: bool) -> str:
    """Where this provider takes a request that was translated to its dialect. Raises InvalidRequest."""
    path = generate_path(provider.format, model, stream=stream)
    return _placed(provider, path, model, stream=stream) if provider.paths else path


def counted_path(provider: Provider, model: str) -> str | None:
    """Where this provider counts tokens; None where it does not. Raises InvalidRequest."""
    path = count_path(provider.format, model)
    if path is None or not provider.paths:
        return path
    return _SCHEMES[provider.paths](path, model, False, _variables(provider.variables))


def kept_path(provider: Provider, path: str) -> str:
    """Where this provider is asked about a response that it keeps, at `path` of its dialect. Raises InvalidRequest."""
    if not provider.paths:
        return path
    path, _, query = path.partition("?")
    return with_query(_placed(provider, path, "", stream=False), query)


def listed_path(provider: Provider) -> str | None:
    """Where this provider lists its models; None where it does not, or is not to be asked."""
    if not provider.list_models:
        return None
    return MODELS[provider.format] if provider.models_path == "" else provider.models_path


def with_query(path: str, query: str) -> str:
    """A path with what the client asks for behind the question mark, after what stands there already."""
    if not query:
        return path
    return f"{path}&{query}" if "?" in path else f"{path}?{query}"


def spoken_in(provider: Provider, format_name: str) -> Provider | None:
    """The provider as whoever speaks this dialect meets it: itself where it takes that at its own address, with that
    dialect's address where it has one of its own; None where it must be translated to."""
    if format_name == provider.format or format_name in provider.also_speaks:
        return provider
    address = dict(provider.also_at).get(format_name)
    if address is None:
        return None
    return replace(provider, format=format_name, base_url=address, also_speaks=(), also_at=(), paths="", drop_fields=())


def _placed(provider: Provider, path: str, model: str, *, stream: bool) -> str:
    placed = _SCHEMES[provider.paths](path, model, stream, _variables(provider.variables))
    if placed is None:
        raise InvalidRequest(f"The provider {provider.id} does not serve {path.partition('?')[0]}.")
    return placed


@lru_cache(maxsize=64)
def _variables(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return MappingProxyType(dict(pairs))


Scheme = Callable[[str, str, bool, Mapping[str, str]], str | None]
"""Path of the dialect, model, whether it streams, variables of the provider: its own path; None where it has none."""


def _azure(path: str, model: str, stream: bool, variables: Mapping[str, str]) -> str | None:
    """A deployment stands in the path, and a version behind it:
    https://learn.microsoft.com/azure/ai-foundry/openai/reference"""
    query = f"?api-version={quote(variables['api_version'], safe='')}"
    if path.startswith("/responses"):
        return path + query  # of no deployment: the body names the model
    return f"/deployments/{quote(checked(model), safe='')}{path}{query}"


def _google(path: str, model: str, stream: bool, variables: Mapping[str, str]) -> str | None:
    """Google Cloud, where project, location and publisher stand in the address:
    https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference"""
    return path.removeprefix("/v1beta")


def _vertex_anthropic(path: str, model: str, stream: bool, variables: Mapping[str, str]) -> str | None:
    """Claude at Google: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude and
    https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens"""
    if path == "/v1/messages/count_tokens":
        return "/models/count-tokens:rawPredict"
    if path != "/v1/messages":
        return None
    return f"/models/{quote(checked(model), safe='@')}:{'streamRawPredict' if stream else 'rawPredict'}"


def _bedrock(path: str, model: str, stream: bool, variables: Mapping[str, str]) -> str | None:
    """Claude at AWS, which counts no tokens there."""
    return invoke_path(model, stream=stream) if path == "/v1/messages" else None


_SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {"azure": _azure, "google": _google, "vertex_anthropic": _vertex_anthropic, "bedrock": _bedrock}
)

SCHEMES = tuple(_SCHEMES)
"""Their names."""

_NAMES = re.compile(r"(?!\.{1,2}(?:/|$))[^/]+(?:/(?!\.{1,2}(?:/|$))[^/]+)*", re.DOTALL)
"""Names between slashes, none of which leads a path elsewhere."""


def checked(model: str) -> str:
    """A model's name that is fit for a path. Raises InvalidRequest for one that leads elsewhere."""
    if not _NAMES.fullmatch(model):
        raise InvalidRequest("The model's name has an empty segment, or one of dots.", param="model")
    return model


def gemini_path(model: str, method: str) -> str:
    """Google's own way to write a model and what is asked of it. Raises InvalidRequest for one that leads elsewhere."""
    path = f"/v1beta/models/{quote(checked(model), safe='/')}:{method}"
    return path + "?alt=sse" if method == "streamGenerateContent" else path
