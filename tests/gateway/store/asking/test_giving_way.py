"""Whether a thread gets a turn is known by what it has computed, not by how long it has been."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from gateway.store.asking.giving_way import Effort
from tests.waiting import until


def test_who_computes_is_not_starved_and_who_waits_is() -> None:
    effort, may_end, may_spin = Effort(), threading.Event(), threading.Event()

    def work() -> None:
        effort.begin()
        may_spin.wait(60)
        while not may_end.is_set():
            pass

    assert (effort.has_begun, effort.is_starved(0)) == (False, False)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work)
        assert until(lambda: effort.is_starved(0))
        assert effort.has_begun
        assert not effort.is_starved(3600), "not for so long"
        may_spin.set()
        assert until(lambda: not effort.is_starved(0))
        may_end.set()
