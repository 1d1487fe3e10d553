"""One dialect on both sides: upstream bytes to client bytes, as they came. `feed` chunks, then `close`.

Whole events go out. The stream is searched for usage and for its end without parsing events that cannot hold them, and
the model's name is put back to what the client asked for (G-3), byte for byte.
"""

from __future__ import annotations

import re
from collections import deque

import orjson

from gateway.errors import GatewayError, UpstreamError
from gateway.records import Tokens

from . import sse
from .format import Format
from .members import members, without
from .passing_marks import PASSING, PLAIN, Fields, Passing
from .rename import Rename, rename_reply, renamed_reply, text_of
from .said import share_said
from .usages import tokens_of

__all__ = ["HELD_BYTES", "PASSING", "PLAIN", "PassThrough", "Passing", "rename_reply", "renamed_reply", "text_of"]

HELD_BYTES = 64 * 1024
"""Most bytes of an unfinished event held back. A longer event is passed on piece by piece."""

TAIL_CHUNKS = 8
"""How many of the last chunks are kept to judge how a stream ended."""

CHUNK_TAIL_BYTES = 4096
"""How much is kept of each but the last."""

TAIL_BYTES = 16 * 1024
"""How much is kept of the last one, and of the end of an event too long to be held: there it says its usage."""

LAST_WORDS_BYTES = 64
"""How much of an event that goes out in pieces is kept back until its end is known: room for a `"usage": null`."""

_SAID_DONE = re.compile(rb"(?:\A|[\r\n])data:[ \t]*\[DONE\][ \t]*[\r\n]")
_NULL = re.compile(rb"\s*:\s*null")
_NUMBER = re.compile(rb'("sequence_number"\s*:\s*)(\d{1,15})')
_DATA = re.compile(rb"(?:\A|(?<=[\r\n]))data:")


