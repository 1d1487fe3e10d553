"""Whether the time before the one that is looked at is known as a whole: half of it is nothing to compare with.

Knows since when there are records. Does not know what is compared.
"""

from __future__ import annotations

from web.page import Read
from web.span import Span

SLACK = 20
"""A time whose first twentieth is missing is whole: nobody may have asked then."""


async def is_comparable(read: Read, span: Span) -> bool:
    """Whether records go back as far as the time before this one. Raises ControlUnavailable."""
    since_us = next((row["since_us"] for row in await read("usage/since", {})), None)
    begins_us, _ = span.before
    return since_us is not None and since_us <= begins_us + span.length_us // SLACK
