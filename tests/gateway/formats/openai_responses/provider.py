"""A provider's stream, an event a line."""

from __future__ import annotations

from typing import Any

from gateway.formats.events import ChoiceEnd, Event, ReplyBegin, ReplyEnd, ToolBegin, ToolDelta, ToolEnd
from gateway.formats.format import Fields
from gateway.formats.neutral import Finish

from .scene import told

CREATED: Fields = {"type": "response.created", "response": {"id": "resp_1", "model": "m"}}
BEGIN = ReplyBegin("resp_1", "m")
CALL: list[Event] = [ToolBegin(0, "c", "f"), ToolDelta(0, "{}"), ToolEnd(0)]
ENDS = (ChoiceEnd(Finish("stop")), ReplyEnd())


def event(kind: str, index: int | None = 0, **more: Any) -> Fields:
    place = {} if index is None else {"output_index": index}
    return {"type": f"response.{kind}", **place, **more}


def added(kind: str, index: int = 0, **more: Any) -> Fields:
    return event("output_item.added", index, item={"type": kind, "id": f"i{index}", **more})


def done(kind: str, index: int = 0, **more: Any) -> Fields:
    return event("output_item.done", index, item={"type": kind, "id": f"i{index}", **more})


def delta(text: str, index: int = 0, part: int = 0, **more: Any) -> Fields:
    return event("output_text.delta", index, content_index=part, delta=text, **more)


def completed(*output: Fields, **more: Any) -> Fields:
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output), **more}}


def message(*texts: str, **more: Any) -> Fields:
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts], **more}


def call(arguments: str = "{}", **more: Any) -> Fields:
    return {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments, **more}


def said(*events: Fields) -> list[Event]:
    """The events between beginning and end."""
    found = told(CREATED, *events, completed())
    assert found[0] == BEGIN
    assert found[-2:] in ([ChoiceEnd(Finish("stop")), ReplyEnd()], [ChoiceEnd(Finish("refusal")), ReplyEnd()])
    return found[1:-2]
