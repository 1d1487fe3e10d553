"""A process that changes the vault key again and again, for tests that kill it: `rotating_process DATA_DIR [URL]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.management.rotation import rotate_key
from tests.gateway.management.offices import OPERATOR, office_in


async def rotate(data_dir: Path, url: str) -> None:
    async with office_in(data_dir, url) as office:
        while True:
            count = await rotate_key(office, OPERATOR, office.declared.settings)
            sys.stdout.write(f"{count}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(rotate(Path(sys.argv[1]), "".join(sys.argv[2:])))