class PassThrough:
    """One stream of a provider that speaks the client's dialect.

    Clients see whole events only, so that a stream that breaks inside an event can still end with one that they
    understand, and so that a keep-alive never lands inside one.
    """

    opened = False
    """Content has begun."""
    error: UpstreamError | None = None
    """The provider failed before there was any content."""
    _held = b""
    _size = 0
    """Bytes the provider sent so far."""
    _spilling = False
    """An event too long to be held is going out in pieces."""
    _long_tail = b""
    """The end of what went out of it."""
    _long_tokens: Tokens | None = None
    """What such an event said of usage."""
    _ended = False
    """An event was seen that only finished streams have."""
    _usage_event = b""

    def __init__(self, dialect: Format, passing: Passing, *, model: str = "", hide_usage: bool = False) -> None:
        self._format = dialect
        self._passing = passing
        self._hide_usage = hide_usage
        """The client did not ask for usage: what we asked for is ours."""
        self._rename = Rename(passing.place, model) if model else None
        self._last: deque[bytes] = deque(maxlen=TAIL_CHUNKS)
        self._usage_fields: Fields = {}

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
        return tokens_of(self._format.read_usage(self._usage_fields)) if self._usage_fields else self._long_tokens

    @property
    def answered_model(self) -> str:
        """The model that the provider says has answered, once seen."""
        return text_of(self._rename.known) if self._rename is not None else ""

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`; empty while an event is incomplete."""
        self._size += len(chunk)
        if self._held or self._spilling or not chunk.endswith(sse.EVENT_ENDS):
            return self._feed_uneven(chunk)
        return self._pass_events(chunk)

    def close(self) -> bytes:
        """What the client gets when the provider has ended: the rest, if it is whole, and the end mark that a finished
        stream may lack."""
        held = self._held
        if self._spilling or (held and (_is_whole(held) or (held.strip() and self._passing is PLAIN))):
            rest = self.feed(b"\n\n")
        else:
            rest = b"" if held.strip() else held
        self._held = b""
        done = self._passing.done
        if done and self._said_done():
            self._ended = True
        elif done and self._finished and not self.failed:
            return rest + done
        return rest

    @property
    def said(self) -> int:
        """About how many bytes of text the provider said so far."""
        return round(share_said(self._tail, self._format.name) * self._size)

    def resume(self) -> str:
        """Nothing: a client that speaks the provider's dialect asks for the rest of an answer itself."""
        return ""

    def open(self) -> bytes:
        """The beginning, though there is no content yet: nothing is held that has come whole."""
        self.opened = True
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with an error."""
        event = _numbered_after(self._last[-1] if self._last else b"", self._format.write_error_event(error, ""))
        return event if self.between_events else b"\n\n" + event

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say; asked at the end, for a cut stream looks like a short answer."""
        return self._finished or self._said_done() or self.failed

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error event of the provider's own."""
        tail = self._tail
        return b'"error"' in tail and any(map(_is_error, sse.split_events(tail)[-2:]))

    @property
    def _tail(self) -> bytes:
        return b"".join(self._last)

    @property
    def _finished(self) -> bool:
        return self._ended or self._passing.finished.search(self._tail) is not None

    def _said_done(self) -> bool:
        tail = self._tail
        at = tail.rfind(b"[DONE]") if self._passing.done else -1
        return at >= 0 and _SAID_DONE.search(tail, max(at - LAST_WORDS_BYTES, 0)) is not None

    def _feed_uneven(self, chunk: bytes) -> bytes:
        """What can go out of bytes that begin or end within an event."""
        held, self._held = self._held, b""
        chunk = held + chunk if held else chunk
        out = b""
        if self._spilling:
            end = sse.end_of_event(chunk)
            if not end:
                return self._pass_piece(chunk)
            self._spilling = False
            out = self._pass_last_piece(chunk[:end])
            chunk, held = chunk[end:], b""
        end = sse.end_of_events(chunk, max(len(held) - 3, 0))
        if end:
            out += self._pass_events(chunk[:end])
        if len(chunk) - end <= HELD_BYTES:
            self._held = chunk[end:]
            return out
        self._spilling = True
        return out + self._pass_piece(chunk[end:])

    def _pass_piece(self, piece: bytes) -> bytes:
        """Line ends stay behind: the event may end with them. So do words that its client may not have asked for."""
        whole = piece[:-LAST_WORDS_BYTES] if self._hide_usage else piece
        whole = whole.rstrip(b"\r\n")
        self._held = piece[len(whole) :]
        self._note_piece(whole)
        return whole if self._rename is None else self._rename.feed_piece(whole, last=False)

    def _pass_last_piece(self, piece: bytes) -> bytes:
        self._note_piece(piece)
        tail, self._long_tail = self._long_tail, b""
        tokens = self._format.tokens_in(tail) if self._passing.usage_key in tail else None
        if tokens is not None:
            self._long_tokens, self._usage_event, self._usage_fields = tokens, b"", {}
        self._last.append(tail)
        if self._hide_usage:
            piece = _NULL_AT_THE_END.sub(b"", piece)
        return piece if self._rename is None else self._rename.feed_piece(piece, last=True)

    def _note_piece(self, piece: bytes) -> None:
        self.opened = True
        seen = self._long_tail + piece
        self._look_for_end(seen)
        self._long_tail = seen[-TAIL_BYTES:]

    def _pass_events(self, chunk: bytes) -> bytes:
        if not self.opened:
            self._begin(chunk)
        last = self._last
        if last and len(last[-1]) > CHUNK_TAIL_BYTES:
            last[-1] = self._end_of(last[-1], CHUNK_TAIL_BYTES)
        last.append(chunk if len(chunk) <= TAIL_BYTES else self._end_of(chunk, TAIL_BYTES))
        passing = self._passing
        if passing.gate not in chunk:
            return chunk
        at = chunk.find(passing.usage_key)
        if at >= 0:
            chunk = self._with_usage_noted(chunk, at)
        return chunk if self._rename is None else self._rename.feed(chunk)

    def _end_of(self, chunk: bytes, size: int) -> bytes:
        self._look_for_end(chunk)
        return chunk[-size:]

    def _begin(self, chunk: bytes) -> None:
        """Is this content yet, or an error in its place?"""
        content = self._passing.content
        if content is not None and b'"error"' not in chunk and content.search(chunk) is not None:
            self.opened = True
        while chunk and self.error is None and not self.opened:
            end = sse.end_of_event(chunk) or len(chunk)
            event, chunk = chunk[:end], chunk[end:]
            data = sse.event_data(event)
            if not data:
                continue
            fields, refusal = _object_of(data), self._format.refusal
            if b'"error"' in data and _tells_error(fields):
                self.error = self._format.read_error(500, {}, data)
            elif refusal is not None:
                self.error = refusal(fields)
            self.opened = self.error is None and not self._passing.is_opening(fields)

    def _look_for_end(self, seen: bytes) -> None:
        """In what is too long to be kept until it is asked for."""
        self._ended = self._ended or self._passing.finished.search(seen) is not None

    def _with_usage_noted(self, chunk: bytes, at: int) -> bytes:
        """Read the usage in whole events, and hide what the client did not ask for. `at` is where it is first spoken
        of."""
        if not self._hide_usage:
            self._keep_usage(chunk, at)
            return chunk
        for usual, hidden, begin in _USUAL_NULLS:
            if chunk.startswith(usual, at - begin):
                chunk = chunk.replace(usual, hidden)
                at = chunk.find(b'"usage"', at - begin)
                break
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
        key = self._passing.usage_key
        if not self._passing.usage_within:
            last = chunk.rfind(key)
            while last >= 0 and _NULL.match(chunk, last + len(key)):
                last = chunk.rfind(key, 0, last)
            if last >= 0:
                start, end = sse.event_around(chunk, last)
                self._usage_event = chunk[start:end]
            return
        while at >= 0:
            start, end = sse.event_around(chunk, at)
            self._note_usage(_fields_of(chunk[start:end]))
            at = chunk.find(key, end)

    def _note_usage(self, fields: Fields) -> None:
        name = self._passing.usage_key[1:-1].decode()
        for within in (fields, *(fields.get(each) for each in self._passing.usage_within)):
            usage = within.get(name) if isinstance(within, dict) else None
            if isinstance(usage, dict):
                if None in usage.values():
                    usage = {key: value for key, value in usage.items() if value is not None}
                self._usage_fields.update(usage)

    def _settled(self, event: bytes) -> bytes:
        """Note the usage of an event; what the client gets of it: nothing, when it is only there because we asked."""
        fields = _fields_of(event)
        usage = fields.get("usage")
        if isinstance(usage, dict):
            self._note_usage(fields)
            return event if fields.get("choices") or fields.get("error") else b""
        return _without_usage(event) if fields and usage is None else event


_NULL_AT_THE_END = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*\}\s*\Z)')

_USUAL_NULLS = (
    (b',"usage":null}\n\n', b"}\n\n", 1),
    (b',"usage":null,"obfuscation":"', b',"obfuscation":"', 1),
    (b', "usage": null}\n\n', b"}\n\n", 2),
)
"""How most providers say in every event that there is no usage yet, what is left without it, and where in it the word
begins."""


def _without_usage(event: bytes) -> bytes:
    """An event without its `"usage": null`; one that stands further within is not ours."""
    data = _DATA.search(event)
    found = next((each for each in members(event, data.end()) if each.name == b'"usage"'), None) if data else None
    return without(event, found) if found is not None else event


def _is_whole(rest: bytes) -> bool:
    """Whether the rest of a stream is an event that only lacks its end: half of one would break the client's reader."""
    data = sse.event_data(rest)
    if data.strip() == b"[DONE]":
        return True
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def _fields_of(event: bytes) -> Fields:
    """The object in an event's data; empty when it is none."""
    return _object_of(sse.event_data(event))


def _object_of(data: bytes) -> Fields:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _is_error(event: bytes) -> bool:
    return b'"error"' in event and _tells_error(_fields_of(event))


def _tells_error(fields: Fields) -> bool:
    if fields.get("type") in ("error", "response.failed"):
        return True
    return bool(fields.get("error")) and not fields.get("choices")


def _numbered_after(last: bytes, event: bytes) -> bytes:
    """Events of ours go on where the provider's left off, in dialects that count them (Responses)."""
    said = _NUMBER.findall(last)
    if not said:
        return event
    first = int(said[-1][1]) + 1
    return _NUMBER.sub(lambda found: b"%b%d" % (found[1], first + int(found[2])), event)
