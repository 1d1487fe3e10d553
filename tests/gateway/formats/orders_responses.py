"""Responses streams as OpenAI and everybody compatible with it may send them (pitfalls 1-38, streams)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from hypothesis import strategies as st

from .orders import Answer, Chance, Fields, Kind, Part, Stream, answers, in_tracks

_SILENT: tuple[Fields, ...] = (
    {"type": "keepalive"},
    {},
    {"type": None},
    {"type": "response.in_progress", "response": None},
)
"""Events that say nothing."""
_EMPTY: tuple[Fields, ...] = (
    *_SILENT,
    {"type": "response.unheard_of", "output_index": 0, "delta": "no"},
    {"type": "response.output_item.added", "item": None, "output_index": 0},
    {"type": "response.web_search_call.searching", "output_index": 42, "item_id": "ws_1"},
    {"type": "response.reasoning_summary_part.added", "output_index": 43, "summary_index": 0, "part": None},
)
"""The same of items at places where nothing else is."""

_SAYS: dict[Kind, tuple[str, str, str]] = {
    "text": ("response.output_text", "output_text", "text"),
    "refusal": ("response.refusal", "refusal", "refusal"),
}
"""What events of a part are called, its type, and the field with all of it."""


@dataclass(frozen=True)
class _Manner:
    """How a server tells items apart."""

    index: str
    """`counted`, `gapped`, `shifted` (from 1), `same` or `none`."""
    id: str
    """`given`, `rotating` or `none`."""
    beside: bool
    """Calls are made beside each other."""
    listed: bool
    """The whole answer is told again at its end."""
    lazy: bool
    """It is told nowhere else."""

    @property
    def sure(self) -> bool:
        """Every event says which item it is about, so that the beginning of an item may be missing."""
        return self.index in ("counted", "gapped", "shifted")


class _Item:
    """An item, and how events refer to it."""

    def __init__(self, part: Part, own_id: str, index: int | None, manner: _Manner) -> None:
        self.part = part
        self.own_id = own_id
        self.index = index
        self.manner = manner
        self.fields = _whole(part)
        self.late = False
        """It is named at the end of the answer only."""

    def event(self, kind: str, chance: Chance, **more: Any) -> Fields:
        """An event about it."""
        fields: Fields = {"type": kind, **more}
        if self.index is not None:
            fields["output_index"] = self.index
        own_id = self.take_id(chance)
        if own_id is not None and "item" not in more:
            fields["item_id"] = own_id
        return fields

    def told(self, chance: Chance, **changed: Any) -> Fields:
        """The item itself."""
        own_id = self.take_id(chance)
        return {**self.fields, **changed, **({} if own_id is None else {"id": own_id})}

    def take_id(self, chance: Chance) -> str | None:
        """Its id, as this event has it."""
        if self.manner.id == "none":
            return None
        return f"{self.own_id}_{chance.number(0, 99)}" if self.manner.id == "rotating" else self.own_id


@st.composite
def responses_streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Stream:
    """Any of them."""
    chance = Chance(draw)
    answer: Answer = draw(answers("text", "call", "thought", "refusal"))
    answer = replace(answer, parts=tuple(_in_paragraphs(part, chance) for part in answer.parts))
    manner = _manner(chance)
    count = len(answer.parts)
    indexes: list[int | None] = {
        "counted": [*range(count)],
        "gapped": [*sorted(chance.numbers(count))] if manner.index == "gapped" else [],
        "shifted": [*range(1, count + 1)],
        "same": [0] * count,
        "none": [None] * count,
    }[manner.index]
    items = [
        _Item(part, f"item_{at}", index, manner)
        for at, (part, index) in enumerate(zip(answer.parts, indexes, strict=True))
    ]
    tracks = [[] if manner.lazy else _TRACKS[item.part.kind](item, chance) for item in items]
    events = in_tracks(answer, tracks, beside=manner.beside, chance=chance)
    begin: Fields = {"type": "response.created", "response": {"id": "resp_1", "model": "up", "output": []}}
    events = chance.one([begin], [], [begin, begin], [begin, {**begin, "type": "response.in_progress"}]) + events
    events = chance.amid(events, _EMPTY if manner.sure else _SILENT)
    end = len(events)
    events.append(_terminal(answer, [item.told(chance) for item in items], manner, chance))
    late = {"type": "response.output_text.delta", "output_index": 0, "delta": "late"}
    wire = [
        *map(orjson.dumps, events),
        *chance.some([b"[DONE]", orjson.dumps(late), b"rubbish", orjson.dumps(events[-1])]),
    ]
    orderly = not manner.beside and not any(item.late for item in items)
    return Stream(answer, tuple(wire), end, orderly, late_calls=True)


def _manner(chance: Chance) -> _Manner:
    """Only manners in which items can be told apart."""
    index = chance.one("counted", "gapped", "shifted", "same", "none")
    ids = {"counted": ("given", "rotating", "none"), "same": ("given",)}
    own_id = chance.one(*ids.get(index, ("given", "none")))
    beside = (index in ("counted", "gapped", "shifted") or own_id == "given") and index != "same" and chance.flag()
    listed = not chance.flag()
    return _Manner(index, own_id, beside, listed, lazy=listed and chance.flag())


def _in_paragraphs(part: Part, chance: Chance) -> Part:
    """Several summaries are paragraphs of one thought: each piece is one of them."""
    if part.kind != "thought":
        return part
    first, *rest = part.pieces if chance.flag() else (part.whole,)
    return replace(part, pieces=(first, *(f"\n\n{text}" for text in rest)))


def _paragraphs(part: Part) -> list[str]:
    return [text if at == 0 else text.removeprefix("\n\n") for at, text in enumerate(part.pieces)]


def _whole(part: Part) -> Fields:
    """The item as a whole."""
    if part.kind == "call":
        return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.whole}
    if part.kind == "thought":
        return {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text} for text in _paragraphs(part)],
        }
    _, kind, name = _SAYS[part.kind]
    return {"type": "message", "role": "assistant", "content": [{"type": kind, name: part.whole}]}


def _begin(item: _Item, chance: Chance, **empty: Any) -> list[Fields]:
    """That the item begins; unless nobody says so."""
    if item.manner.sure and chance.flag():
        return []
    added = item.event("response.output_item.added", chance, item=item.told(chance, **empty))
    # Said twice, it is told apart from another item by nothing but its id.
    return [added, added] if item.manner.id == "given" and chance.flag() else [added]


def _words(item: _Item, chance: Chance) -> list[Fields]:
    """A message of one part, told in pieces, as a whole, or both."""
    name, kind, field = _SAYS[item.part.kind]
    whole = {"type": kind, field: item.part.whole}
    place = chance.one({"content_index": 0}, {})
    events = _begin(item, chance, content=[])
    if not chance.flag():
        empty = {"type": kind, field: ""}
        events.append(item.event("response.content_part.added", chance, part=empty, **place))
    ways = _ways(chance, "deltas", "text", "part", "item")
    events += [
        item.event(f"{name}.delta", chance, delta=text, **place) for text in _told(item.part.pieces, ways, chance)
    ]
    if "text" in ways:
        events.append(item.event(f"{name}.done", chance, **{field: item.part.whole}, **place))
    if "part" in ways:
        events.append(item.event("response.content_part.done", chance, part=whole, **place))
    return events + _done(item, ways, chance)


def _thought(item: _Item, chance: Chance) -> list[Fields]:
    """A thought of several paragraphs, each a summary."""
    events = _begin(item, chance, summary=[])
    ways = _ways(chance, "deltas", "text", "part", "item")
    name = "response.reasoning_summary_text"
    for at, text in enumerate(_paragraphs(item.part)):
        cut = chance.number(0, len(text))
        pieces = _told((text[:cut], text[cut:]), ways, chance)
        events += [item.event(f"{name}.delta", chance, delta=piece, summary_index=at) for piece in pieces]
        if "text" in ways:
            events.append(item.event(f"{name}.done", chance, text=text, summary_index=at))
        if "part" in ways:
            part = {"type": "summary_text", "text": text}
            events.append(item.event("response.reasoning_summary_part.done", chance, part=part, summary_index=at))
    return events + _done(item, ways, chance)


def _call(item: _Item, chance: Chance) -> list[Fields]:
    """A call; its name may come with its end only."""
    begin = _begin(item, chance, arguments="", **chance.way({}, {"name": ""}))
    ways = _ways(chance, "deltas", "text", "item")
    is_named = any(event["item"]["name"] for event in begin)
    if not is_named and not item.manner.listed:
        ways = {*ways, "item"}
    item.late = not is_named and "item" not in ways
    pieces = _told(item.part.pieces, ways, chance)
    name = "response.function_call_arguments"
    events = [*begin, *(item.event(f"{name}.delta", chance, delta=piece) for piece in pieces)]
    if "text" in ways:
        events.append(item.event(f"{name}.done", chance, arguments=item.part.whole))
    return events + _done(item, ways, chance)


def _ways(chance: Chance, *ways: str) -> set[str]:
    """The ways in which a part is told: in pieces, or by any of its ends."""
    return set(chance.some(ways)) or {ways[0]}


def _told(pieces: tuple[str, ...], ways: set[str], chance: Chance) -> list[str]:
    """The pieces that are told; the last is missing at times, if an end of the same part makes it good."""
    if "deltas" not in ways:
        return []
    lacking = bool(ways & {"text", "part"}) and chance.flag()
    return chance.amid(list(pieces[:-1] if lacking else pieces), [""])


def _done(item: _Item, ways: set[str], chance: Chance) -> list[Fields]:
    if "item" not in ways:
        return []
    done = item.event("response.output_item.done", chance, item=item.told(chance))
    return [done, done] if item.manner.sure and chance.flag() else [done]


_TRACKS: dict[Kind, Callable[[_Item, Chance], list[Fields]]] = {
    "text": _words,
    "refusal": _words,
    "thought": _thought,
    "call": _call,
}


def _terminal(answer: Answer, output: list[Fields], manner: _Manner, chance: Chance) -> Fields:
    """The end, with the whole answer or without."""
    response: Fields = {"id": "resp_1", "model": "up", "output": output}
    if not manner.listed:
        response = chance.one({**response, "output": []}, {**response, "output": None}, {"id": "resp_1"})
    if answer.usage is not None:
        response["usage"] = {
            "input_tokens": answer.usage.input,
            "input_tokens_details": {"cached_tokens": answer.usage.cached},
            "output_tokens": answer.usage.output,
            "output_tokens_details": {"reasoning_tokens": answer.usage.thought},
        }
    if answer.finish == "stop":
        kind = chance.one("response.completed", "response.done")
        return {"type": kind, "response": {**response, **chance.way({"status": "completed"}, {})}}
    reason = "max_output_tokens" if answer.finish == "length" else "content_filter"
    response["incomplete_details"] = {"reason": reason}
    return {"type": "response.incomplete", "response": {**response, **chance.way({"status": "incomplete"}, {})}}
