"""One dialect on both sides: upstream bytes to client bytes, as they came. `feed` chunks, then `close`.

Whole events go out. The stream is searched for usage and for its end without parsing events that cannot hold them, and
the model's name is put back to what the client asked for (G-3), byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from gateway.errors import GatewayError, UpstreamError
from gateway.records import Tokens

from . import sse
from .format import Format
from .translation import tokens_of

HELD_BYTES = 64 * 1024
"""Most bytes of an unfinished event held back. A longer event is passed on piece by piece."""

TAIL_BYTES = 4096
"""How much of the end of a stream is kept to judge how it ended."""

DONE = b"data: [DONE]\n\n"

_NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')


class Passing(NamedTuple):
    """What must be known of a dialect's streams to pass them through."""

    finished: re.Pattern[bytes]
    """Stands in every stream that was finished."""
    marks: tuple[bytes, ...] = ()
    """One of these is in an event that `finished` matches; such events may be large, so they are looked at as they
    come. Where there are none, `finished` is looked for in the last bytes of the stream."""
    opening: re.Pattern[bytes] = re.compile(rb"(?!)")
    """Matches events that come before there is any content: an error after them is still no answer."""
    usage_key: bytes = b'"usage"'
    usage_within: tuple[str, ...] = ()
    """Objects of an event that may hold the usage, beside the event itself."""
    model_key: bytes = b'"model"'
    done: bytes = b""
    """Ends every stream; added where a finished one lacks it."""


_NAMED_EVENTS = rb"(?:event: ?(?:%b)\r?\n(?:[^\r\n]+\r?\n)*\r?\n|:[^\r\n]*\r?\n(?:\r?\n)?)*"

