"""One structured line an exchange. Knows which facts of a usage record go into it; never sees a body or a secret.

Lines are gathered and leave many at a time: from the worker's tick, when enough have come together, and at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from select import PIPE_BUF
from typing import TypeVar

import orjson

from gateway.logs import LineWriter, tidy
from gateway.records import UsageRecord
from gateway.settings.section import LogFormat

BATCH_BYTES = 16 * 1024
"""Lines waiting that make a write worthwhile before the next tick."""

WORD_CHARACTERS = 200
"""Where words that clients make up are cut."""

_REMEMBERED = 1024
_LONGEST_REMEMBERED = 500
_NUMBERS_BYTES = 1400
"""More than the part of a line takes that differs from line to line."""

_WORDS = (
    "key",
    "method",
    "endpoint",
    "requested_model",
    "provider",
    "model",
    "credential",
    "status",
    "error",
    "stream",
    "user_agent",
)

K = TypeVar("K", bound=Hashable)
Key = tuple[str | int | None, ...]
"""The values of `_WORDS` in one exchange."""


class AccessLog:
    """The access log of one worker. Not for several threads."""

    def __init__(self, stream_fd: int = 2, *, enabled: bool = True, style: LogFormat = "json") -> None:
        self._writer = LineWriter(stream_fd)
        self._flush_at = BATCH_BYTES
        self._clock = Clock()
        self._tidy: Memory[str] = Memory(lambda text: tidy(text, WORD_CHARACTERS))
        self._quotes: Memory[str] = Memory(lambda client: orjson.dumps(self._tidy[client]).decode())
        self.configure(enabled=enabled, style=style)

    def configure(self, *, enabled: bool, style: LogFormat) -> None:
        """Change what a reload may change, for the exchanges written from now on."""
        self._enabled = enabled
        self._compose = self._json_line if style == "json" else self._console_line
        self._words: Memory[Key] = Memory(self._as_json if style == "json" else self._for_eyes)

    @property
    def dropped(self) -> int:
        """Lines given up because nobody read them."""
        return self._writer.dropped

    def write(self, record: UsageRecord, method: str, client: str | None) -> None:
        """Keep the line of one exchange: `method` as the client sent it, `client` its address."""
        if not self._enabled:
            return
        self._writer.write(self._compose(record, method, client))
        if self._writer.size >= self._flush_at:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered, as far as that goes without waiting."""
        self._writer.flush()
        self._flush_at = self._writer.size + BATCH_BYTES

    def close(self) -> None:
        """Write what has gathered; waits half a second at most."""
        self._writer.close()

    def _json_line(self, record: UsageRecord, method: str, client: str | None) -> bytes:
        at = self._clock.text(record.started_at_us + record.total_us)
        words, quoted = self._words[_key(record, method)], "null" if client is None else self._quotes[client]
        first_byte, tokens = record.first_byte_us, record.tokens
        numbers: dict[str, float | str | None] = {
            "ttfb_ms": None if first_byte is None else first_byte / 1000,
            "total_ms": record.total_us / 1000,
            "upstream_ms": record.upstream_us / 1000,
            "overhead_ms": record.overhead_us / 1000,
            "tokens_in": tokens.input,
            "tokens_out": tokens.output,
            "attempts": len(record.attempts),
            "bytes_in": record.request_bytes,
            "bytes_out": record.response_bytes,
            "worker": record.worker,
        }
        if record.trace_id is not None:
            numbers["trace_id"] = record.trace_id
        return b"%b%b\n" % (
            f'{{"time":"{at}","id":"{record.id}",{words},"client":{quoted},'.encode(),
            orjson.dumps(numbers)[1:],
        )

    def _console_line(self, record: UsageRecord, method: str, client: str | None) -> bytes:
        at = self._clock.text(record.started_at_us + record.total_us)
        words = self._words[_key(record, method)]
        numbers = f"{record.total_us / 1000:.1f}ms tokens={record.tokens.input}/{record.tokens.output}"
        rest = f"attempts={len(record.attempts)} client={self._tidy[client] if client else '-'} id={record.id}"
        return f"{at} {words} {numbers} {rest}\n".encode()

    def _as_json(self, key: Key) -> str:
        """Members of a JSON object; cut further where the line would not go into a pipe as one piece."""
        words = [self._tidy[word] if isinstance(word, str) else word for word in key]
        rendered = _json_members(words)
        if len(rendered) > PIPE_BUF - _NUMBERS_BYTES:
            rendered = _json_members([word[:60] if isinstance(word, str) else word for word in words])
        return rendered.decode()

    def _for_eyes(self, key: Key) -> str:
        """What a person looks for; what is missing is `-`."""
        words = dict(zip(_WORDS, ("-" if word is None else self._tidy[str(word)] for word in key), strict=True))
        asked = words["requested_model"] if words["provider"] == "-" else f"{words['provider']}/{words['model']}"
        called = f"{words['method']} {words['endpoint']} {words['status']} {asked}"
        return f"info    {called} key={words['key']} error={words['error']}"


def _key(record: UsageRecord, method: str) -> Key:
    """What the words of a line are made of: the same few again and again."""
    return (
        record.key,
        method,
        record.endpoint,
        record.requested_model,
        record.provider,
        record.model,
        record.credential,
        record.status,
        record.error,
        record.stream,
        record.user_agent,
    )


def _json_members(words: list[str | int | None]) -> bytes:
    return orjson.dumps({"level": "info", "event": "exchange", **dict(zip(_WORDS, words, strict=True))})[1:-1]


class Memory(dict[K, str]):
    """What was rendered, rendered anew only where it has to be: emptied when full, and nothing long is kept."""

    def __init__(self, render: Callable[[K], str]) -> None:
        self._render = render

    def __missing__(self, key: K) -> str:
        """Render it, and remember it where there is room."""
        text = self._render(key)
        if len(self) >= _REMEMBERED:
            self.clear()
        if _length(key) <= _LONGEST_REMEMBERED:
            self[key] = text
        return text


def _length(key: object) -> int:
    """Characters held by a string, or by the strings of a tuple."""
    words = key if isinstance(key, tuple) else (key,)
    return sum(len(word) for word in words if isinstance(word, str))


class Clock:
    """Unix microseconds as ISO 8601 in UTC, to the millisecond; the part up to the second is kept for the next call."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def text(self, at_us: int) -> str:
        """E.g. `2025-06-01T12:00:00.123Z`."""
        second = at_us // 1_000_000
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self._prefix}{at_us % 1_000_000 // 1000:03d}Z"
