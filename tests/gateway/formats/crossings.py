"""Streams through the pure pipeline, from one dialect to another, and what the client's SDK then hears."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError, UpstreamError
from gateway.formats.format import ReplyContext
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts

from .heard import Heard
from .orders import Answer, Numbers, Part, Stream
from .sdk_parsers import listen

_TOOLS = ("weather", "clock", "sum")
_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}

ASKED: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "q"}],
        "tools": [{"type": "function", "function": {"name": name, "parameters": _SCHEMA}} for name in _TOOLS],
        "stream": True,
        "stream_options": {"include_usage": True},
        "reasoning_effort": "high",
    },
    "openai_responses": {
        "model": "m",
        "input": "q",
        "tools": [{"type": "function", "name": name, "parameters": _SCHEMA, "strict": False} for name in _TOOLS],
        "stream": True,
        "reasoning": {"effort": "high", "summary": "auto"},
    },
    "anthropic": {
        "model": "m",
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "q"}],
        "tools": [{"name": name, "input_schema": _SCHEMA} for name in _TOOLS],
        "stream": True,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}],
        "tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": _SCHEMA} for name in _TOOLS]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 2000}},
    },
}

FINISHES = {
    "openai_chat": {
        "stop": "stop",
        "length": "length",
        "filter": "content_filter",
        "call": "tool_calls",
        "refusal": "stop",
    },
    "openai_responses": {
        "stop": "completed",
        "length": "max_output_tokens",
        "filter": "content_filter",
        "call": "completed",
        "refusal": "completed",
    },
    "anthropic": {
        "stop": "end_turn",
        "length": "max_tokens",
        "filter": "refusal",
        "call": "tool_use",
        "refusal": "refusal",
    },
    "gemini": {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY", "call": "STOP", "refusal": "SAFETY"},
}
"""How an answer ends, in each client's word; `call` where it stopped for one, `refusal` where it declined."""


@dataclass(frozen=True)
class Crossed:
    """What came of a stream."""

    heard: Heard
    told: Exception | None
    """The error that the client's SDK raised."""
    error: UpstreamError | None
    """What our pipeline had to say."""


def sent(client: str, upstream: str, pieces: list[bytes], *, array: bool = False) -> tuple[bytes, int, Any]:
    """The bytes and the status that a client gets for a stream, and what went wrong."""
    translation = Translation(FORMATS[client], FORMATS[upstream], ModelFacts())
    translation.read(ASKED[client])
    translation.write("up")
    context = ReplyContext("m", "ab" * 16, 1, translation.prompt, ASKED[client])
    through = translation.stream(context, array=array)
    out = b"".join([through.feed(piece) for piece in pieces]) + through.close()
    error = through.error
    assert (error is None) == through.complete
    if error is None:
        return out, 200, None
    assert isinstance(error, GatewayError)
    if through.opened:
        return out + through.fail(error), 200, error
    assert out == b"" or client == "openai_chat"
    status, body = FORMATS[client].write_error(error, "req")
    return body, status, error


def crossed(client: str, upstream: str, pieces: list[bytes], *, array: bool = False) -> Crossed:
    """What a client's SDK makes of a provider's stream."""
    body, status, error = sent(client, upstream, pieces, array=array)
    heard, told = listen(client, body, status)
    return Crossed(heard, told, error)


def check_whole(client: str, stream: Stream, through: Crossed) -> None:
    """The client heard exactly what the provider said."""
    assert through.error is None
    assert through.told is None
    answer, heard = stream.answer, through.heard
    apart = client in ("openai_chat", "openai_responses")
    assert heard.text == answer.said(*(("text",) if apart else ("text", "refusal")))
    assert heard.thoughts == answer.said("thought")
    if apart:
        assert heard.refusal == answer.said("refusal")
    in_order = stream.orderly and not (stream.late_calls and client == "gemini")
    _check_calls(answer.calls, heard, in_order=in_order)
    assert heard.finish == FINISHES[client][_finish(answer)]
    _check_usage(client, answer.usage, heard)
    said = _runs(answer, apart=apart)
    assert _words(heard.runs) == _words(said)
    if stream.orderly and not (stream.late_calls and client in ("openai_chat", "gemini")):
        assert heard.runs == said


def _check_calls(calls: list[Part], heard: Heard, *, in_order: bool) -> None:
    made = [(part.name, json.loads(part.whole or "{}")) for part in calls]
    told = [call[1:] for call in heard.calls]
    if not in_order:
        made.sort(key=repr)
        told.sort(key=repr)
    assert told == made
    ids = [call[0] for call in heard.calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    given = [part.id for part in calls if part.id]
    assert not given or sorted(given) == sorted(ids)


def _check_usage(client: str, usage: Numbers | None, heard: Heard) -> None:
    """Numbers that nobody gave are zeros where a dialect must have some (USAGE-5)."""
    if usage is not None:
        assert heard.usage == (usage.input, usage.output)
    else:
        assert heard.usage == (None if client in ("openai_chat", "gemini") else (0, 0))


def _finish(answer: Answer) -> str:
    if answer.finish != "stop":
        return answer.finish
    if answer.calls:
        return "call"
    return "refusal" if answer.said("refusal") else "stop"


def _words(runs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same without calls."""
    heard = Heard()
    for kind, text in runs:
        if kind != "call":
            heard.add(kind, text)
    return heard.runs


def _runs(answer: Answer, *, apart: bool) -> list[tuple[str, str]]:
    """What was said in its order, with a refusal as text for clients that know no refusals."""
    heard = Heard()
    for part in answer.parts:
        kind = "text" if part.kind == "refusal" and not apart else part.kind
        heard.add(kind, part.name if kind == "call" else part.whole)
    return heard.runs
