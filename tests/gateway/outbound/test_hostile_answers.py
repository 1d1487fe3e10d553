"""Whatever a provider sends ends in one typed error, soon, and with bounded memory."""

from __future__ import annotations

import asyncio
import itertools
import zlib

import pytest

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamMalformed, UpstreamTimeout
from gateway.outbound.answer import MAX_INTERIM_ANSWERS
from gateway.outbound.wire import Pool
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import (
    HELLO,
    OK,
    Heard,
    Peer,
    answering,
    ask,
    finish,
    provider,
    request,
    send,
)

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "garbage": b"\x00\x01\x02 not http at all",
    "another protocol": b"220 smtp.example ESMTP\r\n",
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "bad version": b"HTTP/3.9 200 OK\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status zero": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "space before the colon": OK + b"Content-Length : 2\r\n\r\nok",
    "a line without colon": OK + b"nonsense\r\n\r\n",
    "a folded line": OK + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
    "NUL in a value": OK + b"X-A: b\x00c\r\nContent-Length: 2\r\n\r\nok",
    "NUL in a name": OK + b"X\x00A: bc\r\nContent-Length: 2\r\n\r\nok",
    "return in a value": OK + b"X-A: b\rX-C: d\r\nContent-Length: 2\r\n\r\nok",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "negative length": OK + b"Content-Length: -2\r\n\r\nok",
    "signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "list of lengths": OK + b"Content-Length: 2, 3\r\n\r\nok",
    "huge length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nok",
    "empty length": OK + b"Content-Length: \r\n\r\nok",
    "another transfer coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "identity as transfer coding": OK + b"Transfer-Encoding: identity\r\n\r\nok",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunk size not a number": CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "huge chunk size": CHUNKED + b"fffffffffffffffff\r\nok\r\n",
    "chunk without its end": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
    "NUL in a chunk extension": CHUNKED + b"2;a\x00b\r\nok\r\n0\r\n\r\n",
    "length among the trailers": CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nabc",
    "interim answer with a body": b"HTTP/1.1 150 Odd\r\nContent-Length: 2\r\n\r\nok" + HELLO,
    "too many interim answers": b"HTTP/1.1 102 Wait\r\n\r\n" * (MAX_INTERIM_ANSWERS + 1) + HELLO,
    "head too large": OK + b"X-A: " + b"a" * 5000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "too many fields": OK + b"a:\r\n" * 2000 + b"Content-Length: 2\r\n\r\nok",
    "too much white space": OK + b"X-A:" + b" " * 5000 + b"a\r\nContent-Length: 2\r\n\r\nok",
    "gzip that is none": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "gzip cut short": OK
    + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\n"
    + zlib.compress(b"x" * 9, wbits=31)[:8],
    "bytes after the deflated": OK
    + b"Content-Encoding: deflate\r\nContent-Length: 12\r\n\r\n"
    + zlib.compress(b"x")
    + b"abc",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_answer_is_refused_the_same_however_it_is_cut(name: str, make_pool: PoolMaker) -> None:
    data, outcomes = MALFORMED[name], []
    for cuts in (None, list(range(1, min(len(data), 6000)))):
        pool = make_pool(max_header_bytes=4096)
        async with provider(answering(data, cuts=cuts)) as there:
            _, heard = await ask(pool, there.origin)
            assert isinstance(heard.error, UpstreamMalformed)
            assert heard.error.message.startswith(f"127.0.0.1:{there.port} sent an invalid answer: ")
            assert not heard.error.nothing_sent
            assert pool.connections_open == 0 or b"Content-Encoding" in data  # which says nothing against its framing
            outcomes.append(heard.outcome)
    assert outcomes[0] == outcomes[1]


ENDLESS = {
    "status line": (b"HTTP/1.1 200 ", b"OK" * 500),
    "header value": (OK + b"X-A: ", b"a" * 1000),
    "header fields": (OK, b"X-A: b\r\n" * 100),
    "interim answers": (b"", b"HTTP/1.1 102 Wait\r\n\r\n"),
    "empty lines": (b"", b"\r\n" * 500),
    "chunk size": (CHUNKED, b"0" * 1000),
    "chunk extension": (CHUNKED + b"2;a=", b"b" * 1000),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"X-A: b\r\n" * 100),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_never_ends_is_refused(name: str, pool: Pool) -> None:
    start, more = ENDLESS[name]
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(more)
            sent += len(more)

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin)
        assert isinstance(heard.error, UpstreamMalformed)
    assert sent < 8_000_000  # what the buffers of both kernels hold, and no more


CUT = OK + b"Content-Length: 20\r\n\r\n0123456789"
CUTS = {
    "nothing": b"",
    "status line": b"HTTP/1.1 2",
    "head": OK + b"Content-Le",
    "body": CUT,
    "chunk size": CHUNKED + b"5",
    "chunk": CHUNKED + b"5\r\nabc",
    "between chunks": CHUNKED + b"5\r\nabcde\r\n",
    "trailers": CHUNKED + b"5\r\nabcde\r\n0\r\nX-A: b\r\n",
    "interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize(("name", "reset"), list(itertools.product(CUTS, (False, True))))
async def test_an_answer_that_is_cut_off_fails_once(name: str, reset: bool, pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CUTS[name])
        if reset:
            peer.reset()

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin)
        assert isinstance(heard.error, UpstreamClosed)
        assert not heard.error.nothing_sent
        assert (heard.status == 200) is CUTS[name].startswith((CUT, CHUNKED))
        assert pool.connections_open == 0


