"""What is guarded is judged at each connection: providers said by API, proxies said by API, httpx for other servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.errors import UpstreamForbidden
from gateway.outbound.client import client
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Origin, Pool
from gateway.records import Provider
from gateway.relay.ways import origin_of
from gateway.settings.model import UpstreamSettings
from tests.gateway.outbound.names import resolving
from tests.gateway.outbound.peers import HELLO, Peer, answering, ask, provider
from tests.gateway.outbound.proxies import http_proxy, socks_proxy

OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"
"""Both are this machine; only the first one is allowed, as if it were public."""


@asynccontextmanager
async def guarded(*allow: str) -> AsyncIterator[Pool]:
    pool = Pool(UpstreamSettings(), permit=permit_of(allow))
    yield pool
    await pool.close()


async def refused(pool: Pool, origin: Origin) -> str:
    """Whose address a guarded pool does not like."""
    _, heard = await ask(pool, origin)
    assert isinstance(heard.error, UpstreamForbidden), heard.error
    assert heard.error.nothing_sent
    assert (heard.error.status, heard.error.code) == (502, "upstream_forbidden")
    return heard.error.host


async def test_a_pool_that_was_told_nothing_lets_no_guarded_origin_in() -> None:
    pool = Pool(UpstreamSettings())
    async with provider(answering(HELLO)) as there:
        assert await refused(pool, there.origin._replace(guarded=True)) == OUTSIDE
        assert not there.peers
    await pool.close()


async def test_what_the_file_says_is_not_judged() -> None:
    async with guarded() as pool, provider(answering(HELLO)) as there:
        _, heard = await ask(pool, there.origin)
        assert heard.text == b"hello"


async def test_a_guarded_call_never_takes_a_connection_that_was_not_judged() -> None:
    async with guarded() as pool, provider(answering(HELLO)) as there:
        await ask(pool, there.origin)
        assert pool.connections_idle == 1
        assert await refused(pool, there.origin._replace(guarded=True)) == OUTSIDE
        assert (pool.connections_idle, len(there.peers)) == (1, 1)


async def test_a_name_that_leads_elsewhere_the_next_time_is_judged_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolving(monkeypatch, [OUTSIDE], [INSIDE])
    async with guarded(OUTSIDE) as pool, provider(answering(HELLO, then_close=True), host="0.0.0.0") as there:
        origin = Origin("http", "rebinding.example", there.port, guarded=True)
        _, heard = await ask(pool, origin)
        assert heard.text == b"hello"
        await there.peers[0].ended(5)
        assert await refused(pool, origin) == "rebinding.example"
        assert len(there.peers) == 1
    assert asked == ["rebinding.example"] * 2


async def test_a_connection_that_is_kept_stays_where_it_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, [OUTSIDE], [INSIDE])
    async with guarded(OUTSIDE) as pool, provider(answering(HELLO), host="0.0.0.0") as there:
        for _ in range(3):
            _, heard = await ask(pool, Origin("http", "kept.example", there.port, guarded=True))
            assert heard.text == b"hello"
        assert len(there.peers) == 1
    assert asked == ["kept.example"]


async def test_no_path_of_a_socket_is_guarded(tmp_path: str) -> None:
    path = f"{tmp_path}/here.sock"
    async with guarded() as pool, provider(answering(HELLO), path=path) as there:
        assert await refused(pool, Origin("unix", path, 0, guarded=True)) == path
        assert not there.peers


@pytest.mark.parametrize(
    ("scheme", "told"), [("socks5", "8.8.8.8"), ("socks5h", "name.example"), ("http", "name.example")]
)
async def test_a_proxy_that_looks_nothing_up_is_told_the_address_that_was_judged(
    scheme: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, ["8.8.8.8"], [INSIDE])
    async with guarded() as pool, http_proxy() as web, socks_proxy() as socks, provider(answering(HELLO)) as there:
        proxy = web if scheme == "http" else socks
        origin = Origin("http", "name.example", there.port, f"{scheme}://127.0.0.1:{proxy.port}", guarded=True)
        _, heard = await ask(pool, origin)
        assert heard.text == b"hello"
        assert told in proxy.asked[0]
    assert asked == ["name.example"]


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_said_by_api_is_judged_itself(scheme: str) -> None:
    async with http_proxy() as web, socks_proxy() as socks, provider(answering(HELLO)) as there:
        proxy = web if scheme == "http" else socks
        url = f"{scheme}://{OUTSIDE}:{proxy.port}"
        origin = Origin.of(f"http://8.8.8.8:{there.port}", proxy=url, guarded=True, proxy_guarded=True)
        async with guarded() as pool:
            assert await refused(pool, origin) == OUTSIDE
            assert not proxy.asked
        async with guarded(OUTSIDE) as pool:
            _, heard = await ask(pool, origin)
            assert heard.text == b"hello"


def test_a_guarded_provider_has_a_guarded_origin() -> None:
    said = Provider("a", "openai_chat", "https://a.example/v1", ("*",), "round_robin", (), guarded=True)
    assert origin_of(said) == Origin("https", "a.example", 443, guarded=True)
    written = Provider("a", "openai_chat", "https://a.example/v1", ("*",), "round_robin", ())
    assert origin_of(written) == Origin("https", "a.example", 443)


# httpx, for logins and webhooks


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f000001", "2130706433", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_guarded_client_reaches_nothing_inside(host: str) -> None:
    async with guarded() as pool, provider(answering(HELLO)) as there, client(pool, guarded=True) as http:
        with pytest.raises(httpx.ConnectError, match=r"`network\.allow` does not name it|cannot find"):
            await http.get(f"http://{host}:{there.port}/")
        assert not there.peers


@pytest.mark.parametrize("follow", [False, True])
async def test_a_redirect_to_the_inside_leads_nowhere(follow: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        there = f"http://{INSIDE}:{peer.writer.get_extra_info('sockname')[1]}/latest/meta-data/"
        await peer.send(f"HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode())

    async with (
        guarded(OUTSIDE) as pool,
        provider(script, host="0.0.0.0") as there,
        client(pool, guarded=True) as http,
    ):
        asking = http.get(f"http://{OUTSIDE}:{there.port}/", follow_redirects=follow)
        if follow:
            with pytest.raises(httpx.ConnectError, match=f"the address of {INSIDE} is not public"):
                await asking
        else:
            assert (await asking).status_code == 302
        assert len(there.peers) == 1


async def test_a_client_for_what_the_file_says_reaches_the_inside() -> None:
    async with guarded() as pool, provider(answering(HELLO)) as there, client(pool) as http:
        assert (await http.get(f"http://{OUTSIDE}:{there.port}/")).text == "hello"


async def test_names_are_looked_up_for_real_too() -> None:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)
    assert found, "this machine has no localhost"
    async with guarded() as pool, client(pool, guarded=True) as http:
        with pytest.raises(httpx.ConnectError, match="the address of localhost is not public"):
            await http.get("http://localhost:1/")
