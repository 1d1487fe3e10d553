"""What the tests of this dialect share: prompts, contexts and streams, made in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from gateway.formats.anthropic.dialect import FORMAT
from gateway.formats.anthropic.event_reader import EventReader
from gateway.formats.anthropic.event_writer import EventWriter
from gateway.formats.events import Event
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses
from gateway.formats.neutral import Part, Prompt, Turn
from gateway.formats.sse import Splitter
from gateway.records import ModelFacts

_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)

REQUEST: Fields = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "q"}]}


def read(**fields: Any) -> tuple[Prompt, list[str]]:
    """The prompt of a request, and what was dropped."""
    losses = Losses(FORMAT.field_names)
    return FORMAT.read_prompt({**REQUEST, **fields}, losses), losses.dropped


def read_blocks(*blocks: Fields, role: str = "user") -> tuple[Part, ...]:
    """The parts of a message with these blocks."""
    prompt, _ = read(messages=[{"role": "user", "content": "q"}, {"role": role, "content": list(blocks)}])
    return prompt.turns[1].parts


def write(prompt: Prompt, **facts: Any) -> tuple[Fields, list[str]]:
    """The request for a provider, and what was dropped, in our own words."""
    losses = Losses({})
    return FORMAT.write_prompt(prompt, "up", ModelFacts(**facts), losses), losses.dropped


def said(*parts: Part, **settings: Any) -> Prompt:
    """A prompt in which the user says this."""
    return Prompt((), (Turn("user", parts),), max_tokens=100, **settings)


def context() -> ReplyContext:
    """What a writer of replies knows of a request."""
    return ReplyContext("claude", "ab12", 1790000000, read()[0], REQUEST)


def written(events: Iterable[Event]) -> list[Fields]:
    """The events a client gets, each checked by the official SDK's types and added up as it does."""
    writer = EventWriter(context())
    return parsed(b"".join([writer.write(event) for event in events]))


def parsed(raw: bytes) -> list[Fields]:
    """The events in a stream, checked: names, one open block at a time, indexes as the SDK wants them."""
    events = [orjson.loads(piece) for piece in Splitter().feed(raw)]
    names = [line[7:].decode() for line in raw.split(b"\n") if line.startswith(b"event: ")]
    assert names == [event["type"] for event in events]
    snapshot: Any = None
    pieces: dict[int, Any] = {}
    opened, begun = -1, 0
    for event in events:
        kind = event["type"]
        if kind == "content_block_start":
            assert (opened, event["index"]) == (-1, begun)
            opened, begun = begun, begun + 1
        elif kind.startswith("content_block"):
            assert event["index"] == opened
            opened = -1 if kind == "content_block_stop" else opened
        if kind not in ("error", "ping"):
            known = _EVENT.validate_python(event)
            snapshot = accumulate_event(event=known, current_snapshot=snapshot, json_bufs=pieces)
    return events


def whole(events: list[Fields]) -> list[Fields]:
    """The blocks that a client puts together from a stream."""
    blocks: list[Fields] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _add(blocks[-1], event["delta"])
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use" and text:
            block["input"] = orjson.loads(text)
    return blocks


def _add(block: Fields, delta: Fields) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        block["text"] += delta["text"]
    elif kind == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    else:
        block["json"] += delta["partial_json"]


def strict_message(message: Fields) -> Message:
    """The SDK's own Message. Raises when a field is missing or of another kind."""
    return Message.model_validate(message, strict=True)


def told(*events: Fields) -> list[Event]:
    """What a reader makes of a provider's events."""
    reader = EventReader()
    found = [event for each in events for event in reader.feed(orjson.dumps(each))]
    return [*found, *reader.close()]
