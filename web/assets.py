"""Static files: read once, served under names that contain their hash, so that browsers may keep them for ever.

Knows files and their types. Does not know pages.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DIRECTORY = Path(__file__).parent / "static"

TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
"""What is served; other files in the directory are for people."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    url: str
    type: bytes
    content: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every static file by its path below `static`, e.g. `app.css`."""
    files = (path for path in sorted(DIRECTORY.rglob("*")) if path.suffix in TYPES)
    return {path.relative_to(DIRECTORY).as_posix(): _read(path) for path in files}


@cache
def by_url() -> dict[str, Asset]:
    """The same by address."""
    return {asset.url: asset for asset in assets().values()}


def url(name: str) -> str:
    """The address of a static file; KeyError when there is none."""
    return assets()[name].url


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"/static/{path.stem}.{digest}{path.suffix}", TYPES[path.suffix], content)
