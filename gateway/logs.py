"""What our processes say: one line an event on standard error.

Knows how a line is made safe (one line, nothing unprintable, no secret) and written without ever waiting for its
reader. Does not know what is worth saying, nor the line of an exchange: that is `observe/access_log.py`.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import select
import stat
import time
from typing import BinaryIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from gateway.settings.section import LogFormat, LogLevel

LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

BUFFER_BYTES = 1024 * 1024
"""Held for a reader that does not read; what comes beyond is dropped and counted."""

_TELLING_NAME = r"(?:goog-api-key|api[_-]?key|authorization|password|passwd|cookie|secret|token)"


def _named(quote: str) -> str:
    """`name: "value"`, `name="value"` and `'name', 'value'`, with this for a quote."""
    return rf"(?i)({_TELLING_NAME}(?:{quote})*\s*[:,=]\s*b?{quote}(?:b')?)(?:[^\"'\\]|\\[^\"'])+"


Redactions = tuple[tuple[re.Pattern[str], str], ...]

# Rendered JSON turns a line feed into `\n`: a secret may follow a letter that belongs to such an escape. A pattern must
# not try again inside what it has passed over: these lines may hold what somebody made up to be slow.
ANYWHERE: Redactions = (
    (re.compile(r"(?:(?<![A-Za-z])|(?<=\\[bfnrt]))sk-[A-Za-z0-9_-]{6,}"), "sk-***"),
    (re.compile(r"slg-(api|ses|lnk)-[A-Za-z0-9_-]{6,}"), r"slg-\1-***"),
    (re.compile(r"(?i:(bearer|basic))\s+[A-Za-z0-9._~+/=-]{4,}"), r"\1 ***"),
    (re.compile(r"AIza[A-Za-z0-9_-]{8,}"), "AIza***"),
    (re.compile(r"ya29\.[A-Za-z0-9._-]+"), "ya29.***"),
    (re.compile(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*"), "eyJ***"),
    (re.compile(r"(gsk_|xai-|pplx-|nvapi-|hf_)[A-Za-z0-9_-]{12,}"), r"\1***"),
    (re.compile(r"(?i)([?&](?:key|api[_-]?key|access_token|token)=)[^&\s\"'\\]+"), r"\1***"),
    (re.compile(r"(://)[^/\s:@\"'\\]*:[^/\s@\"'\\]+@"), r"\1***@"),
    (re.compile(rf"(?i)({_TELLING_NAME}(?:=|:\s+))[^\s\"'\\&;,]+"), r"\1***"),
)
"""What a secret looks like, and what is written instead."""

IN_TEXT: Redactions = (*ANYWHERE, (re.compile(_named(r"\\*[\"']")), r"\1***"))

# Within a string of JSON a quote follows an odd number of backslashes. Without one it belongs to the structure, which a
# redaction must leave as it is, whatever somebody has written into a string.
IN_JSON: Redactions = (
    *ANYWHERE,
    (re.compile(_named(r"(?:\\(?:\\\\)*\"|')")), r"\1***"),
    (re.compile(rf"(?i)({_TELLING_NAME}\"\s*:\s*\")(?:[^\"\\]|\\.)+"), r"\1***"),
    (re.compile(rf"(?i)(\[\"(?:b')?[\w-]*{_TELLING_NAME}'?\",\s*\"(?:b')?)(?:[^\"'\\]|\\.)+"), r"\1***"),
)


def redact(text: str, redactions: Redactions = IN_TEXT) -> str:
    """`text` without whatever looks like a secret; with `IN_JSON`, what was valid JSON stays it."""
    for pattern, replacement in redactions:
        text = pattern.sub(replacement, text)
    return text


def printable(text: str) -> str:
    r"""`text` with every character that could break a line or steer a terminal written as `\uXXXX`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def tidy(text: str, limit: int = 200) -> str:
    """A string somebody else invented, fit for a log: at most `limit` characters of it, printable, without secrets."""
    return printable(redact(text[: limit + 64]))[:limit]


