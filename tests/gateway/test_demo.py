"""The demo's child process on a leash whose other end the test holds."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.leash import (
    LEASH_VARIABLE,
    Drain,
    Drained,
    Leash,
    Order,
    Ready,
    Reload,
    Reloaded,
    ReloadOutcome,
    Report,
    Start,
    hold_as_supervisor,
)
from gateway.settings.model import ServerSettings, Settings
from tests.source import ROOT


class Child:
    """The process and our end of its leash."""

    def __init__(self, process: asyncio.subprocess.Process, leash: Leash[Order, Report]) -> None:
        self.process, self.leash = process, leash

    async def hear(self) -> Report | None:
        return await asyncio.wait_for(self.leash.hear(), 30)

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def child(directory: Path, *, lively: bool) -> AsyncIterator[tuple[Child, Settings]]:
    """One that has been told what it is."""
    settings = Settings(server=ServerSettings(data_dir=str(directory)))
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway.demo"),
            pass_fds=(theirs.fileno(),),
            env={**os.environ, LEASH_VARIABLE: str(theirs.fileno())},
            cwd=ROOT,
        )
    made = Child(process, await hold_as_supervisor(ours))
    try:
        await made.leash.say(Start(settings=settings, demo=True, lively=lively))
        yield made, settings
    finally:
        made.leash.drop()
        if process.returncode is None:
            process.kill()
        await process.wait()


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/v1/models", timeout=10) as answer:
        return bool(answer.status == 200)


@pytest.mark.parametrize("lively", [False, True])
async def test_it_serves_follows_new_settings_and_ends_when_told(tmp_path: Path, lively: bool) -> None:
    async with child(tmp_path, lively=lively) as (demo, settings):
        ready = await demo.hear()
        assert isinstance(ready, Ready)
        assert await asyncio.to_thread(answers, ready.url)
        await demo.leash.say(Reload(settings=settings, generation=7))
        await demo.leash.say(ReloadOutcome(generation=7, at_us=1))
        assert await demo.hear() == Reloaded(generation=7)
        await demo.leash.say(Drain())
        assert await demo.hear() == Drained()
        assert await demo.exit_code() == 0


async def test_a_signal_ends_it_too(tmp_path: Path) -> None:
    async with child(tmp_path, lively=True) as (demo, _):
        assert isinstance(await demo.hear(), Ready)
        demo.process.send_signal(signal.SIGTERM)
        assert await demo.hear() == Drained()
        assert await demo.exit_code() == 0


async def test_it_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    async with child(tmp_path, lively=True) as (demo, _):
        assert isinstance(await demo.hear(), Ready)
        demo.leash.drop()
        assert await demo.exit_code() == 0
