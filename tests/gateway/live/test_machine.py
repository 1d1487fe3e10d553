from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gateway.live.machine import Processes, began_us, look_at_host, sizes_in
from tests.waiting import until


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_how_busy_a_process_is_takes_two_looks() -> None:
    clock = Clock()
    processes = Processes(clock)
    (first,) = processes.look({"me": os.getpid()})
    assert (first.name, first.pid, first.cpu_percent) == ("me", os.getpid(), None)
    assert first.rss_bytes > 1_000_000
    spun = os.times()
    while (now := os.times()).user + now.system - spun.user - spun.system < 0.1:
        pass
    clock.now = 0.2
    (second,) = processes.look({"me": os.getpid()})
    assert second.cpu_percent is not None
    assert 30 <= second.cpu_percent <= 100


def test_a_process_that_is_gone_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        pids = {"me": os.getpid(), "it": child.pid}
        processes = Processes()
        assert [each.name for each in processes.look(pids)] == ["me", "it"]
        child.kill()
        child.wait()
        assert [each.name for each in until(lambda: processes.look(pids))] == ["me"]


def test_what_grows_in_the_data_directory_is_weighed_as_it_lies_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").write_bytes(b"x" * 10_000)
    (tmp_path / "vault.key").write_bytes(b"x" * 10_000)
    with (tmp_path / "shared.mmap").open("wb") as sparse:
        sparse.truncate(10_000_000)
    sizes = sizes_in(tmp_path)
    assert sizes.keys() == {"usage.duckdb", "shared.mmap"}
    assert sizes["usage.duckdb"] >= 10_000
    assert sizes["shared.mmap"] < 1_000_000


def test_when_a_process_began_is_known_to_within_a_second() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = began_us(child.pid)
        assert began is not None
        assert abs(time.time() - began / 1e6) < 30
        child.kill()
    assert began_us(child.pid) is None


def test_the_machine_has_processors_and_memory() -> None:
    host = look_at_host()
    assert host.processors >= 1
    assert host.load >= 0
    assert 0 < host.available_bytes <= host.memory_bytes
