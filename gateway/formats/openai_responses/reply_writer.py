"""A whole reply as a Response object, items in the order in which they were said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Choice, Finish, Image, Part, Reasoning, Refusal, Reply, State, Text, ToolCall

from .output_items import (
    annotation,
    call_item,
    explanation,
    image_item,
    incomplete_reason,
    item_id,
    logprobs_of,
    message_item,
    reasoning_id,
    reasoning_item,
    refusal_part,
    text_part,
)
from .response_object import ended_response, new_response, tier_named

_CUT = ("message", "function_call", "custom_tool_call")
"""Items that say whether they are complete."""

_NONE = Choice((), Finish("stop"))


def write_reply(reply: Reply, context: ReplyContext) -> Fields:
    """The Response. It has one answer: further choices are nobody's."""
    choice = reply.choices[0] if reply.choices else _NONE
    items = write_items(choice, context.token)
    response = ended_response(new_response(context), choice.finish, items, reply.usage)
    return tier_named(response, reply.tier)


def write_items(choice: Choice, token: str) -> list[Fields]:
    """The output items of an answer; the last one is incomplete when the answer is."""
    output = _Output(token)
    for part in choice.parts:
        _WRITE.get(type(part), _nothing)(output, part)
    reason = explanation(choice.finish)
    if reason and not output.items:
        output.speak(refusal_part(reason))
    if choice.chances:
        _attach(output.items, logprobs_of(choice.chances))
    if incomplete_reason(choice.finish) and output.items and output.items[-1]["type"] in _CUT:
        output.items[-1]["status"] = "incomplete"
    return output.items


@dataclass(slots=True)
class _Output:
    """Items so far."""

    token: str
    items: list[Fields] = field(default_factory=list)
    unsigned: bool = False
    """The last item is a thought without state: a signature that comes next is its own."""

    def add(self, kind: str, write: Callable[[str], Fields]) -> None:
        self.items.append(write(item_id(kind, self.token, len(self.items))))
        self.unsigned = False

    def speak(self, part: Fields) -> None:
        """Adjacent texts belong to one message."""
        if self.items and self.items[-1]["type"] == "message":
            self.items[-1]["content"].append(part)
        else:
            self.add("message", lambda own_id: message_item(own_id, "completed", [part]))

    def think(self, text: str, state: State | None) -> None:
        own_id = reasoning_id(state, self.token, len(self.items))
        self.items.append(reasoning_item(own_id, text, state))
        self.unsigned = state is None

    def sign(self, state: State) -> None:
        """State of a call: it goes to the thought before it, or into one of its own."""
        thought = self.items.pop()["summary"] if self.unsigned else []
        self.think(thought[0]["text"] if thought else "", state)


def _text(output: _Output, part: Text) -> None:
    notes = [annotation(citation, len(part.text)) for citation in part.citations]
    output.speak(text_part(part.text, notes, []))


def _refusal(output: _Output, part: Refusal) -> None:
    output.speak(refusal_part(part.text))


def _reasoning(output: _Output, part: Reasoning) -> None:
    output.think(part.text, part.state)


def _call(output: _Output, part: ToolCall) -> None:
    if part.state is not None:
        output.sign(part.state)
    kind, call = write_call(part)
    output.add(kind, lambda own_id: call_item(own_id, kind, "completed", call))


def write_call(part: ToolCall) -> tuple[str, Fields]:
    """The kind of a call's item, and what is in it."""
    call = {"call_id": part.id, "name": part.name}
    if part.namespace:
        call["namespace"] = part.namespace
    if part.kind == "custom":
        return "custom_tool_call", {**call, "input": part.arguments}
    return "function_call", {**call, "arguments": part.arguments if part.arguments.strip() else "{}"}


def _image(output: _Output, part: Image) -> None:
    output.add("image_generation_call", lambda own_id: image_item(own_id, part))


def _nothing(output: _Output, part: Part) -> None:
    """Nothing that a model says."""


_WRITE: dict[type[Any], Callable[[_Output, Any], None]] = {
    Text: _text,
    Refusal: _refusal,
    Reasoning: _reasoning,
    ToolCall: _call,
    Image: _image,
}


def _attach(items: list[Fields], logprobs: list[Fields]) -> None:
    """Log probabilities belong to text: to the first there is."""
    for item in items:
        if item["type"] == "message" and item["content"][0]["type"] == "output_text":
            item["content"][0]["logprobs"] = logprobs
            return
