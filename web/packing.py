"""Pages on their way to browsers that take them packed. Knows gzip and what asks for it, not what is in a page.

Whoever can make a browser ask for pages, choose a part of their address and see their packed sizes on the way can guess
at what else is in them (https://breachattack.com). The token of forms is never the only thing that a form is accepted
by (`gateway/access/csrf`), and a page that shows a secret is not packed at all.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

from blacksheep import Content, Response

WORTH_BYTES = 1000
"""What is smaller goes as it is."""

LEVEL = 4
"""Of pages, made anew each time: a third of the time of the highest, a tenth more bytes."""

HIGHEST = 9

GZIP = 31
"""What makes zlib write gzip's frame (https://docs.python.org/3/library/zlib.html#zlib.compressobj)."""

ENCODED = (b"content-encoding", b"gzip")
VARIES = (b"vary", b"accept-encoding")

_REFUSED = re.compile(rb"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def takes_gzip(accepted: bytes | None) -> bool:
    """Whether an `accept-encoding` header takes gzip."""
    return accepted is not None and b"gzip" in accepted and not _REFUSED.search(accepted)


def packed(response: Response, accepted: bytes | None) -> Response:
    """The answer as the browser takes it: packed where that is worth while."""
    content = response.content
    body = content.body if content is not None else None
    if content is None or not body or len(body) < WORTH_BYTES:
        return response
    response.add_header(*VARIES)
    if takes_gzip(accepted):
        response.content = Content(content.type, pack(body, LEVEL))
        response.add_header(*ENCODED)
    return response


def pack(body: bytes, level: int) -> bytes:
    """Bytes in gzip's format, the same for the same bytes."""
    packer = zlib.compressobj(level, zlib.DEFLATED, GZIP)
    return packer.compress(body) + packer.flush()


@lru_cache(maxsize=64)
def packed_once(body: bytes) -> bytes:
    """The same for what never changes."""
    return pack(body, HIGHEST)
