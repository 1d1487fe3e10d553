"""Addresses that came by API lead a running gateway nowhere inside (T33), unless its configuration file allows it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.wire import CHAT, ask, chat, chat_body, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import auntil

INSIDE = {
    "loopback": "127.0.0.1",
    "name": "localhost",
    "short": "127.1",
    "decimal": "2130706433",
    "hexadecimal": "0x7f000001",
    "octal": "0177.0.0.1",
    "nothing": "0.0.0.0",
    "mapped": "[::ffff:127.0.0.1]",
    "six": "[::1]",
    "dot": "127.0.0.1.",
}
"""Ways to say this machine, where the provider listens; some resolvers do not know some of them."""

METADATA = {"metadata": "169.254.169.254", "alibaba": "100.100.100.200", "nat64": "[64:ff9b::a9fe:a9fe]"}

FILE = """
[[providers]]
id       = "moving"
format   = "openai_chat"
base_url = "http://127.0.0.1:{port}/v1"
"""

ALLOWED = """
[network]
allow = ["127.0.0.1"]
"""


class Moving(ThreadingHTTPServer):
    """A provider that says it is somewhere else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Moved)
        self.paths: list[str] = []


class Moved(BaseHTTPRequestHandler):
    """One request to it."""

    server: Moving

    def do_POST(self) -> None:
        self.server.paths.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(307)
        self.send_header("location", f"http://127.0.0.1:{self.server.server_address[1]}/inside")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 # as its parent calls it
        """Keep quiet."""


@pytest.fixture(scope="module")
def moving() -> Iterator[Moving]:
    with Moving() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def written(mock: MockProcess, moving: Moving) -> str:
    """What the configuration file says."""
    return configuration(mock.url, FILE.format(port=moving.server_address[1]))


@pytest.fixture(scope="module")
def guarded(mock: MockProcess, moving: Moving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway whose database has a provider for each way inside."""
    directory = tmp_path_factory.mktemp("guarded")
    with running(directory, written(mock, moving)) as gateway:
        gateway.complete()
        assert gateway.close() == 0, gateway.tail()
    say(directory / "data" / "state.sqlite3", INSIDE | METADATA, mock.port)
    with running(directory, written(mock, moving)) as gateway:
        yield gateway.complete()


def say(state: Path, hosts: dict[str, str], port: int) -> None:
    """Put providers into the database, as the management API would if it did not look."""
    with closing(sqlite3.connect(state)) as connection, connection:
        for position, (name, host) in enumerate(hosts.items()):
            spec = {"format": "openai_chat", "base_url": f"http://{host}:{port}/v1"}
            connection.execute(
                "insert into configuration (kind, name, spec, position, created_at, updated_at)"
                " values ('provider', ?, ?, ?, 1, 1)",
                (name, json.dumps(spec), position),
            )


@pytest.mark.parametrize("name", [*INSIDE, *METADATA])
async def test_a_provider_said_by_api_leads_nowhere_inside(
    guarded: GatewayProcess, mock: MockProcess, tag: str, name: str
) -> None:
    answer = await ask(guarded.port, chat(f"{name}/gpt;tag={tag}"))
    assert answer.status == 502, answer.body
    error = answer.error
    if name not in ("loopback", "name", "six", "mapped", *METADATA) and error["code"] == "upstream_unreachable":
        assert "cannot find" in error["message"]
    else:
        assert error["code"] == "upstream_forbidden"
        assert "`network.allow` does not name it" in error["message"]
    assert not mock.requests(tag)


async def test_the_refusal_is_told_in_the_dialect_of_the_client(guarded: GatewayProcess) -> None:
    body = json.dumps({"model": "loopback/gpt", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]})
    answer = await ask(guarded.port, request("POST", "/v1/messages", body.encode()))
    fields = answer.json()
    assert (answer.status, fields["type"]) == (502, "error")
    assert "`network.allow` does not name it" in fields["error"]["message"]


async def test_what_the_file_says_is_the_operator_s_own_word(
    guarded: GatewayProcess, mock: MockProcess, tag: str
) -> None:
    assert (await ask(guarded.port, chat(f"mock/gpt;tag={tag}"))).status == 200
    assert len(mock.requests(tag)) == 1


async def test_it_is_recorded_which_attempt_was_refused(guarded: GatewayProcess, tag: str) -> None:
    await ask(guarded.port, request("POST", CHAT, chat_body("loopback/gpt"), user_agent=tag))
    record = guarded.record(tag)
    assert record["error"] == "upstream_forbidden"
    assert [attempt["error"] for attempt in record["attempts"]] == ["upstream_forbidden"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_s_redirect_is_not_followed(guarded: GatewayProcess, moving: Moving, stream: bool) -> None:
    answer = await ask(guarded.port, chat("moving/gpt", stream=stream))
    assert answer.status == 502
    assert "redirect" in answer.error["message"]
    assert set(moving.paths) == {"POST /v1/chat/completions"}


async def test_the_file_may_allow_it(guarded: GatewayProcess, mock: MockProcess, moving: Moving, tag: str) -> None:
    guarded.reload(written(mock, moving) + ALLOWED)

    await auntil(lambda: '"settings read"' in guarded.said())

    async def answers(name: str) -> bool:
        return (await ask(guarded.port, chat(f"{name}/gpt;tag={tag}"))).status == 200

    assert await answers("loopback")
    assert await answers("decimal")
    assert not await answers("six"), "only one address is allowed"
    assert not await answers("metadata")
