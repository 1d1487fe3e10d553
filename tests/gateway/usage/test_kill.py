"""Whatever is killed whenever, every acknowledged record is in the store once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.store.analytics import Analytics
from gateway.usage import segments
from gateway.usage.ingest import Ingest
from gateway.usage.spool import encode
from tests.gateway.usage.ingesting_process import POINTS
from tests.gateway.usage.records import usage_record

KILLS = 14
SECONDS = 40.0


def spawn(module: str, *arguments: Path | str) -> subprocess.Popen[bytes]:
    command: Sequence[Path | str] = [sys.executable, "-m", f"tests.gateway.usage.{module}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


class Victim:
    """A process that is killed at random moments and started again. Where there is a file that grows by its work, not
    before it has begun that."""

    def __init__(self, module: str, *arguments: Path, grows: Path | None = None) -> None:
        self._module, self._arguments, self._grows = module, arguments, grows
        self._due: float | None = None
        self.kills = 0
        self.ended_by_itself = 0
        self._start()

    def tend(self) -> None:
        """Kill it when its time has come."""
        if self.process.poll() is not None:
            self.ended_by_itself += 1
            self._start()
        elif self._due is None:
            if self._size() > self._before:
                self._due = time.monotonic() + random.uniform(0.0, 0.5)
        elif time.monotonic() >= self._due:
            kill(self.process)
            self.kills += 1
            self._start()

    def _start(self) -> None:
        self._before = self._size()
        self.process = spawn(self._module, *self._arguments)
        self._due = time.monotonic() + random.uniform(0.2, 0.75) if self._grows is None else None

    def _size(self) -> int:
        return self._grows.stat().st_size if self._grows is not None and self._grows.exists() else 0


def test_after_many_kills_every_acknowledged_record_is_in_the_store_once(tmp_path: Path) -> None:
    spool, acknowledged = tmp_path / "spool", tmp_path / "acknowledged"
    victims = (
        Victim("writing_process", spool, acknowledged, grows=acknowledged),
        Victim("ingesting_process", tmp_path),
    )
    deadline = time.monotonic() + SECONDS
    try:
        while min(victim.kills for victim in victims) < KILLS and time.monotonic() < deadline:
            for victim in victims:
                victim.tend()
            time.sleep(0.005)
    finally:
        for victim in victims:
            kill(victim.process)
    assert [victim.ended_by_itself for victim in victims] == [0, 0]
    assert min(victim.kills for victim in victims) >= KILLS // 2
    promised = [line.decode() for line in acknowledged.read_bytes().splitlines() if len(line) == 36]
    assert len(promised) > 1000
    assert_all_are_in_the_store_once(tmp_path, promised)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_the_worst_moment_neither_loses_nor_repeats(tmp_path: Path, point: str) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    records = [usage_record() for _ in range(9)]
    for number in range(3):
        lines = b"".join(encode(record) for record in records[number * 3 : number * 3 + 3])
        (spool / f"segment{number}.seg").write_bytes(lines)
    abandoned = usage_record()
    (spool / "torn.open").write_bytes(encode(abandoned) + b"torn")
    process = spawn("ingesting_process", tmp_path, point)
    assert process.wait(timeout=10) == -signal.SIGKILL
    assert list(spool.iterdir())
    assert_all_are_in_the_store_once(tmp_path, [abandoned.id, *(record.id for record in records)])


def assert_all_are_in_the_store_once(directory: Path, promised: list[str]) -> None:
    spool = directory / "spool"
    store = Analytics(directory / "usage.duckdb", spool, memory_limit="256MB")
    ingest = Ingest(spool, store)
    ingest.step()
    while segments.closed(spool):
        ingest.step()
    connection = ingest.connection
    assert connection is not None
    rows = [row[0] for row in connection.execute("select cast(id as varchar) from requests").fetchall()]
    store.close()
    assert len(rows) == len(set(rows))
    assert not set(promised) - set(rows)
    # A record may have been written, and its writer killed before it could note that: one for each kill.
    assert len(set(rows) - set(promised)) < 100
    assert not (spool / "bad").exists()
    assert list(spool.iterdir()) == []
