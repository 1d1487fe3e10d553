"""Which names matter most, of those that the store has seen of late: they get colours."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gateway.errors import ControlUnavailable
from gateway.usage.chosen import Filter
from gateway.usage.figures import DAY
from web.colours import SERIES
from web.page import Read

LOOKED_BACK = 7 * DAY


async def ranked(read: Read, rolled_until_us: Callable[[], int], kind: str) -> Sequence[str]:
    """The first names of a kind; none while the store does not answer. `rolled_until_us` says up to when days are in
    sums."""
    now_us = time.time_ns() // 1000
    asked = Filter(since_us=now_us - LOOKED_BACK, until_us=now_us + DAY).parameter()
    parameters = {"filter": asked, "rolled_until_us": rolled_until_us(), "kind": kind, "limit": SERIES}
    try:
        rows = await read("overview/ranked", parameters)
    except ControlUnavailable:
        return ()
    return [row["name"] for row in rows]
