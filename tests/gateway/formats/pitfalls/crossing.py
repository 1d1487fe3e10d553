"""Requests, answers and streams across two dialects in one call, and what a client makes of a stream.

A stream is put together here the way a strict SDK does it: by index and id, with every beginning and end where it
belongs. None of our own readers is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.errors import UpstreamError
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records import ModelFacts
from tests.cases.tools.compare import parse_sse

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"
ALL = (CHAT, RESPONSES, ANTHROPIC, GEMINI)
DONE = b"data: [DONE]\n\n"

_QUESTIONS: dict[str, Fields] = {
    CHAT: {"model": "asked", "messages": [{"role": "user", "content": "q"}]},
    RESPONSES: {"model": "asked", "input": "q"},
    ANTHROPIC: {"model": "asked", "max_tokens": 99, "messages": [{"role": "user", "content": "q"}]},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "q"}]}]},
}


def question(client: str, **more: Any) -> Fields:
    """A request in a client's dialect, with whatever more it says."""
    return {**_QUESTIONS[client], **more}


def begun(client: str, upstream: str, fields: Fields, facts: ModelFacts | None = None) -> tuple[Translation, Fields]:
    """The translation of a request, and what the provider is sent."""
    translation = Translation(FORMATS[client], FORMATS[upstream], facts or ModelFacts())
    translation.read(fields)
    return translation, translation.write("real")


def sent(client: str, upstream: str, facts: ModelFacts | None = None, **more: Any) -> Fields:
    """What the provider is sent."""
    return begun(client, upstream, question(client, **more), facts)[1]


def lost(client: str, upstream: str, facts: ModelFacts | None = None, **more: Any) -> tuple[str, ...]:
    """What could not be carried over, in the client's words."""
    return begun(client, upstream, question(client, **more), facts)[0].losses.report


def answered(client: str, upstream: str, answer: Any, **more: Any) -> Fields:
    """What the client gets for a provider's whole answer."""
    fields = question(client, **more)
    translation, _ = begun(client, upstream, fields)
    reply = translation.reply(orjson.dumps(answer))
    written = translation.client.write_reply(reply, _context(translation, fields))
    value: Fields = orjson.loads(orjson.dumps(written))
    return value


@dataclass(frozen=True)
class Stream:
    """What a client got."""

    raw: bytes
    opened: bool
    """Content began: before that an error is a plain answer."""
    error: UpstreamError | None
    complete: bool

    @property
    def events(self) -> list[Fields]:
        """The data of its events but for `[DONE]`."""
        return [each["data"] for each in parse_sse(self.raw) if isinstance(each["data"], dict)]

    def kinds(self) -> list[str]:
        """The types of its events."""
        return [event["type"] for event in self.events]


def framed(event: Any) -> bytes:
    """One event of a provider: its data, under its name where it has one; bytes are taken as they are."""
    if isinstance(event, bytes):
        return event
    name = b"event: %b\n" % event["type"].encode() if "type" in event else b""
    return name + b"data: " + orjson.dumps(event) + b"\n\n"


def streamed(client: str, upstream: str, events: Iterable[Any], *, size: int = 0, **more: Any) -> Stream:
    """What the client gets for a provider's stream, cut into chunks of `size` bytes."""
    fields = question(client, **({} if client == GEMINI else {"stream": True}), **more)
    translation, _ = begun(client, upstream, fields)
    pipeline = translation.stream(_context(translation, fields))
    data = b"".join([framed(event) for event in events])
    step = size or len(data) or 1
    out = b"".join([pipeline.feed(data[at : at + step]) for at in range(0, len(data), step)]) + pipeline.close()
    complete = pipeline.complete
    if pipeline.error is not None and pipeline.opened:
        out += pipeline.fail(pipeline.error)
    return Stream(out, pipeline.opened, pipeline.error, complete)


def _context(translation: Translation, fields: Fields) -> ReplyContext:
    return ReplyContext("asked", "0198f0c0ffee", 1790000000, translation.prompt, fields)


# Pieces of a provider's stream


def chunk(choice: int = 0, finish: str | None = None, usage: Fields | None = None, **delta: Any) -> Fields:
    """One chunk of a chat stream."""
    fields: Fields = {"id": "c1", "object": "chat.completion.chunk", "model": "real"}
    return {**fields, "choices": [{"index": choice, "delta": delta, "finish_reason": finish}], "usage": usage}


def piece(index: int | None, arguments: str | None = None, **more: Any) -> Fields:
    """One entry of a chat delta's `tool_calls`; `name` goes where it belongs."""
    function = {name: value for name, value in (("name", more.pop("name", None)), ("arguments", arguments)) if value}
    place = {} if index is None else {"index": index}
    return {**place, **more, "function": function}


