"""Whether somebody still listens: an answer that goes on ends as soon as whoever asked for it has left.

Knows ASGI's `receive`. Does not know what is told, nor which web framework sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from gateway import logs
from gateway.errors import ClientDisconnected

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

T = TypeVar("T")

log = logs.get("gateway.live.hearing")


async def left(receive: Receive) -> None:
    """Until whoever asked has left; their request has been read to its end."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def heard(parts: AsyncIterator[bytes], end: Callable[[], None], receive: Receive) -> AsyncIterator[bytes]:
    """These parts, until there are no more or whoever asked has left; `end` is told either way."""
    leaving = asyncio.ensure_future(left(receive))
    for ending in (leaving, asyncio.current_task()):
        if ending is not None:
            ending.add_done_callback(lambda _: end())
    try:
        async for part in parts:
            yield part
    finally:
        leaving.cancel()
        end()


async def while_there(receive: Receive, running: Awaitable[T]) -> T:
    """What something gives that takes its time, unless whoever asked leaves before: then it is cancelled, and has ended
    when this raises ClientDisconnected."""
    task, leaving = asyncio.ensure_future(running), asyncio.ensure_future(left(receive))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnected("The client has left.")
        return task.result()
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("what a client had left did not end well", reason=str(error))
