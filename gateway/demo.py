"""The demo's child process: mock providers and who asks them, started and ended by the supervisor like any other."""

from __future__ import annotations

import asyncio
import os
import signal

from gateway.end import end
from gateway.leash import (
    LEASH_VARIABLE,
    Drained,
    Leash,
    Order,
    Ready,
    Reload,
    Reloaded,
    ReloadOutcome,
    Report,
    Start,
    hold_as_child,
)
from gateway.mock import server
from gateway.settings.demo import add_demo
from gateway.traffic.traffic import Traffic


async def live(descriptor: int) -> int:
    """Serve mock providers, and ask if that is wanted, until told to end; the exit code."""
    leash = await hold_as_child(descriptor)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    order = await leash.hear()
    if not isinstance(order, Start):
        return 0
    mock = await server.start(order.host, order.port)
    await leash.say(Ready(url=mock.url))
    traffic = Traffic(add_demo(order.settings, mock.url), mock.url, requests=order.history)
    tasks = [asyncio.create_task(ended.wait()), asyncio.create_task(obey(leash, traffic))]
    asking = [asyncio.create_task(traffic.run())] if order.lively else []
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, *asking):
        task.cancel()
    await asyncio.gather(*tasks, *asking, return_exceptions=True)
    await mock.close()
    await leash.say(Drained())
    return 0


async def obey(leash: Leash[Report, Order], traffic: Traffic) -> None:
    """Do as the supervisor says, until it says to end, or is gone."""
    while isinstance(order := await leash.hear(), Reload | ReloadOutcome):
        if isinstance(order, Reload):
            traffic.follow(order.settings)
            await leash.say(Reloaded(generation=order.generation))


if __name__ == "__main__":
    end(asyncio.run(live(int(os.environ.pop(LEASH_VARIABLE)))))