class LineWriter:
    """Lines to a descriptor shared with other processes: whole lines, never waiting for the reader.

    The descriptor is inherited, so its flags are not ours to change. A pipe or terminal is opened anew for writing
    without blocking; where that is not permitted, the descriptor is asked before each write whether it would block.
    """

    def __init__(self, descriptor: int, *, limit: int = BUFFER_BYTES) -> None:
        self.dropped = 0
        """Lines given up since the start."""
        self.size = 0
        """Bytes waiting to be written."""
        self._limit = limit
        self._lines: list[bytes] = []
        self._rest = b""
        mode = os.fstat(descriptor).st_mode
        # Up to PIPE_BUF bytes go into a pipe as one piece, whoever else writes to it.
        self._piece = 64 * 1024 if stat.S_ISREG(mode) else select.PIPE_BUF
        self._own = _reopen(descriptor) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else None
        self._descriptor = descriptor if self._own is None else self._own
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)

    def write(self, line: bytes) -> None:
        """Keep a line, its line feed included, for the next `flush`; drop it when the buffer is full."""
        size = self.size + len(line)
        if size > self._limit:
            self.dropped += 1
            return
        self.size = size
        self._lines.append(line)

    def flush(self) -> None:
        """Write as much as goes without waiting."""
        waiting = self._rest + b"".join(self._lines)
        self._lines.clear()
        start = 0
        while start < len(waiting):
            sent = self._send(waiting[start : self._end(waiting, start)])
            if not sent:
                break
            start += sent
        self._rest = waiting[start:]
        self.size = len(self._rest)

    def close(self, *, seconds: float = 0.5) -> None:
        """Write what is left, waiting at most `seconds` for the reader; the rest, and what comes later, is dropped."""
        deadline = time.monotonic() + seconds
        self.flush()
        while self.size and (left := deadline - time.monotonic()) > 0:
            self._poll.poll(left * 1000)
            self.flush()
        self.dropped += self._rest.count(b"\n")
        self._rest, self.size, self._limit = b"", 0, 0
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def _end(self, waiting: bytes, start: int) -> int:
        """The end of the piece that begins at `start`: whole lines, or a part of one too long for a piece."""
        limit = start + self._piece
        return waiting.rfind(b"\n", start, limit) + 1 or limit

    def _send(self, piece: bytes) -> int:
        """Bytes taken by the descriptor; 0 when it would block."""
        if not self._poll.poll(0):
            return 0
        try:
            return os.write(self._descriptor, piece)
        except BlockingIOError:
            return 0
        except OSError:  # the reader is gone or the disk is full: there is nobody left to tell
            self.dropped += piece.count(b"\n")
            return len(piece)


def _reopen(descriptor: int) -> int | None:
    """The same pipe or terminal under a descriptor of our own that does not block; None where the system refuses."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None


def configure(style: LogFormat, level: LogLevel, *, descriptor: int = 2) -> None:
    """Say events of `level` and above on `descriptor`, as JSON or for eyes. May be called again; the last call counts.

    Libraries that log through the standard library speak from `warning` on, or always when `level` is `debug`.
    """
    sink = _sink(descriptor)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _render_json if style == "json" else _render_console,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=sink),
        cache_logger_on_first_use=False,  # a reload may change the level
    )
    libraries = logging.DEBUG if level == "debug" else max(LEVELS[level], logging.WARNING)
    logging.basicConfig(handlers=[_FromLibraries()], level=libraries, force=True)
    logging.captureWarnings(True)


def get(name: str) -> FilteringBoundLogger:
    """A logger whose events carry `name`; may be made before `configure`."""
    return cast(FilteringBoundLogger, structlog.get_logger(source=name))


def close() -> None:
    """Write what is waiting, as far as anybody takes it; nothing is said afterwards."""
    for writer in _writers.values():
        writer.close()


_writers: dict[int, LineWriter] = {}

atexit.register(close)


def _sink(descriptor: int) -> BinaryIO:
    """The writer of `descriptor`, made once; structlog asks no more of a file than `write` and `flush`."""
    if descriptor not in _writers:
        _writers[descriptor] = LineWriter(descriptor)
    return cast(BinaryIO, _writers[descriptor])


def _in_order(event: EventDict) -> EventDict:
    """What every line has first, what only this one has after it."""
    first = {name: event.pop(name) for name in ("time", "level", "source", "event") if name in event}
    return {**first, **event}


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    # The standard library's encoder: unlike orjson it leaves no byte beyond ASCII and stumbles over no value.
    line = json.dumps(_in_order(event), default=repr, skipkeys=True, separators=(",", ":"))
    return redact(line, IN_JSON).replace("\x7f", "\\u007f").encode()


def _render_console(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """`time level source: event name=value ...`; a traceback follows on indented lines, so that no line is forged."""
    head = [str(event.pop("time")), str(event.pop("level")).ljust(7), f"{event.pop('source', '-')}:"]
    traceback = str(event.pop("exception", "")).splitlines()
    said = printable(str(event.pop("event")))
    values = [f"{printable(str(name))}={_console_value(value)}" for name, value in event.items()]
    lines = [" ".join([*head, said, *values]), *(f"    {printable(line)}" for line in traceback)]
    return redact("\n".join(lines)).encode()


def _console_value(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    plain = text.isprintable() and text and " " not in text and '"' not in text
    return text if plain else json.dumps(text)


class _FromLibraries(logging.Handler):
    """What libraries say through the standard library, in our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max(known for known in (0, *LEVELS.values()) if known <= record.levelno) or logging.DEBUG
        get(record.name).log(level, record.getMessage(), exc_info=record.exc_info)
