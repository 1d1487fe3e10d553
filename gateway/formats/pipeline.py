"""Upstream bytes to client bytes: `feed` chunks, then `close`. The relay knows only these verbs and what they found.

`PassThrough` is for one dialect on both sides: whole events go out as they came. It looks for usage and for the end of
the stream without parsing events that cannot hold them.
"""

from __future__ import annotations

import re

import orjson

from gateway.records import Tokens

from . import sse
from .openai_chat import DONE, read_tokens

HELD_BYTES = 64 * 1024
"""Most bytes of an unfinished event held back. A longer event is passed on piece by piece."""

TAIL_BYTES = 4096
"""How much of the end of a stream is kept to judge how it ended."""

_NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


class PassThrough:
    """One stream of OpenAI events.

    Clients see whole events only, so that a stream that breaks inside an event can still end with one that they
    understand, and so that a keep-alive never lands inside one.
    """

    __slots__ = ("_ends_with_done", "_held", "_hide_usage", "_spilling", "_tail", "tokens")

    def __init__(self, *, hide_usage: bool, ends_with_done: bool) -> None:
        self._hide_usage = hide_usage
        """The client did not ask for usage: what we asked for is ours."""
        self._ends_with_done = ends_with_done
        self._held = b""
        self._tail = b""
        self._spilling = False
        self.tokens: Tokens | None = None
        """What the provider reported, once seen."""

    @property
    def between_events(self) -> bool:
        """Whether what went out so far ends with a whole event."""
        return not self._spilling

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`; empty while an event is incomplete."""
        if self._held:
            chunk, self._held = self._held + chunk, b""
        if chunk.endswith(sse.EVENT_ENDS):
            self._spilling = False
        else:
            chunk = self._whole_events(chunk)
        at = chunk.find(b'"usage"')
        if at >= 0:
            chunk = self._without_usage(chunk, at)
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]
        return chunk

    def close(self) -> bytes:
        """What the client gets when the provider has ended: the rest, and the end mark a finished stream may lack."""
        rest = self.feed(b"\n\n") if self._held or self._spilling else b""
        if self._ends_with_done and not self._said_done() and _FINISHED.search(self._tail):
            return rest + DONE
        return rest

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say; asked at the end, for a cut stream looks like a short answer."""
        return not self._ends_with_done or self._said_done() or bool(_FINISHED.search(self._tail)) or self.failed

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error event of the provider's own."""
        return b'"error"' in self._tail and any(map(_is_error, sse.split_events(self._tail)[-2:]))

    def _said_done(self) -> bool:
        return b"[DONE]" in self._tail[-256:]

    def _whole_events(self, chunk: bytes) -> bytes:
        end = sse.end_of_events(chunk)
        if len(chunk) - end > HELD_BYTES or (self._spilling and not end):
            self._spilling = True
            return chunk
        self._spilling = False
        self._held = chunk[end:]
        return chunk[:end]

    def _without_usage(self, chunk: bytes, at: int) -> bytes:
        """Take the usage out of whole events: read it, and hide what the client did not ask for.

        `at` is where it is first spoken of. Only events that do are looked at: of a burst of many, that is the last.
        """
        if self._hide_usage and chunk.startswith(b'"usage":null', at):
            chunk = chunk.replace(b',"usage":null', b"")
            at = chunk.find(b'"usage"')
        done = 0
        kept: list[bytes] = []
        while at >= 0:
            start, end = sse.event_around(chunk, at)
            kept += (chunk[done:start], self._settled(chunk[start:end]))
            done = end
            at = chunk.find(b'"usage"', end)
        return b"".join((*kept, chunk[done:])) if kept else chunk

    def _settled(self, event: bytes) -> bytes:
        """Note the usage of an event; what the client gets of it: nothing, when it is only there because we asked."""
        try:
            fields = orjson.loads(sse.event_data(event))
        except orjson.JSONDecodeError:
            return event
        usage = fields.get("usage") if isinstance(fields, dict) else None
        if isinstance(usage, dict):
            self.tokens = read_tokens(usage)
            if self._hide_usage and fields.get("choices") == []:
                return b""
        elif self._hide_usage:
            return _NO_USAGE.sub(b"", event)
        return event


def _is_error(event: bytes) -> bool:
    if b'"error"' not in event:
        return False
    try:
        fields = orjson.loads(sse.event_data(event))
    except orjson.JSONDecodeError:
        return False
    return isinstance(fields, dict) and bool(fields.get("error")) and not fields.get("choices")
