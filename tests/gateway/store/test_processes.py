"""Several processes on one database, and what is left by those that are killed, whichever engine it is."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import sql
from gateway.store.state import StateUnusable, Where, engine_of, make_ready

WRITES = 200
ROUNDS = 4


@contextmanager
def spawned(where: Where, *task: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.gateway.store.migrating_process", where.url or str(where.path), *task]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def counted(where: Where) -> int:
    """Generation of the keys."""
    session = engine_of(where).open()
    row = next(row for row in session.rows("generations/all") if row["name"] == "keys")
    session.close()
    return int(row["value"])


def test_of_several_that_start_at_once_one_migrates(where: Where) -> None:
    with spawned(where) as first, spawned(where) as second, spawned(where) as third:
        processes = (first, second, third)
        assert [line(process) for process in processes] == ["here"] * 3
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        applied = [int(line(process)) for process in processes]
        assert [process.wait(timeout=10) for process in processes] == [0] * 3
    assert sum(applied) == len(sql.migrations("state/sqlite"))
    assert make_ready(where) == 0


def test_a_process_killed_in_the_middle_of_a_migration_leaves_nothing_of_it(where: Where) -> None:
    with spawned(where, "stall") as process:
        assert line(process) == "in the middle"
    assert make_ready(where) == len(sql.migrations("state/sqlite")), "all of it was still to be done"
    assert counted(where) == 0


def test_who_comes_while_another_migrates_waits_for_it(where: Where) -> None:
    with spawned(where, "stall") as stalled, spawned(where) as other:
        assert line(stalled) == "in the middle"
        assert line(other) == "here"
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
        said: list[str] = []
        waiting = threading.Thread(target=lambda: said.append(line(other)))
        waiting.start()
        waiting.join(0.3)
        assert not said
        stalled.kill()
        waiting.join(10)
        assert said == [str(len(sql.migrations("state/sqlite")))]


def test_what_was_acknowledged_outlives_the_process_that_wrote_it(where: Where) -> None:
    make_ready(where)
    chance = random.Random(7)
    for _ in range(ROUNDS):
        before = counted(where)
        acknowledged = before
        with spawned(where, "write") as process:
            for _ in range(chance.randrange(WRITES // ROUNDS, 2 * WRITES // ROUNDS)):
                acknowledged = int(line(process))
            process.kill()
            assert process.stdout is not None
            rest = [int(each) for each in process.stdout.read().split("\n")[:-1]]
        acknowledged = max([acknowledged, *rest])
        assert acknowledged >= before + WRITES // ROUNDS
        # One more may have been kept by the time it was killed, before it could say so.
        assert counted(where) - acknowledged in (0, 1)


@pytest.mark.parametrize("change", ["a newer schema", "a changed migration"])
def test_a_schema_of_another_version_is_refused(change: str, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ready(where)
    ours = sql.migrations("state/sqlite" if not where.is_shared else "state/postgres")
    changed = {
        "a newer schema": (ours[:-1], f"the database has schema version {len(ours)}, which this version does not know"),
        "a changed migration": (
            (sql.Migration(1, "responses", "-- other"), *ours[1:]),
            "migration 1 (responses) was changed after it had been applied",
        ),
    }
    migrations, words = changed[change]
    monkeypatch.setattr(sql, "migrations", lambda schema: migrations)
    with pytest.raises(StateUnusable) as refused:
        make_ready(where)
    assert str(refused.value) == f"{engine_of(where).place} cannot be used: {words}"
