"""Writes captures from a thread of its own: whoever has one to keep hands it over and goes on at once.

What waits is bounded, in number and in bytes. When that is full, or the disk refuses, captures are dropped and counted,
and nothing else happens. Knows when to make room; what may be read of a capture, and how it is sealed, others know.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

from gateway import logs
from gateway.credentials.vault import Vault
from gateway.records.captures import MARGIN, Taken
from gateway.settings.model import CaptureSettings

from . import retention
from .making import capture_of
from .places import BLOCK_BYTES, DRAFT, SUFFIX, add_weight, blocks_of, place_of
from .redaction import Redactor
from .sealed import seal

MOST_WAITING = 1024
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait for the thread."""

SHARE = 32
"""Room is made after every so many parts of `max_total_bytes` that were written."""

REST_SECONDS = 0.02
"""Captures that come soon after one another are written together: each time that the thread wakes up, the event loop
has to wait for its turn."""

SILENCE_SECONDS = 60.0
"""How long nothing is said of a disk that still refuses."""

CLOSE_SECONDS = 3.0
"""How long what waits may take at the end."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC

log = logs.get("gateway.captures")


@dataclass
class Waiting:
    """How much was handed over, and how much of it is done: each counted by one thread alone."""

    given: int = 0
    given_bytes: int = 0
    done: int = 0
    done_bytes: int = 0

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may wait."""
        return self.given - self.done < MOST_WAITING and self.given_bytes - self.done_bytes + size <= MOST_WAITING_BYTES


@dataclass(frozen=True, slots=True)
class Ways:
    """How captures are kept."""

    vault: Vault
    settings: CaptureSettings
    redactor: Redactor = field(repr=False)

    @classmethod
    def of(cls, settings: CaptureSettings, key: bytes) -> Ways:
        """As the settings say, sealed under this key."""
        return cls(Vault(key), settings, Redactor(settings.redact))


class CaptureWriter:
    """The captures of one worker, until `close`."""

    def __init__(self, folder: Path, ways: Ways, *, write: Callable[[Path, bytes], None] | None = None) -> None:
        """`write` puts a file into its place."""
        self.ways = ways
        """By which those are kept that come from now on."""
        self.refused = 0
        """Captures that were dropped because too many waited."""
        self.lost = 0
        """Captures that could not be written."""
        self._folder, self._write = folder, write or write_whole
        self._waiting, self._queue = Waiting(), SimpleQueue[tuple[Taken, int] | None]()
        self._written_bytes = 0
        self._silent_until = 0.0
        self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
        self._thread.start()

    @property
    def bytes_taken(self) -> int:
        """Most of one body that is to be taken down."""
        return self.ways.settings.max_bytes + MARGIN

    @property
    def dropped(self) -> int:
        """Captures that were wanted and are not kept."""
        return self.refused + self.lost

    def keep(self, taken: Taken) -> bool:
        """Have this kept; False where there is no room for it to wait. Never waits, never raises."""
        waiting, size = self._waiting, taken.size
        if not waiting.has_room(size):
            self.refused += 1
            return False
        waiting.given += 1
        waiting.given_bytes += size
        self._queue.put((taken, size))
        return True

    def close(self) -> None:
        """Write what waits, as far as that can be done soon; what cannot is dropped."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)
        if left := self._waiting.given - self._waiting.done:
            self.refused += left
            log.error("captures are dropped at the end, for the disk is slow", dropped=left)

    def _run(self) -> None:
        while (given := self._queue.get()) is not None:
            taken, size = given
            if self._queue.empty():
                time.sleep(REST_SECONDS)
            try:
                self._put(taken)
            except OSError as error:
                self._lose(error)
            except Exception:
                log.exception("an exchange is not captured", id=taken.id)
                self.lost += 1
            self._waiting.done += 1
            self._waiting.done_bytes += size

    def _put(self, taken: Taken) -> None:
        ways = self.ways
        capture = capture_of(taken, ways.redactor, ways.settings.max_bytes)
        sealed = seal(capture, ways.vault)
        self._write(place_of(self._folder, taken.id), sealed)
        self._written_bytes += blocks_of(len(sealed)) * BLOCK_BYTES
        if self._written_bytes >= ways.settings.max_total_bytes // SHARE:
            self._written_bytes = 0
            self._make_room(ways.settings)

    def _make_room(self, settings: CaptureSettings) -> None:
        keep, now = timedelta(days=settings.keep_days), datetime.now(UTC)
        try:
            retention.tidy(self._folder, keep=keep, most_bytes=settings.max_total_bytes, now=now)
        except OSError as error:
            log.error("old captures cannot be deleted", reason=str(error))

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE_SECONDS
            log.error("captures cannot be written, and are dropped", reason=str(error), dropped=self.dropped)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file into its place, whole or not at all. Raises OSError."""
    place, hour = str(path), path.parent
    draft = place.removesuffix(SUFFIX) + DRAFT
    try:
        descriptor = os.open(draft, _NEW, 0o600)
    except FileNotFoundError:  # the first of its hour
        for directory in (hour.parent.parent, hour.parent, hour):
            directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(draft, _NEW, 0o600)
    try:
        _fill(descriptor, content)
        add_weight(hour, blocks_of(len(content)))
        os.rename(draft, place)  # noqa: PTH104 # a file each: what pathlib does beside it would cost as much again
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise


def _fill(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
