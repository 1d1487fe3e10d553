"""OpenAI chat completions: a request into a plan, and the plan into a reply or a stream. Pure."""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import orjson

from gateway.mock import openai, openai_calls, openai_messages, texts
from gateway.mock.answers import Answer, Call, Reply, Stream
from gateway.mock.openai_chunks import Chunks, OddChunks
from gateway.mock.openai_request import Asked, read_request
from gateway.mock.openai_speech import Speech, Wish, has_words, speak

CITATION = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 5, "title": "Weirs", "url": "https://example.com/weir"},
}


def answer(call: Call) -> Answer:
    """`POST /v1/chat/completions`. Raises `Refused`."""
    asked = read_request(call)
    openai.block(call)
    plan = _plan(call, asked)
    return _stream(call, plan) if call.document.get("stream") else _reply(call, plan)


class _Plan(NamedTuple):
    """What the answer will be, before a byte of it is written."""

    thoughts: list[str]
    speech: Speech | None
    tools: list[dict[str, Any]]
    finish: str
    usage: dict[str, Any]


def _plan(call: Call, asked: Asked) -> _Plan:
    called = openai_calls.calls(call.script, asked.tools, asked.choice)
    speech = None
    if has_words(call.script, called):
        speech = speak(call, _wish(asked), lambda: openai_messages.see(asked.messages))
    thoughts = texts.thoughts(call.script.thinking)
    spoken = sum(len(each.fragments) for each in called) + (speech.chunks if speech else 0)
    usage = openai.usage(
        call.script,
        prompt=openai_messages.count_tokens(asked.messages),
        completion=spoken + len(thoughts),
        thoughts=len(thoughts),
    )
    tools = [_tool(call, position, each) for position, each in enumerate(called)]
    return _Plan(thoughts, speech, tools, _finish(call, speech, called), usage)


def _wish(asked: Asked) -> Wish:
    document = asked.document
    wanted = document.get("response_format") or {}
    stop = document.get("stop") or ()
    return Wish(
        openai.limit(document, "max_completion_tokens", "max_tokens"),
        (stop,) if isinstance(stop, str) else stop,
        (wanted.get("json_schema") or {}).get("schema"),
        wanted.get("type") == "json_object",
    )


def _finish(call: Call, speech: Speech | None, called: list[openai_calls.Called]) -> str:
    if call.script.finish or call.script.filter:
        return call.script.finish or "content_filter"
    if called:
        return "tool_calls"
    return "length" if speech is not None and speech.cut else "stop"


def _tool(call: Call, position: int, called: openai_calls.Called) -> dict[str, Any]:
    kind, text = called.tool.kind, "input" if called.tool.kind == "custom" else "arguments"
    named = {"name": called.tool.name, text: called.written}
    return {"id": f"call_{call.number:016x}{position:08x}", "type": kind, kind: named}


def _choices(call: Call) -> range:
    return range(call.document.get("n") or 1)


def _reply(call: Call, plan: _Plan) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if plan.thoughts:
        message["reasoning_content"] = "".join(plan.thoughts)
    if plan.speech is not None:
        words = texts.content(plan.speech.script, call.clock, most=plan.speech.chunks)
        message["refusal" if call.script.refusal else "content"] = words
    if call.script.citations:
        message["annotations"] = [CITATION]
    if plan.tools:
        message["tool_calls"] = plan.tools
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": plan.finish} for index in _choices(call)
    ]
    document = _frame(call, "chat.completion") | {"choices": choices}
    if call.script.usage != "off":
        document["usage"] = plan.usage
    return Reply(orjson.dumps(document))


def _frame(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call.number:024x}",
        "object": kind,
        "created": call.created,
        "model": call.model,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }


def _stream(call: Call, plan: _Plan) -> Stream:
    begin = orjson.dumps(_frame(call, "chat.completion.chunk"))[:-1]
    writer = (OddChunks if call.script.quirks else Chunks)(call, _choices(call), begin)
    field = "refusal" if call.script.refusal else "content"
    usage = writer.usage(plan.usage)
    late = usage if call.script.usage == "late" else b""
    speech = plan.speech

    words = writer.words(speech.script, speech.chunks, field) if speech is not None else ()
    cited = writer.annotations([CITATION]) if call.script.citations else b""
    return Stream(
        opening=writer.opening(with_content=speech is not None),
        contents=chain(writer.thoughts(plan.thoughts), words, writer.calls(plan.tools)),
        closing=cited + writer.closing(plan.finish, plan.usage) + (b"" if late else usage),
        late=late,
        end=openai.DONE,
        error=openai.error_event(call),
    )