async def test_a_reset_in_a_body_without_length_is_not_its_end(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"\r\nhalf of ")
        await asyncio.wait_for(heard.begun.wait(), 5)
        peer.reset()

    heard = Heard()
    async with provider(script) as there:
        send(pool, there.origin, heard)
        await finish(heard)
    assert isinstance(heard.error, UpstreamClosed)
    assert heard.error.message == f"127.0.0.1:{there.port} reset the connection in the middle of its answer"


SILENCES: dict[str, tuple[bytes, type[UpstreamError], str]] = {
    "before the answer": (b"", UpstreamTimeout, "first byte timeout"),
    "within the head": (OK + b"Content-", UpstreamTimeout, "first byte timeout"),
    "after an interim answer": (b"HTTP/1.1 102 Wait\r\n\r\n", UpstreamTimeout, "first byte timeout"),
    "after the head": (CHUNKED, UpstreamTimeout, "idle timeout"),
    "within the body": (CHUNKED + b"2\r\nok\r\n", UpstreamTimeout, "idle timeout"),
    "in place of the trailers' end": (CHUNKED + b"0\r\nX-A: b\r\n", UpstreamTimeout, "idle timeout"),
}


@pytest.mark.parametrize("name", SILENCES)
async def test_silence_ends_in_a_timeout_that_names_its_limit(name: str, pool: Pool) -> None:
    data, kind, limit = SILENCES[name]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)
        await peer.gone(5)

    loop = asyncio.get_running_loop()
    async with provider(script) as there:
        started = loop.time()
        _, heard = await ask(pool, there.origin, request(first_byte_timeout=0.2, idle_timeout=0.2))
        assert 0.19 < loop.time() - started < 4
        assert type(heard.error) is kind
        assert limit in heard.error.message
        assert not heard.error.nothing_sent


async def test_a_trickle_of_header_bytes_is_not_an_answer(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for byte in OK * 100:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.02)

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, request(first_byte_timeout=0.3, idle_timeout=0.3))
    assert isinstance(heard.error, UpstreamTimeout)


async def test_a_trickle_of_framing_is_not_progress(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1;a=")
        while True:
            await peer.send(b"b")
            await asyncio.sleep(0.02)

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, request(idle_timeout=0.3))
    assert isinstance(heard.error, UpstreamTimeout)


async def test_a_slow_stream_that_goes_on_is_not_cut(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(8):
            await peer.send(b"1\r\na\r\n")
            await asyncio.sleep(0.1)
        await peer.send(b"0\r\n\r\n")
        await peer.gone(5)

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, request(first_byte_timeout=0.4, idle_timeout=0.4))
    assert (heard.text, heard.errors) == (b"a" * 8, [])


async def test_a_stream_may_get_another_idle_limit(pool: Pool) -> None:
    heard = Heard()
    heard.on_head = lambda call: call.set_idle_timeout(0.2)
    async with provider(answering(CHUNKED + b"1\r\na\r\n")) as there:
        send(pool, there.origin, heard, request(idle_timeout=60))
        await finish(heard)
    assert "for 0.2 s" in heard.error.message


async def test_a_provider_that_takes_no_request_is_given_up(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await asyncio.Event().wait()

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, request(b"x" * 30_000_000, idle_timeout=0.3, first_byte_timeout=60))
    assert isinstance(heard.error, UpstreamTimeout)
    assert "took nothing of the request" in heard.error.message


async def test_a_provider_that_takes_the_request_slowly_is_given_time(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(15):
            await peer.reader.read(500_000)
            await asyncio.sleep(0.05)
        while len(await peer.reader.read(1_000_000)) == 1_000_000:
            pass
        while b"the end" not in await peer.reader.read(1_000_000):
            pass
        await peer.send(HELLO)

    message = request(b"x" * 20_000_000 + b"the end", idle_timeout=0.4, first_byte_timeout=0.4)
    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, message)
    assert heard.ends == 1


async def test_a_bomb_is_told_in_pieces_and_refused(make_pool: PoolMaker) -> None:
    pool = make_pool(max_reply_bytes=4 * 1024 * 1024)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(64)) + packer.flush()
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    async with provider(answering(data)) as there:
        _, heard = await ask(pool, there.origin)
    assert isinstance(heard.error, UpstreamMalformed)
    assert max(len(piece) for piece in heard.pieces) <= 256 * 1024
    assert heard.size <= 8 * 1024 * 1024


async def test_a_bomb_leaves_others_their_turn(pool: Pool) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(40)) + packer.flush()
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with provider(answering(data)) as there:
        counting = asyncio.create_task(count())
        _, heard = await ask(pool, there.origin)
        counting.cancel()
    assert heard.size == 40_000_000
    assert turns > 100
