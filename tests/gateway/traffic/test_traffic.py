"""Asking goes on as long as there is somebody to ask, and stops at once when there is not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from gateway import claims
from gateway.seeding.kept import Furnished, keep
from gateway.settings.demo import DEMO_PROVIDERS, add_demo
from gateway.settings.model import ServerSettings, Settings
from gateway.settings.objects import ProviderSettings
from gateway.traffic import traffic
from gateway.traffic.traffic import Traffic
from tests.waiting import auntil

MOCK_URL = "http://127.0.0.1:9"

STREAM = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: {}\n\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "FIRST_A_SECOND", 200.0)
    monkeypatch.setattr(traffic, "LOOK_SECONDS", 0.01)


class Streams:
    """A gateway that begins every answer and ends none."""

    def __init__(self) -> None:
        self.asked = self.open = 0
        self._server: asyncio.Server | None = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked, self.open = self.asked + 1, self.open + 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(STREAM)
            while await reader.read(65536):
                pass
        self.open -= 1
        writer.close()

    async def begin(self, data_dir: Path) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        (data_dir / "run").mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{port}"
        claims.announce(data_dir, claims.Announcement(pid=os.getpid(), url=url, version="1", started_at=""))

    def refuse(self) -> None:
        """Take nothing new; what runs, runs on."""
        assert self._server is not None
        self._server.close()

    async def end(self) -> None:
        """Once everybody is gone."""
        await auntil(lambda: self.open == 0)
        self.refuse()
        await asyncio.sleep(0)


@asynccontextmanager
async def asking(data_dir: Path) -> AsyncIterator[tuple[asyncio.Task[None], Traffic]]:
    settings = add_demo(Settings(server=ServerSettings(data_dir=str(data_dir))), MOCK_URL)
    traffic = Traffic(settings, MOCK_URL, chance=Random(1))
    task = asyncio.create_task(traffic.run())
    try:
        yield task, traffic
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_begins_when_there_is_a_gateway_with_people(tmp_path: Path) -> None:
    gateway = Streams()
    async with asking(tmp_path):
        await gateway.begin(tmp_path)
        await asyncio.sleep(0.1)
        assert gateway.asked == 0, "a gateway without a made-up company is somebody's own"
        keep(tmp_path, Furnished(until_us=1))
        await asyncio.sleep(0.1)
        assert gateway.asked == 0, "nobody has a key yet"
        keep(tmp_path, Furnished(until_us=1, secrets={"ci": "slg-secret"}))
        await auntil(lambda: gateway.asked > 5)
    await gateway.end()


async def test_of_more_than_so_many_at_once_the_oldest_gives_way(tmp_path: Path) -> None:
    gateway = Streams()
    await gateway.begin(tmp_path)
    keep(tmp_path, Furnished(until_us=1, secrets={"ci": "slg-secret"}))
    async with asking(tmp_path):
        await auntil(lambda: gateway.asked > 2 * traffic.AT_ONCE)
        assert gateway.open <= traffic.AT_ONCE + 1
    await gateway.end()


async def test_what_leads_elsewhere_by_new_settings_is_not_asked_for_any_more(tmp_path: Path) -> None:
    gateway = Streams()
    await gateway.begin(tmp_path)
    keep(tmp_path, Furnished(until_us=1, secrets={"ci": "slg-secret"}))
    async with asking(tmp_path) as (_, running):
        await auntil(lambda: gateway.asked > 5)
        elsewhere = [ProviderSettings(id=each.id, format=each.format, base_url="http://h") for each in DEMO_PROVIDERS]
        server = ServerSettings(data_dir=str(tmp_path))
        running.follow(add_demo(Settings(server=server, providers=tuple(elsewhere)), MOCK_URL))
        await asyncio.sleep(0.1)
        asked = gateway.asked
        await asyncio.sleep(0.2)
        assert gateway.asked == asked
    await gateway.end()


async def test_what_runs_is_given_up_when_nobody_takes_requests_any_more(tmp_path: Path) -> None:
    gateway = Streams()
    await gateway.begin(tmp_path)
    keep(tmp_path, Furnished(until_us=1, secrets={"ci": "slg-secret"}))
    async with asking(tmp_path) as (task, _):
        await auntil(lambda: gateway.open > 5)
        gateway.refuse()
        await auntil(lambda: gateway.open == 0)
        assert not task.done()
        # And it goes on when somebody is there again.
        again = Streams()
        await again.begin(tmp_path)
        await auntil(lambda: again.asked > 3)
    await again.end()


async def test_after_a_lively_beginning_it_asks_as_often_as_the_history_goes_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "FIRST_SECONDS", 0.0)
    asked_for: list[float] = []

    class Paused(Random):
        def expovariate(self, lambd: float = 1.0) -> float:
            asked_for.append(lambd)
            return 0.01

    noon, night = (round(datetime(2026, 11, 18, hour, 30, tzinfo=UTC).timestamp()) for hour in (10, 5))
    settings = add_demo(Settings(server=ServerSettings(data_dir=str(tmp_path))), MOCK_URL)
    rates = []
    for at in (noon, night):
        monkeypatch.setattr("gateway.traffic.traffic.time", SimpleNamespace(time_ns=lambda at=at: at * 10**9))
        monkeypatch.setattr(traffic, "WAVE", 0.0)
        asked_for.clear()
        task = asyncio.create_task(Traffic(settings, MOCK_URL, chance=Paused(1)).run())
        await auntil(lambda: len(asked_for) > 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (rate,) = set(asked_for)
        rates.append(rate)
    assert rates[0] > 1.5 * rates[1] >= 1.5 * traffic.LEAST_A_SECOND
