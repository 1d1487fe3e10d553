"""Settings that hold from start to end, and change with the next start only.

Knows their names alone. What `FIXED` has is left as it was when settings are read again; what `OPENED_WITH` has is read
again too, but whatever was made of it is not made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FIXED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "server": ("listen", "workers", "data_dir", "max_requests", "header_timeout_seconds"),
        "database": ("url", "timeout_seconds"),
        "vault": ("key", "key_env", "key_file"),
        "limits": ("redis_url", "redis_timeout_seconds", "redis_away", "nodes"),
    }
)
"""By section: sockets, processes and the state are made of them."""

OPENED_WITH: Mapping[str, tuple[str, ...]] = MappingProxyType({"usage": ("duckdb_memory_limit", "archive")})
"""Likewise: the analytics store is opened with them."""


def needs_start(path: str) -> bool:
    """Whether a change of this setting holds from the next start on."""
    section, _, name = path.partition(".")
    return any(name in names.get(section, ()) for names in (FIXED, OPENED_WITH))
