"""A worker as far as the spool goes, to be killed: appends records and notes each one that `append` has taken."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from gateway.settings.model import UsageSettings
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.records import usage_record


def main(directory: Path, acknowledged: Path) -> None:
    """Write into `directory` until killed; the ids go to `acknowledged`."""
    out = Spool(directory, 0, UsageSettings(segment_seconds=0.03))
    notes = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        for _ in range(20):
            record = usage_record()
            out.append(encode(record))
            os.write(notes, record.id.encode() + b"\n")
        out.tick()
        time.sleep(0.002)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
