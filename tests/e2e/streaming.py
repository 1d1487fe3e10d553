"""Many streams at once through one gateway, and how it answers meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.e2e.wire import CHAT, Answer, Wire, ask, chat, dialled, request
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil

CHUNKS = 20
PACED = f"gpt;chunks={CHUNKS};size=8;pace=100ms"
"""Two seconds."""


class Streams:
    """Streams that have begun; `rest` takes what is still to come of each."""

    def __init__(self, wires: list[Wire]) -> None:
        self._answers = [asyncio.create_task(wire.answer()) for wire in wires]
        self.open = len(wires)

    async def rest(self) -> list[Answer]:
        """The whole answers. Raises `Cut`."""
        return await asyncio.gather(*self._answers)

    def running(self) -> int:
        """How many have not ended."""
        return sum(not answer.done() for answer in self._answers)


@asynccontextmanager
async def streaming(gateway: GatewayProcess, count: int, script: str = PACED) -> AsyncIterator[Streams]:
    """So many streams, each of which has begun to flow."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(dialled(gateway.port)) for _ in range(count)]
        for number, wire in enumerate(wires):
            wire.send(chat(f"{script};tag=s{number}", stream=True))
        streams = Streams(wires)
        await auntil(lambda: gateway.total("sluicegate_streams_open") == count)
        yield streams


async def statuses(gateway: GatewayProcess, model: str, key: str, times: int = 16) -> Counter[int]:
    """How requests are answered now, each on a connection of its own: all workers get some."""
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]}}'
    data = request("POST", CHAT, body.encode(), key=key)
    answers = await asyncio.gather(*(ask(gateway.port, data) for _ in range(times)))
    return Counter(answer.status for answer in answers)


async def settle(gateway: GatewayProcess, model: str, key: str, status: int) -> None:
    """Until every worker answers like this."""
    deadline = time.monotonic() + 30
    while (said := await statuses(gateway, model, key)).keys() != {status}:
        assert time.monotonic() < deadline, said


async def check_unharmed(streams: Streams) -> None:
    """All streams are still running, and all of them end well."""
    assert streams.running() == streams.open
    assert all(answer.body.endswith(b"[DONE]\n\n") for answer in await streams.rest())
