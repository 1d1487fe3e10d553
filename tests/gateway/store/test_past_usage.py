"""Usage records of every version there has been are brought forward, and new ones go in beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

WITH_COSTS, WITH_WHAT_HAPPENED, WITH_REST_BY, WITH_WHY_THERE = 4, 5, 8, 9
"""Versions of the schema."""

ADDED_TO_ATTEMPTS = {
    WITH_COSTS: ("verdict", "rest_us", "reason"),
    WITH_WHAT_HAPPENED: ("began_us", "connect_us", "head_us"),
    WITH_REST_BY: ("rest_by",),
    WITH_WHY_THERE: ("chosen_by",),
}
"""By the version that first had it: what an attempt says."""

ADDED = {
    2: ("dropped", "upstream_format"),
    3: ("key_id", "user_id", "team_id"),
    WITH_COSTS: ("cost_source", "price"),
    WITH_WHAT_HAPPENED: (
        *("tags", "via", "answered_model", "node", "has_tools", "admitted_us", "waited_us", "trace_id", "captured"),
    ),
    WITH_WHY_THERE: ("ordered_by", "passed_over", "passed_more"),
}
"""The same of a record."""

SINCE_COSTS = ("cache_write_1h", "input_audio", "input_image", "output_audio", "output_image")
"""Kinds of tokens that have prices of their own."""

OLD_ATTEMPT = "{'provider': 'mock', 'model': 'm', 'credential': 'c', 'status': 500, 'error': 'e', 'duration_us': 7}"
OLD_ROWS = {
    "an attempt": (f"[{OLD_ATTEMPT}, {OLD_ATTEMPT}]", 2),
    "no attempts": ("[]", 0),
    "nothing known of them": ("null", None),
}

ASKED = "attempts, cost_source, price, cost_nano_usd, tags, via, node, admitted_us, tries, lossy"


def write_old(path: Path, version: int, attempts: str) -> None:
    """A database of that version, with one record in it."""
    with duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE_VERSION}) as connection:
        migrate(AnalyticsSchema(connection), MIGRATIONS[:version])
        fields = "".join(
            f", {name}: null" for since, names in ADDED_TO_ATTEMPTS.items() if since <= version for name in names
        )
        values = f"timestamp '2026-01-01', uuid(), 5, {attempts.replace('}', f'{fields}}}')}"
        connection.execute(f"insert into requests (ts, id, cost_nano_usd, attempts) values ({values})")


@pytest.mark.parametrize("version", range(1, WITH_WHAT_HAPPENED))
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
    old, new = connection.execute(f"select {ASKED} from requests order by ts").fetchall()
    added = [name for names in ADDED_TO_ATTEMPTS.values() for name in names]
    expected = orjson.loads(f"[{OLD_ATTEMPT}]".replace("'", '"'))[0] | dict.fromkeys(added)
    assert old == (None if count is None else [expected] * count, None, None, 5, None, None, None, None, count, False)
    line = orjson.loads(encode(EXAMPLE))
    priced = ("priced", "override mock/*", 3_100_000)
    assert new == (line["attempts"], *priced, ["batch", "team=blue"], "fast", "here", 50, 2, False)
    bench.store.close()


def line_of(version: int) -> bytes:
    """`EXAMPLE` as a gateway of that version has left it in the spool."""
    line = orjson.loads(encode(EXAMPLE))
    later = [name for since, names in ADDED.items() if since > version for name in names]
    of_attempts = [name for since, names in ADDED_TO_ATTEMPTS.items() if since > version for name in names]
    tokens = line["tokens"]
    if version < WITH_COSTS:
        tokens = {name: count for name, count in tokens.items() if name not in SINCE_COSTS}
    attempts = [without(attempt, of_attempts) for attempt in line["attempts"]]
    return orjson.dumps({**without(line, later), "tokens": tokens, "attempts": attempts}) + b"\n"


def without(fields: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def test_segments_of_older_gateways_are_taken_with_nothing_in_the_place_of_what_they_did_not_know(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    for version in range(1, WITH_WHAT_HAPPENED + 1):
        bench.put(f"of-{version}", raw=line_of(version))
    bench.steps()
    assert (bench.ingest.state.records, bench.ingest.state.refused) == (WITH_WHAT_HAPPENED, 0)
    assert sorted(bench.rows("cost_source, tags, via, admitted_us, tries, lossy"), key=str) == [
        *[("priced", None, None, None, 2, False)],
        *[("priced", ["batch", "team=blue"], "fast", 50, 2, False)],
        *[(None, None, None, None, 2, False)] * (WITH_COSTS - 1),
    ]
    assert {tuple(attempt.keys()) for (*_, attempts) in bench.rows("id, attempts") for attempt in attempts} == {
        tuple(orjson.loads(encode(EXAMPLE))["attempts"][0])
    }
    bench.store.close()
