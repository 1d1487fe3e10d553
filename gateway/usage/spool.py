"""Usage records on their way out of a worker: one line appended, nothing awaited, nothing raised.

Knows how a record becomes a line and what to do when the disk refuses it. Does not know who reads the segments, nor
whether anybody does. A line is safe from kill -9 of any process once `append` returns; power loss is the reader's
business (`segments.sync`).
"""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from pathlib import Path

from msgspec import json, to_builtins

from gateway import logs
from gateway.records import UsageRecord
from gateway.settings.model import UsageSettings
from gateway.usage import segments
from gateway.usage.appending import Appender, Torn, appender

BACKLOG_BYTES = 8 * 1024 * 1024
"""Lines held in memory while the disk refuses them."""

RETRIED_LINES = 1000
"""Lines of the backlog written in one tick: about 3 ms of the event loop."""

CROWD = 32
"""Closed segments of ours still waiting, above which nobody seems to be reading: fewer, larger ones are made then."""

CROWDED_SECONDS = 60.0
"""Age at which a segment is closed while nobody reads."""

FULL_SECONDS = 1.0
"""How long a full spool is believed to be full without looking again."""

INTEGERS = range(-(2**63), 2**63)

log = logs.get("gateway.usage.spool")

_encoder = json.Encoder()


def encode(record: UsageRecord) -> bytes:
    """The record as one line of JSON, line feed included, under the names of its fields. Never raises."""
    try:
        return _encoder.encode(record) + b"\n"
    except (UnicodeEncodeError, OverflowError):
        return _encoder.encode(_mended(to_builtins(record))) + b"\n"


def _mended(value: object) -> object:
    """`value` with what JSON or a database column cannot hold replaced: one odd name must not lose the record."""
    match value:
        case dict():
            return {key: _mended(item) for key, item in value.items()}
        case list() | tuple():
            return [_mended(item) for item in value]
        case str():
            return value.encode("utf-8", "replace").decode()
        case int() if not isinstance(value, bool):
            return min(max(value, INTEGERS[0]), INTEGERS[-1])
    return value


class SpoolFull(Exception):
    """The spool has grown to its limit."""


class Spool:
    """The segments of one worker. Every method is quick and none raises; `tick` is to be called ten times a second."""

    def __init__(self, directory: Path, worker: int, settings: UsageSettings) -> None:
        self.dropped = 0
        """Records lost since the start: the spool was full, or the disk refused for longer than memory lasts."""
        self._directory, self._settings = directory, settings
        self._run = f"w{worker}-{os.getpid()}-{secrets.token_hex(6)}"
        self._sequence = 0
        self._stem = ""
        self._descriptor = -1
        self._segment: Appender | None = None
        self._begun = 0.0
        self._full_until = 0.0
        self._ours: deque[Path] = deque()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def backlog(self) -> int:
        """Lines in memory, waiting for the disk."""
        return len(self._backlog)

    def append(self, line: bytes) -> None:
        """Put a line of `encode` into the spool. While the disk refuses, it waits in memory; beyond it is `dropped`."""
        if self._backlog:
            self._keep(line)
            return
        try:
            self._write(line)
        except SpoolFull:
            self.dropped += 1
        except OSError as error:
            log.error("the spool refuses a record; it waits in memory", error=str(error))
            self._keep(line)

    def tick(self) -> None:
        """Close the segment when it is due, and try again what the disk refused."""
        if self._backlog:
            self._retry()
        if self._segment is not None and time.monotonic() - self._begun >= self._allowed_seconds():
            self._close()

    def close(self) -> None:
        """Hand over everything; what the disk refuses even now is dropped."""
        while self._retry():
            pass
        if self._backlog:
            log.error("the disk refuses the last records", dropped=len(self._backlog))
        self.dropped += len(self._backlog)
        self._backlog.clear()
        self._backlog_bytes = 0
        self._close()

    def _write(self, line: bytes) -> None:
        segment = self._segment or self._begin()
        try:
            segment.append(line)
        except Torn:
            self._let_go()
            raise
        if segment.size >= self._settings.segment_bytes:
            self._close()

    def _begin(self) -> Appender:
        now = time.monotonic()
        if now < self._full_until:
            raise SpoolFull
        if segments.weigh(self._directory) >= self._settings.spool_max_bytes:
            self._full_until = now + FULL_SECONDS
            log.error("the spool is full; records are dropped", dropped=self.dropped)
            raise SpoolFull
        self._sequence += 1
        self._stem = f"{self._run}-{self._sequence:08d}"
        self._descriptor = segments.begin(self._directory, self._stem)
        self._begun = now
        self._segment = appender(self._descriptor)
        return self._segment

    def _close(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        segment.close()
        try:
            self._ours.append(segments.close(self._directory, self._stem, self._descriptor, segment.size))
        except OSError as error:
            log.error("a segment was left open, for adoption", segment=self._stem, error=str(error))

    def _let_go(self) -> None:
        """Leave the segment for adoption."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
        os.close(self._descriptor)

    def _allowed_seconds(self) -> float:
        """How old a segment may get: a reader that is away for long must not come back to a million small files."""
        while self._ours and not self._ours[0].exists():
            self._ours.popleft()
        allowed = self._settings.segment_seconds
        return allowed if len(self._ours) < CROWD else max(allowed, CROWDED_SECONDS)

    def _keep(self, line: bytes) -> None:
        if self._backlog_bytes + len(line) > BACKLOG_BYTES:
            self.dropped += 1
            return
        self._backlog.append(line)
        self._backlog_bytes += len(line)

    def _retry(self) -> bool:
        """Write a part of the backlog, in order; whether all of this part went and there may be more."""
        for _ in range(min(RETRIED_LINES, len(self._backlog))):
            try:
                self._write(self._backlog[0])
            except SpoolFull:
                self.dropped += 1
            except OSError:
                return False
            self._backlog_bytes -= len(self._backlog.popleft())
        return bool(self._backlog)
