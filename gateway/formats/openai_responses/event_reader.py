"""A provider's Responses stream as events. Forgiving: what servers leave out, repeat or rename is made good.

Events: https://platform.openai.com/docs/api-reference/responses-streaming. Items are told apart by their place first,
by their id second, for some servers change ids on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import orjson

from gateway.formats.broken import cut_off, no_object, not_json
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    Event,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    UsageReported,
)
from gateway.formats.format import Fields, Undivided
from gateway.formats.told import objects_in, text_in

from .errors import refusal
from .incoming_items import CALLS, Item, Speech
from .reply_reader import failure_in, read_chances, read_finish, usage_in


class EventReader(Undivided):
    """One stream."""

    __slots__ = ("_begun", "_items", "_open", "_speech", "finished")

    def __init__(self) -> None:
        self._begun = False
        self._items: list[Item] = []
        """All items, in the order in which they were heard of."""
        self._open: dict[int, Item] = {}
        """The latest item at each place."""
        self._speech = Speech()
        self.finished = False

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in one event's data. Raises UpstreamMalformed on what is no JSON object."""
        if self.finished:
            return ()
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError:
            return not_json(data)
        if not isinstance(fields, dict):
            raise no_object()
        kind = fields.get("type")
        if not isinstance(kind, str):
            return self._failed(fields) if fields.get("error") else ()
        reader = self._READ.get(kind)
        return () if reader is None else reader(self, fields)

    def close(self) -> Iterable[Event]:
        """Nothing if the end was told, else that it was not (STR-6)."""
        if self.finished:
            return ()
        self.finished = True
        return cut_off()

    # Beginning and end

    def _begin(self, fields: Fields) -> Sequence[Event]:
        if self._begun:
            return ()
        self._begun = True
        response = _response(fields)
        return (ReplyBegin(text_in(response, "id"), text_in(response, "model")),)

    def _completed(self, fields: Fields) -> Sequence[Event]:
        return self._ended(fields, "completed")

    def _incomplete(self, fields: Fields) -> Sequence[Event]:
        return self._ended(fields, "incomplete")

    def _ended(self, fields: Fields, status: str) -> Sequence[Event]:
        """The whole answer comes once more: what was never told of it is told now."""
        response = _response(fields)
        failure = failure_in(response)
        self.finished = True
        if failure is not None:
            return (ReplyFailed(failure),)
        if response.get("status") != "incomplete":
            response = {**response, "status": status}
        events = [*self._begin(fields), *self._rest(objects_in(response, "output"))]
        usage = usage_in(response)
        if usage is not None:
            events.append(UsageReported(usage))
        finish = read_finish(response, refused=self._speech.refused)
        return (*events, ChoiceEnd(finish), ReplyEnd())

    def _rest(self, output: list[Fields]) -> list[Event]:
        events: list[Event] = []
        for item, fields in self._matched(output):
            events += self._speech.complete_item(item, fields)
        events += self._speech.end_part()
        for item in self._items:
            if item.kind in CALLS:
                events += self._speech.end_call(item)
        return events

    def _matched(self, output: list[Fields]) -> list[tuple[Item, Fields]]:
        """Items of the whole answer with those we know: by what tells them apart, then by order, else as new."""
        left = list(self._items)
        found: dict[int, Item] = {}
        # Servers that do not count from 0, or leave places out, mean other places than the list has.
        is_counted = all((item.index or 0) < len(output) for item in left)
        for sure in (True, False):
            for at, fields in enumerate(output):
                kind = text_in(fields, "type")
                place = at if is_counted else -1
                known = None if at in found else _match(left, fields, place if sure else None)
                if known is not None:
                    left.remove(known)
                    found[at] = known
                elif not sure and at not in found:
                    found[at] = self._add(kind, None, text_in(fields, "id"))
        return [(found[at], fields) for at, fields in enumerate(output)]

    def _failed(self, fields: Fields) -> Sequence[Event]:
        """`error`, with its fields nested, flat or both, or `response.failed`: the first of them counts."""
        self.finished = True
        error = fields.get("error") or _response(fields).get("error") or fields
        return (ReplyFailed(refusal(error if isinstance(error, dict) else {"message": error})),)

    # Items

    def _added(self, fields: Fields) -> Sequence[Event]:
        told = fields.get("item")
        if not isinstance(told, dict):
            return ()
        kind, index, own_id = text_in(told, "type"), _index(fields, "output_index"), text_in(told, "id")
        item = self._named(kind, own_id) if index is None else self._open.get(index)
        if item is None or item.kind != kind or item.done or item.id != own_id:
            item = self._add(kind, index, own_id)
        events = self._begin(fields)
        return (*events, *self._speech.begin_call(item, told)) if kind in CALLS else events

    def _item_done(self, fields: Fields) -> Sequence[Event]:
        told = fields.get("item")
        if not isinstance(told, dict):
            return ()
        item = self._find(fields, text_in(told, "type"), text_in(told, "id"))
        return (*self._begin(fields), *self._speech.complete_item(item, told))

    def _find(self, fields: Fields, kind: str, own_id: str = "") -> Item:
        """The item that an event is about; one that was never added is taken to begin now."""
        index = _index(fields, "output_index")
        own_id = own_id or text_in(fields, "item_id")
        if index is not None:
            found = self._open.get(index)
            if found is not None and found.kind == kind:
                return found
        for item in reversed(self._items):
            if item.kind == kind and (item.id == own_id if own_id else index is None and not item.done):
                return item
        return self._add(kind, index, own_id)

    def _named(self, kind: str, own_id: str) -> Item | None:
        """The item with this id, if it has one, where items have no places."""
        return next((item for item in self._items if own_id and item.id == own_id and item.kind == kind), None)

    def _add(self, kind: str, index: int | None, own_id: str) -> Item:
        item = Item(kind, index, own_id)
        self._items.append(item)
        if index is not None:
            self._open[index] = item
        return item

    # Pieces

    def _text_delta(self, fields: Fields) -> Sequence[Event]:
        text, place = fields.get("delta"), fields.get("output_index")
        item = self._open.get(place) if place.__class__ is int else None
        if item is None or text.__class__ is not str or not text or fields.get("logprobs"):
            return self._first_text(fields)
        return self._speech.more_text(item, fields.get("content_index"), text) or self._first_text(fields)

    def _first_text(self, fields: Fields) -> Sequence[Event]:
        item, index = self._find(fields, "message"), _part_index(fields)
        events = [*self._begin(fields), *self._speech.say(item, "text", index, text_in(fields, "delta"))]
        chances = read_chances(fields)
        if chances:
            item.weighed.add(index)
            events.append(ChancesDelta(chances))
        return events

    def _piece(self, fields: Fields, kind: str, part: str) -> Sequence[Event]:
        item = self._find(fields, kind)
        said = self._speech.say(item, part, _part_index(fields), text_in(fields, "delta"))
        return (*self._begin(fields), *said)

    def _refusal_delta(self, fields: Fields) -> Sequence[Event]:
        return self._piece(fields, "message", "refusal")

    def _summary_delta(self, fields: Fields) -> Sequence[Event]:
        return self._piece(fields, "reasoning", "summary")

    def _thought_delta(self, fields: Fields) -> Sequence[Event]:
        return self._piece(fields, "reasoning", "content")

    def _arguments_delta(self, fields: Fields) -> Sequence[Event]:
        return self._speech.argue(self._find(fields, "function_call"), text_in(fields, "delta"))

    def _input_delta(self, fields: Fields) -> Sequence[Event]:
        return self._speech.argue(self._find(fields, "custom_tool_call"), text_in(fields, "delta"))

    def _annotation(self, fields: Fields) -> Sequence[Event]:
        note = fields.get("annotation")
        notes = [note] if isinstance(note, dict) else []
        return self._speech.cite(self._find(fields, "message"), _part_index(fields), notes)

    # Ends of pieces: the whole text once more

    def _part_done(self, fields: Fields) -> Sequence[Event]:
        part = fields.get("part")
        if not isinstance(part, dict):
            return ()
        kind = "reasoning" if text_in(part, "type") in ("reasoning_text", "summary_text") else "message"
        item = self._find(fields, kind)
        return (*self._begin(fields), *self._speech.complete_part(item, _part_index(fields), part))

    def _text_done(self, fields: Fields) -> Sequence[Event]:
        return self._whole(fields, "message", "text", text_in(fields, "text"))

    def _refusal_done(self, fields: Fields) -> Sequence[Event]:
        return self._whole(fields, "message", "refusal", text_in(fields, "refusal"))

    def _summary_done(self, fields: Fields) -> Sequence[Event]:
        return self._whole(fields, "reasoning", "summary", text_in(fields, "text"))

    def _thought_done(self, fields: Fields) -> Sequence[Event]:
        return self._whole(fields, "reasoning", "content", text_in(fields, "text"))

    def _whole(self, fields: Fields, kind: str, part: str, text: str) -> Sequence[Event]:
        said = self._speech.complete(self._find(fields, kind), part, _part_index(fields), text)
        return (*self._begin(fields), *said)

    def _arguments_done(self, fields: Fields) -> Sequence[Event]:
        return self._speech.complete_call(self._find(fields, "function_call"), text_in(fields, "arguments"))

    def _input_done(self, fields: Fields) -> Sequence[Event]:
        return self._speech.complete_call(self._find(fields, "custom_tool_call"), text_in(fields, "input"))

    _READ: ClassVar[dict[str, Callable[[Any, Fields], Iterable[Event]]]] = {
        "response.created": _begin,
        "response.in_progress": _begin,
        "response.queued": _begin,
        "response.output_item.added": _added,
        "response.output_text.delta": _text_delta,
        "response.output_text.done": _text_done,
        "response.output_text.annotation.added": _annotation,
        "response.refusal.delta": _refusal_delta,
        "response.refusal.done": _refusal_done,
        "response.reasoning_summary_text.delta": _summary_delta,
        "response.reasoning_summary_text.done": _summary_done,
        "response.reasoning_summary_part.done": _part_done,
        "response.reasoning_text.delta": _thought_delta,
        "response.reasoning_text.done": _thought_done,
        "response.content_part.done": _part_done,
        "response.function_call_arguments.delta": _arguments_delta,
        "response.function_call_arguments.done": _arguments_done,
        "response.custom_tool_call_input.delta": _input_delta,
        "response.custom_tool_call_input.done": _input_done,
        "response.output_item.done": _item_done,
        "response.completed": _completed,
        "response.done": _completed,
        "response.incomplete": _incomplete,
        "response.failed": _failed,
        "response.cancelled": _failed,
        "error": _failed,
    }
    """Readers by type; other events tell nothing that another dialect has words for."""


def _match(items: list[Item], fields: Fields, at: int | None) -> Item | None:
    """The item that `fields` are the whole of: by call, id or place; without a place, the first of its kind."""
    kind, own_id, call_id = text_in(fields, "type"), text_in(fields, "id"), text_in(fields, "call_id")
    same = [item for item in items if item.kind == kind]
    if kind in CALLS:
        called = next((item for item in same if call_id and item.call_id == call_id), None)
        if called is not None or at is None:
            return called
        same = [item for item in same if not item.call_id]
    if at is None:
        return next(iter(same), None)
    named = next((item for item in same if own_id and item.id == own_id), None)
    return named or next((item for item in same if item.index == at), None)


def _response(fields: Fields) -> Fields:
    response = fields.get("response")
    return response if isinstance(response, dict) else {}


def _index(fields: Fields, name: str) -> int | None:
    value: Any = fields.get(name)
    return value if value.__class__ is int else None


def _part_index(fields: Fields) -> int:
    found = _index(fields, "content_index")
    return (_index(fields, "summary_index") or 0) if found is None else found
