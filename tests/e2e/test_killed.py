"""kill -9 of any process, again and again: whoever got a whole answer is counted, and counted once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.traffic import Traffic, traffic
from tests.e2e.wire import chat
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import auntil

CLIENTS = 12
ROUNDS = 5
"""Each of them kills both workers and, between them, the control process."""

SCRIPTS = ("gpt", "gpt;chunks=3", "gpt;chunks=20;pace=1ms", "gpt;status=429", "gpt;cut=1", "gpt;utf8;chunks=200")


def varied(number: int) -> bytes:
    """Requests of many kinds, one after another."""
    return chat(SCRIPTS[number % len(SCRIPTS)], stream=number % 2 == 0)


async def kill(gateway: GatewayProcess, name: str, crowd: Traffic) -> None:
    """Kill one of them; back when another runs in its place and clients are answered again."""
    await auntil(lambda: len(gateway.workers()) == 2 and gateway.control(), 15)
    victim = gateway.control() if name == "control" else gateway.workers()[name == "second"]
    assert victim
    os.kill(victim, signal.SIGKILL)
    await auntil(lambda: victim not in gateway.pids())
    answered = len(crowd.acknowledged)
    await auntil(lambda: len(crowd.acknowledged) > answered + 100, 15)


@pytest.mark.slow
async def test_every_answer_that_arrived_is_counted_once(mock: MockProcess, tmp_path: Path) -> None:
    with running(tmp_path, configuration(mock.url), workers=2) as gateway:
        async with traffic(gateway.port, CLIENTS, varied) as crowd:
            for _ in range(ROUNDS):
                for name in ("first", "control", "second"):
                    await kill(gateway, name, crowd)
        assert gateway.close() == 0, gateway.tail()
        counted = {str(name): times for name, times in gateway.stored("select id, count(*) from requests group by id")}
    assert crowd.broken >= ROUNDS, "nobody was hit"
    assert set(counted.values()) == {1}
    lost = set(crowd.acknowledged) - counted.keys()
    assert not lost, f"{len(lost)} of {len(crowd.acknowledged)} lost"
    assert not list((tmp_path / "data" / "spool").rglob("*.*")), "something was left behind"
