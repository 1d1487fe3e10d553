"""Request smuggling (T29): a gateway, asked directly and through nginx, never sees a request that nobody sent.

h11 says what is valid, nginx what is usual; ours accepts what is valid, and beyond that is as strict as nginx or
stricter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.nginx import Nginx
from tests.e2e.smuggling import Case, Outcome, judge, oracle
from tests.e2e.smuggling_cases import CASES, REFUSED, TOLERATED, VALID
from tests.e2e.wire import CHAT, Answer, Wire, chat, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

pytestmark = pytest.mark.needs("nginx")

IMPATIENT = """
[server]
header_timeout_seconds = 1.0
body_timeout_seconds   = 1.0
"""

AT_ONCE = 32

STRICTER_NGINX = {"length in tabs"}
"""Valid, and refused by nginx all the same."""


ANSWERED = {"length before chunked", "chunked before length", "second behind the length"}
"""By the chunks, as RFC 9112 (6.1) has it, and the connection ends."""


class Seen(NamedTuple):
    """What became of a case."""

    direct: Outcome
    behind: Outcome
    """Through nginx."""


class Place(NamedTuple):
    """Gateway and nginx, and the provider behind them."""

    gateway: GatewayProcess
    nginx: Nginx
    mock: MockProcess


@pytest.fixture(scope="module")
def place(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory: Path = tmp_path_factory.mktemp("smuggling")
    with running(directory, configuration(mock.url, IMPATIENT)) as gateway:
        nginx = Nginx(tmp_path_factory.mktemp("smuggling-nginx"), gateway.port)
        yield Place(gateway, nginx, mock)
        nginx.close()


@pytest.fixture(scope="module")
def seen(place: Place) -> dict[str, Seen]:
    """Every case, sent both ways; many at once, for most end in a wait."""
    turns = asyncio.Semaphore(AT_ONCE)
    trust = place.nginx.trust

    async def one(number: int, case: Case) -> tuple[str, Seen]:
        def arrived(tag: str) -> bool:
            return bool(place.mock.requests(tag))

        async with turns:
            direct = await judge(case, f"smuggled-{number}-direct", place.gateway.port, arrived)
            behind = await judge(case, f"smuggled-{number}-behind", place.nginx.port, arrived, trust=trust)
        return case.name, Seen(direct, behind)

    async def every() -> dict[str, Seen]:
        return dict(await asyncio.gather(*(one(number, case) for number, case in enumerate(CASES))))

    return asyncio.run(every())


@pytest.mark.parametrize("name", VALID)
def test_what_is_valid_is_accepted(seen: dict[str, Seen], name: str) -> None:
    (case,) = (case for case in CASES if case.name == name)
    assert oracle(case.payload("oracle")) == "accepted"
    assert seen[name].direct.verdict == "accepted", seen[name].direct
    assert seen[name].behind.verdict == ("refused" if name in STRICTER_NGINX else "accepted"), seen[name].behind


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_read_behind_what_may_be_read_in_two_ways(seen: dict[str, Seen], name: str) -> None:
    outcome = seen[name].direct
    assert outcome.closed
    assert not outcome.second
    assert len(outcome.statuses) <= 1
    assert outcome.first or all(400 <= status < 500 for status in outcome.statuses), outcome
    assert outcome.first is (name in ANSWERED)


@pytest.mark.parametrize("name", TOLERATED)
def test_a_second_request_is_read_only_where_others_read_the_same(seen: dict[str, Seen], name: str) -> None:
    (case,) = (case for case in CASES if case.name == name)
    outcome, usual = seen[name]
    if outcome.second:
        assert usual.second or oracle(case.payload("oracle")) == "accepted"
        assert len(outcome.statuses) == 2, "each request has its own answer"
    else:
        assert outcome.closed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_behind_nginx_each_request_that_comes_through_has_its_own_answer(seen: dict[str, Seen], case: Case) -> None:
    outcome = seen[case.name].behind
    assert len(outcome.statuses) <= 2
    if outcome.second:
        assert len(outcome.statuses) == 2
        assert outcome.statuses[1] == 200
    if outcome.first:
        assert outcome.statuses[0] == 200


async def test_afterwards_everybody_behind_nginx_gets_the_answer_to_their_own_request(
    seen: dict[str, Seen], place: Place, tag: str
) -> None:
    """Connections from nginx to the gateway are shared: one byte too many on one of them would shift the answers."""
    assert len(seen) == len(CASES)
    for number in range(40):
        answer = await ask_nginx(place.nginx, chat(f"gpt;chunks={number % 5 + 1};tag={tag}-{number}"))
        assert answer.status == 200
        said = json.loads(answer.body)["choices"][0]["message"]["content"]
        assert len(said.split()) == number % 5 + 1
        assert len(place.mock.requests(f"{tag}-{number}")) == 1


async def test_what_is_refused_is_refused_in_words(place: Place) -> None:
    for path in (CHAT, "/v1/models", "/"):
        data = request("POST", path, b"{}").replace(b"host: gateway.test", b"host: a, b")
        status, body, closed = await plainly(place.gateway.port, data)
        assert (status, closed) == (400, True)
        assert b"ambiguous_request" in body


@pytest.mark.parametrize("path", [CHAT, "/api/keys"])
async def test_chunks_that_are_none_are_refused_and_leave_no_trace_in_the_log(place: Place, path: str) -> None:
    data = request("POST", path, content_length="", transfer_encoding="chunked") + b"3\r\nabc\r\nzz\r\n"
    status, body, closed = await plainly(place.gateway.port, data)
    assert (status, closed) == (400, True)
    assert b"ambiguous_request" in body
    assert "Traceback" not in place.gateway.said()


async def plainly(port: int, data: bytes) -> tuple[int, bytes, bool]:
    """Status and body of an answer after which the gateway closes the connection, and that it did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wire = Wire(reader, writer)
    try:
        answer = await wire.ask(data)
        return answer.status, answer.body, await wire.ended()
    finally:
        writer.transport.abort()


async def ask_nginx(nginx: Nginx, data: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", nginx.port, ssl=nginx.trust, server_hostname="localhost"
    )
    try:
        return await Wire(reader, writer).ask(data)
    finally:
        writer.transport.abort()
