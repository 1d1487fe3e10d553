"""What takes its time, or goes on: it ends as soon as whoever asked for it has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from blacksheep import Request

from gateway.live.hearing import Receive, heard, while_there
from web.page import Flow

T = TypeVar("T")


def listened(flow: Flow, request: Request) -> Callable[[], AsyncIterator[bytes]]:
    """The parts of a flow, as the web framework takes them."""
    return partial(heard, flow.parts, flow.end, _receive(request))


async def awaited(running: Awaitable[T], request: Request) -> T:
    """What something gives, unless whoever asked leaves before. Raises ClientDisconnected then."""
    return await while_there(_receive(request), running)


def _receive(request: Request) -> Receive:
    receive: Receive = request.content.receive  # type: ignore[union-attr] # of every content that comes by ASGI
    return receive
