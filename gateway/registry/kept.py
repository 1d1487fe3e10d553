"""The registry in the data directory: written whole or not at all, read where it is newer than the bundled one.

Knows the file; what is in it is judged elsewhere. That it was found to be the latest there is, is told by its time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct, msgpack

from gateway import logs
from gateway.catalog.registry import Registry, RegistryUnreadable, bundled

log = logs.get("gateway.registry")


class Kept(Struct, frozen=True, array_like=True):
    """What the file holds."""

    url: str
    """Where it was fetched."""
    etag: str
    """What the server called it; empty where it did not say."""
    suspicious: tuple[str, ...]
    """Prices that were not believed."""
    packed: bytes
    """The registry, packed."""


class Held(NamedTuple):
    """The registry that holds."""

    registry: Registry
    source: Literal["bundled", "fetched"]
    url: str = ""
    etag: str = ""
    suspicious: tuple[str, ...] = ()
    confirmed_at_us: int = 0
    """Unix time in microseconds of the moment it was last found to be the latest; 0 for the bundled one."""


def file_in(data_dir: Path) -> Path:
    """Where it is kept."""
    return data_dir / "registry" / "models.dev"


def held(data_dir: Path) -> Held:
    """The kept registry where it is no older than the bundled one, else that. A damaged file is as good as none."""
    own = bundled()
    path = file_in(data_dir)
    try:
        kept = msgpack.decode(path.read_bytes(), type=Kept)
        registry = Registry.unpack(kept.packed)
        confirmed_at_us = path.stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return Held(own, "bundled")
    except (OSError, msgspec.MsgspecError, RegistryUnreadable) as error:
        log.warning("the kept prices cannot be read, those of this version hold", file=str(path), reason=str(error))
        return Held(own, "bundled")
    if registry.date < own.date:
        return Held(own, "bundled")
    return Held(registry, "fetched", kept.url, kept.etag, kept.suspicious, confirmed_at_us)


def keep(data_dir: Path, kept: Kept) -> None:
    """Put this in place of what was kept. Raises OSError, and then the former file is as it was."""
    path = file_in(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgpack.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync_directory(path.parent)


def confirm(data_dir: Path) -> None:
    """What is kept is the latest there is, as of now. Raises OSError."""
    now_ns = time.time_ns()
    os.utime(file_in(data_dir), ns=(now_ns, now_ns))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
