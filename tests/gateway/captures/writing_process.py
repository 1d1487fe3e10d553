"""A worker as far as captures go, to be killed: keeps one after another as fast as it can."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from gateway.captures.writing import CaptureWriter, Ways
from gateway.settings.model import CaptureSettings
from tests.gateway.captures.takes import KEY, flow, taken


def main(folder: Path) -> None:
    """Write into `folder` until killed."""
    writer = CaptureWriter(folder, Ways.of(CaptureSettings(), KEY))
    while True:
        if not writer.keep(taken(body=flow(b"prompt " * 10_000))):
            time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
