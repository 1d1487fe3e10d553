"""Pools of threads that are all there from the beginning.

Python's own pool begins a thread when work comes that no other is free for. While the memory of a process is bounded,
or short, that can fail, and with it whatever asked for it: a new thread wants more of the address space at once than
most work ever does. Knows pools. Does not know what is done in them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def begun(threads: int, name: str, initializer: Callable[[], None] | None = None) -> ThreadPoolExecutor:
    """A pool of so many threads, each begun, which calls `initializer` first. Raises RuntimeError where one cannot be
    begun now."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=initializer)
    all_there = threading.Event()
    try:
        for _ in range(threads):  # none is free for the next one's work before all are there
            pool.submit(all_there.wait)
    finally:
        all_there.set()
    return pool


def begin_usual() -> None:
    """Begin the threads of the running event loop that `asyncio.to_thread` takes: as many as Python would."""
    usual = min(32, (os.cpu_count() or 1) + 4)
    asyncio.get_running_loop().set_default_executor(begun(usual, "asyncio"))
