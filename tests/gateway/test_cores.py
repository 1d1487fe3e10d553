"""Who keeps aside leaves a core to each worker; where there is none left for itself, nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys

KEPT = """
import os, sys, threading
from gateway.cores import keep_aside

before = os.sched_getaffinity(0)
keep_aside(int(sys.argv[1]))
inherited = []
thread = threading.Thread(target=lambda: inherited.append(os.sched_getaffinity(0)))
thread.start()
thread.join()
print(sorted(before), sorted(os.sched_getaffinity(0)), sorted(inherited[0]))
"""


def masks(workers: int) -> list[list[int]]:
    done = subprocess.run(
        [sys.executable, "-c", KEPT, str(workers)], capture_output=True, text=True, timeout=60, check=True
    )
    return [[int(core) for core in part.split(", ")] for part in done.stdout.strip().strip("[]").split("] [")]


def test_a_core_is_left_to_each_worker_by_all_threads() -> None:
    before, own, inherited = masks(1)
    assert own == inherited == (before[1:] or before), "where there is one core, it is everybody's"


def test_with_as_many_workers_as_cores_everybody_is_anywhere() -> None:
    before, own, inherited = masks(len(os.sched_getaffinity(0)))
    assert own == inherited == before
