"""OpenAI chat completions: a request into a reply or a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from gateway.mock import openai, texts
from gateway.mock.answers import Answer, Call, Reply, Stream

FRAGMENT = 8
"""Characters of tool arguments in one chunk."""


def answer(call: Call) -> Answer:
    """`POST /v1/chat/completions`. Raises `Refused`."""
    messages = openai.check_messages(call.document)
    plan = _plan(call, openai.count_tokens(messages))
    return _stream(call, plan) if call.document.get("stream") else _reply(call, plan)


class _Plan(NamedTuple):
    """What the answer will be, before a byte of it is written."""

    tools: list[dict[str, Any]]
    chunks: int
    finish: str
    usage: dict[str, Any]


def _plan(call: Call, prompt: int) -> _Plan:
    tools = _called_tools(call)
    if tools:
        chunks, finish = sum(len(_fragments(tool)) for tool in tools), "tool_calls"
    else:
        chunks, finish = _length(call)
    return _Plan(tools, chunks, finish, openai.usage(call.script, prompt=prompt, completion=chunks))


def _length(call: Call) -> tuple[int, str]:
    """Content chunks to send, and the finish reason: a token limit counts chunks."""
    wanted = texts.count(call.script)
    most = openai.limit(call.document, "max_completion_tokens", "max_tokens")
    if most is not None and most < wanted:
        return most, "length"
    return wanted, "stop"


def _choices(call: Call) -> range:
    asked = call.document.get("n")
    return range(asked if isinstance(asked, int) and 1 <= asked <= 128 else 1)


def _reply(call: Call, plan: _Plan) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if plan.tools:
        message["tool_calls"] = plan.tools
    else:
        message["content"] = texts.content(call.script, call.clock, most=plan.chunks)
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
    writer = _Chunks(call)
    usage = writer.usage(plan)
    late = usage if call.script.usage == "late" else b""
    return Stream(
        opening=writer.opening(with_content=not plan.tools),
        contents=writer.tool_calls(plan.tools) if plan.tools else writer.contents(plan.chunks),
        closing=writer.closing(plan) + (b"" if late else usage),
        late=late,
        end=openai.DONE,
        error=openai.error_event(call),
    )


class _Chunks:
    """The chunks of one stream; everything that does not change is written once."""

    __slots__ = ("_asked", "_call", "_choices", "_start", "_stop")

    def __init__(self, call: Call) -> None:
        wish = call.script.usage
        self._asked = wish in ("on", "late") or (wish != "off" and openai.usage_asked(call.document))
        self._call = call
        self._choices = _choices(call)
        self._start = b"data: " + orjson.dumps(_frame(call, "chat.completion.chunk"))[:-1] + b',"choices":['
        # A stream that will carry its usage in a chunk of its own says `null` in all others.
        self._stop = b'],"usage":null}\n\n' if self._asked and wish != "last" else b"]}\n\n"

    def opening(self, *, with_content: bool) -> bytes:
        """The role of each choice."""
        content = b'""' if with_content else b"null"
        delta = b'{"role":"assistant","content":%b,"refusal":null}' % content
        return b"".join(self._chunk(index, delta) for index in self._choices)

    def contents(self, chunks: int) -> Iterator[bytes]:
        """Each piece of the text, for each choice."""
        frames = [self._around(index, b'{"content":', b"}") for index in self._choices]
        for piece in islice(texts.pieces(self._call.script, self._call.clock), chunks):
            for before, after in frames:
                yield before + piece + after

    def tool_calls(self, tools: list[dict[str, Any]]) -> Iterator[bytes]:
        """For each call a chunk with its id and name, then its arguments in fragments."""
        for position, tool in enumerate(tools):
            yield self._tool_delta({"index": position} | tool | {"function": tool["function"] | {"arguments": ""}})
            for fragment in _fragments(tool):
                yield self._tool_delta({"index": position, "function": {"arguments": fragment}})

    def closing(self, plan: _Plan) -> bytes:
        """The finish reason of each choice, with the usage when the provider is one of those that put it there."""
        chunks = [self._chunk(index, b"{}", orjson.dumps(plan.finish)) for index in self._choices]
        if self._call.script.usage == "last":
            chunks[-1] = chunks[-1].replace(b"]}\n\n", b'],"usage":%b}\n\n' % orjson.dumps(plan.usage))
        return b"".join(chunks)

    def usage(self, plan: _Plan) -> bytes:
        """The chunk without choices that carries the usage; nothing when it was not asked for."""
        if not self._asked or self._call.script.usage == "last":
            return b""
        return self._start + b'],"usage":%b}\n\n' % orjson.dumps(plan.usage)

    def _tool_delta(self, delta: dict[str, Any]) -> bytes:
        return self._chunk(0, orjson.dumps({"tool_calls": [delta]}))

    def _chunk(self, index: int, delta: bytes, finish: bytes = b"null") -> bytes:
        before, after = self._around(index, delta, b"", finish)
        return before + after

    def _around(self, index: int, opened: bytes, closed: bytes, finish: bytes = b"null") -> tuple[bytes, bytes]:
        before = b'%b{"index":%d,"delta":%b' % (self._start, index, opened)
        return before, b'%b,"logprobs":null,"finish_reason":%b}%b' % (closed, finish, self._stop)


def _called_tools(call: Call) -> list[dict[str, Any]]:
    """The calls this answer makes: when the script says so, or the request leaves no choice."""
    if not call.document.get("tools"):
        return []
    offered = _functions(call.document["tools"])
    choice = call.document.get("tool_choice")
    forced = _functions([choice])
    if forced:
        offered = [function for function in offered if function.get("name") == forced[0].get("name")]
    wanted = call.script.toolcall or int(choice == "required" or bool(forced))
    if not offered or choice == "none":
        return []
    return [_tool(call, position, offered[position % len(offered)]) for position in range(wanted)]


def _functions(tools: object) -> list[dict[str, Any]]:
    if not isinstance(tools, list):
        return []
    return [tool["function"] for tool in tools if isinstance(tool, dict) and isinstance(tool.get("function"), dict)]


def _tool(call: Call, position: int, function: dict[str, Any]) -> dict[str, Any]:
    arguments = orjson.dumps(_example(function.get("parameters"))).decode()
    return {
        "id": f"call_{call.number:016x}{position:08x}",
        "type": "function",
        "function": {"name": function.get("name", "unnamed"), "arguments": arguments},
    }


_EXAMPLES: dict[str, Any] = {"integer": 7, "number": 1.5, "boolean": True, "null": None, "array": []}


def _example(schema: object, depth: int = 0) -> Any:
    """A value that fits a simple JSON schema."""
    if not isinstance(schema, dict):
        return {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, dict) and depth < 8:
        return {name: _example(inner, depth + 1) for name, inner in properties.items()}
    if schema.get("type", "object") == "object":
        return {}
    return _EXAMPLES.get(str(schema["type"]), "Zürich 🏔")


def _fragments(tool: dict[str, Any]) -> list[str]:
    arguments: str = tool["function"]["arguments"]
    return [arguments[start : start + FRAGMENT] for start in range(0, len(arguments), FRAGMENT)]
