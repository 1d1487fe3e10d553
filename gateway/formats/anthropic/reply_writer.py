"""A whole reply as a message, blocks in the order in which they were said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.formats.arguments import as_object
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Choice, Finish, Part, Reasoning, Refusal, Reply, State, Text, ToolCall

from .reply_blocks import call_id, is_redacted, message, signature, sources, stop_fields

_NONE = Choice((), Finish("stop"))


def write_reply(reply: Reply, context: ReplyContext) -> Fields:
    """The message. It has one answer: further choices are nobody's."""
    choice = next((each for each in reply.choices if each.index == 0), _NONE)
    content = _Content(context)
    for part in choice.parts:
        _WRITE.get(type(part), _nothing)(content, part)
    return message(context, content.blocks, stop_fields(choice.finish), reply.usage)


@dataclass(slots=True)
class _Content:
    """Blocks so far."""

    context: ReplyContext
    blocks: list[Fields] = field(default_factory=list)
    calls: int = 0
    unsigned: bool = False
    """The last block is a thought without state: a signature that comes next is its own."""

    def add(self, block: Fields) -> None:
        """One more block."""
        self.blocks.append(block)
        self.unsigned = False

    def think(self, text: str, state: State | None) -> None:
        """A thought, or one that nobody may read."""
        if is_redacted(state) and state is not None:
            self.add({"type": "redacted_thinking", "data": state.payload})
        else:
            self.add({"type": "thinking", "thinking": text, "signature": signature(state)})
            self.unsigned = state is None

    def sign(self, state: State) -> None:
        """State of a call: it goes to the thought before it, or into one of its own."""
        if self.unsigned and not is_redacted(state):
            self.blocks[-1]["signature"] = signature(state)
            self.unsigned = False
        else:
            self.think("", state)


def _text(content: _Content, part: Text) -> None:
    if part.text:
        content.add({"type": "text", "text": part.text + sources(part.citations)})


def _refusal(content: _Content, part: Refusal) -> None:
    if part.text:
        content.add({"type": "text", "text": part.text})


def _reasoning(content: _Content, part: Reasoning) -> None:
    if part.text or part.state is not None:
        content.think(part.text, part.state)


def _call(content: _Content, part: ToolCall) -> None:
    if part.state is not None:
        content.sign(part.state)
    arguments = as_object(part.arguments) if part.kind == "function" else {"input": part.arguments}
    own_id = call_id(content.context, part.id, content.calls)
    content.add({"type": "tool_use", "id": own_id, "name": part.name, "input": arguments})
    content.calls += 1


def _nothing(content: _Content, part: Part) -> None:
    """Nothing that an answer has here: a picture, for one."""


_WRITE: dict[type[Part], Callable[[_Content, Any], None]] = {
    Text: _text,
    Refusal: _refusal,
    Reasoning: _reasoning,
    ToolCall: _call,
}
