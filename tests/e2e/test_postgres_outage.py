"""PostgreSQL goes away under traffic, by a crash and by falling silent: what is known goes on, what is not is told at
once, and everything comes back by itself."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.credentials.keyfile import key_file
from tests.e2e.keyed import answered, hello, streaming
from tests.e2e.nodes import LOCAL, Node, api_of, kept_at, owned
from tests.e2e.outages import Outage, breakable
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import CLIENT_KEY, environment, open_files, resident_bytes, running
from tests.gateway_process import configuration as said
from tests.postgres import needs_postgres
from tests.providers import MockProcess
from tests.source import ROOT
from tests.waiting import auntil, until

pytestmark = needs_postgres

MODEL = "mock/gpt-4o-mini"
UNKNOWN = "sk-slg-" + "u" * 32

PATIENCE_SECONDS = 2.0
SETTINGS = f"timeout_seconds = {PATIENCE_SECONDS}\n"

NOTICED_SECONDS = PATIENCE_SECONDS + 2.5
"""After this long a worker doubts keys that it does not know."""


@pytest.fixture(scope="module")
def outage() -> Iterator[Outage]:
    with breakable() as made:
        yield made


def toml(outage: Outage, mock: MockProcess) -> str:
    return kept_at(outage.url, said(mock.url, LOCAL)).replace("\n\n", f"\n{SETTINGS}\n", 1)


@pytest.fixture(scope="module")
def node(outage: Outage, mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("outage")
    owner = owned(directory / "data", outage.url)
    with running(directory, toml(outage, mock), workers=2) as gateway, api_of(gateway.url, owner) as api:
        yield Node(gateway.complete(), api)
        assert gateway.close() == 0, gateway.tail()


async def statuses(node: Node, key: str, count: int = 12) -> Counter[int]:
    """What workers answer, each on connections of its own."""
    answers = await asyncio.gather(*(answered(node.gateway, "chat", MODEL, key) for _ in range(count)))
    return Counter(answer.status for answer in answers)


async def respond(node: Node, key: str, **more: Any) -> Answer:
    body = json.dumps({"model": MODEL, "input": "Hello", **more}).encode()
    return await ask(node.gateway.port, request("POST", "/v1/responses", body, key=key))


async def known_everywhere(node: Node, name: str) -> tuple[str, str]:
    """Id and secret of a new key, once every worker knows it without asking."""
    key_id, secret = node.new_key(name)
    assert set(await statuses(node, secret)) == {200}
    return key_id, secret


async def doubted(node: Node) -> None:
    """Until every worker says of a key that it cannot tell."""
    deadline = time.monotonic() + NOTICED_SECONDS
    while set(await statuses(node, UNKNOWN)) != {503}:
        assert time.monotonic() < deadline
    refused = await answered(node.gateway, "chat", MODEL, UNKNOWN)
    assert (refused.error["code"], refused.header("retry-after")) == ("state_unavailable", "1")


async def nothing_can_be_managed(node: Node) -> None:
    for method, path, body in (("GET", "/api/keys", None), ("POST", "/api/keys", {"name": "never"})):
        begun = time.monotonic()
        answer = await asyncio.to_thread(node.ask, method, path, body)
        assert time.monotonic() - begun < PATIENCE_SECONDS + 2
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert int(answer.headers["retry-after"]) >= 1


async def what_is_known_goes_on(node: Node, key: str) -> None:
    for path in ("/readyz", "/healthz"):
        assert (await ask(node.gateway.port, request("GET", path))).status == 200
    assert set(await statuses(node, key)) == set(await statuses(node, CLIENT_KEY)) == {200}


async def everything_is_back(node: Node, name: str) -> None:
    """By itself: keys, their changes and the management API."""
    await auntil(lambda: node.ask("GET", "/api/keys").status_code == 200, 20)
    key_id, secret = await known_everywhere(node, name)
    node.told("DELETE", f"/api/keys/{key_id}")
    assert set(await statuses(node, secret)) == {401}
    assert set(await statuses(node, UNKNOWN)) == {401}
    kept = await respond(node, CLIENT_KEY)
    assert (await respond(node, CLIENT_KEY, previous_response_id=kept.json()["id"])).status == 200


def complaints(node: Node) -> Counter[str]:
    """What the log says, apart from exchanges and what became of them, and how often."""
    lines = [json.loads(line) for line in node.gateway.said().splitlines()]
    return Counter(line["event"] for line in lines if line["event"] not in ("exchange", "a response was not kept"))


async def test_a_crash_of_the_server_is_lived_through(node: Node, outage: Outage) -> None:
    """A worker and the control process die meanwhile as well."""
    key_id, key = await known_everywhere(node, "known")
    stream = hello("chat", "mock/gpt;chunks=60;pace=100ms", key, stream=True)
    async with streaming(node.gateway, [stream] * 8) as streams:
        outage.crash()
        began_us = time.time()
        await what_is_known_goes_on(node, key)
        await doubted(node)
        await nothing_can_be_managed(node)
        kept = await respond(node, key)
        assert kept.status == 200, "it cannot be kept, and is answered"
        refused = await respond(node, key, previous_response_id=kept.json()["id"])
        assert (refused.status, refused.error["code"]) == (503, "state_unavailable")
        answers = await asyncio.gather(*streams)
        assert all(answer.body.endswith(b"[DONE]\n\n") for answer in answers)
        await processes_come_back(node)
        outage.end()
    await everything_is_back(node, "after-the-crash")
    assert set(await statuses(node, key)) == {200}
    await uses_are_written(node, key_id, began_us)
    assert "Traceback" not in node.gateway.said()


async def processes_come_back(node: Node) -> None:
    """Whatever dies while the database is away is started until it is there; a worker serves what the file says."""
    worker, control = node.gateway.workers()[0], node.gateway.control()
    assert control
    for pid in (worker, control):
        os.kill(pid, signal.SIGKILL)
    ready = node.gateway.said().count("child is ready")
    await auntil(lambda: node.gateway.said().count("child is ready") > ready, 15)
    assert set(await statuses(node, CLIENT_KEY)) == {200}
    await auntil(lambda: node.gateway.said().count('"cannot start"') >= 3, 20)
    assert len(node.gateway.workers()) == 2


async def uses_are_written(node: Node, key_id: str, since: float) -> None:
    """What was used while nobody could write it down is written down."""

    def is_written() -> bool:
        used_at = node.told("GET", f"/api/keys/{key_id}")["last_used_at"]
        return bool(used_at) and used_at >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))

    await auntil(is_written, 15, every=0.1)


async def test_a_server_that_falls_silent_holds_nobody_up(node: Node, outage: Outage) -> None:
    _, key = await known_everywhere(node, "still-known")
    before = complaints(node)
    files = [open_files(pid) for pid in node.gateway.workers()]
    memory = [resident_bytes(pid) for pid in node.gateway.workers()]
    outage.freeze()
    try:
        await what_is_known_goes_on(node, key)
        await nothing_can_be_managed(node)
        await doubted(node)
        begun = time.monotonic()
        while time.monotonic() - begun < 3 * PATIENCE_SECONDS:
            await many_are_answered(node, key)
        await what_is_known_goes_on(node, key)
    finally:
        outage.end()
    await everything_is_back(node, "after-the-silence")
    for pid, count, size in zip(node.gateway.workers(), files, memory, strict=True):
        assert open_files(pid) - count < 30
        assert resident_bytes(pid) - size < 64 * 2**20
    assert sum((complaints(node) - before).values()) < 40, complaints(node) - before


async def many_are_answered(node: Node, key: str) -> None:
    """Responses that shall be kept: nobody waits longer than the patience, and hardly anybody at all."""

    async def timed() -> float:
        begun = time.monotonic()
        assert (await respond(node, key)).status == 200
        return time.monotonic() - begun

    seconds = sorted([await each for each in asyncio.as_completed([timed() for _ in range(40)])])
    assert seconds[-1] < PATIENCE_SECONDS + 1.5, seconds


def test_a_gateway_ends_in_time_though_its_database_is_silent(
    outage: Outage, mock: MockProcess, tmp_path: Path, node: Node
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(key_file(node.gateway.data_dir), tmp_path / "data")
    with running(tmp_path, toml(outage, mock)) as gateway:
        gateway.complete()
        until(lambda: asyncio.run(answered(gateway, "chat", MODEL, CLIENT_KEY)).status == 200)
        outage.freeze()
        try:
            begun = time.monotonic()
            assert gateway.close() == 0, gateway.tail()
            assert time.monotonic() - begun < 15
        finally:
            outage.end()
        assert gateway.stored("select count(*) from requests") == [(1,)]


def test_a_gateway_does_not_wait_to_be_started(outage: Outage, mock: MockProcess, tmp_path: Path) -> None:
    config = tmp_path / "sluicegate.toml"
    config.write_text(toml(outage, mock))
    command = [sys.executable, "-m", "gateway", "serve", "--config", config, "--listen", "127.0.0.1:0"]
    command += ["--data-dir", tmp_path / "data"]
    outage.freeze()
    try:
        ended = subprocess.run(
            list(map(str, command)), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    finally:
        outage.end()
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("sluicegate: PostgreSQL database ")
    assert "timeout" in line
