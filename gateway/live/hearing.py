"""Whether somebody still listens: an answer that goes on ends as soon as whoever asked for it has left.

Knows ASGI's `receive`. Does not know what is told, nor which web framework sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


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
