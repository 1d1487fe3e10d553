"""Streams as Google's two APIs may send them: server-sent events or one array (pitfalls 1-38, streams)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import strategies as st

from .orders import Answer, Chance, Fields, Part, Stream, answers, without_ids

_REASONS = {"stop": ("STOP",), "length": ("MAX_TOKENS",), "filter": ("SAFETY", "RECITATION", "SPII")}
_EMPTY: tuple[Fields, ...] = (
    {"text": ""},
    {"text": "", "thoughtSignature": "U0lH"},
    {"text": "", "thought": True},
    {"unheardOf": {"a": 1}},
    {"functionCall": None},
    {"functionCall": {"args": {}}},
    {},
)
"""Parts that say nothing."""
_NO_CONTENT: tuple[Fields, ...] = (
    {"candidates": []},
    {"candidates": None},
    {},
    {"candidates": [{"index": 0}]},
    {"candidates": [{"content": None}]},
    {"candidates": [{"content": {"role": "model", "parts": None}, "index": 0}]},
    {"promptFeedback": {}, "candidates": [{"content": {}}]},
    {"usageMetadata": {"promptTokenCount": 0, "totalTokenCount": 0}},
)
"""Pieces of a stream that say nothing."""


@st.composite
def gemini_streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Stream:
    """Any of them."""
    chance = Chance(draw)
    answer: Answer = draw(answers("text", "call", "thought"))
    answer = replace(answer, parts=tuple(_with_object(part) for part in answer.parts))
    if chance.flag():
        answer = without_ids(answer)
    parts = [piece for part in answer.parts for piece in _PARTS[part.kind](part, chance)]
    chunks = _grouped(chance.amid(parts, _EMPTY) if not _is_partial(parts) else parts, chance)
    end = _finish(chunks, chance.one(*_REASONS[answer.finish]), chance)
    _count(chunks, answer, chance)
    head = chance.way({"responseId": "r1", "modelVersion": "up"}, {}, {"responseId": None})
    events = [orjson.dumps({**head, **chunk}) for chunk in chunks]
    return Stream(answer, tuple(events), end)


def _with_object(part: Part) -> Part:
    """Google's arguments are objects: what the text of a call means is what counts."""
    return part if part.kind != "call" or part.pieces else replace(part, pieces=("{}",))


def _is_partial(parts: list[Fields]) -> bool:
    return any((part.get("functionCall") or {}).get("willContinue") for part in parts)


def _text(part: Part, chance: Chance) -> list[Fields]:
    return [
        {"text": piece, **chance.way({}, {"thought": False}, {"thoughtSignature": "U0lH"})} for piece in part.pieces
    ]


def _thought(part: Part, chance: Chance) -> list[Fields]:
    return [{"text": piece, "thought": True} for piece in part.pieces]


def _call(part: Part, chance: Chance) -> list[Fields]:
    whole: Fields = json.loads(part.whole)
    call: Fields = {"name": part.name}
    if part.id or chance.flag():
        call["id"] = part.id or chance.one("", None)
    signature = chance.way({}, {"thoughtSignature": "U0lH"})
    if chance.flag() and _can_be_partial(whole):
        pieces = [piece for name, value in whole.items() for piece in _partial(name, value, chance)]
        first: Fields = {"functionCall": {**call, "willContinue": True}, **signature}
        more = [{"functionCall": {"partialArgs": [piece], "willContinue": True}} for piece in pieces]
        return [first, *more, {"functionCall": chance.one({}, {"willContinue": False})}]
    if whole or not chance.flag():
        call["args"] = whole
    return [{"functionCall": call, **signature}]


def _can_be_partial(whole: Fields) -> bool:
    return all(name.isalpha() and isinstance(value, str | bool | float | None) for name, value in whole.items())


def _partial(name: str, value: Any, chance: Chance) -> list[Fields]:
    """One argument: a string may come in two pieces."""
    path = chance.one(f"$.{name}", f"$['{name}']")
    if isinstance(value, str):
        cut = chance.number(0, len(value))
        first = {"jsonPath": path, "stringValue": value[:cut], "willContinue": True}
        return [first, {"jsonPath": path, "stringValue": value[cut:]}]
    if value is None:
        return [{"jsonPath": path, "nullValue": "NULL_VALUE"}]
    return [{"jsonPath": path, "boolValue" if isinstance(value, bool) else "numberValue": value}]


_PARTS: dict[str, Callable[[Part, Chance], list[Fields]]] = {"text": _text, "thought": _thought, "call": _call}


def _grouped(parts: list[Fields], chance: Chance) -> list[Fields]:
    """The parts, some of them together in one piece of the stream."""
    groups: list[list[Fields]] = []
    for part in parts:
        if groups and chance.flag():
            groups[-1].append(part)
        else:
            groups.append([part])
    return chance.amid([_chunk(group, chance) for group in groups], _NO_CONTENT)


def _chunk(parts: list[Fields], chance: Chance) -> Fields:
    content = {"role": "model", "parts": parts} if not chance.flag() else {"parts": parts}
    return {"candidates": [{"content": content, **chance.way({"index": 0}, {})}]}


def _finish(chunks: list[Fields], reason: str, chance: Chance) -> int:
    """Say how it ended: in a piece of its own, with the last of the content, or before that."""
    content = chance.way({"content": {"role": "model", "parts": [{"text": ""}]}}, {"content": {}}, {})
    own: Fields = {"candidates": [{**content, "finishReason": reason, "index": 0}]}
    where = chance.one("behind", "with", "before", "twice")
    if where == "with" and chunks and chunks[-1].get("candidates"):
        last = chunks[-1] = {**chunks[-1], "candidates": [dict(chunks[-1]["candidates"][0])]}
        last["candidates"][0]["finishReason"] = reason
        return len(chunks) - 1
    if where == "before" and chunks:
        chunks.insert(len(chunks) - 1, own)
        return len(chunks) - 2
    end = len(chunks)
    chunks += [own, own] if where == "twice" else [own]
    return end


def _count(chunks: list[Fields], answer: Answer, chance: Chance) -> None:
    """Say what it cost: with the last piece, in one behind it, or in every one."""
    numbers = answer.usage
    if numbers is None:
        return
    usage = {
        "promptTokenCount": numbers.input,
        "cachedContentTokenCount": numbers.cached,
        "candidatesTokenCount": numbers.output - numbers.thought,
        "thoughtsTokenCount": numbers.thought,
        "totalTokenCount": numbers.input + numbers.output,
    }
    where = chance.one("last", "behind", "growing")
    if where == "growing":
        for at, chunk in enumerate(chunks):
            chunks[at] = {**chunk, "usageMetadata": {"promptTokenCount": numbers.input, "candidatesTokenCount": at}}
    if where == "behind":
        chunks.append({"usageMetadata": usage, **chance.way({}, {"candidates": []})})
    else:
        chunks[-1] = {**chunks[-1], "usageMetadata": usage}
