from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.pools.board import Board
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory
from tests.gateway.pools.scenes import Clock
from tests.gateway.shared.places import shared

MakeBoard = Callable[..., Board]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[SharedMemory]:
    """A small one, for three workers."""
    with shared(tmp_path / "shared.mmap") as memory:
        yield memory


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(memory: SharedMemory, clock: Clock) -> MakeBoard:
    """Boards on one memory, by column."""

    def make(column: int | None = 0, **settings: float) -> Board:
        return Board(memory, RestSettings(**settings), column, clock, chance=lambda: 1.0)  # type: ignore[arg-type]

    return make


@pytest.fixture
def board(make: MakeBoard) -> Board:
    return make()
