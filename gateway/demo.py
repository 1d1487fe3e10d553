"""The demo's child process: mock providers, started and ended by the supervisor like any other child."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from gateway.leash import LEASH_VARIABLE, Drain, Drained, Ready, Start, hold_as_child
from gateway.mock import server


async def live(descriptor: int) -> int:
    """Serve mock providers until told to end; the exit code."""
    leash = await hold_as_child(descriptor)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    order = await leash.hear()
    if not isinstance(order, Start):
        return 0
    mock = await server.start(order.host, order.port)
    await leash.say(Ready(url=mock.url))
    signalled = asyncio.create_task(ended.wait())
    while not ended.is_set():
        hearing = asyncio.create_task(leash.hear())
        await asyncio.wait({hearing, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done() and isinstance(hearing.result(), Drain | None):
            ended.set()
    await mock.close()
    await leash.say(Drained())
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(live(int(os.environ.pop(LEASH_VARIABLE)))))
