"""Usage records of every version there has been are brought forward, and new ones go in beside them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import orjson
import pytest

import sql
from gateway.store.analytics import STORAGE_VERSION, AnalyticsSchema
from gateway.store.migrate import migrate
from gateway.usage.spool import encode
from tests.gateway.usage.bench import Bench
from tests.gateway.usage.records import EXAMPLE

MIGRATIONS = sql.migrations("analytics")
FIRST_WITH_COSTS = 4

OLD_ATTEMPT = "{'provider': 'mock', 'model': 'm', 'credential': 'c', 'status': 500, 'error': 'e', 'duration_us': 7}"
OLD_ROWS = {
    "an attempt": (f"[{OLD_ATTEMPT}, {OLD_ATTEMPT}]", 2),
    "no attempts": ("[]", 0),
    "nothing known of them": ("null", None),
}


def write_old(path: Path, version: int, attempts: str) -> None:
    """A database of that version, with one record in it."""
    with duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE_VERSION}) as connection:
        migrate(AnalyticsSchema(connection), MIGRATIONS[:version])
        values = f"timestamp '2026-01-01', uuid(), 5, {attempts}"
        connection.execute(f"insert into requests (ts, id, cost_nano_usd, attempts) values ({values})")


@pytest.mark.parametrize("version", range(1, FIRST_WITH_COSTS))
@pytest.mark.parametrize("name", OLD_ROWS)
def test_an_old_record_is_kept_and_a_new_one_goes_in_beside_it(tmp_path: Path, version: int, name: str) -> None:
    attempts, count = OLD_ROWS[name]
    bench = Bench(tmp_path)
    write_old(tmp_path / "usage.duckdb", version, attempts)
    bench.put("a", EXAMPLE)
    for _ in range(2):  # and after it was closed and opened again
        bench.ingest.step()
        bench.store.close()
        bench.ingest.connection = None
    bench.ingest.open()
    connection = bench.ingest.connection
    assert connection is not None
    asked = "select attempts, cost_source, price, cost_nano_usd from requests order by ts"
    old, new = connection.execute(asked).fetchall()
    expected = orjson.loads(f"[{OLD_ATTEMPT}]".replace("'", '"'))[0] | dict.fromkeys(("verdict", "rest_us", "reason"))
    assert old == (None if count is None else [expected] * count, None, None, 5)
    assert new == (orjson.loads(encode(EXAMPLE))["attempts"], "priced", "override mock/*", 3_100_000)
    bench.store.close()
