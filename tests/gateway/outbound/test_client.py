"""httpx on the pool: the same answers, httpx's own exceptions, and no socket left behind."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.outbound.client import PoolTransport, client
from gateway.outbound.wire import Origin, Pool
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import HELLO, OK, Peer, answering, provider
from tests.gateway.outbound.proxies import http_proxy
from tests.waiting import auntil

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_a_request_goes_out_as_httpx_means_it(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there, client(pool) as http:
        url = f"http://127.0.0.1:{there.port}/v1/things?a=b"
        answer = await http.post(url, json={"x": 1}, headers={"Authorization": "Bearer t"})
        assert (answer.status_code, answer.text, answer.http_version) == (200, "hello", "HTTP/1.1")
        head, _, body = there.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/things?a=b HTTP/1.1\r\n")
        assert f"Host: 127.0.0.1:{there.port}".encode() in head
        assert b"Authorization: Bearer t" in head
        assert head.lower().count(b"content-length") == 1
        assert json.loads(body) == {"x": 1}
        await http.get(url)
        assert b"ontent-" not in there.requests[1]
        assert pool.connections_opened == 1


async def test_a_streamed_request_body_is_sent_with_its_length(pool: Pool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with provider(answering(HELLO)) as there, client(pool) as http:
        await http.put(f"http://127.0.0.1:{there.port}/", content=pieces())
        assert there.requests[0].endswith(b"content-length: 7\r\n\r\none two")
        assert b"ransfer" not in there.requests[0]


async def test_an_answer_streams(pool: Pool) -> None:
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"3\r\none\r\n")
        await more.wait()
        await peer.send(b"3\r\ntwo\r\n0\r\n\r\n")
        await peer.gone(5)

    async with provider(script) as there, client(pool) as http:
        async with http.stream("GET", f"http://127.0.0.1:{there.port}/") as answer:
            pieces = answer.aiter_bytes()
            assert await anext(pieces) == b"one"
            more.set()
            assert [piece async for piece in pieces] == [b"two"]
        assert pool.connections_idle == 1


async def test_a_slow_reader_makes_the_provider_wait(pool: Pool) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(OK + b"Content-Length: 30000000\r\n\r\n")
        while sent < 30_000_000:
            await peer.send(b"x" * 100_000)
            sent += 100_000
        await peer.gone(5)

    async with provider(script) as there, client(pool) as http:
        async with http.stream("GET", f"http://127.0.0.1:{there.port}/") as answer:
            pieces = answer.aiter_bytes()
            size = len(await anext(pieces))
            await asyncio.sleep(0.3)
            assert sent < 20_000_000
            async for piece in pieces:
                size += len(piece)
        assert size == 30_000_000


async def test_compressed_answers_are_read_once(pool: Pool) -> None:
    body = zlib.compress(b"so much text", wbits=31)
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with provider(answering(data)) as there, client(pool) as http:
        assert (await http.get(f"http://127.0.0.1:{there.port}/")).text == "so much text"


async def test_head_and_redirects_work(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        while message := await peer.request():
            if message.startswith(b"GET /old"):
                await peer.send(b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n")
            else:
                await peer.send(HELLO)

    async with provider(script) as there, client(pool, follow_redirects=True) as http:
        assert (await http.get(f"http://127.0.0.1:{there.port}/old")).text == "hello"
        assert [each.split()[1] for each in there.requests] == [b"/old", b"/new"]
    async with provider(answering(OK + b"Content-Length: 5\r\n\r\n")) as there, client(pool) as http:
        assert (await http.head(f"http://127.0.0.1:{there.port}/")).headers["content-length"] == "5"


@pytest.mark.parametrize("read_on", [False, True])
async def test_leaving_an_answer_closes_its_socket(read_on: bool, pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"3\r\none\r\n")
        await peer.gone(5)

    async with provider(script) as there, client(pool) as http:
        async with http.stream("GET", f"http://127.0.0.1:{there.port}/") as answer:
            if read_on:
                assert await anext(answer.aiter_bytes()) == b"one"
        assert await there.peers[0].ended(1) < 0.25
        assert pool.connections_open == 0


async def test_cancelling_closes_the_socket(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone(5)

    async with provider(script) as there, client(pool) as http:
        task = asyncio.create_task(http.get(f"http://127.0.0.1:{there.port}/"))
        await auntil(lambda: there.requests)
        task.cancel()
        assert await there.peers[0].ended(1) < 0.25
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"garbage\r\n\r\n", httpx.RemoteProtocolError),
        (OK + b"Content-Length: 9\r\n\r\nhal", httpx.RemoteProtocolError),
        (CHUNKED + b"zz\r\n", httpx.RemoteProtocolError),
    ],
)
async def test_broken_answers_are_protocol_errors(
    data: bytes, expected: type[httpx.TransportError], pool: Pool
) -> None:
    async with provider(answering(data, then_close=True)) as there, client(pool) as http:
        with pytest.raises(expected) as caught:
            await http.get(f"http://127.0.0.1:{there.port}/")
        assert caught.value.request.url.port == there.port


@pytest.mark.parametrize("data", [b"", OK + b"Content-", CHUNKED + b"1\r\na\r\n"])
async def test_silence_is_a_read_timeout(data: bytes, pool: Pool) -> None:
    async with provider(answering(data)) as there, client(pool, timeout=0.2) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(f"http://127.0.0.1:{there.port}/")


async def test_no_connection_is_a_connect_error_or_timeout(pool: Pool, make_pool: PoolMaker) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone(5)

    async with client(pool) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://127.0.0.1:1/")
    async with provider(script) as there, client(pool, timeout=httpx.Timeout(5, connect=0.1)) as http:
        with pytest.raises(httpx.ConnectTimeout):
            await http.get(f"https://127.0.0.1:{there.port}/")
        await there.peers[0].ended(1)
    async with provider(script) as there, client(make_pool(tls_timeout_seconds=0.1)) as http:
        with pytest.raises(httpx.ConnectTimeout):
            await http.get(f"https://127.0.0.1:{there.port}/")


async def test_a_failed_handshake_is_a_connect_error(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"no TLS here")

    async with provider(script) as there, client(pool) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"https://127.0.0.1:{there.port}/")


async def test_what_cannot_be_sent_is_refused(pool: Pool) -> None:
    async with client(pool) as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get("http://127.0.0.1:1/", headers={"x-a": "b\r\nx-c: d"})
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get("ftp://127.0.0.1:1/")


async def test_proxies_and_unix_sockets_are_reached(pool: Pool, tmp_path: Path) -> None:
    async with provider(answering(HELLO)) as there, http_proxy() as proxy:
        async with client(pool, proxy=f"http://127.0.0.1:{proxy.port}") as http:
            assert (await http.get(f"http://name.example:{there.port}/x")).text == "hello"
        assert proxy.asked == [f"GET http://name.example:{there.port}/x"]
    path = str(tmp_path / "here.sock")
    async with provider(answering(HELLO), path=path):
        transport = PoolTransport(pool, origin=Origin("unix", path, 0))
        async with httpx.AsyncClient(transport=transport) as http:
            assert (await http.get("http://localhost/x")).text == "hello"
