from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import processes
from tests.waiting import until

CORES = sorted(os.sched_getaffinity(0))
SPIN = "import time\nwhile time.process_time() < 0.2: pass\n"
FAMILY = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {SPIN!r}])
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(sleeper.pid, flush=True)
time.sleep(60)
"""


def family() -> tuple[processes.Process, int]:
    """A parent that has reaped a child of 0.2 CPU seconds and has another one asleep; the latter's pid."""
    process = processes.spawn([sys.executable, "-c", FAMILY], cores=CORES, output=subprocess.PIPE)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_the_tree_is_the_process_and_its_descendants() -> None:
    process, child = family()
    with processes.running(process):
        assert processes.tree(process.pid) == [process.pid, child]


def test_cpu_of_children_that_ended_is_not_lost() -> None:
    process, _ = family()
    with processes.running(process):
        assert 0.2 <= processes.cpu_seconds(process.pid) < 2.0


def test_memory_of_a_process_is_read_and_of_one_that_ended_is_none() -> None:
    process, child = family()
    with processes.running(process):
        assert processes.pss_kib(process.pid) > 500
        until(lambda: "time.sleep(60)" in processes.command_line(child))
    assert processes.pss_kib(process.pid) == 0
    assert processes.command_line(process.pid) == ""


def test_ending_a_process_ends_its_whole_tree() -> None:
    process, child = family()
    processes.end(process)
    assert process.returncode is not None
    until(lambda: processes.command_line(child) == "")


def test_a_process_runs_where_it_was_put() -> None:
    code = "import os; print(sorted(os.sched_getaffinity(0)), flush=True); input()"
    process = processes.spawn([sys.executable, "-c", code], cores=CORES[-1:], output=subprocess.PIPE)
    with processes.running(process):
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == str(CORES[-1:])


def test_what_a_process_complains_of_is_kept(tmp_path: Path) -> None:
    process = processes.spawn([sys.executable, "-c", "1/0"], cores=CORES, log=tmp_path / "log")
    with processes.running(process):
        process.wait()
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()


def test_a_core_that_works_is_seen_working() -> None:
    before = processes.busy_seconds(CORES[0])
    with processes.running(processes.spawn([sys.executable, "-c", SPIN], cores=CORES[:1])) as process:
        process.wait()
    assert processes.busy_seconds(CORES[0]) - before >= 0.1
