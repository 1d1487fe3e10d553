"""Every address of a name is tried, and a silent one does not hold up the next."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.errors import UpstreamTimeout
from gateway.outbound.addresses import STAGGER_SECONDS, _first_of, find_addresses, open_tcp
from gateway.outbound.wire import Origin
from tests.gateway.outbound.conftest import PoolMaker
from tests.gateway.outbound.peers import ask, descriptors
from tests.waiting import auntil


@pytest.fixture
def silent() -> object:
    """An address that lets connections wait for ever: its queue is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    yield listener.getsockname()
    for sock in (*waiting, listener):
        sock.close()


@pytest.fixture
def listening() -> object:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@pytest.fixture
def refusing() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address: tuple[str, int] = listener.getsockname()
    return address


async def test_a_name_with_two_families_reaches_the_one_that_listens(listening: tuple[str, int]) -> None:
    sock = await open_tcp(asyncio.get_running_loop(), "localhost", listening[1])
    assert sock.getpeername() == listening
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    sock.close()


async def test_a_silent_address_has_only_a_head_start(silent: tuple[str, int], listening: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    before, started = descriptors(), loop.time()
    sock = await _first_of(loop, [(socket.AF_INET, silent), (socket.AF_INET, listening)])
    assert sock.getpeername() == listening
    assert STAGGER_SECONDS * 0.9 < loop.time() - started < 2
    sock.close()
    await asyncio.sleep(0)
    assert descriptors() == before


async def test_an_address_that_refuses_makes_room_at_once(
    refusing: tuple[str, int], listening: tuple[str, int]
) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    sock = await _first_of(loop, [(socket.AF_INET, refusing), (socket.AF_INET, listening)])
    assert sock.getpeername() == listening
    assert loop.time() - started < STAGGER_SECONDS
    sock.close()


async def test_when_all_refuse_the_last_error_is_told(refusing: tuple[str, int]) -> None:
    with pytest.raises(ConnectionRefusedError):
        await _first_of(asyncio.get_running_loop(), [(socket.AF_INET, refusing)] * 3)


async def test_giving_up_leaves_no_socket(silent: tuple[str, int]) -> None:
    before = descriptors()
    task = asyncio.create_task(_first_of(asyncio.get_running_loop(), [(socket.AF_INET, silent)] * 2))
    await asyncio.sleep(STAGGER_SECONDS * 1.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert descriptors() == before


async def test_families_take_turns() -> None:
    addresses = await find_addresses(asyncio.get_running_loop(), "localhost", 80)
    assert len(addresses) >= 1
    assert all(address[1] == 80 for _, address in addresses)


async def test_connecting_has_a_time_limit(silent: tuple[str, int], make_pool: PoolMaker) -> None:
    before = descriptors()
    _, heard = await ask(make_pool(connect_timeout_seconds=0.2), Origin("http", *silent))
    assert isinstance(heard.error, UpstreamTimeout)
    assert heard.error.message == f"no connection to 127.0.0.1:{silent[1]} within 0.2 s (connect timeout)"
    assert heard.error.nothing_sent
    await auntil(lambda: descriptors() == before)
