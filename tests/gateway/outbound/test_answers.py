"""What a provider may answer, and that it does not matter how the bytes are cut."""

from __future__ import annotations

import asyncio
import random
import zlib

import pytest

from gateway.errors import UpstreamClosed
from gateway.outbound.answer import LONGEST_LEARNT, NAMES_LEARNT
from gateway.outbound.wire import Call, Pool
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
GZIP = zlib.compressobj(wbits=31)
ZIPPED = GZIP.compress(b"so much text, " * 50) + GZIP.flush()
RAW = zlib.compressobj(wbits=-15)
DEFLATED_RAW = RAW.compress(b"raw deflate") + RAW.flush()
DEFLATED = zlib.compress(b"deflate")


def sized(body: bytes, *lines: bytes) -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + b"Content-Length: %d\r\n\r\n" % len(body) + body


ANSWERS = {
    "content-length": (HELLO, b"hello"),
    "nothing": (OK + b"content-length: 0\r\n\r\n", b""),
    "space around values": (OK + b"X-Space: \t a b \t\r\nX-Empty:\r\nContent-Length: 2 \r\n\r\nok", b"ok"),
    "chunked": (CHUNKED + b"3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789"),
    "chunk extensions": (CHUNKED + b'3;a=b;c="d e"\r\nabc\r\n0;last\r\n\r\n', b"abc"),
    "trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 12 \r\n\r\n", b"abc"),
    "no body with 204": (b"HTTP/1.1 204 No Content\r\nX-Y: z\r\n\r\n", b""),
    "no body with 304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n", b""),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" + HELLO, b"hello"),
    "no reason": (b"HTTP/1.1 503\r\nContent-Length: 4\r\n\r\nbusy", b"busy"),
    "leading empty lines": (b"\r\n\r\n" + HELLO, b"hello"),
    "bytes above ASCII": (OK + "X-Name: Grüße\r\n".encode() + b"Content-Length: 1\r\n\r\n\xff", b"\xff"),
    "gzip": (sized(ZIPPED, b"Content-Encoding: gzip"), b"so much text, " * 50),
    "two gzip members": (sized(ZIPPED * 2, b"Content-Encoding: x-gzip"), b"so much text, " * 100),
    "deflate": (sized(DEFLATED, b"Content-Encoding: deflate"), b"deflate"),
    "deflate without its header": (sized(DEFLATED_RAW, b"Content-Encoding: Deflate"), b"raw deflate"),
    "gzip of nothing": (sized(b"", b"Content-Encoding: gzip"), b""),
    "a coding we do not know": (sized(b"brrr", b"Content-Encoding: br"), b"brrr"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_heard_the_same_however_it_is_cut(name: str, pool: Pool) -> None:
    data, body = ANSWERS[name]
    randomly = random.Random(name)
    some = sorted(randomly.sample(range(1, len(data)), min(9, len(data) - 1)))
    outcomes = []
    for cuts in (None, list(range(1, len(data))), some):
        async with provider(answering(data, cuts=cuts)) as there:
            call, heard = await ask(pool, there.origin)
            assert (heard.text, heard.ends, heard.errors) == (body, 1, [])
            outcomes.append((heard.outcome, call.trailers))
            again, heard = await ask(pool, there.origin)
            assert again.connection_reused
            assert (heard.outcome, again.trailers) == outcomes[-1]
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def test_names_are_lower_case_and_values_trimmed(pool: Pool) -> None:
    async with provider(answering(ANSWERS["space around values"][0])) as there:
        _, heard = await ask(pool, there.origin)
    assert heard.headers == [(b"x-space", b"a b"), (b"x-empty", b""), (b"content-length", b"2")]


async def test_names_of_any_number_and_length_are_lower_case(pool: Pool) -> None:
    lines = [b"X-Many-%d: v" % number for number in range(NAMES_LEARNT + 1)]
    async with provider(answering(sized(b"", *lines, b"X-" + b"Long" * LONGEST_LEARNT + b": v"))) as there:
        for _ in range(2):
            _, heard = await ask(pool, there.origin)
            assert len(heard.headers) == len(lines) + 2
            assert all(name == name.lower() for name, _ in heard.headers)


async def test_trailers_are_on_the_call(pool: Pool) -> None:
    async with provider(answering(ANSWERS["trailers"][0])) as there:
        call, heard = await ask(pool, there.origin)
    assert call.trailers == [(b"x-sum", b"12")]
    assert heard.headers == [(b"transfer-encoding", b"chunked")]


async def test_a_head_does_not_tell_of_a_coding_that_was_undone(pool: Pool) -> None:
    async with provider(answering(sized(ZIPPED, b"Content-Encoding: gzip", b"X-Y: z"))) as there:
        _, heard = await ask(pool, there.origin)
    assert heard.headers == [(b"x-y", b"z")]


async def test_a_coding_we_do_not_know_is_left_alone(pool: Pool) -> None:
    async with provider(answering(ANSWERS["a coding we do not know"][0])) as there:
        _, heard = await ask(pool, there.origin)
    assert heard.headers == [(b"content-encoding", b"br"), (b"content-length", b"4")]


async def test_a_body_may_end_with_the_connection(pool: Pool) -> None:
    async with provider(answering(OK + b"\r\nall of it", then_close=True)) as there:
        _, heard = await ask(pool, there.origin)
    assert (heard.text, heard.ends) == (b"all of it", 1)
    assert pool.connections_open == 0


async def test_a_compressed_body_may_end_with_the_connection(pool: Pool) -> None:
    data = OK + b"Content-Encoding: gzip\r\n\r\n" + ZIPPED
    async with provider(answering(data, then_close=True)) as there:
        _, heard = await ask(pool, there.origin)
    assert (heard.text, heard.ends) == (b"so much text, " * 50, 1)


async def test_the_answer_to_head_has_no_body(pool: Pool) -> None:
    async with provider(answering(OK + b"Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\n")) as there:
        _, heard = await ask(pool, there.origin, request(method=b"HEAD"))
        assert (heard.status, heard.text, heard.ends) == (200, b"", 1)
        assert heard.headers == [(b"content-length", b"5"), (b"content-encoding", b"gzip")]
        assert pool.connections_open == 0


@pytest.mark.parametrize(
    "head",
    [
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        OK + b"Keep-Alive: timeout=0\r\nContent-Length: 5\r\n\r\n",
    ],
)
async def test_a_connection_that_will_not_be_kept_is_not_used_again(head: bytes, pool: Pool) -> None:
    async with provider(answering(head + b"hello")) as there:
        for _ in range(2):
            call, heard = await ask(pool, there.origin)
            assert (heard.text, call.connection_reused) == (b"hello", False)
        assert pool.connections_open == 0


async def test_http_1_0_may_keep_its_connection(pool: Pool) -> None:
    data = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
    async with provider(answering(data)) as there:
        await ask(pool, there.origin)
        call, _ = await ask(pool, there.origin)
    assert call.connection_reused


@pytest.mark.parametrize("excess", [b"H", b"junk", HELLO, b"\r\n\r\nx"])
async def test_bytes_after_the_end_cost_the_connection_but_not_the_answer(excess: bytes, pool: Pool) -> None:
    async with provider(answering(HELLO + excess)) as there:
        _, heard = await ask(pool, there.origin)
        assert (heard.text, heard.ends) == (b"hello", 1)
        assert pool.connections_open == 0


async def test_pieces_that_come_together_are_told_together(pool: Pool) -> None:
    async with provider(answering(CHUNKED + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")) as there:
        _, heard = await ask(pool, there.origin)
    assert heard.text == b"a" * 1000
    assert len(heard.pieces) < 10


async def test_an_error_answer_is_an_answer(pool: Pool) -> None:
    async with provider(answering(b"HTTP/1.1 429 Slow down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}")) as there:
        _, heard = await ask(pool, there.origin)
    assert (heard.status, heard.text, heard.ends) == (429, b"{}", 1)


@pytest.mark.parametrize("name", ["content-length", "chunked", "gzip"])
async def test_a_hook_may_put_another_receiver_in_its_place(name: str, pool: Pool) -> None:
    data, body = ANSWERS[name]
    first, second = Heard(), Heard(status=1)

    def swap(call: Call) -> None:
        call.receiver = second

    first.on_head = swap
    async with provider(answering(data)) as there:
        send(pool, there.origin, first)
        await finish(second)
    assert (second.text, second.ends) == (body, 1)
    assert (first.status, first.pieces, first.ends) == (200, [], 0)


async def test_an_answer_that_begins_before_the_request_is_sent_ends_its_connection(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno")
        await asyncio.Event().wait()

    async with provider(script) as there:
        _, heard = await ask(pool, there.origin, request(b"x" * 20_000_000))
        assert (heard.status, heard.text, heard.ends) == (413, b"no", 1)
        assert pool.connections_open == 0


async def test_a_large_request_arrives_whole(pool: Pool) -> None:
    body = random.Random(1).randbytes(3_000_000)
    async with provider(answering(HELLO)) as there:
        for _ in range(2):
            _, heard = await ask(pool, there.origin, request(body))
            assert heard.ends == 1
        assert [each.partition(b"\r\n\r\n")[2] == body for each in there.requests] == [True, True]
    assert pool.connections_opened == 1


async def test_a_receiver_that_breaks_ends_its_call(pool: Pool, complaints: list[dict[str, object]]) -> None:
    def break_down(_call: Call) -> None:
        raise RuntimeError("a defect")

    heard = Heard(on_body=break_down)
    async with provider(answering(CHUNKED + b"1\r\na\r\n")) as there:
        send(pool, there.origin, heard)
        await finish(heard)
    assert isinstance(heard.error, UpstreamClosed)
    assert len(complaints) == 1
    complaints.clear()
