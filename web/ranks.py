"""Which names matter most, of those that the store has seen of late: they get colours."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.errors import ControlUnavailable
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY
from web.colours import SERIES
from web.page import Read

LOOKED_BACK = 7 * DAY


async def ranked(read: Read, kind: str) -> Sequence[str]:
    """The first names of a kind; none while the store does not answer."""
    now_us = time.time_ns() // 1000
    asked = Filter(since_us=now_us - LOOKED_BACK, until_us=now_us + DAY).parameter()
    try:
        rows = await read("overview/ranked", {"filter": asked, "kind": kind, "limit": SERIES})
    except ControlUnavailable:
        return ()
    return [row["name"] for row in rows]
