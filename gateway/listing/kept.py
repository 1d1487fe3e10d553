"""The lists of models in the data directory: written whole or not at all. Knows the file, not what is in it."""

from __future__ import annotations

import os
from pathlib import Path

from gateway import logs
from gateway.catalog.served import Served, read_served, write_served

log = logs.get("gateway.listing")


def file_in(data_dir: Path) -> Path:
    """Where they are kept."""
    return data_dir / "registry" / "served.json"


def held(data_dir: Path) -> Served:
    """The lists that are kept; none where there is no file. A damaged file is as good as none: they are asked for
    again."""
    path = file_in(data_dir)
    try:
        return read_served(path.read_bytes())
    except FileNotFoundError:
        return Served()
    except (OSError, ValueError) as error:
        log.warning("the kept lists of models cannot be read", file=str(path), reason=str(error))
        return Served()


def keep(data_dir: Path, served: Served) -> None:
    """Put these in place of what was kept. Raises OSError, and then the former file is as it was."""
    path = file_in(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(write_served(served))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
