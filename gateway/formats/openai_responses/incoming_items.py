"""Output items as a provider's stream tells of them: by pieces, by their ends, or only as a whole.

Whatever is told more than once is reported once: of every text it is known how much was said, and only what is missing
is added.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.formats.events import (
    ChancesDelta,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
)
from gateway.formats.format import Fields
from gateway.formats.told import objects_in, text_in

from .part_reader import read_citation
from .reply_reader import read_call, read_chances, read_image, state_of

CALLS = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
"""Items that are calls: the kind of tool, and the field with what it is called with."""


class Item:
    """One item, and what was said of it."""

    __slots__ = ("call", "call_id", "cited", "done", "held", "id", "index", "kind", "said", "source", "weighed")

    def __init__(self, kind: str, index: int | None, own_id: str) -> None:
        self.kind = kind
        self.index = index
        self.id = own_id
        self.call: int | None = None
        """The number of the call, once its name is known."""
        self.call_id = ""
        self.held: list[str] = []
        """Arguments that came before the name."""
        self.said: dict[tuple[str, int], int] = {}
        """Characters said, by kind and index of the part."""
        self.cited: dict[int, int] = {}
        """Sources told, by part."""
        self.weighed: set[int] = set()
        """Parts whose log probabilities came with their pieces."""
        self.source = ""
        """Which of its texts a thought is read from: `summary` or `content`. Open models give both."""
        self.done = False


class Speech:
    """What items say, as events; knows what is being said right now."""

    __slots__ = ("_calls", "_now", "refused")

    def __init__(self) -> None:
        self._now: tuple[Item, str, int] | None = None
        self._calls = 0
        self.refused = False
        """The model has declined."""

    def text(self, item: Item, index: int, text: str) -> list[Event]:
        """Some visible text."""
        return [*self._turn_to(item, "text", index), TextDelta(text)] if text else []

    def refusal(self, item: Item, index: int, text: str) -> list[Event]:
        """Some of the words with which the model declines."""
        if not text:
            return []
        self.refused = True
        return [*self._turn_to(item, "refusal", index), RefusalDelta(text)]

    def thought(self, item: Item, source: str, index: int, text: str) -> list[Event]:
        """Some of a thought; several summaries of one item are paragraphs of one thought."""
        if not text or item.source not in ("", source):
            return []
        begins_another = bool(item.source) and (source, index) not in item.said
        item.source = source
        before = self._turn_to(item, "thought", 0)
        return [*before, ReasoningDelta(f"\n\n{text}" if begins_another else text)]

    def more_text(self, item: Item, index: Any, text: str) -> tuple[Event, ...]:
        """More of the text that is being said; nothing when something else is. Most events of a stream end here."""
        now = self._now
        if now is None or now[0] is not item or now[1] != "text" or now[2] != index:
            return ()
        item.said["text", index] += len(text)
        return (TextDelta(text),)

    def begin_call(self, item: Item, fields: Fields) -> list[Event]:
        """A call, as soon as it has a name, with what was held back for it."""
        call = None if item.call is not None else read_call(fields, "", CALLS[item.kind][0])
        if call is None:
            return []
        item.call, self._calls = self._calls, self._calls + 1
        item.call_id = call.id
        held, item.held = "".join(item.held), []
        begin = ToolBegin(item.call, call.id, call.name, call.kind, call.namespace)
        return [*self.end_part(), begin, *([ToolDelta(item.call, held)] if held else [])]

    def argue(self, item: Item, text: str) -> list[Event]:
        """Some of what a call is called with."""
        if not text:
            return []
        item.said["call", 0] = item.said.get(("call", 0), 0) + len(text)
        if item.call is None:
            item.held.append(text)
            return []
        return [ToolDelta(item.call, text)]

    def end_call(self, item: Item) -> list[Event]:
        """A call is complete, if it ever became one."""
        already, item.done = item.done, True
        return [] if already or item.call is None else [ToolEnd(item.call)]

    def end_part(self) -> list[Event]:
        """What was being said is complete."""
        now, self._now = self._now, None
        return [] if now is None else [PartEnd()]

    def _turn_to(self, item: Item, kind: str, index: int) -> list[Event]:
        now = self._now
        if now is not None and now[0] is item and now[1] == kind and now[2] == index:
            return []
        before = self.end_part()
        self._now = (item, kind, index)
        return before

    # Wholes: what is missing of them

    def say(self, item: Item, kind: str, index: int, text: str) -> list[Event]:
        """A piece of a part: visible text, a refusal, or a thought (`summary`, `content`)."""
        if not text:
            return []
        if kind == "text":
            events = self.text(item, index, text)
        elif kind == "refusal":
            events = self.refusal(item, index, text)
        else:
            events = self.thought(item, kind, index, text)
        item.said[kind, index] = item.said.get((kind, index), 0) + len(text)
        return events

    def complete(self, item: Item, kind: str, index: int, whole: str) -> list[Event]:
        """The end of a part, told with all its text: what its pieces lacked."""
        return self.say(item, kind, index, whole[item.said.get((kind, index), 0) :])

    def complete_call(self, item: Item, whole: str) -> list[Event]:
        """The end of what a call is called with: what its pieces lacked."""
        return self.argue(item, whole[item.said.get(("call", 0), 0) :])

    def complete_part(self, item: Item, index: int, part: Fields) -> list[Event]:
        """A part of an item, as a whole."""
        kind = text_in(part, "type")
        if kind == "refusal":
            return self.complete(item, "refusal", index, text_in(part, "refusal"))
        if kind == "reasoning_text":
            return self.complete(item, "content", index, text_in(part, "text"))
        if kind == "summary_text":
            return self.complete(item, "summary", index, text_in(part, "text"))
        events = self.complete(item, "text", index, text_in(part, "text"))
        if index not in item.weighed and (chances := read_chances(part)):
            item.weighed.add(index)
            events.append(ChancesDelta(chances))
        told = item.cited.get(index, 0)
        return [*events, *self.cite(item, index, objects_in(part, "annotations")[told:])]

    def cite(self, item: Item, index: int, notes: Iterable[Fields]) -> list[Event]:
        """Sources of a part."""
        notes = list(notes)
        item.cited[index] = item.cited.get(index, 0) + len(notes)
        return [CitationFound(citation) for note in notes if (citation := read_citation(note)) is not None]

    def complete_item(self, item: Item, fields: Fields) -> list[Event]:
        """An item as a whole: what is missing of it, and its end."""
        if item.done:
            return []
        if item.kind in CALLS:
            events = self.begin_call(item, fields)
            events += self.complete_call(item, text_in(fields, CALLS[item.kind][1]))
            return events + self.end_call(item)
        item.done = True
        if item.kind == "reasoning":
            return self._complete_thought(item, fields)
        if item.kind == "image_generation_call":
            image = read_image(fields)
            return [] if image is None else [*self.end_part(), ImageWhole(image)]
        parts = objects_in(fields, "content") if item.kind == "message" else []
        events = [event for index, part in enumerate(parts) for event in self.complete_part(item, index, part)]
        return events + self.end_part()

    def _complete_thought(self, item: Item, fields: Fields) -> list[Event]:
        """Sealed state is complete only here (https://platform.openai.com/docs/guides/reasoning)."""
        lists = ("summary", "content") if item.source != "content" else ("content",)
        events = [
            event
            for source in lists
            for index, part in enumerate(objects_in(fields, source))
            for event in self.complete(item, source, index, text_in(part, "text"))
        ]
        state = state_of(fields)
        if state is None:
            return events + self.end_part()
        if not item.source:
            events += self.end_part()
        self._now = None
        return [*events, ReasoningState(state)]
