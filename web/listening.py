"""An event stream on its way: it ends as soon as whoever listens has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from blacksheep import Request

from web.page import Flow


def listened(flow: Flow, request: Request) -> Callable[[], AsyncIterator[bytes]]:
    """The parts of a flow, as the web framework takes them."""

    async def parts() -> AsyncIterator[bytes]:
        leaving = asyncio.ensure_future(_left(request))
        for ending in (leaving, asyncio.current_task()):
            if ending is not None:
                ending.add_done_callback(lambda _: flow.end())
        try:
            async for part in flow.parts:
                yield part
        finally:
            leaving.cancel()
            flow.end()

    return parts


async def _left(request: Request) -> None:
    """Until whoever asked has left; their request has been read to its end."""
    receive = request.content.receive  # type: ignore[union-attr] # of every content that comes by ASGI
    while (await receive())["type"] != "http.disconnect":
        pass
