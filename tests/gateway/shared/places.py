"""A small layout, and memory laid out so: what the tests of shared memory stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.shared.layout import (
    POOL_COLUMN_BYTES,
    POOL_FIXED_BYTES,
    QUOTA_FIXED_BYTES,
    SESSION_BYTES,
    Area,
    Layout,
    lay_out,
)
from gateway.shared.memory import SharedMemory, prepare

LIMITS = Area("limits", 1, 16, 64, 24, 32)
POOLS = Area("pools", 1, 16, POOL_FIXED_BYTES, POOL_COLUMN_BYTES)
SESSIONS = Area("sessions", 1, 64, SESSION_BYTES, is_named=False)
QUOTAS = Area("quotas", 1, 4, QUOTA_FIXED_BYTES)
SMALL = lay_out((LIMITS, POOLS, SESSIONS, QUOTAS))


@contextmanager
def shared(path: Path, layout: Layout = SMALL, *, workers: int = 3) -> Iterator[SharedMemory]:
    """Memory at this path, made anew or prepared again."""
    prepare(path, workers, layout)
    with closing(SharedMemory(path, layout)) as memory:
        yield memory


def name(number: int) -> bytes:
    """Of a slot."""
    return number.to_bytes(16, "big")


def colliding(number: int) -> bytes:
    """Names that all want the same place in an index."""
    return (b"\7" * 8) + number.to_bytes(8, "big")
