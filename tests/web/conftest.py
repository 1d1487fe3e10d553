from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.visiting import House, house_in


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A dashboard of which nobody is a user yet."""
    async with house_in(tmp_path) as made:
        yield made
