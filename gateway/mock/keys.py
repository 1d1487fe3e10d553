"""Keys that fail, so that one credential of a pool can: which status their beginnings stand for."""

from __future__ import annotations

_FAILING = (
    ("sk-wrong", 401),
    ("sk-limited", 429),
    ("sk-broken", 500),
)


def find_failure(key: str) -> int | None:
    """The status with which this key is refused; any other key, and none at all, is welcome."""
    return next((status for beginning, status in _FAILING if key.startswith(beginning)), None)


def read_bearer(value: bytes) -> str:
    """The key of an `Authorization` header."""
    return value.removeprefix(b"Bearer ").decode("latin-1")
