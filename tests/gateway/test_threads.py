"""Pools whose threads are all there: also where no other could be begun any more."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.threads import begin_usual, begun

THREADS = 3


def test_all_are_there_and_each_was_initialized() -> None:
    initialized = []
    pool = begun(THREADS, "some", lambda: initialized.append(threading.current_thread().name))
    there = {thread.name for thread in threading.enumerate() if thread.name.startswith("some")}
    assert len(there) == THREADS
    at_once = threading.Barrier(THREADS)
    used = list(pool.map(lambda _: (at_once.wait(20), threading.current_thread().name)[1], range(THREADS)))
    pool.shutdown()
    assert set(used) == set(initialized) == there


def test_they_leave_where_nothing_was_ever_done() -> None:
    pool = begun(THREADS, "brief")
    pool.shutdown(wait=True, cancel_futures=True)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("brief")]


@contextmanager
def without_room() -> Iterator[None]:
    """The process may have no more of the address space: a thread's stack alone wants 8 MiB of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


async def tried() -> dict[str, object]:
    """What goes on there, in a process of its own."""
    begin_usual()
    with without_room():
        try:
            threading.Thread(target=print).start()
        except RuntimeError as error:
            refused = str(error)
        else:
            refused = "another could be begun"
        powers = await asyncio.gather(*(asyncio.to_thread(pow, 2, n) for n in range(20)))
    return {"another": refused, "powers": powers}


def test_work_is_done_where_no_thread_can_be_begun_any_more() -> None:
    text = f"import asyncio, json, {__name__} as here; print(json.dumps(asyncio.run(here.tried())))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert told["another"] == "can't start new thread"
    assert told["powers"] == [2**n for n in range(20)]
