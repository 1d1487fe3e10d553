"""A viewer's events as a stream of bytes that goes on until they leave, or may not go on: for programs and for pages.

How an event is written, and what somebody may see by now, is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from gateway.errors import StateUnavailable

from .events import Event
from .feed import HEARTBEAT_SECONDS
from .viewer import Viewer
from .wanted import Sight

REVIEW_SECONDS = 1.0
"""How often it is looked at what they may see, and how long they may go on with what they may not."""

RETRY = b"retry: 1000\n\n"
"""Milliseconds after which a browser comes back."""

HEARTBEAT = b": \n\n"
"""A comment: a sign of life."""

Review = Callable[[], Awaitable[Sight | None]]
"""What they may see at this moment; None where that is nothing any more. May raise StateUnavailable."""

Write = Callable[[Sequence[Event]], bytes]
"""Events as they go out; empty where nothing of them does."""


async def parts(viewer: Viewer, review: Review, write: Write, *, seconds: float | None = None) -> AsyncIterator[bytes]:
    """Everything they are told as server-sent events, for so long at most. To be read by one task, which is cancelled
    where they take nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # nothing else iterates
    viewer.give_up = task.cancel
    began = reviewed_at = sent_at = loop.time()
    yield RETRY
    while not viewer.is_gone:
        await viewer.wait(REVIEW_SECONDS)
        now = loop.time()
        if now - reviewed_at >= REVIEW_SECONDS:
            reviewed_at = now
            await _look_again(viewer, review)
        if part := write(viewer.take()) or (HEARTBEAT if now - sent_at >= HEARTBEAT_SECONDS else b""):
            sent_at = now
            yield part
        if viewer.over is not None or (seconds is not None and now - began >= seconds):
            return


async def _look_again(viewer: Viewer, review: Review) -> None:
    try:
        sight = await review()
    except StateUnavailable:  # nobody can say what they may see
        viewer.dismiss("unavailable")
        return
    if sight is None:
        viewer.dismiss("signed_out")
    else:
        viewer.sight = sight


def write_events(events: Sequence[Event]) -> bytes:
    """For programs. The JSON has no line feeds."""
    return b"".join(
        b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.name.encode(), event.data) for event in events
    )
