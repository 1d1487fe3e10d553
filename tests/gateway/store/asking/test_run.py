from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import duckdb
import pytest

from gateway.store.asking.run import NICE, Run, be_nice, insist
from tests.gateway.store.asking.stores import ENDLESS
from tests.waiting import auntil


def test_what_was_stopped_before_it_began_does_not_begin() -> None:
    run = Run()
    run.stop("left")
    with duckdb.connect() as cursor, pytest.raises(duckdb.InterruptException):
        run.begin(cursor)


def test_between_two_statements_it_is_asked() -> None:
    run = Run()
    with duckdb.connect() as cursor:
        run.begin(cursor)
        run.check()
        run.stop("cancelled")
        with pytest.raises(duckdb.InterruptException):
            run.check()


def test_the_first_who_stops_it_says_why_and_whoever_waits_elsewhere_hears_it() -> None:
    run, heard = Run(), []
    run.on_stop = lambda: heard.append(run.stopped)
    run.stop("memory")
    run.stop("left")
    assert (run.stopped, heard) == ("memory", ["memory", "memory"])


async def test_a_statement_that_has_just_begun_is_stopped_all_the_same() -> None:
    for delay in (0, 0.001, 0.01):
        run = Run()

        def work(run: Run = run) -> str:
            with duckdb.connect() as cursor:
                try:
                    run.begin(cursor)
                    cursor.execute(ENDLESS)
                    return "done"
                except duckdb.InterruptException:
                    return "stopped"
                finally:
                    run.end()

        working = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(delay)
        insist(run, "left")
        assert await asyncio.wait_for(working, 5) == "stopped"


async def test_what_is_over_is_left_alone() -> None:
    run = Run()
    run.end()
    insist(run, "left")
    assert run.stopped is None


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a niceness of its own")
async def test_who_is_nice_is_nice_alone() -> None:
    ready, over = threading.Event(), threading.Event()
    seen: list[int] = []

    def work() -> None:
        be_nice()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        ready.set()
        over.wait(5)

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    await auntil(ready.is_set)
    assert seen == [max(NICE, before)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    over.set()
    thread.join()


def test_nobody_is_told_while_the_lock_is_held() -> None:
    """Whoever is told may want to know why it was stopped, or stop it once more."""
    run = Run()
    run.on_stop = run.end
    began = time.monotonic()
    run.stop("left")
    assert run.over
    assert time.monotonic() - began < 10
