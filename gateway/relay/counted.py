"""What a count of tokens looks like in each dialect: how a provider is asked, and how its number is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from gateway.catalog.quirks import Edit
from gateway.errors import UpstreamMalformed
from gateway.formats.anthropic import counting as anthropic
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.gemini import counting as gemini
from gateway.formats.translation import Translation
from gateway.formats.written import request_bytes

from .passage import Answer, Translated

COUNTED_BY_OPENAI = frozenset(
    (
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    )
)
"""The same of https://platform.openai.com/docs/api-reference/responses/input-tokens."""


class Counting(NamedTuple):
    """One dialect's endpoint that counts."""

    prompt: Callable[[Fields], Fields]
    """A client's wish for a count as the request for a reply that its reader knows."""
    wish: Callable[[Fields], Fields]
    """A provider's request for a reply as the wish for a count."""
    read: Callable[[Fields], int]
    """A provider's number. Raises UpstreamMalformed."""
    write: Callable[[int], Fields]
    """The number for a client."""
    counts_tools: bool = True
    """The provider's number has the tools in it."""


def _plain(fields: Fields) -> Fields:
    return fields


def _with_limit(fields: Fields) -> Fields:
    """A reply needs a limit; a count knows none."""
    return {"max_tokens": 1, **fields}


def _only(names: frozenset[str]) -> Callable[[Fields], Fields]:
    return lambda fields: {name: value for name, value in fields.items() if name in names}


def _read_openai(fields: Fields) -> int:
    tokens = fields.get("input_tokens")
    if tokens.__class__ is not int or tokens < 0:
        raise UpstreamMalformed("The provider's answer has no number of tokens.")
    return int(tokens)


def _write_openai(tokens: int) -> Fields:
    return {"object": "response.input_tokens", "input_tokens": tokens}


COUNTING: Mapping[str, Counting] = MappingProxyType(
    {
        "openai_responses": Counting(_plain, _only(COUNTED_BY_OPENAI), _read_openai, _write_openai),
        "anthropic": Counting(_with_limit, anthropic.count_request, anthropic.read_count, anthropic.write_count),
        "gemini": Counting(
            gemini.read_count_prompt, gemini.count_request, gemini.read_count, gemini.write_count, counts_tools=False
        ),
    }
)
"""OpenAI Chat has no such thing: its clients do not ask, its providers cannot answer."""


class Wanted(NamedTuple):
    """What is to be counted."""

    written: Fields
    """As it would be asked for a reply."""
    model: str
    edit: Edit | None = None
    """What makes requests to the provider fit."""


class Counted(Translated):
    """A count asked of a provider that speaks another dialect. Without a path there is nobody to ask."""

    __slots__ = ("_added",)

    def __init__(self, translation: Translation, context: ReplyContext) -> None:
        super().__init__(translation, context, stream=False)
        self._added = 0

    def ask(self, path: str, wanted: Wanted, added: int) -> None:
        """Ask at `path` about what was written for a reply; `added` tokens are what the provider leaves out.

        Raises InvalidRequest when it is nested too deeply.
        """
        self.path = path
        wish = COUNTING[self.upstream.name].wish(wanted.written)
        self.body = request_bytes(wish if wanted.edit is None else wanted.edit(wish, wanted.model))
        self.losses = self._translation.losses.report
        self._added = added
        self.estimated = added > 0

    def reply(self, body: bytes) -> Answer:
        """The number in the client's words. Raises UpstreamMalformed when there is none."""
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise UpstreamMalformed("The provider's answer is not JSON.") from None
        if not isinstance(fields, dict):
            raise UpstreamMalformed("The provider's answer is not a JSON object.")
        tokens = COUNTING[self.upstream.name].read(fields) + self._added
        return Answer(write_count(self._translation.client.name, tokens), None)


def write_count(dialect: str, tokens: int) -> bytes:
    """A number of tokens for a client of this dialect."""
    return orjson.dumps(COUNTING[dialect].write(tokens))


def renamed_inside(body: bytes, fields: Fields, model: str) -> bytes:
    """A client's wish for a count, or for embeddings, with the provider's model where Gemini's requests repeat it,
    inside themselves; it must be the one that the path names.

    Raises InvalidRequest when it is nested too deeply to be written again.
    """
    edited = {name: _renamed(fields[name], model) for name in _WITHIN if name in fields}
    if isinstance(fields.get("model"), str):
        edited["model"] = f"models/{model}"
    changed = any(value is not fields[name] for name, value in edited.items())
    return request_bytes({**fields, **edited}) if changed else body


_WITHIN = ("generateContentRequest", "generate_content_request", "requests")
"""What holds requests within a request."""


def _renamed(inner: Any, model: str) -> Any:
    if isinstance(inner, list):
        renamed = [_renamed(each, model) for each in inner]
        return renamed if any(new is not old for new, old in zip(renamed, inner, strict=True)) else inner
    return {**inner, "model": f"models/{model}"} if isinstance(inner, dict) and "model" in inner else inner
