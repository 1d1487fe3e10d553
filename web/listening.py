"""An event stream on its way: it ends as soon as whoever listens has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

from blacksheep import Request

from gateway.live.hearing import heard
from web.page import Flow


def listened(flow: Flow, request: Request) -> Callable[[], AsyncIterator[bytes]]:
    """The parts of a flow, as the web framework takes them."""
    receive = request.content.receive  # type: ignore[union-attr] # of every content that comes by ASGI
    return partial(heard, flow.parts, flow.end, receive)
