from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.observe.snapshot import Process, Snapshot, load, load_others, path, store
from gateway.observe.tally import Count, Readings, Tally, Totals
from tests.waiting import until

TARGET = ("/v1/chat/completions", "mock", "gpt")
TALLY = Tally(
    [((*TARGET, "2xx", ""), Count(3))], [(TARGET, Totals(input=2**60))], [(("mock", "gpt", "", ""), Count(4))]
)


def snapshot(*, started: int = 7) -> Snapshot:
    return Snapshot(started, Process.current(), 2, Readings(in_flight=1), TALLY)


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    store(path(tmp_path, 0), snapshot().bytes())
    assert load(path(tmp_path, 0), gateway_started_at_us=7) == snapshot()


def test_storing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    store(path(tmp_path, 0), snapshot().bytes())
    store(path(tmp_path, 0), snapshot().bytes())
    assert [file.name for file in tmp_path.iterdir()] == ["0.json"]


def test_a_snapshot_of_another_start_is_none(tmp_path: Path) -> None:
    store(path(tmp_path, 0), snapshot(started=6).bytes())
    assert load(path(tmp_path, 0), gateway_started_at_us=7) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"gateway_started_at_us": 7}', b"\xff\xfe"])
def test_what_is_no_snapshot_is_none(tmp_path: Path, content: bytes) -> None:
    path(tmp_path, 0).write_bytes(content)
    assert load(path(tmp_path, 0), gateway_started_at_us=7) is None


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert load(path(tmp_path, 0), gateway_started_at_us=7) is None


def test_the_others_are_all_but_oneself(tmp_path: Path) -> None:
    for worker, started in ((0, 7), (1, 7), (2, 6), (10, 7)):
        store(path(tmp_path, worker), snapshot(started=started).bytes())
    assert len(load_others(tmp_path, 1, gateway_started_at_us=7)) == 2


def test_a_process_lives_until_it_ends_even_before_it_was_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = Process(child.pid, born(child.pid))
        assert process.alive()
        assert child.stdin is not None
        child.stdin.close()
        until(lambda: not process.alive())
        assert child.returncode is None
    assert not process.alive()


def test_a_process_with_the_number_of_another_is_not_that_one() -> None:
    mine = Process.current()
    assert mine.alive()
    assert mine == Process(os.getpid(), born(os.getpid()))
    assert not Process(mine.pid, mine.born - 1).alive()


@pytest.mark.parametrize("name", ["plain", ") Z 1 2 3", "a b) S (c"])
def test_the_name_of_a_process_misleads_nobody(name: str) -> None:
    program = f"open('/proc/self/comm','w').write({name!r}); print(flush=True); input()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert Process(child.pid, born(child.pid)).alive()
        child.stdin.write(b"\n")
        child.stdin.flush()


def born(pid: int) -> int:
    """The start of a process, read another way: backwards from the end of the line, which has 52 fields."""
    return int(Path(f"/proc/{pid}/stat").read_text().split()[22 - 53])
