"""Exports and SQL through a whole gateway: what comes out is whole or visibly is not, and who leaves leaves nothing
running."""

from __future__ import annotations

import csv
import io
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.settings.model import UsageSettings
from gateway.usage.spool import Spool, encode
from tests.e2e.people import People, live
from tests.gateway.usage.records import usage_record
from tests.providers import MockProcess
from tests.waiting import until

ROWS = 3000
ENDLESS = "select count(*) from range(100000000000) a, range(10000) b where a.range + b.range <> -1"
LONG = "select range as n, repeat('x', 200) as text from range(3000000000)"


@pytest.fixture(scope="module")
def people(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A gateway in which many requests were answered."""
    with live(tmp_path_factory.mktemp("asking"), mock.url) as made:
        spool = Spool(made.gateway.data_dir / "spool", 0, UsageSettings(segment_seconds=0.1))
        now_us = time.time_ns() // 1000
        for number in range(ROWS):
            spool.append(encode(usage_record(started_at_us=now_us - number * 1000, user_agent="=1+1")))
        spool.close()
        until(lambda: made.get("operator", "/api/health")["requests"] >= ROWS, 20)
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def ended(people: People, query_id: str, action: str) -> dict[str, Any]:
    """What the audit log has of the end of a query."""

    def look() -> list[dict[str, Any]]:
        entries = people.get("owner", f"/api/audit?action={action}")["items"]
        found = [entry["after"] for entry in entries if entry["target_id"] == query_id]
        return [told for told in found if told.get("outcome") != "conflict"]

    return until(look, 15)[0]


@contextmanager
def connected(people: People, who: str, path: str, body: dict[str, Any]) -> Iterator[socket.socket]:
    """A client that has sent a request, and reads what it likes of the answer."""
    content = json.dumps(body).encode()
    said = {**people.who[who].headers, "host": f"127.0.0.1:{people.gateway.port}", "content-type": "application/json"}
    said["content-length"] = str(len(content))
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    with socket.create_connection(("127.0.0.1", people.gateway.port), timeout=20) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        yield client


@contextmanager
def running(people: People, who: str, query_id: str) -> Iterator[socket.socket]:
    """The client of a query that runs until it leaves. What was refused because an earlier one still ends is asked
    again."""
    with connected(people, who, "/api/sql", {"sql": ENDLESS, "id": query_id}) as client:
        # Whoever looks has a query of their own for a moment, which may be there before this one.
        until(
            lambda: people.ask(who, "POST", "/api/sql", {"sql": "select 1"}).status_code == 409 or is_answered(client)
        )
        begun = not is_answered(client)
        if begun:
            yield client
    if not begun:
        with running(people, who, query_id) as client:
            yield client


def is_answered(client: socket.socket) -> bool:
    """Whether there is something to read."""
    return bool(select.select([client], [], [], 0)[0])


def export(people: People, who: str, query: str = "") -> bytes:
    answer = people.ask(who, "GET", f"/api/usage/export{query}")
    assert answer.status_code == 200, answer.text
    return answer.content


def test_everything_comes_out_whole(people: People) -> None:
    rows = list(csv.reader(io.StringIO(export(people, "admin").decode(), newline=""), strict=True))
    assert len(rows) == ROWS + 1
    named = dict(zip(rows[0], rows[1], strict=True))
    assert named["user_agent"] == "'=1+1"
    content = export(people, "admin", "?format=parquet")
    assert content[:4] == content[-4:] == b"PAR1"
    assert export(people, "member").count(b"\r\n") == 1, "theirs are none of these"


def test_a_query_is_answered(people: People) -> None:
    answer = people.ask(
        "admin", "POST", "/api/sql", {"sql": "select count(*) as n from requests where provider = 'mock'"}
    )
    assert answer.json()["rows"] == [[ROWS]]
    assert answer.headers["content-type"] == "application/json"


def test_who_leaves_in_the_middle_of_an_export_ends_it(people: People) -> None:
    wish = {"sql": LONG, "id": "left-export"}
    with connected(people, "admin", "/api/sql/export", wish) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert ended(people, "left-export", "sql.exported")["whole"] is False


def test_who_leaves_while_a_query_runs_ends_it(people: People) -> None:
    with running(people, "owner", "left-query"):
        pass
    told = ended(people, "left-query", "sql.run")
    assert told["outcome"] == "left"
    assert told["milliseconds"] < 9000, "it was not waited for"
    until(lambda: people.ask("owner", "POST", "/api/sql", {"sql": "select 1"}).status_code == 200)


def test_who_cancels_a_query_has_it_answered_at_once(people: People) -> None:
    with running(people, "admin", "mine") as client:
        until(lambda: people.ask("admin", "DELETE", "/api/sql/running/mine").status_code == 204)
        answer = client.recv(65536)
    assert b" 422 " in answer.partition(b"\r\n")[0]
    assert people.ask("owner", "DELETE", "/api/sql/running/mine").status_code == 404
    until(lambda: people.ask("admin", "POST", "/api/sql", {"sql": "select 1"}).status_code == 200)


def test_an_export_that_breaks_off_is_seen_to(people: People) -> None:
    headers = {**people.who["admin"].headers, "content-type": "application/json"}
    with (
        httpx.Client(base_url=people.gateway.url, trust_env=False, timeout=20) as client,
        client.stream("POST", "/api/sql/export", json={"sql": LONG, "id": "broken"}, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        next(pieces)
        people.ask("admin", "DELETE", "/api/sql/running/broken")
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in pieces:
                pass
    assert ended(people, "broken", "sql.exported")["whole"] is False


def test_who_reads_slowly_costs_no_memory(people: People) -> None:
    """What is not taken is not made."""

    def used() -> int:
        return sum(memory_of(pid) for pid in (people.gateway.control(), *people.gateway.workers()) if pid is not None)

    before = used()
    with connected(people, "owner", "/api/sql/export", {"sql": LONG, "id": "slow"}) as client:
        client.recv(1024)
        deadline, seen = time.monotonic() + 2.0, before
        while time.monotonic() < deadline:
            seen = max(seen, used())
            assert people.ask("admin", "GET", "/api/usage?limit=1").status_code == 200
    assert seen - before < 64 * 2**20
    told = ended(people, "slow", "sql.exported")
    assert told["rows"] < 1_000_000


def memory_of(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_the_gateway_answers_requests_while_somebodys_sql_runs(people: People) -> None:
    with running(people, "owner", "meanwhile"):
        before = people.get("operator", "/api/health")["requests"]
        answer = httpx.post(
            people.gateway.url + "/v1/chat/completions",
            json={"model": "mock/gpt-4o", "messages": [{"role": "user", "content": "hello"}]},
            headers={"authorization": f"Bearer {people.gateway.key}"},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        until(lambda: people.get("operator", "/api/health")["requests"] == before + 1, 10)
        assert people.ask("admin", "GET", "/api/usage?by=model").status_code == 200
    ended(people, "meanwhile", "sql.run")
