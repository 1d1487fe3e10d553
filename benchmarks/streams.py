"""Streams as the four vendors send them, of any length, for measuring without sockets. Pure: a length in, events out.

Shapes are those of each vendor's reference, with the fields that come along unasked. No two pieces are the same, so
that nothing is faster than life by having been seen before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import orjson

Kind = Literal["text", "thoughts", "arguments"]
KINDS: tuple[Kind, ...] = ("text", "thoughts", "arguments")

_USAGE = {"input_tokens": 12, "output_tokens": 40}


def stream(dialect: str, kind: Kind, length: int) -> list[bytes] | None:
    """Every event of an answer of `length` pieces, each as it would arrive alone; None where nobody streams such."""
    write = _STREAMS[dialect].get(kind)
    return None if write is None else list(write(_pieces(kind, length)))


def _pieces(kind: Kind, length: int) -> list[str]:
    if kind == "arguments":
        return ['{"city":"', *(f"Zuerich {number} " for number in range(length - 2)), '"}']
    return [f"word {number}, " for number in range(length)]


# OpenAI, chat


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _data({**_CHUNK, "choices": [choice], "usage": None, "obfuscation": "kYwTzQ"})


_CHUNK = {
    "id": "chatcmpl-CKx0aY7mE3XbTq6vWnUdR5sPzHfLJ",
    "object": "chat.completion.chunk",
    "created": 1790000000,
    "model": "gpt-5.5-2026-08-01",
    "service_tier": "default",
    "system_fingerprint": "fp_0165350fbb",
}


def _chat(first: dict[str, Any], delta: Callable[[str], dict[str, Any]], finish: str) -> _Write:
    def write(pieces: list[str]) -> Iterator[bytes]:
        yield _chunk({"role": "assistant", "content": None, "refusal": None} | first)
        for piece in pieces:
            yield _chunk(delta(piece))
        yield _chunk({}, finish)
        usage = {"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52}
        yield _data({**_CHUNK, "choices": [], "usage": usage, "obfuscation": ""})
        yield b"data: [DONE]\n\n"

    return write


def _chat_call(piece: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


_CHAT_CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}


# OpenAI, responses


def _responses(
    item: dict[str, Any], part: str, place: dict[str, int], whole: Callable[[str], dict[str, Any]]
) -> _Write:
    """`part` names the events of a piece; `place` says where in the item it belongs; `whole` is the item at its end."""

    def write(pieces: list[str]) -> Iterator[bytes]:
        head = {"id": "resp_1", "object": "response", "created_at": 1790000000, "model": "gpt-5.5-2026-08-01"}
        number = iter(range(len(pieces) + 20))

        def event(kind: str, **fields: Any) -> bytes:
            return _named({"type": kind, "sequence_number": next(number), **fields})

        yield event("response.created", response={**head, "status": "in_progress", "output": []})
        yield event("response.in_progress", response={**head, "status": "in_progress", "output": []})
        yield event("response.output_item.added", output_index=0, item=item)
        if "content_index" in place:
            empty = {"type": "output_text", "text": "", "annotations": []}
            yield event("response.content_part.added", item_id=item["id"], output_index=0, **place, part=empty)
        if "summary_index" in place:
            empty = {"type": "summary_text", "text": ""}
            added = "response.reasoning_summary_part.added"
            yield event(added, item_id=item["id"], output_index=0, **place, part=empty)
        for piece in pieces:
            more: dict[str, Any] = {"obfuscation": "kYwTzQ"} | ({"logprobs": []} if "content_index" in place else {})
            yield event(f"response.{part}.delta", item_id=item["id"], output_index=0, **place, delta=piece, **more)
        done = whole("".join(pieces))
        yield event("response.output_item.done", output_index=0, item=done)
        last = {**head, "status": "completed", "output": [done], "usage": {**_USAGE, "total_tokens": 52}}
        yield event("response.completed", response=last)

    return write


_MESSAGE = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
_THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": []}
_CALL = {"id": "fc_1", "type": "function_call", "status": "in_progress", "call_id": "call_1", "name": "weather"}


def _whole_message(text: str) -> dict[str, Any]:
    return {**_MESSAGE, "status": "completed", "content": [{"type": "output_text", "text": text, "annotations": []}]}


def _whole_thought(text: str) -> dict[str, Any]:
    return {**_THOUGHT, "summary": [{"type": "summary_text", "text": text}]}


def _whole_call(text: str) -> dict[str, Any]:
    return {**_CALL, "status": "completed", "arguments": text}


# Anthropic


def _messages(block: dict[str, Any], delta: str, field: str, reason: str) -> _Write:
    def write(pieces: list[str]) -> Iterator[bytes]:
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
        begun = {**head, "stop_reason": None, "stop_sequence": None, "usage": {**_USAGE, "output_tokens": 1}}
        yield _named({"type": "message_start", "message": begun})
        yield _named({"type": "content_block_start", "index": 0, "content_block": block})
        yield _named({"type": "ping"})
        for piece in pieces:
            yield _named({"type": "content_block_delta", "index": 0, "delta": {"type": delta, field: piece}})
        yield _named({"type": "content_block_stop", "index": 0})
        ended = {"stop_reason": reason, "stop_sequence": None}
        yield _named({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 40}})
        yield _named({"type": "message_stop"})

    return write


# Gemini


def _gemini(more: dict[str, Any]) -> _Write:
    def write(pieces: list[str]) -> Iterator[bytes]:
        usage = {"promptTokenCount": 12, "totalTokenCount": 52, "promptTokensDetails": [_PROMPT]}
        named = {"usageMetadata": usage, "modelVersion": "gemini-3-pro", "responseId": "r-1"}
        for piece in pieces:
            content = {"parts": [{"text": piece, **more}], "role": "model"}
            yield _data({"candidates": [{"content": content, "index": 0}], **named})
        content = {"parts": [{"text": ""}], "role": "model"}
        usage["candidatesTokenCount"] = 40
        yield _data({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], **named})

    return write


_PROMPT = {"modality": "TEXT", "tokenCount": 12}

_Write = Callable[[list[str]], Iterator[bytes]]


def _data(document: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(document)


def _named(document: dict[str, Any]) -> bytes:
    return b"event: %b\n%b" % (document["type"].encode(), _data(document))


_STREAMS: dict[str, dict[Kind, _Write]] = {
    "openai_chat": {
        "text": _chat({"content": ""}, lambda piece: {"content": piece}, "stop"),
        "thoughts": _chat({}, lambda piece: {"reasoning_content": piece}, "stop"),
        "arguments": _chat({"tool_calls": [_CHAT_CALL]}, _chat_call, "tool_calls"),
    },
    "openai_responses": {
        "text": _responses(_MESSAGE, "output_text", {"content_index": 0}, _whole_message),
        "thoughts": _responses(_THOUGHT, "reasoning_summary_text", {"summary_index": 0}, _whole_thought),
        "arguments": _responses({**_CALL, "arguments": ""}, "function_call_arguments", {}, _whole_call),
    },
    "anthropic": {
        "text": _messages({"type": "text", "text": ""}, "text_delta", "text", "end_turn"),
        "thoughts": _messages(
            {"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", "end_turn"
        ),
        "arguments": _messages(
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
            "input_json_delta",
            "partial_json",
            "tool_use",
        ),
    },
    # Google streams calls whole.
    "gemini": {"text": _gemini({}), "thoughts": _gemini({"thought": True})},
}
