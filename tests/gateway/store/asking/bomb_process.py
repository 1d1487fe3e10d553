"""A process with a store in which somebody's SQL makes values that are larger than all the memory it may have.

`python -m tests.gateway.store.asking.bomb_process DIRECTORY` says in JSON how that went, and how others fared.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path
from typing import Any

import duckdb

from gateway.errors import ControlUnavailable, GatewayError
from gateway.store.asking import queries
from gateway.store.asking.queries import Query
from gateway.threads import begin_usual
from tests.gateway.store.asking.stores import opened

BOMBS = {
    "repeated": "select sum(length(repeat('x', 30000000 + range::integer))) from range(2048)",
    "doubled": "select max(length(s)) from (select "
    + "||".join(["t"] * 64)
    + " as s from (select repeat('y', 500000) || range as t from range(2048)))",
    "copied": "select " + "case " * 30 + "1" + " when 1 then 2 when 2 then 3 when 3 then 4 end" * 30,
    "padded": "select sum(length(lpad(range::varchar, 60000000, 'x'))) from range(2048)",
    "listed": "select sum(length(list_resize([range], 20000000))) from range(2048)",
}

ROOM_BYTES = 128 * 2**20


WRITE = "insert into requests (ts, id) values (make_timestamp(1), uuid())"


async def fare(directory: Path) -> dict[str, Any]:
    """What became of each, and of reads and writes meanwhile. One of these may find no memory for a moment: ingest
    tries again, and so does whoever looks at a page."""
    queries.ROOM_BYTES = ROOM_BYTES
    begin_usual()
    with opened(directory, 1000, "256MB") as (store, connection):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcomes, fared = {}, {"done": 0, "failed": 0}
        for name, text in BOMBS.items():
            query = asyncio.create_task(store.queries.ask(Query(id=name, who="me", text=text, seconds=50)))
            while not query.done():
                try:
                    await store.read("usage/count", {})
                    await asyncio.to_thread(connection.execute, WRITE)
                    fared["done"] += 1
                except (ControlUnavailable, duckdb.Error):
                    fared["failed"] += 1
                await asyncio.sleep(0.02)
            error = query.exception()
            assert error is None or isinstance(error, GatewayError), error
            outcomes[name] = error.message if isinstance(error, GatewayError) else "done"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        connection.execute(WRITE)
        after = await store.queries.ask(Query(id="after", who="me", text="select count(*) > 1000 from requests"))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return {"outcomes": outcomes, **fared, "grown_mb": grown // 1024, "after": after.rows, "unbounded": soft == -1}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(fare(Path(sys.argv[1])))))
