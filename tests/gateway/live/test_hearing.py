from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from gateway.live.hearing import heard


class Asker:
    """Somebody who listens until told to leave."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.ends = 0

    async def receive(self) -> MutableMapping[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    def end(self) -> None:
        self.ends += 1


async def two() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


async def test_all_parts_are_heard_and_the_end_is_told() -> None:
    asker = Asker()
    assert [part async for part in heard(two(), asker.end, asker.receive)] == [b"one", b"two"]
    assert asker.ends


async def test_whoever_leaves_ends_it_while_nothing_is_said() -> None:
    asker, ended = Asker(), asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield b"one"
        await ended.wait()

    parts = heard(silent(), ended.set, asker.receive)
    assert await anext(parts) == b"one"
    asker.leaves.set()
    assert [part async for part in parts] == []
