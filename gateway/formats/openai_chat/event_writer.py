"""Events as a chat stream for a client: chunks around one varying piece each.

Chunks: https://platform.openai.com/docs/api-reference/chat/streaming. The official SDK takes a call for over as soon as
another is spoken of, so calls that are made beside each other go out one after another:
https://github.com/openai/openai-python/blob/main/src/openai/lib/streaming/chat/_completions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson

from gateway.errors import GatewayError
from gateway.formats.arguments import parsed
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Usage
from gateway.formats.openai_responses.errors import stream_error_fields

from .reply_writer import explained, write_chances, write_citation, write_extra, write_image, write_reason, write_state
from .usage import write_usage

DONE = b"data: [DONE]\n\n"


class _Call:
    """A call that is being written."""

    __slots__ = ("choice", "depth", "index", "kind", "pieces")

    def __init__(self, choice: int, index: int, kind: str) -> None:
        self.choice = choice
        self.index = index
        """Within its choice, from 0."""
        self.kind = kind
        self.pieces: list[str] = []
        """Arguments that went out."""
        self.depth = 0
        """Braces in them that are open; those within strings count too, so that it only hints at what is whole."""

    @property
    def whole(self) -> bool:
        """Whether nothing can be missing: a JSON object that is complete stays so."""
        return self.depth == 0 and self.kind != "custom" and parsed("".join(self.pieces)) is not None


class EventWriter:
    """One stream."""

    __slots__ = (
        "_begun",
        "_calls",
        "_head",
        "_held",
        "_listed",
        "_making",
        "_refused",
        "_tail",
        "_usage",
        "_wants_usage",
    )

    def __init__(self, context: ReplyContext) -> None:
        frame = {
            "id": f"chatcmpl-{context.token}",
            "object": "chat.completion.chunk",
            "created": context.created,
            "model": context.model,
        }
        self._head = b"data: " + orjson.dumps(frame)[:-1] + b',"choices":['
        self._wants_usage = context.prompt.wants_usage
        # With usage asked for, every chunk but the last says `null`, as OpenAI's do.
        self._tail = b'],"usage":null}\n\n' if self._wants_usage else b"]}\n\n"
        self._begun: set[int] = set()
        """Choices whose role went out."""
        self._calls: dict[int, _Call] = {}
        self._making: _Call | None = None
        """The call of which arguments may come."""
        self._held: list[ToolBegin | ToolDelta | ToolEnd] = []
        """Other calls, which wait for it."""
        self._listed: dict[tuple[int, str], int] = {}
        """How many entries of a list went out, by choice and name."""
        self._refused: set[int] = set()
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for one event."""
        writer = self._WRITE.get(event.__class__)
        return b"" if writer is None else writer(self, event)

    def open(self) -> bytes:
        """The role of the first choice."""
        return self._role(0)

    def fail(self, error: GatewayError) -> bytes:
        """The one event that SDKs raise on; `[DONE]` never follows."""
        return b"data: " + orjson.dumps({"error": stream_error_fields(error)}) + b"\n\n"

    def _role(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._chunk(choice, b'{"role":"assistant","content":""}')

    def _chunk(self, choice: int, delta: bytes, finish: bytes = b"null", more: bytes = b"") -> bytes:
        return b'%b{"index":%d,"delta":%b%b,"finish_reason":%b}%b' % (
            self._head,
            choice,
            delta,
            more,
            finish,
            self._tail,
        )

    def _piece(self, choice: int, delta: Fields) -> bytes:
        return self._role(choice) + self._chunk(choice, orjson.dumps(delta))

    def _begin(self, event: ReplyBegin) -> bytes:
        return self._role(0)

    def _text(self, event: TextDelta) -> bytes:
        choice = event.choice
        role = b"" if choice in self._begun else self._role(choice)
        return b'%b%b{"index":%d,"delta":{"content":%b},"finish_reason":null}%b' % (
            role,
            self._head,
            choice,
            orjson.dumps(event.text),
            self._tail,
        )

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        delta = b'{"reasoning_content":%b}' % orjson.dumps(event.text)
        return self._role(event.choice) + self._chunk(event.choice, delta)

    def _state(self, event: ReasoningState) -> bytes:
        return self._piece(event.choice, {"thinking_blocks": [self._placed(event, "blocks", write_state(event.state))]})

    def _refusal(self, event: RefusalDelta) -> bytes:
        self._refused.add(event.choice)
        return self._piece(event.choice, {"refusal": event.text})

    def _citation(self, event: CitationFound) -> bytes:
        told = write_citation(event.citation, event.citation.end)
        return self._piece(event.choice, {"annotations": [self._placed(event, "annotations", told)]})

    def _image(self, event: ImageWhole) -> bytes:
        at = self._take_place(event.choice, "images")
        return self._piece(event.choice, {"images": [write_image(event.image, at)]})

    def _placed(self, event: ReasoningState | CitationFound, name: str, entry: Fields) -> Fields:
        """An entry of a list that others follow: the official SDK adds none but the first without its place."""
        at = self._take_place(event.choice, name)
        return {"index": at, **entry} if at else entry

    def _take_place(self, choice: int, name: str) -> int:
        at = self._listed.get((choice, name), 0)
        self._listed[choice, name] = at + 1
        return at

    def _chances(self, event: ChancesDelta) -> bytes:
        more = b',"logprobs":%b' % orjson.dumps(write_chances(event.chances))
        return self._role(event.choice) + self._chunk(event.choice, b"{}", more=more)

    def _tool_begin(self, event: ToolBegin) -> bytes:
        making = self._making
        if making is not None and (self._held or not making.whole):
            self._held.append(event)
            return b""
        index = sum(call.choice == event.choice for call in self._calls.values())
        self._making = self._calls[event.call] = _Call(event.choice, index, event.kind)
        argument = "input" if event.kind == "custom" else "arguments"
        inner = {"name": event.name, argument: ""}
        call = {"index": index, "id": event.id, "type": event.kind, event.kind: inner, **write_extra(event.state)}
        return self._piece(event.choice, {"tool_calls": [call]})

    def _tool_delta(self, event: ToolDelta) -> bytes:
        call = self._calls.get(event.call)
        if call is None or call is not self._making:
            return self._waits(event, call)
        call.pieces.append(event.text)
        call.depth += event.text.count("{") - event.text.count("}")
        delta = self._arguments(call, orjson.dumps(event.text))
        return delta + self._release() if self._held and call.whole else delta

    def _tool_end(self, event: ToolEnd) -> bytes:
        """A call without arguments has an empty object of them."""
        call = self._calls.get(event.call)
        if call is None or call is not self._making:
            return self._waits(event, call)
        rest = b"" if call.pieces or call.kind == "custom" else self._arguments(call, b'"{}"')
        return rest + self._release()

    def _waits(self, event: ToolDelta | ToolEnd, call: _Call | None) -> bytes:
        """Nothing, yet, of a call that has not begun; nothing at all of one that is over."""
        if call is None:
            self._held.append(event)
        return b""

    def _release(self) -> bytes:
        """What waited for the call that is over now."""
        self._making = None
        held, self._held = self._held, []
        return b"".join([self.write(each) for each in held])

    def _arguments(self, call: _Call, text: bytes) -> bytes:
        form = b'{"tool_calls":[{"index":%d,"custom":{"input":%b}}]}'
        if call.kind != "custom":
            form = b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}'
        return self._chunk(call.choice, form % (call.index, text))

    def _usage_reported(self, event: UsageReported) -> bytes:
        self._usage = event.usage
        return b""

    def _choice_end(self, event: ChoiceEnd) -> bytes:
        """An explanation of the vendor is told as a refusal, unless the model's own words were (FIN-4)."""
        choice = event.choice
        said = explained(event.finish) if choice not in self._refused else None
        words = self._piece(choice, {"refusal": said}) if said else b""
        return self._role(choice) + words + self._chunk(choice, b"{}", orjson.dumps(write_reason(event.finish)))

    def _end(self, event: ReplyEnd) -> bytes:
        """Usage, if it was asked for and is known (USAGE-5), then the mark."""
        if not self._wants_usage or self._usage is None:
            return DONE
        return self._head + b'],"usage":%b}\n\n' % orjson.dumps(write_usage(self._usage)) + DONE

    _WRITE: ClassVar[dict[type, Callable[[Any, Any], bytes]]] = {
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        ReasoningState: _state,
        RefusalDelta: _refusal,
        CitationFound: _citation,
        ImageWhole: _image,
        ChancesDelta: _chances,
        ReplyBegin: _begin,
        ToolBegin: _tool_begin,
        ToolDelta: _tool_delta,
        ToolEnd: _tool_end,
        UsageReported: _usage_reported,
        ChoiceEnd: _choice_end,
        ReplyEnd: _end,
    }
