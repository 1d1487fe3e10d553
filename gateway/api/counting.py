"""What workers ask the control process for: the tokens of texts. Nobody outside gets here.

The control process is where the tokenizer is, since one of its size in every worker would cost too much.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec
import orjson
from blacksheep import Application, Content, Request, Response

from gateway.errors import InvalidRequest, UnknownEndpoint

from .management.entrance import FORWARDED

PATH = "/internal/count-tokens"


class Count(Protocol):
    """Counts tokens."""

    def __call__(self, texts: Sequence[str], *, soon: bool = False) -> Awaitable[list[int]]:
        """Tokens of each of these texts; where they are needed `soon`, within a moment or not at all. Raises
        ControlUnavailable."""


def add_counting(app: Application, count: Count) -> None:
    """Serve the count in `app`: a JSON array of texts in, `{"tokens": […]}` out, a number for each. 503 where
    `?soon=yes` asks for what cannot be told within a moment."""

    async def answer(request: Request) -> Response:
        body = await request.read() or b""  # whoever is refused while still sending hears a reset instead
        if request.get_first_header(FORWARDED) is not None:
            raise UnknownEndpoint("There is nothing at this address.")
        tokens = await count(read_texts(body), soon="soon" in request.query)
        return Response(200, None, Content(b"application/json", orjson.dumps({"tokens": tokens})))

    app.router.add_post(PATH, answer)


def read_texts(body: bytes) -> list[str]:
    """The texts to count. Raises InvalidRequest when that is not what came."""
    try:
        return msgspec.json.decode(body, type=list[str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("Send a JSON array of texts.") from None
