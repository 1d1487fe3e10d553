"""Chat streams as OpenAI and everybody compatible with it may send them (pitfalls 1-38, streams)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from hypothesis import strategies as st

from .orders import Answer, Chance, Fields, Numbers, Part, Stream, answers, in_tracks, without_ids

_REASONS = {
    "stop": ("stop", "tool_calls", "function_call"),
    "length": ("length", "max_tokens"),
    "filter": ("content_filter", "sensitive"),
}
_EMPTY: tuple[Any, ...] = (
    {},
    None,
    {"content": ""},
    {"content": None, "role": ""},
    {"role": "assistant", "content": None},
    {"tool_calls": []},
    {"tool_calls": None, "reasoning_content": ""},
    {"content": None, "refusal": None, "reasoning": None, "function_call": None},
    {"content": [], "unheard_of": {"a": 1}},
)
"""Deltas that say nothing."""
_APART = (
    *(("counted", "given"), ("counted", "late"), ("counted", "none")),
    *(("gapped", "given"), ("gapped", "every"), ("gapped", "late"), ("gapped", "none")),
    *(("same", "given"), ("same", "every"), ("first", "given"), ("first", "every")),
    *(("none", "given"), ("none", "every"), ("none", "none")),
)
"""Indexes and ids by which calls can be told apart, as `_Manner` has them."""


@dataclass(frozen=True)
class _Manner:
    """How a server tells calls apart."""

    index: str
    """`counted`, `gapped`, `same`, `first` (only in the first piece) or `none`."""
    id: str
    """`given` (in the first piece), `every`, `late` or `none`."""
    name: str
    """`first`, `every` or `late`."""
    beside: bool
    """Calls are made beside each other."""


@st.composite
def chat_streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Stream:
    """Any of them."""
    chance = Chance(draw)
    answer: Answer = draw(answers("text", "call", "thought", "refusal"))
    manner = _manner(chance)
    if manner.id == "none":
        answer = without_ids(answer)
    is_legacy = manner.id == "none" and len(answer.calls) == 1 and chance.flag()
    indexes = iter(_indexes(manner, len(answer.calls), chance))
    tracks = [
        _call(part, next(indexes), manner, chance) if part.kind == "call" else _words(part, chance)
        for part in answer.parts
    ]
    deltas = in_tracks(answer, tracks, beside=manner.beside, chance=chance)
    if is_legacy:
        deltas = [_as_legacy(delta) for delta in deltas]
    events, end = _chunks(answer, chance.amid(deltas, _EMPTY), chance)
    return Stream(answer, tuple(events), end, not manner.beside and manner.id != "none", late_calls=True)


def _manner(chance: Chance) -> _Manner:
    """Only manners in which calls can be told apart."""
    index, own_id = chance.one(*_APART)
    name = "first" if index == own_id == "none" else chance.one("first", "every", "late")
    beside = (index in ("counted", "gapped") or own_id == "every") and index != "first" and chance.flag()
    return _Manner(index, own_id, name, beside)


def _indexes(manner: _Manner, count: int, chance: Chance) -> list[int | None]:
    if manner.index == "none":
        return [None] * count
    if manner.index == "same":
        return [0] * count
    return list(chance.numbers(count)) if manner.index == "gapped" else list(range(count))


def _words(part: Part, chance: Chance) -> list[Fields]:
    if part.kind != "thought":
        name = "content" if part.kind == "text" else "refusal"
        return [{name: piece} for piece in part.pieces]
    names = chance.one(("reasoning_content",), ("reasoning",), ("reasoning_content", "reasoning"))
    return [dict.fromkeys(names, piece) for piece in part.pieces]


def _call(part: Part, index: int | None, manner: _Manner, chance: Chance) -> list[Fields]:
    pieces = list(part.pieces)
    if manner.index == "none" and manner.id == "none":
        pieces = [part.whole or "{}"]  # with nothing to tell them apart, calls come whole
    elif manner.name == "late" or manner.id == "late" or chance.flag():
        pieces = ["", *pieces, ""]
    last = max(len(pieces) - 1, 0)
    entries = [_entry(part, at, at == last, manner, chance) for at in range(last + 1)]
    for entry, text in zip(entries, pieces or [""], strict=True):
        entry["function"]["arguments"] = text if text or chance.flag() else None
        if "index" in entry:
            entry["index"] = index
    beside: tuple[Fields, ...] = ({}, {"content": None}, {"role": "", "content": ""})
    return [{"tool_calls": [entry], **chance.way(*beside)} for entry in entries]


def _entry(part: Part, at: int, is_last: bool, manner: _Manner, chance: Chance) -> Fields:
    """A piece of a call, but for its arguments."""
    function: Fields = {}
    entry: Fields = {"function": function}
    if at == 0 or manner.index != "first":
        entry["index"] = None
    if _now(manner.name, at, is_last):
        function["name"] = part.name
    elif chance.flag():
        function["name"] = chance.one(None, "")
    if _now(manner.id, at, is_last):
        entry["id"] = part.id
    elif chance.flag():
        entry["id"] = chance.one(None, "")
    if chance.flag():
        entry["type"] = chance.one("function", None, "")
    return entry


def _as_legacy(delta: Fields) -> Fields:
    """A call as it was before there were several."""
    if "tool_calls" not in delta:
        return delta
    (entry,) = delta["tool_calls"]
    return {"content": None, "function_call": entry["function"]}


def _now(manner: str, at: int, is_last: bool) -> bool:
    """Whether an id or a name is told in this piece."""
    return manner == "every" or (manner in ("given", "first") and at == 0) or (manner == "late" and is_last)


def _chunks(answer: Answer, deltas: list[Any], chance: Chance) -> tuple[list[bytes], int]:
    """The data of all events, and which of them ends the answer."""
    word = chance.one("delta", "message")  # some answer a stream with whole messages
    place = chance.way({"index": 0}, {}, {"index": None})
    chunks: list[Fields] = [{"choices": [{**place, word: delta, "finish_reason": None}]} for delta in deltas]
    if role := chance.one({"role": "assistant", "content": ""}, {"role": ""}, None):
        chunks.insert(0, {"choices": [{"index": 0, "delta": role}]})
    reason = chance.one(*_REASONS[answer.finish])
    unsaid = answer.finish == "stop" and bool(chunks) and chance.flag()
    end = len(chunks) if unsaid else _finish(chunks, reason, chance)
    if answer.usage is not None:
        end = _count(chunks, answer.usage, end, chance)
    head = chance.way({"id": "chatcmpl-1", "model": "up", "object": "chat.completion.chunk"}, {}, {"id": None})
    events = [orjson.dumps({**head, **chunk}) for chunk in chunks]
    if unsaid:
        end = len(events)
    if unsaid or not chance.flag():
        events.append(chance.one(b"[DONE]", b"[DONE] "))
        late = {"choices": [{"index": 0, "delta": {"content": "late"}, "finish_reason": "length"}]}
        events += chance.some([orjson.dumps(late), b"[DONE]", b"rubbish"])
    return events, end


def _finish(chunks: list[Fields], reason: str, chance: Chance) -> int:
    """Say how it ended: in a chunk of its own, with the last of the content, or even before that."""
    own = {"choices": [{"index": 0, "delta": chance.one({}, None, {"content": ""}), "finish_reason": reason}]}
    where = chance.one("behind", "with", "before", "twice")
    if where == "with" and chunks:
        chunks[-1]["choices"][0]["finish_reason"] = reason
        return len(chunks) - 1
    if where == "before" and chunks:
        chunks.insert(len(chunks) - 1, own)
        return len(chunks) - 2
    chunks += [own, own] if where == "twice" else [own]
    return chunks.index(own)


def _count(chunks: list[Fields], numbers: Numbers, end: int, chance: Chance) -> int:
    """Say what it cost: behind the end, with it, before it, or in every chunk; the new place of the end."""
    usage = {
        "prompt_tokens": numbers.input,
        "completion_tokens": numbers.output,
        "total_tokens": numbers.input + numbers.output,
        "prompt_tokens_details": {"cached_tokens": numbers.cached},
        "completion_tokens_details": {"reasoning_tokens": numbers.thought},
    }
    where = chance.one("behind", "with", "choice", "before", "growing")
    if where == "with" and chunks:
        chunks[-1]["usage"] = usage
    elif where == "choice" and end < len(chunks):
        chunks[end]["choices"][0]["usage"] = usage
    elif where == "before":
        chunks.insert(0, {"choices": [], "usage": usage})
        end += 1
    elif where == "growing" and chunks:
        for at, chunk in enumerate(chunks):
            chunk["usage"] = {**usage, "completion_tokens": min(at, numbers.output)}
        chunks[-1]["usage"] = usage
    else:
        chunks.append({"usage": usage, **chance.way({"choices": []}, {"choices": None}, {})})
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    for chunk in chunks:
        if "usage" not in chunk and chance.flag():
            chunk["usage"] = chance.one(None, zeros)
    return end
