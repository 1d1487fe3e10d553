"""A call can be cancelled, paused and resumed, and an end or a failure comes once."""

from __future__ import annotations

import asyncio
import socket
import zlib

from gateway.errors import UpstreamClosed, UpstreamError, UpstreamTimeout
from gateway.outbound.wire import Call, Origin, Pool
from tests.gateway.outbound.peers import HELLO, OK, Heard, Peer, answering, ask, finish, provider, request, send
from tests.waiting import auntil

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_cancelling_is_seen_by_the_provider_at_once(pool: Pool) -> None:
    async def wait_for_end(peer: Peer) -> None:
        await peer.request()
        await peer.gone(5)

    async def stream(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\na\r\n")
        await peer.gone(5)

    for script in (wait_for_end, stream):
        async with provider(script) as there:
            heard = Heard()
            call = send(pool, there.origin, heard)
            await auntil(lambda there=there: there.requests)  # type: ignore[misc]
            if script is stream:
                await asyncio.wait_for(heard.begun.wait(), 5)
            call.cancel()
            call.cancel()
            task = next(iter(there.tasks))
            await asyncio.wait_for(task, 0.25)
            assert (heard.ends, heard.errors, pool.connections_open) == (0, [], 0)


async def test_cancelling_before_there_is_a_connection_gives_up_connecting(pool: Pool) -> None:
    heard = Heard()
    listener = socket.create_server(("127.0.0.1", 0))
    call = pool.send(Origin("http", "127.0.0.1", listener.getsockname()[1]), request(), heard)
    call.cancel()
    assert pool.calls_waiting == 0
    await asyncio.sleep(0.1)
    assert (heard.ends, heard.errors, pool.connections_open) == (0, [], 0)
    listener.close()


async def test_cancelling_in_a_hook_ends_the_telling(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        first, second = Heard(), Heard()
        first.on_head = Call.cancel
        second.on_body = Call.cancel
        send(pool, there.origin, first)
        send(pool, there.origin, second)
        await auntil(lambda: first.status and second.status)
        await asyncio.sleep(0.05)
        assert (first.pieces, first.ends, first.errors) == ([], 0, [])
        assert (second.text, second.ends, second.errors) == (b"hello", 0, [])
        assert pool.connections_open == 0


async def test_cancelling_after_the_end_does_nothing(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        call, _ = await ask(pool, there.origin)
        call.cancel()
        call.pause()
        call.resume()
        again, heard = await ask(pool, there.origin)
        assert (heard.ends, again.connection_reused) == (1, True)


async def test_the_next_call_may_be_sent_from_the_end_of_the_last(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        first, second = Heard(), Heard()
        first.on_end = lambda _: send(pool, there.origin, second)
        send(pool, there.origin, first)
        await finish(second)
        assert second.call.connection_reused
        assert len(there.peers) == 1


async def test_a_receiver_that_pauses_stops_its_provider_and_no_other(pool: Pool) -> None:
    sent: list[int] = []

    async def script(peer: Peer) -> None:
        place = len(sent)
        sent.append(0)
        await peer.request()
        await peer.send(OK + b"Content-Length: 30000000\r\n\r\n")
        while sent[place] < 30_000_000:
            await peer.send(b"x" * 100_000)
            sent[place] += 100_000
        await peer.gone(5)

    async with provider(script) as there:
        slow = Heard(on_body=Call.pause)
        call = send(pool, there.origin, slow, request(idle_timeout=0.4))
        await asyncio.wait_for(slow.begun.wait(), 5)
        _, other = await ask(pool, there.origin)
        assert other.size == 30_000_000
        await asyncio.sleep(0.6)
        assert slow.size <= 256 * 1024
        assert sent[0] < 20_000_000
        slow.on_body = None
        call.resume()
        call.resume()
        await finish(slow)
        assert (slow.size, slow.ends, slow.errors) == (30_000_000, 1, [])


async def test_a_paused_call_does_not_run_out_of_time_but_a_resumed_one_does(pool: Pool) -> None:
    async with provider(answering(CHUNKED + b"1\r\na\r\n")) as there:
        heard = Heard()
        heard.on_body = Call.pause
        call = send(pool, there.origin, heard, request(idle_timeout=0.15))
        await asyncio.wait_for(heard.begun.wait(), 5)
        await asyncio.sleep(0.5)
        assert heard.errors == []
        call.resume()
        await finish(heard)
        assert isinstance(heard.error, UpstreamTimeout)


async def test_a_call_that_ends_paused_leaves_a_connection_that_reads(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        heard = Heard()
        heard.on_head = Call.pause
        send(pool, there.origin, heard)
        await finish(heard)
        again, heard = await ask(pool, there.origin)
        assert (heard.ends, again.connection_reused) == (1, True)


async def test_what_is_compressed_waits_while_the_receiver_pauses(pool: Pool) -> None:
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(3)) + packer.flush()
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with provider(answering(data)) as there:
        heard = Heard()
        heard.on_body = Call.pause
        call = send(pool, there.origin, heard, request(idle_timeout=0.2))
        await asyncio.wait_for(heard.begun.wait(), 5)
        await asyncio.sleep(0.4)
        assert (len(heard.pieces), heard.ends, heard.errors) == (1, 0, [])
        while not heard.over.is_set():
            call.resume()
            await asyncio.sleep(0)
        assert (heard.size, heard.ends) == (3_000_000, 1)


async def test_what_is_compressed_can_be_cancelled_after_its_connection_is_free(pool: Pool) -> None:
    body = zlib.compress(b"\0" * 3_000_000, wbits=31)
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with provider(answering(data)) as there:
        heard = Heard()
        heard.on_body = Call.cancel
        send(pool, there.origin, heard)
        await asyncio.wait_for(heard.begun.wait(), 5)
        await asyncio.sleep(0.05)
        assert (len(heard.pieces), heard.ends, heard.errors) == (1, 0, [])


async def test_what_is_compressed_is_told_before_the_failure_that_follows_it(pool: Pool) -> None:
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(b"\0" * 1_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    data = OK + b"Content-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n" + body
    async with provider(answering(data, then_close=True)) as there:
        _, heard = await ask(pool, there.origin)
    assert heard.size == 1_000_000
    assert isinstance(heard.error, UpstreamClosed)


async def test_a_receiver_that_breaks_does_not_stop_the_clock(pool: Pool, complaints: list[dict[str, object]]) -> None:
    class Broken(Heard):
        def failed(self, error: UpstreamError) -> None:
            super().failed(error)
            raise RuntimeError("a defect")

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone(5)

    async with provider(script) as there:
        broken, second = Broken(), Heard()
        send(pool, there.origin, broken, request(first_byte_timeout=0.1))
        send(pool, there.origin, second, request(first_byte_timeout=0.4))
        await finish(broken)
        await finish(second, 2)
    assert isinstance(second.error, UpstreamTimeout)
    assert len(complaints) == 1
    complaints.clear()
