"""What workers ask the control process for: the tokens of texts. Nobody outside gets here.

The control process is where the tokenizer is, since one of its size in every worker would cost too much.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import orjson
from blacksheep import Application, Content, Request, Response

from gateway.errors import InvalidRequest, UnknownEndpoint

from .management.entrance import FORWARDED

PATH = "/internal/count-tokens"

Count = Callable[[Sequence[str]], Awaitable[int]]
"""Tokens of texts; raises ControlUnavailable."""


def add_counting(app: Application, count: Count) -> None:
    """Serve the count in `app`: a JSON array of texts in, `{"tokens": n}` out."""

    async def answer(request: Request) -> Response:
        body = await request.read() or b""  # whoever is refused while still sending hears a reset instead
        if request.get_first_header(FORWARDED) is not None:
            raise UnknownEndpoint("There is nothing at this address.")
        tokens = await count(read_texts(body))
        return Response(200, None, Content(b"application/json", orjson.dumps({"tokens": tokens})))

    app.router.add_post(PATH, answer)


def read_texts(body: bytes) -> list[str]:
    """The texts to count. Raises InvalidRequest when that is not what came."""
    try:
        return msgspec.json.decode(body, type=list[str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("Send a JSON array of texts.") from None
