from __future__ import annotations

import asyncio
import time

import duckdb
import pytest

from gateway.store.asking.run import Run, insist
from tests.gateway.store.asking.stores import ENDLESS


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


def test_nobody_is_told_while_the_lock_is_held() -> None:
    """Whoever is told may want to know why it was stopped, or stop it once more."""
    run = Run()
    run.on_stop = run.end
    began = time.monotonic()
    run.stop("left")
    assert run.over
    assert time.monotonic() - began < 10
