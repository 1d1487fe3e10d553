"""Where programs are that tests start: on the path, or where Debian keeps those that are not."""

from __future__ import annotations

import shutil
from pathlib import Path

OFF_PATH = {"postgres": "/usr/lib/postgresql/*/bin", "initdb": "/usr/lib/postgresql/*/bin"}


def find(program: str) -> Path | None:
    """The program, the newest where there are several; None where there is none."""
    off_path = sorted(Path("/").glob(OFF_PATH.get(program, "").strip("/") or "-"), key=_version)
    found = shutil.which(program, path=":".join(str(each) for each in reversed(off_path))) or shutil.which(program)
    return None if found is None else Path(found)


def _version(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdigit() else 0