PASSING: Mapping[str, Passing] = MappingProxyType(
    {
        "openai_chat": Passing(re.compile(rb'"finish_reason"\s*:\s*"'), done=DONE),
        "openai_responses": Passing(
            re.compile(rb'"type"\s*:\s*"response\.(?:completed|incomplete|failed|cancelled)"'),
            marks=(b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled"),
            opening=re.compile(_NAMED_EVENTS % rb"response\.(?:created|queued|in_progress)"),
            usage_within=("response",),
        ),
        "anthropic": Passing(
            re.compile(rb'"type"\s*:\s*"message_stop"|"stop_reason"\s*:\s*"'),
            opening=re.compile(_NAMED_EVENTS % rb"message_start|ping"),
            usage_within=("message",),
        ),
        "gemini": Passing(
            re.compile(rb'"(?:finishReason|blockReason)"\s*:\s*"'),
            marks=(b'"finishReason"', b'"blockReason"'),
            usage_key=b'"usageMetadata"',
            model_key=b'"modelVersion"',
        ),
    }
)
"""By dialect. Events as in each vendor's reference of its stream."""

PLAIN = Passing(re.compile(rb""))
"""Streams of endpoints whose events we know nothing of (speech, images): they are finished when they end."""


class PassThrough:
    """One stream of a provider that speaks the client's dialect.

    Clients see whole events only, so that a stream that breaks inside an event can still end with one that they
    understand, and so that a keep-alive never lands inside one.
    """

    __slots__ = (
        "_ended",
        "_format",
        "_held",
        "_hide_usage",
        "_passing",
        "_rename",
        "_spilling",
        "_tail",
        "_usage_event",
        "_usage_fields",
        "error",
        "opened",
    )

    def __init__(self, dialect: Format, passing: Passing, *, model: str = "", hide_usage: bool = False) -> None:
        self._format = dialect
        self._passing = passing
        self._hide_usage = hide_usage
        """The client did not ask for usage: what we asked for is ours."""
        self._rename = Rename(passing.model_key, model) if model else None
        self._held = b""
        self._tail = b""
        self._spilling = False
        self._ended = False
        """An event was seen that only finished streams have."""
        self._usage_event = b""
        self._usage_fields: dict[str, Any] = {}
        self.opened = False
        """Content has begun."""
        self.error: UpstreamError | None = None
        """The provider failed before there was any content."""

    @property
    def between_events(self) -> bool:
        """Whether what went out so far ends with a whole event."""
        return not self._spilling

    @property
    def tokens(self) -> Tokens | None:
        """What the provider reported, once seen."""
        if self._usage_event:
            self._note_usage(_fields_of(self._usage_event))
            self._usage_event = b""
        return tokens_of(self._format.read_usage(self._usage_fields)) if self._usage_fields else None

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`; empty while an event is incomplete."""
        if self._held:
            chunk, self._held = self._held + chunk, b""
        if chunk.endswith(sse.EVENT_ENDS):
            self._spilling = False
        else:
            chunk = self._whole_events(chunk)
        if not self.opened and chunk:
            self._begin(chunk)
        at = chunk.find(self._passing.usage_key)
        if at >= 0:
            chunk = self._with_usage_noted(chunk, at)
        if self._passing.marks and not self._ended:
            self._look_for_end(chunk)
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]
        return chunk if self._rename is None else self._rename.feed(chunk)

    def close(self) -> bytes:
        """What the client gets when the provider has ended: the rest, and the end mark a finished stream may lack."""
        rest = self.feed(b"\n\n") if self._held or self._spilling else b""
        done = self._passing.done
        if done and not self._said_done() and self._finished:
            return rest + done
        return rest

    def open(self) -> bytes:
        """The beginning, though there is no content yet: nothing is held that has come whole."""
        self.opened = True
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with an error."""
        event = self._format.write_error_event(error, "")
        return event if self.between_events else b"\n\n" + event

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say; asked at the end, for a cut stream looks like a short answer."""
        return self._finished or self._said_done() or self.failed

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error event of the provider's own."""
        return b'"error"' in self._tail and any(map(_is_error, sse.split_events(self._tail)[-2:]))

    @property
    def _finished(self) -> bool:
        return self._ended or (not self._passing.marks and bool(self._passing.finished.search(self._tail)))

    def _said_done(self) -> bool:
        return bool(self._passing.done) and b"[DONE]" in self._tail[-256:]

    def _begin(self, chunk: bytes) -> None:
        """Is this content yet, or an error in its place?"""
        if b'"error"' in chunk:
            failed = next((event for event in sse.split_events(chunk) if _is_error(event)), None)
            if failed is not None:
                self.error = self._format.read_error(500, {}, sse.event_data(failed))
                return
        self.opened = self._passing.opening.fullmatch(chunk) is None

    def _look_for_end(self, chunk: bytes) -> None:
        seen = self._tail + chunk if self._spilling else chunk
        if any(mark in seen for mark in self._passing.marks):
            self._ended = self._passing.finished.search(seen) is not None

    def _whole_events(self, chunk: bytes) -> bytes:
        end = sse.end_of_events(chunk)
        if len(chunk) - end > HELD_BYTES or (self._spilling and not end):
            self._spilling = True
            return chunk
        self._spilling = False
        self._held = chunk[end:]
        return chunk[:end]

    def _with_usage_noted(self, chunk: bytes, at: int) -> bytes:
        """Read the usage in whole events, and hide what the client did not ask for. `at` is where it is first spoken
        of."""
        if not self._hide_usage:
            self._keep_usage(chunk, at)
            return chunk
        if chunk.startswith(b'"usage":null', at):
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

    def _keep_usage(self, chunk: bytes, at: int) -> None:
        """Every chunk may repeat it, so only the last event with usage is parsed, when somebody asks.

        Dialects that spread their numbers over several kinds of events have them read at once.
        """
        if not self._passing.usage_within:
            last = chunk.rfind(self._passing.usage_key)
            start, end = sse.event_around(chunk, last)
            if not chunk.startswith(b"null", last + len(self._passing.usage_key) + 1):
                self._usage_event = chunk[start:end]
            return
        while at >= 0:
            start, end = sse.event_around(chunk, at)
            self._note_usage(_fields_of(chunk[start:end]))
            at = chunk.find(self._passing.usage_key, end)

    def _note_usage(self, fields: dict[str, Any]) -> None:
        name = self._passing.usage_key[1:-1].decode()
        for within in (fields, *(fields.get(each) for each in self._passing.usage_within)):
            usage = within.get(name) if isinstance(within, dict) else None
            if isinstance(usage, dict):
                self._usage_fields.update({key: value for key, value in usage.items() if value is not None})

    def _settled(self, event: bytes) -> bytes:
        """Note the usage of an event; what the client gets of it: nothing, when it is only there because we asked."""
        fields = _fields_of(event)
        usage = fields.get("usage")
        if isinstance(usage, dict):
            self._note_usage(fields)
            if fields.get("choices") == []:
                return b""
        elif fields:
            return _NO_USAGE.sub(b"", event)
        return event


class Rename:
    """Puts the name the client asked for in the place of the model's own, wherever it stands in a stream."""

    __slots__ = ("_found", "_pattern", "_wanted")

    def __init__(self, key: bytes, model: str) -> None:
        self._pattern = _value_of(key)
        self._wanted = key + b":" + orjson.dumps(model)
        self._found = b""

    def feed(self, chunk: bytes) -> bytes:
        """`chunk` with the name. A quote inside a JSON string is escaped, so what is found is always a key."""
        if not self._found:
            found = self._pattern.search(chunk)
            if found is None:
                return chunk
            self._found = found[0]
        return chunk.replace(self._found, self._wanted)


def renamed_reply(body: bytes, key: bytes, model: str) -> bytes:
    """A whole reply with the name the client asked for; as it is where it says none."""
    found = list(_value_of(key).finditer(body))
    if len(found) > 1:
        found = [each for each in found if _is_outermost(body, each.start())][:1]
    if not found:
        return body
    start, end = found[0].span()
    return body[:start] + key + b":" + orjson.dumps(model) + body[end:]


_PATTERNS: Mapping[bytes, re.Pattern[bytes]] = {
    key: re.compile(re.escape(key) + rb'\s*:\s*"(?:[^"\\]|\\.)*"') for key in (b'"model"', b'"modelVersion"')
}


def _value_of(key: bytes) -> re.Pattern[bytes]:
    return _PATTERNS[key]


_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')


def _is_outermost(body: bytes, at: int) -> bool:
    """Whether what stands at `at` belongs to the outermost object."""
    marks = [mark[0] for mark in _STRUCTURE.finditer(body, 0, at)]
    return sum(mark in (b"{", b"[") for mark in marks) - sum(mark in (b"}", b"]") for mark in marks) == 1


def _fields_of(event: bytes) -> dict[str, Any]:
    """The object in an event's data; empty when it is none."""
    try:
        fields = orjson.loads(sse.event_data(event))
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _is_error(event: bytes) -> bool:
    if b'"error"' not in event:
        return False
    fields = _fields_of(event)
    if fields.get("type") in ("error", "response.failed"):
        return True
    return bool(fields.get("error")) and not fields.get("choices")
