"""The records that a benchmark leaves are such as ingest takes, as many as were wanted."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.places import ROOT
from benchmarks.recording import samples
from gateway.store.analytics import Analytics
from gateway.usage.ingest import Ingest
from gateway.usage.spool import encode
from tests.waiting import until


def test_a_sample_is_a_record() -> None:
    for sample in samples():
        assert msgspec.json.decode(encode(sample), type=type(sample)) == sample


def test_so_many_a_second_are_left_for_ingest(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    begun = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.recording", str(spool), "2000"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: len(list(spool.glob("*.seg"))) >= 2, 30)
    finally:
        process.kill()
        process.wait()
    seconds = time.monotonic() - begun
    store = Analytics(tmp_path / "usage.duckdb", spool, memory_limit="256MB")
    ingest = Ingest(spool, store)
    ingest.drain(10)
    taken = ingest.state.records
    assert (ingest.state.refused, ingest.state.set_aside) == (0, 0)
    assert 500 < taken <= 2000 * seconds + 200
    store.end()
