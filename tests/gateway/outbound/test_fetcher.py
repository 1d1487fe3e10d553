"""Small answers as a whole: within limits, without redirects, without cookies, and with errors of ours."""

from __future__ import annotations

import pytest

from gateway.errors import UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from gateway.outbound.client import Fetcher
from gateway.outbound.guard import may_reach
from gateway.outbound.wire import Pool
from gateway.settings.model import UpstreamSettings
from tests.gateway.outbound.peers import HELLO, OK, Peer, answering, provider

REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: who=ada\r\nContent-Length: 0\r\n\r\n"


async def test_an_answer_comes_as_a_whole(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        url = f"http://127.0.0.1:{there.port}/token"
        answer = await Fetcher(pool)("POST", url, {"content-type": "text/plain"}, b"a question")
        assert (answer.status, answer.headers["CONTENT-LENGTH"], answer.body) == (200, "5", b"hello")
        assert there.requests[0].endswith(b"\r\n\r\na question")


@pytest.mark.parametrize(
    "more", [b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 99\r\n\r\n", b"Content-Encoding: gzip\r\n\r\n..."]
)
async def test_who_is_only_told_something_may_answer_what_it_likes(pool: Pool, more: bytes) -> None:
    async with provider(answering(OK + more, then_close=True)) as there:
        url = f"http://127.0.0.1:{there.port}/hook"
        assert await Fetcher(pool, most_bytes=1).tell(url, {"content-type": "application/json"}, b"{}") == 200
        assert there.requests[0].startswith(b"POST /hook ")
        assert there.requests[0].endswith(b"\r\n\r\n{}")


async def test_redirects_are_answers_and_cookies_are_forgotten(pool: Pool) -> None:
    async with provider(answering(REDIRECT)) as there:
        fetch = Fetcher(pool)
        for _ in range(2):
            assert (await fetch("GET", f"http://127.0.0.1:{there.port}/", {})).status == 302
        assert not any(b"ookie" in request or b"elsewhere" in request for request in there.requests)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (OK + b"Content-Length: 1001\r\n\r\n" + b"a" * 1001, UpstreamMalformed),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", UpstreamMalformed),
        (b"nonsense\r\n\r\n", UpstreamMalformed),
    ],
)
async def test_what_is_too_large_or_no_answer_is_refused(pool: Pool, answer: bytes, error: type[UpstreamError]) -> None:
    async with provider(answering(answer)) as there:
        with pytest.raises(error):
            await Fetcher(pool, most_bytes=1000)("GET", f"http://127.0.0.1:{there.port}/", {})


async def test_an_answer_that_drips_does_not_outlast_the_limit(pool: Pool) -> None:
    async def drip(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"Content-Length: 9\r\n\r\nhello")
        await peer.gone(5)

    async with provider(drip) as there:
        with pytest.raises(UpstreamTimeout, match=r"No answer within 0\.1 seconds"):
            await Fetcher(pool, seconds=0.1)("GET", f"http://127.0.0.1:{there.port}/", {})


@pytest.mark.parametrize("url", ["no address", "ftp://127.0.0.1/", "http://[/", "http://127.0.0.1:99999/"])
async def test_what_is_no_address_is_refused(pool: Pool, url: str) -> None:
    with pytest.raises(UpstreamError):
        await Fetcher(pool)("GET", url, {})


async def test_a_guarded_one_does_not_reach_this_machine() -> None:
    pool = Pool(UpstreamSettings(), permit=may_reach)
    with pytest.raises(UpstreamUnreachable, match="is not public"):
        await Fetcher(pool, guarded=True)("GET", "http://127.0.0.1:1/", {})
    await pool.close()
