"""Through proxies: HTTP, HTTPS and SOCKS5, to plain and to TLS providers. Their passwords stay out of every message."""

from __future__ import annotations

import ssl
from base64 import b64encode

import pytest
import trustme

from gateway.errors import UpstreamTimeout, UpstreamTlsFailed, UpstreamUnreachable
from gateway.outbound.wire import Origin, Pool
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import HELLO, Peer, answering, ask, descriptors, provider, request
from tests.gateway.outbound.proxies import http_proxy, socks_proxy
from tests.waiting import auntil

SECRET = "s3cret@word"
BASIC = b64encode(b"name:" + SECRET.encode()).decode()
USERINFO = "name:s3cret%40word"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("provider.example", "localhost").configure_cert(context)
    return context


@pytest.fixture
async def trusting(make_pool: PoolMaker, authority: trustme.CA) -> Pool:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return make_pool(ssl_context=context)


async def test_plain_http_goes_by_absolute_url(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there, http_proxy(credentials=BASIC) as proxy:
        origin = Origin("http", "provider.example", there.port, f"http://{USERINFO}@127.0.0.1:{proxy.port}")
        for _ in range(2):
            call, heard = await ask(pool, origin, request(b"prompt"))
            assert heard.text == b"hello"
        assert call.connection_reused
        assert proxy.asked == [f"POST http://provider.example:{there.port}/v1/echo"] * 2
        assert proxy.heads[0].startswith(b"POST http://provider.example")
        assert b"\r\nproxy-authorization: Basic " + BASIC.encode() + b"\r\n" in proxy.heads[0]


async def test_a_tunnel_leads_to_a_tls_provider(trusting: Pool, served: ssl.SSLContext) -> None:
    async with provider(answering(HELLO), context=served) as there, http_proxy(credentials=BASIC) as proxy:
        origin = Origin("https", "provider.example", there.port, f"http://{USERINFO}@127.0.0.1:{proxy.port}")
        for _ in range(2):
            call, heard = await ask(trusting, origin)
            assert heard.text == b"hello"
        assert call.connection_reused
        assert proxy.asked == [f"CONNECT provider.example:{there.port}"]
        assert b"authorization" not in there.requests[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxy_itself_may_want_tls(scheme: str, trusting: Pool, served: ssl.SSLContext) -> None:
    inner = served if scheme == "https" else None
    async with provider(answering(HELLO), context=inner) as there, http_proxy(context=served) as proxy:
        origin = Origin(scheme, "provider.example", there.port, f"https://localhost:{proxy.port}")
        body = b"x" * 1_000_000
        _, heard = await ask(trusting, origin, request(body))
        assert heard.text == b"hello"
        assert there.requests[0].endswith(body)
        assert len(proxy.asked) == 1


async def test_the_certificate_of_a_proxy_is_verified(trusting: Pool, served: ssl.SSLContext) -> None:
    async with http_proxy(context=served) as proxy:
        _, heard = await ask(trusting, Origin("https", "provider.example", 443, f"https://127.0.0.1:{proxy.port}"))
        assert isinstance(heard.error, UpstreamTlsFailed)
        assert heard.error.message.startswith(f"no TLS with proxy 127.0.0.1:{proxy.port}: certificate not accepted")
        assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_socks5h_leaves_the_name_to_the_proxy(scheme: str, trusting: Pool, served: ssl.SSLContext) -> None:
    inner = served if scheme == "https" else None
    async with provider(answering(HELLO), context=inner) as there, socks_proxy(credentials=f"name:{SECRET}") as proxy:
        origin = Origin(scheme, "provider.example", there.port, f"socks5h://{USERINFO}@127.0.0.1:{proxy.port}")
        for _ in range(2):
            call, heard = await ask(trusting, origin)
            assert heard.text == b"hello"
        assert call.connection_reused
        assert proxy.asked == [f"provider.example:{there.port}"]


async def test_socks5_finds_the_name_here(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there, socks_proxy() as proxy:
        _, heard = await ask(pool, Origin("http", "localhost", there.port, f"socks5://127.0.0.1:{proxy.port}"))
        assert heard.text == b"hello"
        assert proxy.asked[0] in (f"127.0.0.1:{there.port}", f"::1:{there.port}")


REFUSALS = {
    b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n": "it wants other credentials (407)",
    b"HTTP/1.1 502 No\r\nContent-Length: 7\r\n\r\nsecrets": "status 502",
    b"SSH-2.0-OpenSSH\r\n\r\n": "it does not speak HTTP",
    b"HTTP/1.1 200 OK\r\n\r\nhello": "bytes came through it unasked",
    b"HTTP/1.1 200": "it closed the connection",
    b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 20_000: "its answer has no end",
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_tunnel_that_is_refused_is_unreachable(refusal: bytes, trusting: Pool) -> None:
    async with http_proxy(refusal=refusal) as proxy:
        before = descriptors()
        url = f"http://{USERINFO}@127.0.0.1:{proxy.port}"
        _, heard = await ask(trusting, Origin("https", "provider.example", 443, url))
        assert isinstance(heard.error, UpstreamUnreachable)
        assert heard.error.nothing_sent
        assert heard.error.message.startswith(f"proxy 127.0.0.1:{proxy.port} opened no tunnel to provider.example:443")
        assert "s3cret" not in heard.error.message
        assert "secrets" not in heard.error.message
        assert REFUSALS[refusal] in heard.error.message
        await auntil(lambda: descriptors() <= before)


@pytest.mark.parametrize(("credentials", "reply"), [("other:password", 0), ("", 2), ("", 5)])
async def test_a_socks_proxy_that_refuses_is_unreachable(credentials: str, reply: int, pool: Pool) -> None:
    async with socks_proxy(credentials=credentials, reply=reply) as proxy:
        before = descriptors()
        url = f"socks5h://{USERINFO}@127.0.0.1:{proxy.port}"
        _, heard = await ask(pool, Origin("http", "provider.example", 80, url))
        assert isinstance(heard.error, UpstreamUnreachable)
        assert heard.error.nothing_sent
        assert "s3cret" not in heard.error.message
        assert f"proxy 127.0.0.1:{proxy.port}" in heard.error.message
        await auntil(lambda: descriptors() <= before)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_is_not_there_is_unreachable(scheme: str, pool: Pool) -> None:
    for host in ("127.0.0.1", "no-such-proxy.invalid"):
        _, heard = await ask(pool, Origin("https", "provider.example", 443, f"{scheme}://{USERINFO}@{host}:9"))
        assert isinstance(heard.error, UpstreamUnreachable)
        assert f"proxy {host}:9" in heard.error.message
        assert "s3cret" not in heard.error.message


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_silent_proxy_counts_as_connecting(scheme: str, make_pool: PoolMaker) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone(5)

    pool = make_pool(connect_timeout_seconds=0.2)
    async with provider(script) as there:
        origin = Origin("https", "provider.example", 443, f"{scheme}://127.0.0.1:{there.port}")
        _, heard = await ask(pool, origin)
        assert isinstance(heard.error, UpstreamTimeout)
        assert "connect timeout" in heard.error.message
        await there.peers[0].ended(1)


async def test_a_unix_socket_is_never_proxied() -> None:
    assert Origin.of("unix:///run/here.sock", proxy="http://127.0.0.1:9").proxy == ""


def test_an_origin_does_not_show_its_proxy() -> None:
    origin = Origin.of("http://provider.example/v1", proxy=f"http://{USERINFO}@10.0.0.1:3128")
    assert "s3cret" not in repr(origin) + str(origin) + f"{origin}"
