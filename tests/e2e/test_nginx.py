"""Behind a real nginx, with the configuration we ship, the gateway is what it is without."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.nginx import Nginx, certify, command, write_configuration
from tests.gateway_process import CLIENT_KEY, GatewayProcess
from tests.providers import MockProcess
from tests.waiting import until

pytestmark = pytest.mark.needs("nginx")

HEADERS = {"authorization": f"Bearer {CLIENT_KEY}", "content-type": "application/json"}
STREAM = "chunks=10;pace=30ms;stamp"


@pytest.fixture(scope="module")
def nginx(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    running = Nginx(tmp_path_factory.mktemp("nginx"), gateway.port)
    yield running
    running.close()


def chat(script: str, *, stream: bool, prompt: str = "Hello") -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"model": f"mock/gpt-4o-mini;{script}", "stream": stream, "messages": messages}


@contextmanager
def posted(nginx: Nginx, body: dict[str, Any]) -> Iterator[HTTPResponse]:
    with closing(HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.trust)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), HEADERS)
        yield connection.getresponse()


def sent_at(line: str | bytes) -> int | None:
    """When the mock sent a chunk: monotonic nanoseconds, or None for a line that carries no content."""
    text = line.decode() if isinstance(line, bytes) else line
    if not text.startswith("data: {"):
        return None
    choices = json.loads(text.removeprefix("data: "))["choices"]
    content = choices[0]["delta"].get("content") if choices else None
    return int(content) if content else None


def test_the_shipped_configuration_is_one(tmp_path: Path) -> None:
    certify(tmp_path)
    write_configuration(tmp_path, plain=80, tls=443, upstream=8080)
    done = subprocess.run([*command(tmp_path), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_each_chunk_of_a_stream_arrives_before_the_next_is_sent(nginx: Nginx) -> None:
    with posted(nginx, chat(STREAM, stream=True)) as response:
        assert response.status == 200
        times = [(sent, time.monotonic_ns()) for line in response if (sent := sent_at(line))]
    assert len(times) == 10
    late = [index for index in range(9) if times[index][1] > times[index + 1][0]]
    # Some may be late on a busy machine; held back, all would be.
    assert len(late) < 5


async def test_a_stream_over_http_2_begins_before_it_ends(nginx: Nginx) -> None:
    async with (
        httpx.AsyncClient(http2=True, verify=nginx.trust, trust_env=False) as client,
        client.stream(
            "POST", f"{nginx.url}/v1/chat/completions", json=chat(STREAM, stream=True), headers=HEADERS
        ) as reply,
    ):
        assert reply.http_version == "HTTP/2"
        times = [(sent, time.monotonic_ns()) async for line in reply.aiter_lines() if (sent := sent_at(line))]
    assert times[0][1] < times[-1][0]


def test_a_long_prompt_passes(nginx: Nginx, mock: MockProcess, tag: str) -> None:
    with posted(nginx, chat(f"tag={tag}", stream=False, prompt="x" * 2**20)) as response:
        assert response.status == 200
        assert json.load(response)["choices"]
    assert mock.requests(tag)[0]["body_bytes"] > 2**20


def test_a_prompt_beyond_the_limit_is_refused_by_us_not_by_nginx(nginx: Nginx) -> None:
    headers = {**HEADERS, "content-length": str(33 * 2**20)}
    with closing(HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.trust)) as connection:
        connection.request("POST", "/v1/chat/completions", headers=headers)
        response = connection.getresponse()
        assert response.status == 413
        assert json.load(response)["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_closes_the_provider(nginx: Nginx, mock: MockProcess, tag: str, stream: bool) -> None:
    script = f"stall=2;tag={tag}" if stream else f"first=60s;tag={tag}"
    connection = HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.trust)
    with closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(chat(script, stream=stream)), HEADERS)
        until(lambda: mock.requests(tag))
        if stream:
            assert connection.getresponse().readline().startswith(b"data: ")
        assert not mock.disconnects(tag)
    until(lambda: mock.disconnects(tag), 20)


def test_connections_to_the_gateway_are_kept(nginx: Nginx, gateway: GatewayProcess) -> None:
    used_up = closed_connections(gateway.port)
    with closing(HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.trust)) as connection:
        for _ in range(20):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
    assert closed_connections(gateway.port) - used_up < 3


def test_nginx_has_nothing_to_complain_about(nginx: Nginx) -> None:
    with posted(nginx, chat("chunks=3", stream=True)) as response:
        response.read()
    assert not nginx.errors()


def test_a_stock_nginx_does_not_hold_a_stream_back(gateway: GatewayProcess, tmp_path: Path) -> None:
    stock = Nginx(tmp_path, gateway.port, stock=True)
    try:
        with closing(HTTPConnection("localhost", stock.plain_port, timeout=10)) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(chat(STREAM, stream=True)), HEADERS)
            times = [(sent, time.monotonic_ns()) for line in connection.getresponse() if (sent := sent_at(line))]
        assert len(times) == 10
        assert times[0][1] < times[-1][0]
    finally:
        stock.close()


def test_who_asks_without_tls_is_sent_to_it(nginx: Nginx) -> None:
    with closing(HTTPConnection("localhost", nginx.plain_port, timeout=10)) as connection:
        connection.request("POST", "/v1/chat/completions", "{}")
        response = connection.getresponse()
        assert response.status == 308
        assert response.getheader("location") == "https://localhost/v1/chat/completions"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/login"])
def test_what_is_not_inference_is_reached_too(nginx: Nginx, path: str) -> None:
    # The control process, which has the page, may come up a moment after the workers.
    until(lambda: status_of(nginx, path) == 200, 10.0)


def status_of(nginx: Nginx, path: str) -> int:
    with closing(HTTPSConnection("localhost", nginx.port, timeout=10, context=nginx.trust)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def closed_connections(port: int) -> int:
    """Connections to a port of this machine that were closed lately: the kernel remembers them for a minute."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    time_wait = "06"
    return sum(f":{port:04X}" in f"{row[1]} {row[2]}" and row[3] == time_wait for row in rows)