def block(index: int, start: Fields, *deltas: Fields) -> list[Fields]:
    """The life of one block of a Messages stream."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def message(*blocks: list[Fields], reason: str = "end_turn", usage: Fields | None = None) -> list[Fields]:
    """A whole Messages stream."""
    start = {"id": "msg_1", "model": "real", "role": "assistant", "content": [], "usage": usage or {"input_tokens": 3}}
    return [
        {"type": "message_start", "message": start},
        *(event for each in blocks for event in each),
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def part(*parts: Fields, finish: str | None = None, **more: Any) -> Fields:
    """One object of a Gemini stream; also a whole answer."""
    candidate: Fields = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "real", **more}


def response(*output: Fields, status: str = "completed", **more: Any) -> Fields:
    """A whole Response."""
    return {"id": "resp_1", "object": "response", "model": "real", "status": status, "output": list(output), **more}


def step(kind: str, index: int = 0, **more: Any) -> Fields:
    """One event of a Responses stream."""
    return {"type": f"response.{kind}", "output_index": index, **more}


def responding(*events: Fields, end: str = "completed", **more: Any) -> list[Fields]:
    """A whole Responses stream."""
    created = {"type": "response.created", "response": {"id": "resp_1", "model": "real", "status": "in_progress"}}
    return [created, *events, {"type": f"response.{end}", "response": response(status=end, **more)}]


# What a client makes of a stream


def blocks(stream: Stream) -> list[Fields]:
    """The content blocks of a Messages stream. Fails as an SDK would: blocks must begin before they go on."""
    kinds = stream.kinds()
    assert kinds[0] == "message_start"
    assert kinds.count("message_start") == 1
    found: list[Fields] = []
    open_block: int | None = None
    for event in stream.events:
        if event["type"] == "content_block_start":
            assert open_block is None
            assert event["index"] == len(found)
            open_block = event["index"]
            found.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_block
            _grow(found[event["index"]], event["delta"])
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
    assert open_block is None or "error" in kinds
    return found


def _grow(found: Fields, delta: Fields) -> None:
    words = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
    if delta["type"] == "input_json_delta":
        assert delta["partial_json"]
        found["json"] += delta["partial_json"]
    else:
        field = words[delta["type"]]
        assert delta[field]
        found[field] += delta[field]


def inputs(stream: Stream) -> list[tuple[str, Any]]:
    """Name and input of every call in a Messages stream."""
    calls = [each for each in blocks(stream) if each["type"] == "tool_use"]
    return [(call["name"], orjson.loads(call["json"] or "{}")) for call in calls]


def calls(stream: Stream) -> list[tuple[str, str, str]]:
    """Id, name and arguments of every call in a chat stream; each must begin once, and before it goes on."""
    found: dict[int, list[str]] = {}
    for event in stream.events:
        for choice in event.get("choices", ()):
            for call in choice["delta"].get("tool_calls", ()):
                function = call.get("function", {})
                if "id" in call:
                    assert call["index"] == len(found)
                    found[call["index"]] = [call["id"], function["name"], ""]
                found[call["index"]][2] += function.get("arguments", "")
    return [(call[0], call[1], call[2]) for call in found.values()]


def finishes(stream: Stream) -> list[str]:
    """The finish reasons of a chat stream."""
    choices = [choice for event in stream.events for choice in event.get("choices", ())]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"] is not None]


def texts(stream: Stream, field: str = "content") -> str:
    """All text of a chat stream, or all of another field."""
    deltas = [choice["delta"] for event in stream.events for choice in event.get("choices", ())]
    return "".join([delta.get(field) or "" for delta in deltas])


def items(stream: Stream) -> list[Fields]:
    """The output of a Responses stream. Every item must begin, end, and be in the whole as it ended."""
    events = stream.events
    assert stream.kinds()[:2] == ["response.created", "response.in_progress"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    added = [event for event in events if event["type"] == "response.output_item.added"]
    done = sorted((e for e in events if e["type"] == "response.output_item.done"), key=lambda e: int(e["output_index"]))
    assert [event["output_index"] for event in added] == list(range(len(added)))
    assert [event["item"]["id"] for event in added] == [event["item"]["id"] for event in done]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    output: list[Fields] = events[-1]["response"]["output"]
    assert output == [event["item"] for event in done]
    return output


def parts(stream: Stream) -> list[Fields]:
    """The parts of a Gemini stream that say something, texts joined with their neighbours of the same kind."""
    found: list[Fields] = []
    for event in stream.events:
        for each in event["candidates"][0]["content"]["parts"]:
            before = found[-1] if found else {}
            if "text" in each and "text" in before and each.get("thought") == before.get("thought"):
                before["text"] += each["text"]
            elif each.get("text") != "":
                found.append({**each})
    return found
