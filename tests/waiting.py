"""Waiting for something to become true, with a deadline: what tests do instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(predicate: Callable[[], T], seconds: float = 20.0, *, every: float = 0.01) -> T:
    """The first true value of `predicate`; AssertionError when `seconds` have passed without one."""
    deadline = time.monotonic() + seconds
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"still not true after {seconds} s"
        time.sleep(every)
    return value


async def auntil(predicate: Callable[[], T], seconds: float = 20.0, *, every: float = 0.01) -> T:
    """`until` for coroutines: the event loop runs on meanwhile."""
    deadline = time.monotonic() + seconds
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"still not true after {seconds} s"
        await asyncio.sleep(every)
    return value
