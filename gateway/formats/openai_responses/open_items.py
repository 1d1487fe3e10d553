"""Output items that are being written: what opens them, what they say piece by piece, and what ends them.

Each knows the events of its own kind and the item it will have become; which of them is open is the writer's business.
"""

from __future__ import annotations

from gateway.formats.arguments import parsed
from gateway.formats.format import Fields
from gateway.formats.neutral import Citation, State, TokenChance

from .framing import Frame, Wire, delta_frame
from .output_items import (
    annotation,
    call_item,
    logprobs_of,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)

_ADDED = "response.output_item.added"
_DONE = "response.output_item.done"


class OpenMessage:
    """A message: texts and refusals, one part after another."""

    __slots__ = ("_citations", "_content", "_logprobs", "_pieces", "_wire", "frame", "id", "index", "part_over", "says")

    def __init__(self, wire: Wire, own_id: str, index: int) -> None:
        self._wire = wire
        self.id = own_id
        self.index = index
        self._content: list[Fields] = []
        self._pieces: list[str] = []
        self._citations: list[Citation] = []
        self._logprobs: list[Fields] = []
        self.says = ""
        """What the open part holds: `text`, `refusal`, or nothing."""
        self.part_over = False
        """What comes next is a part of its own; sources of this one may still come."""
        self.frame: Frame | None = None

    def open(self) -> bytes:
        """The item itself."""
        item = message_item(self.id, "in_progress", [])
        return self._wire.event(_ADDED, {"output_index": self.index, "item": item})

    def say(self, kind: str, text: str) -> bytes:
        """Some text, or some words of a refusal, in a part of that kind."""
        if self.says == kind and not self.part_over:
            self._pieces.append(text)
            return self._wire.delta(self.frame, text)  # type: ignore[arg-type]  # there is one while a part is open
        return self.close_part() + self._open_part(kind) + self.say(kind, text)

    def chances(self, chances: tuple[TokenChance, ...]) -> bytes:
        """Log probabilities of what was said: a delta of their own, for its text is out already."""
        if self.says != "text":
            return b""
        logprobs = logprobs_of(chances)
        self._logprobs += logprobs
        return self._wire.event("response.output_text.delta", {**self._place(), "delta": "", "logprobs": logprobs})

    def cite(self, citation: Citation) -> None:
        """A source of the part; it is told when the part is over, for only then its extent is known."""
        if self.says == "text":
            self._citations.append(citation)

    def close_part(self) -> bytes:
        """The end of the open part, if there is one."""
        kind, text = self.says, "".join(self._pieces)
        if not kind:
            return b""
        events = self._annotations(len(text)) if kind == "text" else []
        notes = [annotation(citation, len(text)) for citation in self._citations]
        part = text_part(text, notes, self._logprobs) if kind == "text" else refusal_part(text)
        said = {"text": text, "logprobs": self._logprobs} if kind == "text" else {"refusal": text}
        events += [
            self._wire.event(f"response.{_WORDS[kind]}.done", {**self._place(), **said}),
            self._wire.event("response.content_part.done", {**self._place(), "part": part}),
        ]
        self._content.append(part)
        self._pieces, self._citations, self._logprobs = [], [], []
        self.says, self.part_over = "", False
        return b"".join(events)

    def close(self, status: str) -> tuple[bytes, Fields]:
        """The end of the item, and the item."""
        end = self.close_part()
        item = message_item(self.id, status, self._content)
        return end + self._wire.event(_DONE, {"output_index": self.index, "item": item}), item

    def _open_part(self, kind: str) -> bytes:
        self.says = kind
        self.frame = delta_frame(f"response.{_WORDS[kind]}.delta", self._place(), logprobs=kind == "text")
        part = text_part("", [], []) if kind == "text" else refusal_part("")
        return self._wire.event("response.content_part.added", {**self._place(), "part": part})

    def _annotations(self, length: int) -> list[bytes]:
        return [
            self._wire.event(
                "response.output_text.annotation.added",
                {**self._place(), "annotation_index": at, "annotation": annotation(citation, length)},
            )
            for at, citation in enumerate(self._citations)
        ]

    def _place(self) -> Fields:
        return {"item_id": self.id, "output_index": self.index, "content_index": len(self._content)}


