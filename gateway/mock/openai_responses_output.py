"""The output items of a response, whole and in pieces, and the Response object around them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from gateway.mock import openai, openai_calls, signatures, texts, tokens
from gateway.mock.answers import Call
from gateway.mock.openai_models import find_abilities
from gateway.mock.openai_responses_items import SEALED_BY, see
from gateway.mock.openai_responses_request import Asked
from gateway.mock.openai_speech import Speech, Wish, has_words, speak
from gateway.mock.script import THOUGHTS

Fields = dict[str, Any]
Events = tuple[tuple[str, Fields], ...]
"""Kinds of events and what they say beside the item they belong to."""

CITATION = {"type": "url_citation", "start_index": 0, "end_index": 5, "title": "Weirs",
            "url": "https://example.com/weir"}  # fmt: skip


class Planned(NamedTuple):
    """One output item."""

    begun: Fields
    """The item as it is when it begins."""
    pieces: Iterator[bytes]
    """What it says, as JSON strings."""
    done: Callable[[str], Fields]
    """What it said, to the item as it is in the end."""
    delta: str = ""
    """The kind of event that carries a piece."""
    place: Fields = {}  # noqa: RUF012 - never changed
    """Where in the item a piece belongs."""
    begins: Events = ()
    """After the item has begun, before its pieces."""
    ends: Callable[[str], Events] = lambda said: ()
    """What it said, to the events after its pieces."""


class Plan(NamedTuple):
    """What the answer will be, before a byte of it is written."""

    items: list[Planned]
    status: str
    reason: str | None
    """Why it is incomplete."""
    usage: Fields | None


def plan(call: Call, asked: Asked) -> Plan:
    """The answer to a request."""
    called = openai_calls.calls(call.script, asked.tools, asked.choice)
    speech = None
    if has_words(call.script, called):
        speech = speak(call, _wish(asked), lambda: see(asked.items, asked.instructions))
    status, reason = _end(call, cut=speech is not None and speech.cut)
    thoughts = _thoughts(call, asked)
    items = [] if thoughts is None else [_reasoning(call, thoughts)]
    if speech is not None:
        items.append(_message(call, speech, called=bool(called), incomplete=status == "incomplete"))
    items += [_call(call, position, each) for position, each in enumerate(called)]
    spoken = sum(len(each.fragments) for each in called) + (speech.chunks if speech else 0)
    return Plan(items, status, reason, _usage(call, asked, spoken=spoken, thoughts=len(thoughts or ())))


def _wish(asked: Asked) -> Wish:
    wanted = (asked.document.get("text") or {}).get("format") or {}
    most = openai.limit(asked.document, "max_output_tokens")
    return Wish(most, (), wanted.get("schema"), wanted.get("type") == "json_object")


_REASONS = ("max_output_tokens", "content_filter", "max_messages", "steered")


def _end(call: Call, *, cut: bool) -> tuple[str, str | None]:
    """The status in the end, and why it is incomplete."""
    wanted = call.script.finish or ("content_filter" if call.script.filter else "max_output_tokens" if cut else "")
    if wanted in _REASONS:
        return "incomplete", wanted
    return wanted or "completed", None


def _thoughts(call: Call, asked: Asked) -> list[str] | None:
    """Pieces of thought to show, none when it thinks in silence, and None when it does not think."""
    wanted = asked.document.get("reasoning") or {}
    shown = wanted.get("summary") or wanted.get("generate_summary")
    if call.script.thinking:
        return texts.thoughts(call.script.thinking)
    if shown or wanted.get("effort") not in (None, "none"):
        return texts.thoughts(THOUGHTS if shown else 0)
    return None


def count_prompt(asked: Asked) -> int:
    """Tokens of a request."""
    return tokens.count([asked.items, asked.document.get("instructions"), asked.document.get("tools")])


def _usage(call: Call, asked: Asked, *, spoken: int, thoughts: int) -> Fields | None:
    if call.script.usage == "off":
        return None
    return usage(call, prompt=count_prompt(asked), completion=spoken + thoughts, thoughts=thoughts)


def usage(call: Call, *, prompt: int, completion: int, thoughts: int = 0) -> Fields:
    """The usage object of a response. With `usage=cached` a quarter of the prompt is written to the cache, too."""
    counted = openai.usage(call.script, prompt=prompt, completion=completion, thoughts=thoughts)
    asked, said = counted["prompt_tokens"], counted["completion_tokens"]
    written = asked // 4 if call.script.usage == "cached" else 0
    cached = counted["prompt_tokens_details"]["cached_tokens"]
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": counted["completion_tokens_details"]["reasoning_tokens"]},
        "total_tokens": asked + said,
    }


def _id(prefix: str, call: Call, position: int = 0) -> str:
    return f"{prefix}_{call.number:016x}{position:08x}"


def _reasoning(call: Call, thoughts: list[str]) -> Planned:
    """Thoughts, sealed; what is shown of them is one part of a summary."""
    item: Fields = {"id": _id("rs", call), "type": "reasoning"}
    sealed = signatures.seal(SEALED_BY, "".join(thoughts) or "silence")

    def done(said: str) -> Fields:
        parts = [{"type": "summary_text", "text": said}] if thoughts else []
        return {**item, "summary": parts, "encrypted_content": sealed, "status": "completed"}

    def ends(said: str) -> Events:
        part = {"type": "summary_text", "text": said}
        return (
            ("response.reasoning_summary_text.done", {"summary_index": 0, "text": said}),
            ("response.reasoning_summary_part.done", {"summary_index": 0, "part": part}),
        )

    # What it begins with is sealed as well, and not yet what has to come back.
    begun = {**item, "summary": [], "encrypted_content": sealed[: len(sealed) // 2], "status": "in_progress"}
    if not thoughts:
        return Planned(begun, iter(()), done)
    empty = {"type": "summary_text", "text": ""}
    begins = (("response.reasoning_summary_part.added", {"summary_index": 0, "part": empty}),)
    pieces = map(orjson.dumps, thoughts)
    return Planned(begun, pieces, done, "response.reasoning_summary_text.delta", {"summary_index": 0}, begins, ends)


def _message(call: Call, speech: Speech, *, called: bool, incomplete: bool) -> Planned:
    phase = {"phase": "commentary" if called else "final_answer"} if find_abilities(call.model).phases else {}
    item: Fields = {"id": _id("msg", call), "type": "message", "role": "assistant", **phase}
    status = "incomplete" if incomplete else "completed"
    refused = call.script.refusal
    kind, field = ("refusal", "refusal") if refused else ("output_text", "text")
    more: Fields = {} if refused else {"annotations": [], "logprobs": []}
    cited: Fields = {"annotations": [CITATION]} if call.script.citations and not refused else {}
    place: Fields = {"content_index": 0}

    def part(said: str) -> Fields:
        return {"type": kind, field: said, **more, **cited}

    def ends(said: str) -> Events:
        noted = ((f"response.{kind}.annotation.added", {**place, "annotation_index": 0, "annotation": CITATION}),)
        chances: Fields = {} if refused else {"logprobs": []}
        return (
            *(noted if cited else ()),
            (f"response.{kind}.done", {**place, field: said, **chances}),
            ("response.content_part.done", {**place, "part": part(said)}),
        )

    return Planned(
        {**item, "content": [], "status": "in_progress"},
        islice(texts.pieces(speech.script, call.clock), speech.chunks),
        lambda said: {**item, "content": [part(said)], "status": status},
        f"response.{kind}.delta",
        place if refused else {**place, "logprobs": []},
        (("response.content_part.added", {**place, "part": {"type": kind, field: "", **more}}),),
        ends,
    )


def _call(call: Call, position: int, called: openai_calls.Called) -> Planned:
    custom, tool = called.tool.kind == "custom", called.tool
    kind, field, prefix = ("custom_tool_call", "input", "ctc") if custom else ("function_call", "arguments", "fc")
    event = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
    item: Fields = {"id": _id(prefix, call, position), "type": kind, "call_id": _id("call", call, position)}
    item |= {"name": tool.name, **({"namespace": tool.namespace} if tool.namespace else {})}
    named = {} if custom else {"name": tool.name}
    return Planned(
        {**item, field: "", "status": "in_progress"},
        map(orjson.dumps, called.fragments),
        lambda said: {**item, field: said, "status": "completed"},
        f"{event}.delta",
        {},
        (),
        lambda said: ((f"{event}.done", {**named, field: said}),),
    )


_ECHOED: Fields = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Settings that a response repeats, with their usual values."""


