"""What happened at the mock, for tests and benchmarks that ask `/mock/state`. Times are monotonic milliseconds.

Bodies are kept as received and hashed only when somebody asks; all but the smallest together stay under `KEPT_BYTES`.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from gateway.mock.requests import Incoming

KEPT_REQUESTS = 50
KEPT_DISCONNECTS = 100
KEPT_TAGS = 1000
KEPT_BYTES = 64 << 20
SHOWN_BYTES = 64 << 10
UNCOUNTED_BYTES = 4 << 10


class Exchange:
    """One request and how its answer went."""

    __slots__ = ("blocked", "chunks", "connection", "ended", "forgotten", "number", "outcome", "request", "started",
                 "tag", "written")  # fmt: skip

    def __init__(self, number: int, connection: int, request: Incoming) -> None:
        self.number = number
        self.connection = connection
        self.request = request
        self.forgotten = 0
        self.tag: str | None = None
        self.started = time.monotonic()
        self.ended: float | None = None
        self.outcome = "running"
        self.chunks = 0
        self.written = 0
        self.blocked: Callable[[], tuple[int, int]] | None = None

    def show(self) -> dict[str, Any]:
        """This exchange as JSON. `blocked_bytes` wait in the mock, `kernel_bytes` in its socket."""
        blocked, kernel = self.blocked() if self.blocked is not None else (0, 0)
        return {
            "id": f"req_{self.number:032x}",
            "number": self.number,
            "tag": self.tag,
            "connection": self.connection,
            "method": self.request.method,
            "path": self.request.path,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.request.headers],
            **self._show_body(),
            "started_ms": self.started * 1000,
            "ended_ms": None if self.ended is None else self.ended * 1000,
            "outcome": self.outcome,
            "chunks": self.chunks,
            "bytes_written": self.written,
            "blocked_bytes": blocked,
            "kernel_bytes": kernel,
        }

    def forget_body(self) -> int:
        """Lets go of the body; its bytes."""
        self.forgotten = len(self.request.body)
        self.request = self.request._replace(body=b"")
        return self.forgotten

    def _show_body(self) -> dict[str, Any]:
        if self.forgotten:
            return {"body_bytes": self.forgotten, "body": None, "body_sha256": None}
        body = self.request.body
        text = body.decode(errors="replace") if len(body) <= SHOWN_BYTES else None
        return {"body_bytes": len(body), "body": text, "body_sha256": hashlib.sha256(body).hexdigest()}


class Ledger:
    """All counters and the latest exchanges."""

    def __init__(self) -> None:
        self.open_connections = 0
        self.streams_open = 0
        self.reset()

    def reset(self) -> None:
        """Forgets everything but what is open now."""
        self.connections_total = 0
        self.requests_total = 0
        self.requests_broken = 0
        self.requests_unfinished = 0
        self.latest: deque[Exchange] = deque(maxlen=KEPT_REQUESTS)
        self.disconnects: deque[dict[str, Any]] = deque(maxlen=KEPT_DISCONNECTS)
        self._by_tag: OrderedDict[str, deque[Exchange]] = OrderedDict()
        self._times: dict[str, int] = {}
        self._kept: deque[Exchange] = deque()
        self._kept_bytes = 0

    def begin(self, exchange: Exchange) -> None:
        """A request has arrived in full."""
        self.requests_total += 1
        self.latest.append(exchange)
        if len(exchange.request.body) > UNCOUNTED_BYTES:
            self._forget_old_bodies(exchange)

    def name(self, exchange: Exchange, tag: str) -> int:
        """Files the exchange under its tag; how many the tag has had, this one included."""
        exchange.tag = tag
        if tag not in self._by_tag:
            self._by_tag[tag] = deque(maxlen=KEPT_REQUESTS)
            if len(self._by_tag) > KEPT_TAGS:
                forgotten, _ = self._by_tag.popitem(last=False)
                self._times.pop(forgotten, None)
        self._by_tag[tag].append(exchange)
        self._times[tag] = self._times.get(tag, 0) + 1
        return self._times[tag]

    def disconnected(self, exchange: Exchange) -> None:
        """The peer left before the answer was complete."""
        exchange.outcome = "disconnected"
        exchange.ended = time.monotonic()
        self.disconnects.append(
            {
                "id": f"req_{exchange.number:032x}",
                "tag": exchange.tag,
                "at_ms": exchange.ended * 1000,
                "after_chunks": exchange.chunks,
                "bytes_written": exchange.written,
            }
        )

    def show(self, tag: str | None = None) -> dict[str, Any]:
        """The state as JSON, of one tag only when given."""
        named = self.latest if tag is None else self._by_tag.get(tag, ())
        gone = [entry for entry in self.disconnects if tag is None or entry["tag"] == tag]
        return {
            "now_ms": time.monotonic() * 1000,
            "open_connections": self.open_connections,
            "connections_total": self.connections_total,
            "requests_total": self.requests_total,
            "requests_unfinished": self.requests_unfinished,
            "requests_broken": self.requests_broken,
            "streams_open": self.streams_open,
            "disconnects": gone,
            "last_requests": [exchange.show() for exchange in named],
        }

    def _forget_old_bodies(self, exchange: Exchange) -> None:
        self._kept.append(exchange)
        self._kept_bytes += len(exchange.request.body)
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popleft().forget_body()
