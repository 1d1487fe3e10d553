"""The chunks of a chat stream: as OpenAI writes them, and as compatible servers do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from gateway.mock import openai, texts
from gateway.mock.answers import Call
from gateway.mock.openai_calls import FRAGMENT
from gateway.mock.script import Script


class Chunks:
    """The chunks of one stream; everything that does not change is written once."""

    __slots__ = ("_asked", "_call", "_choices", "_last", "_start", "_stop")

    thought = "reasoning_content"
    """The field of a delta that thinks aloud."""

    def __init__(self, call: Call, choices: range, begin: bytes) -> None:
        """`begin` is the JSON that every chunk begins with, its brace still open."""
        wish = call.script.usage
        self._asked = wish in ("on", "late") or (wish != "off" and openai.usage_asked(call.document))
        self._last = wish == "last"
        self._call = call
        self._choices = choices
        self._start = b"data: " + begin + b',"choices":['
        # A stream that will carry its usage in a chunk of its own says `null` in all others.
        self._stop = b'],"usage":null}\n\n' if self._asked and not self._last else b"]}\n\n"

    def opening(self, *, with_content: bool) -> bytes:
        """The role of each choice."""
        content = b'""' if with_content else b"null"
        delta = b'{"role":"assistant","content":%b,"refusal":null}' % content
        return b"".join(self._chunk(index, delta) for index in self._choices)

    def thoughts(self, thoughts: list[str]) -> Iterator[bytes]:
        """Each piece of thought, for each choice."""
        return self._pieces(map(orjson.dumps, thoughts), self.thought)

    def words(self, script: Script, chunks: int, field: str) -> Iterator[bytes]:
        """Each piece of the text, for each choice."""
        return self._pieces(islice(texts.pieces(script, self._call.clock), chunks), field)

    def _pieces(self, pieces: Iterator[bytes], field: str) -> Iterator[bytes]:
        frames = [self._around(index, b'{"%b":' % field.encode(), b"}") for index in self._choices]
        for piece in pieces:
            for before, after in frames:
                yield before + piece + after

    def calls(self, tools: list[dict[str, Any]]) -> Iterator[bytes]:
        """For each call a chunk with its id and name, then its arguments in fragments."""
        for position, tool in enumerate(tools):
            kind, field, written = _parts(tool)
            yield self._tool_delta({"index": position, **tool, kind: {**tool[kind], field: ""}})
            for fragment in _fragments(written):
                yield self._tool_delta({"index": position, kind: {field: fragment}})

    def annotations(self, citations: list[dict[str, Any]]) -> bytes:
        """What the text cites."""
        return self._chunk(0, orjson.dumps({"annotations": citations}))

    def closing(self, finish: str, usage: dict[str, Any]) -> bytes:
        """The finish reason of each choice, with the usage when the provider is one of those that put it there."""
        chunks = [self._chunk(index, b"{}", orjson.dumps(finish)) for index in self._choices]
        if self._last:
            chunks[-1] = chunks[-1].replace(b"]}\n\n", b'],"usage":%b}\n\n' % orjson.dumps(usage))
        return b"".join(chunks)

    def usage(self, usage: dict[str, Any]) -> bytes:
        """The chunk without choices that carries the usage; nothing when it was not asked for."""
        if not self._asked or self._last:
            return b""
        return self._start + b'],"usage":%b}\n\n' % orjson.dumps(usage)

    def _tool_delta(self, delta: dict[str, Any]) -> bytes:
        return self._chunk(0, orjson.dumps({"tool_calls": [delta]}))

    def _chunk(self, index: int, delta: bytes, finish: bytes = b"null") -> bytes:
        before, after = self._around(index, delta, b"", finish)
        return before + after

    def _around(self, index: int, opened: bytes, closed: bytes, finish: bytes = b"null") -> tuple[bytes, bytes]:
        before = b'%b{"index":%d,"delta":%b' % (self._start, index, opened)
        return before, b'%b,"logprobs":null,"finish_reason":%b}%b' % (closed, finish, self._stop)


class OddChunks(Chunks):
    """The same from a server that is nearly compatible: no role, calls counted from 1, names after arguments, ids said
    again and again, and the usage with the finish reason."""

    __slots__ = ()

    thought = "reasoning"

    def __init__(self, call: Call, choices: range, begin: bytes) -> None:
        super().__init__(call, choices, begin)
        self._last = call.script.usage != "off"
        self._stop = b"]}\n\n"

    def opening(self, *, with_content: bool) -> bytes:
        """The role of each choice is nobody's."""
        return b"".join(self._chunk(index, b'{"role":"","content":null}') for index in self._choices)

    def calls(self, tools: list[dict[str, Any]]) -> Iterator[bytes]:
        """Arguments first, and then the name; every chunk says the id, and that there is no content."""
        for position, tool in enumerate(tools, 1):
            kind, field, written = _parts(tool)
            first, *rest = _fragments(written) or [""]
            known = {"index": position, "id": tool["id"], "type": kind}
            yield self._tool_delta({**known, kind: {field: first}})
            yield self._tool_delta({**known, kind: {"name": tool[kind]["name"], field: ""}})
            for fragment in rest:
                yield self._tool_delta({**known, kind: {field: fragment}})

    def _tool_delta(self, delta: dict[str, Any]) -> bytes:
        return self._chunk(0, orjson.dumps({"role": "", "content": None, "tool_calls": [delta]}))


def _parts(tool: dict[str, Any]) -> tuple[str, str, str]:
    """The kind of a call, the field of what it is called with, and that."""
    kind = tool["type"]
    field = "input" if kind == "custom" else "arguments"
    return kind, field, tool[kind][field]


def _fragments(written: str) -> list[str]:
    return [written[start : start + FRAGMENT] for start in range(0, len(written), FRAGMENT)]