def response(call: Call, status: str = "in_progress") -> Fields:
    """The Response object of a request without its output."""
    document = call.document
    said = {name: document[name] for name in _ECHOED if document.get(name) is not None}
    text = {"format": {"type": "text"}, "verbosity": "medium", **(document.get("text") or {})}
    reasoning = {"effort": None, "summary": None, **(document.get("reasoning") or {})}
    return {
        "id": f"resp_{call.number:032x}",
        "object": "response",
        "created_at": call.created,
        "status": status,
        "completed_at": call.created if status == "completed" else None,
        "error": None,
        "incomplete_details": None,
        "model": call.model,
        "output": [],
        **_ECHOED,
        **said,
        "reasoning": reasoning,
        "service_tier": "default",
        "text": text,
        "usage": None,
    }


def failure(call: Call) -> Fields:
    """Why a response failed."""
    if call.script.overloaded:
        return {"code": "server_is_overloaded", "message": "Our servers are currently overloaded. Please try again."}
    return {"code": "server_error", "message": "The server had an error while processing your request. Sorry!"}


def finished(call: Call, planned: Plan, output: Iterable[Fields]) -> Fields:
    """The Response object in the end."""
    reason = {"incomplete_details": {"reason": planned.reason}} if planned.reason else {}
    wrong = {"error": failure(call)} if planned.status == "failed" else {}
    return {**response(call, planned.status), **reason, **wrong, "output": list(output), "usage": planned.usage}
