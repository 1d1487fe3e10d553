"""Connections are kept, shared, limited and let go."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamClosed, UpstreamTimeout, UpstreamUnreachable
from gateway.outbound.wire import Call, Origin, Pool
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import (
    HELLO,
    OK,
    Heard,
    Peer,
    answering,
    ask,
    descriptors,
    finish,
    provider,
    send,
)
from tests.waiting import auntil

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_requests_share_connections(pool: Pool) -> None:
    answered = 0

    async def one_after_the_other() -> None:
        nonlocal answered
        for _ in range(250):
            _, heard = await ask(pool, there.origin)
            answered += heard.ends

    async with provider(answering(HELLO)) as there:
        before = descriptors()
        await asyncio.gather(*(one_after_the_other() for _ in range(8)))
        assert answered == 2000
        assert (len(there.peers), pool.connections_opened) == (8, 8)
        assert (pool.connections_open, pool.connections_idle) == (8, 8)
        assert descriptors() == before + 16


async def test_descriptors_do_not_leak_when_connections_fail(pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with provider(script) as there:
        await ask(pool, there.origin)
        before = descriptors()
        for _ in range(200):
            await ask(pool, there.origin)
        await auntil(lambda: descriptors() <= before)


async def test_the_connection_used_last_is_used_first(pool: Pool) -> None:
    all_asked = asyncio.Barrier(3)

    async def script(peer: Peer) -> None:
        await peer.request()
        await all_asked.wait()
        while True:
            await peer.send(HELLO)
            await peer.request()

    async with provider(script) as there:
        await asyncio.gather(*(ask(pool, there.origin) for _ in range(3)))
        for _ in range(5):
            await ask(pool, there.origin)
        assert sorted(len(peer.requests) for peer in there.peers) == [1, 1, 6]


async def test_a_call_says_how_it_was_connected(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        first, _ = await ask(pool, there.origin)
        second, _ = await ask(pool, there.origin)
    assert (first.connection_reused, first.connect_us > 0) == (False, True)
    assert (second.connection_reused, second.connect_us) == (True, 0)


async def test_a_call_that_finds_a_new_connection_lying_there_has_waited_for_none(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, address = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    really = loop.getaddrinfo

    async def slowly(*place: Any, **options: Any) -> Any:
        await address.wait()
        return await really(*place, **options)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await answer.wait()
            await peer.send(HELLO)

    async with provider(script) as there:
        first, second = Heard(), Heard()
        send(pool, there.origin, first)
        await auntil(lambda: pool.connections_open == 1)
        monkeypatch.setattr(loop, "getaddrinfo", slowly)
        send(pool, there.origin, second)  # a connection is dialled for it, and the first one is free before
        answer.set()
        await finish(first)
        await finish(second)
        address.set()
        await auntil(lambda: pool.connections_idle == 2)
        call, _ = await ask(pool, there.origin)
    assert second.call.connection_reused
    assert (call.connection_reused, call.connect_us) == (False, 0)


async def test_a_unix_socket_is_an_origin(pool: Pool, tmp_path: Path) -> None:
    path = str(tmp_path / "here.sock")
    async with provider(answering(HELLO), path=path) as there:
        _, heard = await ask(pool, Origin.of(f"unix://{path}"))
        assert heard.text == b"hello"
        assert len(there.peers) == 1


async def test_many_calls_reach_a_unix_socket_with_a_short_queue(pool: Pool, tmp_path: Path) -> None:
    path = str(tmp_path / "here.sock")
    async with provider(answering(HELLO), path=path):
        done = await asyncio.gather(*(ask(pool, Origin.of(f"unix://{path}")) for _ in range(300)))
    assert sum(heard.ends for _, heard in done) == 300


async def test_an_idle_connection_is_closed_in_time(make_pool: PoolMaker) -> None:
    pool = make_pool(idle_seconds=0.2)
    async with provider(answering(HELLO)) as there:
        await ask(pool, there.origin)
        assert await there.peers[0].ended(2) < 1
        assert pool.connections_open == 0


async def test_without_idle_time_nothing_is_kept(make_pool: PoolMaker) -> None:
    pool = make_pool(idle_seconds=0)
    async with provider(answering(HELLO)) as there:
        await ask(pool, there.origin)
        assert pool.connections_open == 0
        await there.peers[0].ended(2)


async def test_a_connection_is_kept_no_longer_than_the_provider_keeps_it(pool: Pool) -> None:
    data = OK + b"Keep-Alive: timeout=1, max=100\r\nContent-Length: 2\r\n\r\nok"
    async with provider(answering(data)) as there:
        await ask(pool, there.origin)
        assert 0.3 < await there.peers[0].ended(3) < 0.95


async def test_only_so_many_idle_connections_are_kept(make_pool: PoolMaker) -> None:
    pool = make_pool(max_idle_connections=2)

    async def script(peer: Peer) -> None:
        await peer.request()
        await auntil(lambda: len(there.requests) == 6)
        await peer.send(HELLO)
        await peer.request()

    async with provider(script) as there:
        await asyncio.gather(*(ask(pool, there.origin) for _ in range(6)))
        assert (pool.connections_open, pool.connections_idle) == (2, 2)


async def test_calls_beyond_the_limit_wait_their_turn(make_pool: PoolMaker) -> None:
    pool = make_pool(max_connections=2)
    order: list[Call] = []
    async with provider(answering(HELLO)) as there:
        heards = [Heard() for _ in range(20)]
        calls = [send(pool, there.origin, heard) for heard in heards]
        for heard in heards:
            heard.on_end = order.append
        assert (pool.calls_waiting, pool.calls_in_flight) == (20, 20)
        await asyncio.gather(*(finish(heard) for heard in heards))
        assert len(there.peers) <= 2
        assert pool.calls_in_flight == 0
    assert len(order) == 20
    assert all(abs(order.index(call) - place) <= 1 for place, call in enumerate(calls))


async def test_waiting_for_a_connection_ends_with_the_connect_timeout(make_pool: PoolMaker) -> None:
    pool = make_pool(max_connections=1, connect_timeout_seconds=0.2)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone(5)

    async with provider(script) as there:
        first = send(pool, there.origin, Heard())
        _, heard = await ask(pool, there.origin)
        assert isinstance(heard.error, UpstreamTimeout)
        assert heard.error.nothing_sent
        assert "max_connections 1" in heard.error.message
        first.cancel()
        await there.peers[0].ended(1)


async def test_a_connection_that_becomes_free_serves_a_call_whose_own_is_slow_to_come(pool: Pool) -> None:
    hurdle = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await hurdle.wait()
        await peer.send(HELLO)
        await answering(HELLO)(peer)

    async with provider(script) as there:
        first, second = Heard(), Heard()
        send(pool, there.origin, first)
        await auntil(lambda: there.requests)
        hurdle.set()
        call = send(pool, there.origin, second)
        await finish(second)
        assert second.ends == 1
        assert call.connection is None


async def test_a_connection_closed_while_idle_is_not_used(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        await ask(pool, there.origin)
        there.peers[0].writer.close()
        await auntil(lambda: pool.connections_open == 0)
        call, heard = await ask(pool, there.origin)
        assert (heard.ends, call.connection_reused) == (1, False)


async def test_a_connection_that_speaks_unasked_is_not_used(pool: Pool) -> None:
    async with provider(answering(HELLO)) as there:
        await ask(pool, there.origin)
        await there.peers[0].send(HELLO)
        await auntil(lambda: pool.connections_open == 0)
        call, heard = await ask(pool, there.origin)
        assert (heard.ends, call.connection_reused) == (1, False)


@pytest.mark.parametrize("ending", ["fin", "reset", "words"])
async def test_news_the_loop_has_not_heard_yet_are_looked_for(ending: str, pool: Pool) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    origin = Origin("http", "127.0.0.1", listener.getsockname()[1])
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    heard = Heard()
    send(pool, origin, heard)
    far, _ = await loop.sock_accept(listener)
    await loop.sock_recv(far, 1000)
    await loop.sock_sendall(far, HELLO)
    await finish(heard)
    await asyncio.sleep(0.6)
    if ending == "words":
        far.send(b"x")
    if ending == "reset":
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if ending != "words":
        far.close()
    again = Heard()
    call = send(pool, origin, again)  # in the same turn of the loop
    near, _ = await loop.sock_accept(listener)
    await loop.sock_recv(near, 1000)
    await loop.sock_sendall(near, HELLO)
    await finish(again)
    assert (again.ends, call.connection_reused) == (1, False)
    for each in (far, near, listener):
        each.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_request_that_went_out_on_an_old_connection_is_not_sent_again(reset: bool, pool: Pool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO)
        await peer.request()
        if reset:
            peer.reset()

    async with provider(script) as there:
        await ask(pool, there.origin)
        call, heard = await ask(pool, there.origin)
        assert call.connection_reused
        assert isinstance(heard.error, UpstreamClosed)
        assert not heard.error.nothing_sent
        assert len(there.requests) == 2


async def test_an_old_connection_that_takes_no_byte_is_replaced(pool: Pool, tmp_path: Path) -> None:
    """On a Unix socket the kernel refuses the write at once, so that the end is known before the loop hears of it."""
    path = str(tmp_path / "here.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    olds = []
    heards = [Heard() for _ in range(3)]
    for heard in heards:
        send(pool, Origin("unix", path, 0), heard)
    for _ in heards:
        olds.append((await loop.sock_accept(listener))[0])
        await loop.sock_recv(olds[-1], 1000)
        await loop.sock_sendall(olds[-1], HELLO)
    for heard in heards:
        await finish(heard)
    assert pool.connections_idle == 3
    for old in olds:
        old.close()
    again = Heard()
    call = send(pool, Origin("unix", path, 0), again)  # in the same turn of the loop
    new, _ = await loop.sock_accept(listener)
    await loop.sock_recv(new, 1000)
    await loop.sock_sendall(new, HELLO)
    await finish(again)
    assert (again.ends, call.connection_reused, pool.connections_open) == (1, False, 1)
    new.close()
    listener.close()


async def test_where_nobody_listens_nothing_was_sent(pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _, heard = await ask(pool, Origin("http", "127.0.0.1", port))
    assert isinstance(heard.error, UpstreamUnreachable)
    assert heard.error.nothing_sent
    assert heard.error.message == f"cannot connect to 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a..b", "x" * 70 + ".example"])
async def test_a_name_that_leads_nowhere_is_unreachable(host: str, pool: Pool) -> None:
    _, heard = await ask(pool, Origin("http", host, 80))
    assert isinstance(heard.error, UpstreamUnreachable)
    assert heard.error.message.startswith(f"cannot find {host}:80: ")


async def test_failure_is_never_told_within_send(pool: Pool) -> None:
    heard = Heard()
    send(pool, Origin("http", "127.0.0.1", 1), heard)
    assert heard.errors == []
    await pool.close()
    assert isinstance(heard.error, UpstreamUnreachable)
    late = Heard()
    send(pool, Origin("http", "127.0.0.1", 1), late)
    assert late.errors == []
    await finish(late)
    assert late.error.nothing_sent


async def test_closing_a_pool_fails_what_is_in_flight(pool: Pool) -> None:
    async with provider(answering(CHUNKED + b"1\r\na\r\n")) as there:
        heard = Heard()
        send(pool, there.origin, heard)
        await asyncio.wait_for(heard.begun.wait(), 5)
        await pool.close()
        assert isinstance(heard.error, UpstreamClosed)
        assert pool.connections_open == 0
        await there.peers[0].ended(1)