_WORDS = {"text": "output_text", "refusal": "refusal"}


class OpenReasoning:
    """A thought: its text as one summary, and the state that seals it."""

    __slots__ = ("_frame", "_pieces", "_wire", "id", "index")

    def __init__(self, wire: Wire, own_id: str, index: int) -> None:
        self._wire = wire
        self.id = own_id
        self.index = index
        self._pieces: list[str] = []
        self._frame = delta_frame("response.reasoning_summary_text.delta", self._place())

    def open(self) -> bytes:
        """The item itself."""
        item = {"id": self.id, "type": "reasoning", "summary": []}
        return self._wire.event(_ADDED, {"output_index": self.index, "item": item})

    def say(self, text: str) -> bytes:
        """Some of the thought."""
        begin = b"" if self._pieces else self._part("added", "")
        self._pieces.append(text)
        return begin + self._wire.delta(self._frame, text)

    def close(self, state: State | None) -> tuple[bytes, Fields]:
        """The end of the item, and the item."""
        text = "".join(self._pieces)
        end = b""
        if text:
            end = self._wire.event("response.reasoning_summary_text.done", {**self._place(), "text": text})
            end += self._part("done", text)
        item = reasoning_item(self.id, text, state)
        return end + self._wire.event(_DONE, {"output_index": self.index, "item": item}), item

    def _part(self, what: str, text: str) -> bytes:
        part = {"type": "summary_text", "text": text}
        return self._wire.event(f"response.reasoning_summary_part.{what}", {**self._place(), "part": part})

    def _place(self) -> Fields:
        return {"item_id": self.id, "output_index": self.index, "summary_index": 0}


class OpenCall:
    """A call of a tool."""

    __slots__ = ("_call", "_field", "_frame", "_pieces", "_wire", "ended", "id", "index", "kind")

    def __init__(self, wire: Wire, own_id: str, index: int, call: tuple[str, Fields]) -> None:
        self._wire = wire
        self.id = own_id
        self.index = index
        self.kind, self._call = call
        self._field = "input" if self.kind == "custom_tool_call" else "arguments"
        self._pieces: list[str] = []
        self._frame = delta_frame(f"response.{self._word}.delta", self._place())
        self.ended = False
        """Nothing more is said; it stays open until it is known whether the answer was cut here."""

    def open(self) -> bytes:
        """The item itself."""
        item = call_item(self.id, self.kind, "in_progress", {**self._call, self._field: ""})
        return self._wire.event(_ADDED, {"output_index": self.index, "item": item})

    def say(self, text: str) -> bytes:
        """Some of its arguments or its input."""
        self._pieces.append(text)
        return self._wire.delta(self._frame, text)

    @property
    def whole(self) -> bool:
        """Whether nothing can be missing: a JSON object that is complete stays so."""
        return self.ended or (self.kind == "function_call" and parsed("".join(self._pieces)) is not None)

    def close(self, status: str) -> tuple[bytes, Fields]:
        """The end of the item, and the item. Arguments that nobody gave are an empty object, unless they were cut."""
        end = b""
        if self.kind == "function_call" and not self._pieces and status == "completed":
            end = self.say("{}")
        said = {self._field: "".join(self._pieces)}
        end += self._wire.event(f"response.{self._word}.done", {**self._place(), **said})
        item = call_item(self.id, self.kind, status, {**self._call, **said})
        return end + self._wire.event(_DONE, {"output_index": self.index, "item": item}), item

    @property
    def _word(self) -> str:
        return "custom_tool_call_input" if self.kind == "custom_tool_call" else "function_call_arguments"

    def _place(self) -> Fields:
        return {"item_id": self.id, "output_index": self.index}
