"""What the tests of this dialect share: prompts, contexts and streams, made in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from openai._types import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.formats.events import Event
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses
from gateway.formats.neutral import Prompt
from gateway.formats.openai_responses.dialect import FORMAT
from gateway.formats.openai_responses.event_reader import EventReader
from gateway.formats.openai_responses.event_writer import EventWriter
from gateway.formats.sse import Splitter
from gateway.records import ModelFacts

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def read(*, strict: bool = False, **fields: Any) -> tuple[Prompt, list[str]]:
    """The prompt of a request, and what was dropped."""
    losses = Losses(FORMAT.field_names, strict=strict)
    return FORMAT.read_prompt({"model": "m", "input": "q", **fields}, losses), losses.dropped


def read_input(*items: Fields) -> Prompt:
    """The prompt of a request with these items."""
    return read(input=list(items))[0]


def write(prompt: Prompt, facts: ModelFacts | None = None) -> tuple[Fields, list[str]]:
    """The request for a provider, and what was dropped, in our own words."""
    losses = Losses({})
    return FORMAT.write_prompt(prompt, "up", facts or ModelFacts(), losses), losses.dropped


def context(**fields: Any) -> ReplyContext:
    """What a writer of replies knows of a request."""
    request = {"model": "gpt", "input": "q", **fields}
    prompt = FORMAT.read_prompt(request, Losses(FORMAT.field_names))
    return ReplyContext("gpt", "ab12", 1790000000, prompt, request)


def written(events: Iterable[Event], **fields: Any) -> tuple[list[Fields], EventWriter]:
    """The events a client gets, each checked by the official SDK's types and by its stream parser."""
    writer = EventWriter(context(**fields))
    raw = b"".join([writer.write(event) for event in events])
    return parsed(raw), writer


def parsed(raw: bytes, *, whole: bool = True) -> list[Fields]:
    """The events in a stream, checked; the parser wants it whole."""
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    events = [orjson.loads(piece) for piece in Splitter().feed(raw)]
    for event in events:
        known = _EVENT.validate_python(event)
        if whole and event["type"] != "error":
            state.handle_event(known)
    names = [line[7:].decode() for line in raw.split(b"\n") if line.startswith(b"event: ")]
    assert names == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def strict_response(response: Fields) -> Response:
    """The SDK's own Response. Raises when a field is missing or of another kind."""
    return Response.model_validate(response, strict=True)


def told(*events: Fields) -> list[Event]:
    """What a reader makes of a provider's events."""
    reader = EventReader()
    found = [event for each in events for event in reader.feed(orjson.dumps(each))]
    return [*found, *reader.close()]
