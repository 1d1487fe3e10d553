"""Gets what URLs in a prompt lead to, for providers that must be given the content itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import InvalidRequest
from gateway.formats.neutral import Source

FetchMedia = Callable[[tuple[str, ...]], Awaitable[Mapping[str, Source]]]


async def no_media(urls: tuple[str, ...]) -> Mapping[str, Source]:
    """For a gateway that may not fetch. Raises InvalidRequest."""
    raise InvalidRequest(
        "The provider of this model takes no URLs, and this gateway does not fetch them: send the content itself."
    )
