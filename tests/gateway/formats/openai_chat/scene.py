"""What the tests of this dialect share: prompts, contexts and streams, made in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.formats.events import ChoiceEnd, Event, ReplyBegin, ReplyEnd
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses
from gateway.formats.neutral import Finish, Part, Prompt, Turn
from gateway.formats.openai_chat.dialect import FORMAT
from gateway.formats.openai_chat.event_reader import EventReader
from gateway.formats.openai_chat.event_writer import EventWriter
from gateway.formats.sse import Splitter
from gateway.records import ModelFacts

QUESTION: Fields = {"role": "user", "content": "q"}
BEGIN = ReplyBegin("chatcmpl-1", "m")
STOPPED = (ChoiceEnd(Finish("stop", detail="stop")), ReplyEnd())


def read(*, strict: bool = False, **fields: Any) -> tuple[Prompt, list[str]]:
    """The prompt of a request, and what was dropped."""
    losses = Losses(FORMAT.field_names, strict=strict)
    return FORMAT.read_prompt({"model": "m", "messages": [QUESTION], **fields}, losses), losses.dropped


def read_messages(*messages: Fields) -> Prompt:
    """The prompt of a request with these messages."""
    return read(messages=list(messages))[0]


def read_message(**message: Any) -> tuple[Part, ...]:
    """The parts of one message behind a question."""
    return read_messages(QUESTION, message).turns[1].parts


def write(prompt: Prompt, **facts: Any) -> tuple[Fields, list[str]]:
    """The request for a provider, and what was dropped, in our own words."""
    losses = Losses({})
    body = FORMAT.write_prompt(prompt, "up", ModelFacts(**facts), losses)
    assert orjson.dumps(body)
    return body, losses.dropped


def write_turns(*turns: Turn, **facts: Any) -> list[Fields]:
    """The messages of these turns."""
    messages: list[Fields] = write(Prompt((), turns), **facts)[0]["messages"]
    return messages


def said(*parts: Part, **settings: Any) -> Prompt:
    """A prompt in which the user says this."""
    return Prompt((), (Turn("user", parts),), **settings)


def context(**fields: Any) -> ReplyContext:
    """What a writer of replies knows of a request."""
    return ReplyContext("gpt", "ab12", 1790000000, read(**fields)[0], {"messages": [QUESTION], **fields})


def strict_completion(reply: Fields) -> ChatCompletion:
    """The SDK's own ChatCompletion. Raises when a field is missing or of another kind."""
    return ChatCompletion.model_validate(orjson.loads(orjson.dumps(reply)), strict=True)


def chunk(delta: Fields | None = None, finish: str | None = None, index: int = 0, **more: Any) -> Fields:
    """A chunk of a provider with one choice."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m", "choices": [choice], **more}


def told(*chunks: Fields | bytes) -> list[Event]:
    """What a reader makes of a provider's chunks, and of their end."""
    reader = EventReader()
    pieces = [each if isinstance(each, bytes) else orjson.dumps(each) for each in chunks]
    found = [event for each in pieces for event in reader.feed(each)]
    return [*found, *reader.close()]


def heard(*chunks: Fields) -> list[Event]:
    """The events between the beginning and the end of a stream that a provider finishes."""
    found = told(*chunks, chunk(finish="stop"), b"[DONE]")
    assert found[0] == BEGIN
    assert tuple(found[-2:]) == STOPPED
    return found[1:-2]


def written(events: Iterable[Event], **fields: Any) -> bytes:
    """The bytes a client gets."""
    writer = EventWriter(context(**fields))
    return b"".join([writer.write(event) for event in events])


def chunks(raw: bytes) -> list[Fields]:
    """The chunks in a stream, each checked by the official SDK's types and added up as it does; `[DONE]` is checked."""
    state: Any = ChatCompletionStreamState()
    pieces = Splitter().feed(raw)
    if pieces[-1:] == [b"[DONE]"]:
        pieces.pop()
    found: list[Fields] = [orjson.loads(piece) for piece in pieces]
    for each in found:
        state.handle_chunk(ChatCompletionChunk.model_validate(each))
    assert len({(each["id"], each["created"], each["model"]) for each in found}) == 1
    return found


def deltas(events: Iterable[Event], **fields: Any) -> list[Fields]:
    """What the choices of the chunks say, one by one, without the beginning."""
    found = [choice for each in chunks(written(events, **fields)) for choice in each["choices"]]
    assert found[0]["delta"] == {"role": "assistant", "content": ""}
    return [choice["delta"] for choice in found[1:] if choice["delta"]]
