"""A file that another process writes, followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway.store.followed import Followed
from gateway.store.generations import Generations, shared_file
from tests.waiting import auntil


@pytest.fixture
def generations(tmp_path: Path) -> Iterator[Generations]:
    found = Generations(shared_file(tmp_path))
    yield found
    found.close()


def ticked(followed: Followed[str]) -> bool:
    """Once more."""
    followed.tick()
    return True


async def test_it_is_read_anew_when_the_word_tells(generations: Generations) -> None:
    said, heard = ["first"], list[str]()
    followed = Followed(generations, lambda: said[-1], lambda: heard.append(followed.held))
    followed.tick()
    assert (followed.held, heard) == ("first", [])
    said.append("second")
    generations.tell("registry")
    await auntil(lambda: ticked(followed) and bool(heard))
    assert (followed.held, heard) == ("second", ["second"])
    await followed.close()


async def test_what_has_not_changed_is_not_told(generations: Generations) -> None:
    reads, heard = list[int](), list[int]()

    def load() -> str:
        reads.append(1)
        return "the same"

    followed = Followed(generations, load, lambda: heard.append(1))
    generations.tell("registry")
    await auntil(lambda: ticked(followed) and len(reads) == 2)
    await followed.close()
    assert heard == []


async def test_what_cannot_be_read_leaves_what_holds(generations: Generations) -> None:
    said: list[str | None] = ["first"]

    def load() -> str:
        if said[-1] is None:
            raise RuntimeError("never mind")
        return said[-1]

    followed = Followed(generations, load, lambda: None)
    said.append(None)
    generations.tell("registry")
    with structlog.testing.capture_logs() as lines:
        await auntil(lambda: ticked(followed) and bool(lines))
    assert followed.held == "first"
    said.append("second")
    generations.tell("registry")
    await auntil(lambda: ticked(followed) and followed.held == "second")
    await followed.close()
