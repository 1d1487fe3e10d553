"""Message streams as Anthropic and everybody compatible with it may send them (pitfalls 1-38, streams)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from hypothesis import strategies as st

from .orders import Answer, Chance, Fields, Part, Stream, answers, in_tracks, without_ids

_REASONS = {"stop": ("end_turn", "tool_use", "stop_sequence"), "length": ("max_tokens",), "filter": ("refusal",)}
_EMPTY: tuple[Fields, ...] = (
    {"type": "ping"},
    {"type": "content_block_heartbeat", "index": 0},
    {},
    {"type": None},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "unheard_of_delta", "text": "no"}},
    {"type": "content_block_delta", "index": 0, "delta": None},
    {"type": "content_block_stop", "index": 31},
    {"type": "content_block_delta", "index": 31, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "message_delta", "delta": {"stop_reason": None}, "usage": None},
)
"""Events that say nothing."""


@dataclass(frozen=True)
class _Manner:
    """How a server tells blocks apart."""

    index: str
    """`counted`, `gapped`, `same` or `none`."""
    beside: bool
    """Calls are made beside each other."""

    @property
    def apart(self) -> bool:
        """Every block has an index of its own."""
        return self.index in ("counted", "gapped")


@st.composite
def anthropic_streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Stream:
    """Any of them."""
    chance = Chance(draw)
    answer: Answer = draw(answers("text", "call", "thought"))
    if chance.flag():
        answer = without_ids(answer)
    index = chance.one("counted", "gapped", "same", "none")
    manner = _Manner(index, index in ("counted", "gapped") and chance.flag())
    count = len(answer.parts)
    indexes = (
        chance.numbers(count)
        if index == "gapped"
        else list(range(count))
        if manner.apart
        else [0 if index == "same" else None] * count
    )
    tracks = [_block(part, place, manner, chance) for part, place in zip(answer.parts, indexes, strict=True)]
    blocks = in_tracks(answer, tracks, beside=manner.beside, chance=chance)
    events = chance.amid([*_start(answer, chance), *blocks], _EMPTY)
    end = len(events)
    events += _finish(answer, chance)
    end += next(at for at, told in enumerate(events[end:]) if told["type"] == "message_stop" or _says_why(told))
    stops = sum(told.get("type") == "content_block_stop" and told.get("index") != 31 for told in events)
    return Stream(answer, tuple(map(orjson.dumps, events)), end, not manner.beside, late_calls=stops < count)


def _says_why(told: Fields) -> bool:
    return bool(told.get("type") == "message_delta" and told["delta"].get("stop_reason"))


def _start(answer: Answer, chance: Chance) -> list[Fields]:
    """The beginning: once, several times, or never."""
    usage = {} if answer.usage is None else {"usage": _input(answer)}
    start = {"type": "message_start", "message": {"id": "msg_1", "model": "up", "role": "assistant", **usage}}
    if answer.usage is None and chance.flag():
        return []
    return [start] * chance.one(1, 2)


def _input(answer: Answer) -> Fields:
    assert answer.usage is not None
    fresh = answer.usage.input - answer.usage.cached
    return {"input_tokens": fresh, "cache_read_input_tokens": answer.usage.cached, "output_tokens": 1}


def _block(part: Part, index: int | None, manner: _Manner, chance: Chance) -> list[Fields]:
    pieces, start = _CONTENT[part.kind](part, chance)
    place = {} if index is None else {"index": index}
    events = [{"type": "content_block_delta", **place, "delta": delta} for delta in pieces]
    if part.kind == "call" or not chance.flag():
        events.insert(0, {"type": "content_block_start", **place, "content_block": start})
    elif start.get("text") or start.get("thinking"):
        # What the beginning would have said.
        kind, name = ("text_delta", "text") if part.kind == "text" else ("thinking_delta", "thinking")
        delta = {"type": kind, name: start[name]}
        events.insert(0, {"type": "content_block_delta", **place, "delta": delta})
    if not manner.apart or not chance.flag():  # where blocks share an index, only their ends tell them apart
        events.append({"type": "content_block_stop", **place})
    return events


def _text(part: Part, chance: Chance) -> tuple[list[Fields], Fields]:
    first, rest = _begun(part, chance)
    deltas = [{"type": "text_delta", "text": piece} for piece in rest]
    return chance.amid(deltas, [{"type": "text_delta", "text": ""}]), {"type": "text", "text": first}


def _thought(part: Part, chance: Chance) -> tuple[list[Fields], Fields]:
    first, rest = _begun(part, chance)
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in rest]
    if chance.flag():
        deltas.append({"type": "signature_delta", "signature": "U0lH"})
    kind = "text" if not first and chance.flag() else "thinking"  # some think within a block of text
    name = "text" if kind == "text" else "thinking"
    return chance.amid(deltas, [{"type": "thinking_delta", "thinking": ""}]), {"type": kind, name: first}


def _begun(part: Part, chance: Chance) -> tuple[str, list[str]]:
    """What the beginning of a block says already, and the rest."""
    said = chance.number(0, 1)
    return "".join(part.pieces[:said]), list(part.pieces[said:])


def _call(part: Part, chance: Chance) -> tuple[list[Fields], Fields]:
    whole: Any = json.loads(part.whole or "{}")
    told = chance.one("deltas", "start", "both")
    start: Fields = {"type": "tool_use", "name": part.name, "input": chance.one({}, None)}
    if told != "deltas":
        start["input"] = whole
    if part.id or chance.flag():
        start["id"] = part.id
    pieces = [] if told == "start" else list(part.pieces)
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return chance.amid(deltas, [{"type": "input_json_delta", "partial_json": ""}]), start


_CONTENT: dict[str, Callable[[Part, Chance], tuple[list[Fields], Fields]]] = {
    "text": _text,
    "thought": _thought,
    "call": _call,
}


def _finish(answer: Answer, chance: Chance) -> list[Fields]:
    """Why it ended, what it cost, and that it is over; one of the first and the last may be missing."""
    usage: Fields | None = None
    if answer.usage is not None:
        usage = {"output_tokens": answer.usage.output, **(_input(answer) if chance.flag() else {})}
        usage["output_tokens"] = answer.usage.output
    reason = chance.one(*_REASONS[answer.finish])
    tell = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    events = [tell]
    way = chance.one("plain", "twice", "apart", "unsaid")
    if way == "twice":
        events = [tell, tell]
    elif way == "apart":
        events = [{**tell, "usage": None}, {"type": "message_delta", "delta": {}, "usage": usage}]
    elif way == "unsaid" and answer.finish == "stop":
        events = [{**tell, "delta": {"stop_reason": None}}]
    stop: Fields = {"type": "message_stop"}
    if way in ("unsaid", "apart") or not chance.flag():
        events.append(stop)
        late: Fields = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "late"}}
        events += chance.some([late, stop, tell])
    return events
