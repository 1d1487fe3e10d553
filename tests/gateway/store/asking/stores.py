"""A real analytics store for tests, with requests in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection

from gateway.store.analytics import Analytics

FILLED = """
insert into requests (ts, id, key, provider, model, status, total_us, cost_nano_usd, attempts, tags, tries, lossy)
select
    make_timestamp(1700000000000000 + range * 1000000),
    uuid(),
    'key-' || range % 10,
    'mock',
    'model-' || range % 50,
    200,
    range,
    range * 7,
    [
        {
            'provider': 'mock', 'model': 'a', 'credential': 'c', 'status': 200, 'error': null, 'duration_us': range,
            'verdict': null, 'rest_us': null, 'reason': null, 'began_us': 1, 'connect_us': 2, 'head_us': 3
        }
    ],
    ['a', 'b=c'],
    1,
    false
from range($rows)
"""

ENDLESS = "select count(*) from range(100000000000) a, range(10000) b where a.range + b.range <> -1"
"""Takes as long as it is let, and little memory."""


def fill(connection: DuckDBPyConnection, rows: int) -> None:
    """So many requests, one a second."""
    connection.execute(FILLED, {"rows": rows})
    connection.execute("checkpoint")


@contextmanager
def opened(
    directory: Path, rows: int = 0, memory_limit: str = "256MB"
) -> Iterator[tuple[Analytics, DuckDBPyConnection]]:
    """A store in a directory, and the connection that writes to it."""
    made = Analytics(directory / "usage.duckdb", directory / "spool", memory_limit=memory_limit)
    connection = made.open()
    if rows:
        fill(connection, rows)
    try:
        yield made, connection
    finally:
        made.close()
        made.end()
