from __future__ import annotations

import os
import time
from pathlib import Path

from gateway.live.look import facts_of

INGEST = {"segments_waiting": 0}


def test_where_nothing_waits_nothing_lags(tmp_path: Path) -> None:
    (tmp_path / "usage.duckdb").write_bytes(b"x" * 5000)
    facts = facts_of(tmp_path, INGEST)
    assert (facts.ingest, facts.lag_seconds) == (INGEST, 0.0)
    assert facts.sizes.keys() == {"usage.duckdb"}


def test_the_oldest_segment_that_waits_says_how_late_we_are(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for age in (5, 60):
        segment = tmp_path / "spool" / f"{age}.seg"
        segment.write_bytes(b"{}\n")
        os.utime(segment, times=(time.time() - age,) * 2)
    assert 59 < facts_of(tmp_path, INGEST).lag_seconds < 90


def test_a_clock_that_was_set_back_makes_nobody_early(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    segment = tmp_path / "spool" / "later.seg"
    segment.write_bytes(b"{}\n")
    os.utime(segment, times=(time.time() + 500,) * 2)
    assert facts_of(tmp_path, INGEST).lag_seconds == 0.0
