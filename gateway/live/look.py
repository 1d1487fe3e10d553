"""What the control process tells viewers of itself: the records that wait, the files that grow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.usage import segments

from .feed import Facts
from .machine import sizes_in


def facts_of(data_dir: Path, ingest: Mapping[str, Any]) -> Facts:
    """With how records get into the analytics store, which is handed in. Raises OSError."""
    waiting = segments.closed(data_dir / "spool")
    lag = (time.time_ns() - waiting[0].changed_ns) / 1e9 if waiting else 0.0
    return Facts(ingest, max(lag, 0.0), sizes_in(data_dir))
