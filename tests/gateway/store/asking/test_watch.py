from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from gateway.store.asking.run import Run
from gateway.store.asking.watch import Watch, bytes_of, memory_limit
from tests.gateway.store.asking.stores import opened


@pytest.mark.parametrize(
    ("size", "expected"),
    [("0 bytes", 0), ("953.6 MiB", round(953.6 * 2**20)), ("18.8 GiB", round(18.8 * 2**30)), ("512.0 KiB", 2**19)],
)
def test_a_size_is_as_duckdb_writes_it(size: str, expected: int) -> None:
    assert bytes_of(size) == expected


def test_the_limit_is_that_of_the_store(tmp_path: Path) -> None:
    with opened(tmp_path, memory_limit="64MiB") as (_, connection):
        assert memory_limit(connection) == 64 * 2**20


def test_what_collects_is_stopped_and_what_sorts_is_not(tmp_path: Path) -> None:
    with opened(tmp_path, memory_limit="64MB") as (_, connection):
        for text, stopped in (
            ("select length(list(range)) from range(300000000)", "memory"),
            ("select max(h) from (select hash(range) as h from range(2000000) order by h limit 1900000)", None),
        ):
            run, cursor = Run(), connection.cursor()
            run.begin(cursor)
            try:
                with Watch(connection.cursor(), run, 20 * 2**20):
                    cursor.execute(text).fetchall()
            except duckdb.InterruptException:
                pass
            finally:
                run.end()
                cursor.close()
            assert run.stopped == stopped
