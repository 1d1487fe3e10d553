"""Every test here runs on uvloop, as the gateway does, and fails when the event loop has a complaint."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop

from gateway.outbound.wire import Pool
from gateway.settings.model import UpstreamSettings

PoolMaker = Callable[..., Pool]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop's exception handler was told; must be empty at the end."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    yield heard
    gc.collect(1)
    await asyncio.sleep(0)
    assert heard == []


@pytest.fixture
async def make_pool() -> AsyncIterator[PoolMaker]:
    """Makes pools with the given settings and closes them."""
    pools: list[Pool] = []

    def make(**options: Any) -> Pool:
        context = options.pop("ssl_context", None)
        pools.append(Pool(UpstreamSettings(**options), ssl_context=context))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
async def pool(make_pool: PoolMaker) -> Pool:
    return make_pool()
