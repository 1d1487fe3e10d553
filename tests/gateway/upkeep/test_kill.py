"""Whoever is killed whenever: every request is counted once, as itself or in its day's sums."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.records import UsageRecord
from tests.gateway.upkeep.house import DAYS, FIRST, House, counted, day_of, some_record, some_records, us
from tests.gateway.upkeep.upkeeping_process import BEGUN, POINTS

KILLS = 4
SECONDS = 6.0
PERIODS = {"day_us": us(FIRST, 60), "week_us": us(FIRST, 12), "month_us": us(FIRST, 12), "since_us": 0}


def spawn(*arguments: Path | str) -> subprocess.Popen[bytes]:
    command: Sequence[Path | str] = [sys.executable, "-m", "tests.gateway.upkeep.upkeeping_process", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_the_worst_moment_neither_loses_nor_repeats(tmp_path: Path, point: str) -> None:
    house = House(tmp_path)
    records = some_records(60, seed=1)
    house.put("a", *records[:40])
    house.put("b", *records[40:])
    assert spawn(tmp_path, point).wait(timeout=20) == -signal.SIGKILL
    assert_counted_once(house, records)


def test_after_many_kills_every_request_is_counted_once(tmp_path: Path) -> None:
    house, dice = House(tmp_path), random.Random(1)
    records: list[UsageRecord] = []
    process, due, kills = spawn(tmp_path), time.monotonic() + 1.5, 0
    deadline = time.monotonic() + SECONDS
    try:
        while kills < KILLS and time.monotonic() < deadline:
            batch = [some_record(dice, FIRST + timedelta(days=dice.randrange(DAYS))) for _ in range(20)]
            house.put(f"segment{len(records):06d}", *batch, suffix=".new").rename(
                house.spool / f"{len(records):06d}.seg"
            )
            records += batch
            assert process.poll() is None, "it ended by itself"
            if time.monotonic() >= due:
                process.kill()
                process.wait()
                kills += 1
                process, due = spawn(tmp_path), time.monotonic() + random.uniform(0.8, 2.0)
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert kills >= KILLS // 2
    assert_counted_once(house, records)


def assert_counted_once(house: House, records: list[UsageRecord]) -> None:
    """On each day, and all together; of the first day sums may have gone, and some of it may have come late."""
    house.again()
    while house.ingest.step():
        pass
    house.roll_up(BEGUN)
    for row in house.query("select d, n from rolled"):
        assert row["n"] == sum(day_of(record) == row["d"] for record in records)
    sums = {whose: said for whose, said in house.sums().items() if whose[0] != FIRST}
    assert sums == {whose: said for whose, said in counted(records).items() if whose[0] != FIRST}
    (total,) = house.ask("usage/spent_by_owner", owner="everybody", **PERIODS)
    assert total["total_nano_usd"] == sum(record.cost_nano_usd or 0 for record in records if record.key is not None)
    house.store.close()
