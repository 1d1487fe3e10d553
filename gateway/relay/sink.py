"""The client's side of one answer under ASGI: bytes out with back-pressure, and word when the client leaves.

Granian takes a chunk at call time: `send` answers with a finished awaitable, or with a future when its channel to the
socket is full. So chunks are pushed from the provider's `data_received` without a task, and only a full channel costs
anything. Under a server whose `send` is a coroutine the same code runs through tasks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Header = tuple[bytes, bytes]
Headers = list[Header]

SHARE_OF_WINDOW = 16
"""Granian and its HTTP library hold a handful of pieces each; one piece is this share of what a client may cost."""

_finished_kinds: set[type] = set()
"""Classes of awaitables that were finished when we got them: learnt, so that a chunk costs one look-up."""


def pending(awaitable: Awaitable[Any]) -> asyncio.Future[Any] | None:
    """The future to wait for, or None when what was asked is done already."""
    if hasattr(awaitable, "add_done_callback"):
        return awaitable  # type: ignore[return-value]  # Granian's own future class
    if asyncio.iscoroutine(awaitable):
        return asyncio.ensure_future(awaitable)
    return None


def _nothing() -> None:
    """What happens when nobody asked to be told."""


class Sink:
    """Where one answer goes."""

    started = False
    over = False
    """Everything was handed over, or nobody is there to take it."""
    status = 0
    """What the client was told; 0 before `start`."""
    bytes_sent = 0
    blocked_since: float | None = None
    """Loop time since which the client takes nothing."""
    on_room: Callable[[], None] = staticmethod(_nothing)
    """Called when the client has taken everything that waited for it."""
    on_end: Callable[[], None] = staticmethod(_nothing)
    """Called just before the last piece leaves: what must be true once the client has its answer, is made true."""
    on_drained: Callable[[], None] = staticmethod(_nothing)
    """Called when everything has been handed over after `finish`."""
    _queue: deque[bytes | memoryview] | None = None
    """What waits for the client; None as long as nothing ever did."""
    _finished = False

    def __init__(self, send: Send, window_bytes: int) -> None:
        self._send = send
        self._piece = window_bytes // SHARE_OF_WINDOW
        self._blocked: asyncio.Future[Any] | None = None

    def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        self.started = True
        self.status = status
        self._put({"type": "http.response.start", "status": status, "headers": headers})

    def write(self, data: bytes) -> bool:
        """Send a piece of the body; False when the client is behind and the source should pause."""
        size = len(data)
        self.bytes_sent += size
        if self._blocked is None and size <= self._piece:
            return self._put({"type": "http.response.body", "body": data, "more_body": True})
        self._hold(data)
        return self._blocked is None

    def finish(self, data: bytes = b"") -> None:
        """Send the last piece; `on_drained` follows once a slow client has taken it."""
        size = len(data)
        self.bytes_sent += size
        self._finished = True
        if self._blocked is None and size <= self._piece:
            self._end(data)
        else:
            self._hold(data)

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once."""
        self.start(status, headers)
        self.finish(body)

    def wait_for(self, future: asyncio.Future[Any]) -> None:
        """Hold back what comes until then, as if the client took nothing."""
        if not future.done():
            self._block(future)

    def forget(self) -> None:
        """The client is gone: nothing more is sent, what waits is dropped."""
        self.over = True
        self._queue = None
        self.on_room = self.on_drained = self.on_end = _nothing

    def _end(self, data: bytes) -> None:
        self.on_end()
        self._put({"type": "http.response.body", "body": data})
        self.over = True
        self.on_drained()

    def _hold(self, data: bytes) -> None:
        """Put it behind what waits; a client that is not behind gets it in pieces."""
        if self._queue is None:
            self._queue = deque()
        self._queue.append(data)
        self._flush()

    def _flush(self) -> None:
        """Send what waits, in pieces, until it is gone or the client is behind again."""
        while self._queue and self._blocked is None:
            piece = self._next_piece(self._queue)
            if self._finished and not self._queue:
                self._end(piece)
            else:
                self._put({"type": "http.response.body", "body": piece, "more_body": True})

    def _next_piece(self, queue: deque[bytes | memoryview]) -> bytes:
        """Small chunks that waited together leave together; a large one leaves in pieces."""
        first = queue.popleft()
        if len(first) > self._piece:
            view = memoryview(first)
            queue.appendleft(view[self._piece :])
            return bytes(view[: self._piece])
        parts, size = [first], len(first)
        while queue and size + len(queue[0]) <= self._piece:
            parts.append(queue.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _put(self, message: Message) -> bool:
        """Send a message; False when the client is behind."""
        waiting = self._send(message)
        if waiting.__class__ in _finished_kinds:
            return True
        future = pending(waiting)
        if future is None:
            _finished_kinds.add(waiting.__class__)
        elif not future.done():
            self._block(future)
            return False
        return True

    def _block(self, future: asyncio.Future[Any]) -> None:
        self._blocked = future
        self.blocked_since = asyncio.get_running_loop().time()
        future.add_done_callback(self._unblocked)

    def _unblocked(self, _future: asyncio.Future[Any]) -> None:
        self._blocked = None
        self.blocked_since = None
        self._flush()
        if self._blocked is None and not self._finished:
            self.on_room()


class Watch:
    """Listens for the client to leave while its answer is under way. Says so once."""

    __slots__ = ("_future", "_on_gone", "_over", "_receive", "begun")

    def __init__(self, receive: Receive, on_gone: Callable[[], None]) -> None:
        self._receive = receive
        self._on_gone = on_gone
        self._future: asyncio.Future[Message] | None = None
        self._over = False
        self.begun = False

    def begin(self) -> None:
        """Listen from now on. Costs a thread hop under Granian, so short answers do without (see `Relay.tick`)."""
        self.begun = True
        waiting = self._receive()
        future = pending(waiting) or asyncio.ensure_future(_awaited(waiting))
        self._future = future
        future.add_done_callback(self._heard)

    def end(self) -> None:
        """The answer is complete: who leaves now, leaves in peace."""
        self._over = True
        self._on_gone = _nothing
        future = self._future
        if future is not None:
            self._future = None
            if not future.done():
                future.cancel()

    def _heard(self, future: asyncio.Future[Message]) -> None:
        if self._over or future.cancelled():
            return
        if future.exception() is not None or future.result()["type"] == "http.disconnect":
            self._over = True
            self._on_gone()
        else:
            self.begin()


async def _awaited(awaitable: Awaitable[Message]) -> Message:
    return await awaitable
