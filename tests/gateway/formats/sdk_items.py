"""The items of a Response while it is told: which are open, and that nothing is said outside of its part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .heard import Heard


class Items:
    """The items of a Response that is being told."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.open: dict[int, str] = {}
        """Ids by place."""
        self.parts: dict[tuple[int, str, int], str] = {}
        """Open parts: place of the item, kind, place within; and what was said."""
        self.closed: set[tuple[int, str, int]] = set()
        self.done: list[Any] = []
        self.count = 0

    def added(self, event: Any) -> None:
        """An item begins."""
        assert event.output_index == self.count, "items are counted"
        self.count += 1
        assert event.item.id not in self.open.values()
        self.open[event.output_index] = event.item.id
        if event.item.type == "function_call":
            self.heard.add("call", event.item.name)
            self.begin((event.output_index, "call", 0))

    def item_done(self, event: Any) -> None:
        """An item ends."""
        assert self.open.pop(event.output_index) == event.item.id
        assert not [key for key in self.parts if key[0] == event.output_index], "a part of it is open"
        self.done.append((event.output_index, event.item))

    def begin(self, key: tuple[int, str, int]) -> None:
        """A part begins."""
        assert key[0] in self.open
        assert key not in self.parts
        assert key not in self.closed
        self.parts[key] = ""

    def delta(self, event: Any, kind: str, place: int = 0) -> None:
        """More of a part."""
        assert self.open[event.output_index] == event.item_id
        self.parts[event.output_index, kind, place] += event.delta
        if kind != "call":
            self.heard.add(kind, event.delta)

    def note(self, event: Any) -> None:
        """A source of a part that is open."""
        assert (event.output_index, "text", event.content_index) in self.parts

    def end(self, event: Any, kind: str, whole: str, place: int = 0) -> None:
        """A part has been said."""
        key = (event.output_index, kind, place)
        assert self.open[event.output_index] == event.item_id
        assert self.parts.pop(key) == whole, "its pieces are not what it is"
        self.closed.add(key)


_PARTS = {"output_text": "text", "refusal": "refusal", "reasoning_text": "thought"}

TELL: dict[str, Callable[[Items, Any], None]] = {
    "response.output_item.added": Items.added,
    "response.output_item.done": Items.item_done,
    "response.content_part.added": lambda items, event: items.begin(
        (event.output_index, _PARTS[event.part.type], event.content_index)
    ),
    "response.content_part.done": lambda items, event: None,
    "response.output_text.delta": lambda items, event: items.delta(event, "text", event.content_index),
    "response.output_text.done": lambda items, event: items.end(event, "text", event.text, event.content_index),
    "response.refusal.delta": lambda items, event: items.delta(event, "refusal", event.content_index),
    "response.refusal.done": lambda items, event: items.end(event, "refusal", event.refusal, event.content_index),
    "response.output_text.annotation.added": lambda items, event: items.note(event),
    "response.reasoning_summary_part.added": lambda items, event: items.begin(
        (event.output_index, "thought", event.summary_index)
    ),
    "response.reasoning_summary_part.done": lambda items, event: None,
    "response.reasoning_summary_text.delta": lambda items, event: items.delta(event, "thought", event.summary_index),
    "response.reasoning_summary_text.done": lambda items, event: items.end(
        event, "thought", event.text, event.summary_index
    ),
    "response.function_call_arguments.delta": lambda items, event: items.delta(event, "call"),
    "response.function_call_arguments.done": lambda items, event: items.end(event, "call", event.arguments),
}
