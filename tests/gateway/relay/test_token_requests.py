"""Requests for access tokens, over real sockets: the way they take, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.errors import UpstreamForbidden, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Origin, Pool
from gateway.records import Credential
from gateway.relay.token_requests import MOST_BYTES, TokenRequests
from gateway.settings.model import UpstreamSettings
from tests.gateway.outbound.peers import answering, provider
from tests.gateway.outbound.proxies import http_proxy
from tests.google_token_server import token_server

CREDENTIAL = Credential("vertex", "main", "secret")
FORM = {"grant_type": "a:b", "assertion": "x.y.z"}
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    found = Pool(UpstreamSettings())
    yield found
    await found.close()


def requests(pool: Pool, trusted: str = "", *, proxy: str = "", seconds: float = 10.0) -> TokenRequests:
    there = Origin.of("https://aiplatform.googleapis.com", proxy=proxy)
    return TokenRequests(lambda _: (pool, there), (trusted,), "sluicegate/test", seconds=seconds)


async def test_a_form_is_sent_and_the_answer_is_heard(pool: Pool) -> None:
    async with provider(answering(OK)) as there:
        url = f"http://127.0.0.1:{there.port}/token?a=b"
        assert await requests(pool, url)(CREDENTIAL, url, FORM) == (200, b"{}")
        assert (
            there.requests[0]
            == (
                b"POST /token?a=b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: sluicegate/test\r\n"
                b"accept: application/json\r\naccept-encoding: identity\r\n"
                b"content-type: application/x-www-form-urlencoded\r\ncontent-length: 32\r\n\r\n"
                b"grant_type=a%%3Ab&assertion=x.y.z"
            )
            % there.port
        )


async def test_an_address_that_a_secret_says_is_judged_where_it_leads(pool: Pool) -> None:
    async with token_server() as server:
        with pytest.raises(UpstreamForbidden) as refused:
            await requests(pool)(CREDENTIAL, server.url, FORM)
        assert refused.value.nothing_sent
        allowing = Pool(UpstreamSettings(), permit=permit_of(["127.0.0.1"]))
        status, _ = await requests(allowing)(CREDENTIAL, server.url, FORM)
        await allowing.close()
    assert status == 400


async def test_the_credentials_proxy_is_taken(pool: Pool) -> None:
    async with provider(answering(OK)) as there, http_proxy() as proxy:
        url = f"http://127.0.0.1:{there.port}/token"
        assert await requests(pool, url, proxy=f"http://127.0.0.1:{proxy.port}")(CREDENTIAL, url, FORM) == (200, b"{}")
        assert proxy.asked == [f"POST {url}"]


async def test_an_endpoint_that_takes_its_time_is_not_waited_for(pool: Pool) -> None:
    async with token_server(held=True) as server:
        with pytest.raises(UpstreamTimeout, match=r"within 0\.05 seconds"):
            await requests(pool, server.url, seconds=0.05)(CREDENTIAL, server.url, FORM)


async def test_nobody_there_is_told(pool: Pool) -> None:
    async with token_server() as server:
        url = server.url
    with pytest.raises(UpstreamUnreachable):
        await requests(pool, url)(CREDENTIAL, url, FORM)


async def test_an_answer_without_end_is_refused(pool: Pool) -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + bytes(MOST_BYTES + 1)
    async with provider(answering(endless)) as there:
        url = f"http://127.0.0.1:{there.port}/token"
        with pytest.raises(UpstreamMalformed, match="larger than"):
            await requests(pool, url)(CREDENTIAL, url, FORM)


async def test_what_is_no_address_is_refused(pool: Pool) -> None:
    with pytest.raises(UpstreamUnreachable, match="user name"):
        await requests(pool)(CREDENTIAL, "https://a:b@example.com/", FORM)
