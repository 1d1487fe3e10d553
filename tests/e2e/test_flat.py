"""Ten thousand requests of every kind leave a worker as they found it, and every one of them is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.wire import CHAT, Wire, ask, chat, dialled, request
from tests.gateway_process import GatewayProcess, configuration, get, open_files, resident_bytes, running
from tests.providers import MockProcess
from tests.waiting import auntil

REQUESTS = 10_000
WARM_UP = 2_000
NAMES = 1_000
"""Model names of the warm-up that nobody will use again: by then every table that fills up with names is full."""

CLIENTS = 12
GROWTH = 8 * 2**20
"""Most bytes of memory that a worker may gain afterwards."""

LEAVING = b"the client leaves in the middle of the answer"


def invented(number: int) -> bytes:
    """A request for a model that a provider will answer for, and that nobody has asked for before."""
    return chat(f"invented-{number}")


Kinds = Sequence[Callable[[int], bytes]]

KINDS: Kinds = (
    lambda number: chat("gpt"),
    lambda number: chat("gpt;chunks=5", stream=True),
    lambda number: chat(f"made-up-{number}"),
    lambda number: chat(f"missing-{number}", stream=True),
    lambda number: chat("gpt;chunks=30;pace=1ms", stream=True),
    lambda number: chat("gpt;status=429"),
    lambda number: chat("gpt;cut=2", stream=True),
    lambda number: LEAVING,
    lambda number: chat(f"gpt;size=2000;chunks={number % 20}", stream=True),
    lambda number: chat("gpt", user=f"user-{number}"),
    lambda number: request("POST", CHAT, b'{"model":', user_agent=f"agent-{number}"),
    lambda number: request("POST", "/v1/embeddings", b'{"model":"mock/text","input":"x"}'),
    lambda number: chat("gpt;reset=0"),
    lambda number: request("POST", CHAT, b"{}", key=f"sk-nobody-{number}"),
)
"""One in seven names a model that nobody has heard of."""


async def client(port: int, numbers: Iterator[int], kinds: Kinds) -> None:
    """Asks until there are no more numbers, on each connection as long as it lasts."""
    while True:
        async with dialled(port) as wire:
            for number in numbers:
                if not await asked(wire, kinds[number % len(kinds)](number)):
                    break
            else:
                return


async def asked(wire: Wire, data: bytes) -> bool:
    """One request and its answer; whether the connection is still of use."""
    if data is not LEAVING:
        return (await wire.ask(data)).header("connection") != "close"
    wire.send(chat("gpt;chunks=100;pace=5ms", stream=True))
    await wire.head()
    wire.abort()
    return False


async def send(port: int, numbers: range, kinds: Kinds) -> None:
    """That many requests, from several clients at once."""
    shared = iter(numbers)
    await asyncio.gather(*(client(port, shared, kinds) for _ in range(CLIENTS)))


async def at_rest(gateway: GatewayProcess, requests: int) -> None:
    """Until nothing runs, and the workers together have counted so many."""
    await auntil(lambda: gateway.total("sluicegate_requests_in_flight") == 0)
    await auntil(lambda: gateway.total("sluicegate_requests_total") >= requests)
    assert gateway.total("sluicegate_requests_total") == requests


@pytest.mark.slow
async def test_a_worker_is_the_same_after_ten_thousand_requests(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, configuration(mock.url), workers=2) as gateway:
        workers = gateway.workers()
        await send(gateway.port, range(NAMES), (invented,))
        await send(gateway.port, range(NAMES, WARM_UP), KINDS)
        await at_rest(gateway, WARM_UP)
        # Every worker has written the metrics out before: a few megabytes, which it keeps.
        exposition = max(len(get(f"{gateway.url}/metrics")) for _ in range(16))
        before = {pid: (resident_bytes(pid), open_files(pid)) for pid in workers}

        await send(gateway.port, range(WARM_UP, REQUESTS), KINDS)
        await at_rest(gateway, REQUESTS)
        assert gateway.workers() == workers
        for pid, (resident, files) in before.items():
            assert resident_bytes(pid) - resident < GROWTH, f"{(resident_bytes(pid) - resident) / 2**20:.1f} MiB more"
            assert abs(open_files(pid) - files) <= CLIENTS
        assert len(get(f"{gateway.url}/metrics")) < 1.1 * exposition
        assert (await ask(gateway.port, chat("gpt"))).status == 200
        assert gateway.close() == 0
        assert gateway.stored("select count(*), count(distinct id) from requests") == [(REQUESTS + 1, REQUESTS + 1)]
        assert "Traceback" not in gateway.said()
