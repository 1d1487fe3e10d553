"""The mock as a process, and as a part of another."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys

import openai
import pytest
import trustme

from gateway.mock.server import read_address, start
from tests.gateway.mock.peer import ask, chat, connect, request
from tests.providers import MockProcess

SIDES = (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)


def test_a_signal_ends_it_without_complaint() -> None:
    process = MockProcess()
    with socket.create_connection(("127.0.0.1", process.port)) as client:
        client.sendall(request(chat("gpt-4o;stall=1", stream=True)))
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        assert process.close() == 0


def test_its_first_line_has_the_url_and_its_second_an_example_that_works() -> None:
    command = [sys.executable, "-m", "gateway.mock", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        example = process.stdout.readline()
        assert example.startswith(f"curl -N {url}/v1/chat/completions -d ")
        process.terminate()


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:", "127.0.0.1:70000", ":1", "203.0.113.1:1"])
def test_an_address_that_cannot_be_had_is_one_clear_line(listen: str) -> None:
    command = [sys.executable, "-m", "gateway.mock", "--listen", listen]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("the mock cannot start: ")
    assert ended.stderr.count("\n") == 1


def test_addresses_of_both_kinds_are_read() -> None:
    assert read_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert read_address("[::1]:80") == ("::1", 80)


async def test_closing_takes_open_connections_along() -> None:
    server = await start("127.0.0.1", 0)
    async with connect(server.port) as peer:
        peer.writer.write(request(chat("gpt-4o;stall=1", stream=True)))
        await peer.read()
        await asyncio.wait_for(server.close(), 5)
        assert await read_or_reset(peer.read()) == b""
    assert server.shared.ledger.open_connections == 0


async def test_it_speaks_tls_when_given_a_certificate() -> None:
    authority, offered, trusted = trustme.CA(), *(ssl.SSLContext(side) for side in SIDES)
    authority.issue_cert("127.0.0.1").configure_cert(offered)
    authority.configure_trust(trusted)
    server = await start("127.0.0.1", 0, tls=offered)
    async with openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="sk-test", http_client=openai.DefaultAsyncHttpxClient(verify=trusted)
    ) as client:
        models = await client.models.list()
    assert server.url.startswith("https://")
    assert models.data
    await server.close()


async def test_two_mocks_know_nothing_of_each_other() -> None:
    first, second = await start("127.0.0.1", 0), await start("127.0.0.1", 0)
    await ask(first.port, request(chat("gpt-4o")))
    assert (first.shared.ledger.requests_total, second.shared.ledger.requests_total) == (1, 0)
    await first.close()
    await second.close()


async def read_or_reset(reading: object) -> bytes:
    assert asyncio.iscoroutine(reading)
    try:
        data: bytes = await reading
    except ConnectionResetError:
        return b""
    return data
