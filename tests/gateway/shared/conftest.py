from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.shared.memory import SharedMemory
from tests.gateway.shared.places import shared


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared.mmap"


@pytest.fixture
def memory(path: Path) -> Iterator[SharedMemory]:
    """A small one, for three workers."""
    with shared(path) as memory:
        yield memory
