"""So much memory and no more, for as long as somebody's SQL runs.

DuckDB keeps its own limit for what it holds, not for single values that it makes on the way: a text may be repeated a
billion times. What goes beyond the bounds set here fails as an allocation, which ends the statement; without them it
would be the machine's memory that ends, and with it a process. What else runs in this process has plenty of room left
within them.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway import logs

SIZES = Path("/proc/self/statm")

log = logs.get("gateway.store.asking.headroom")


class Headroom:
    """Bounds the address space of this process while anybody is in `kept`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = resource.getrlimit(resource.RLIMIT_AS)

    @contextmanager
    def kept(self, more: int) -> Iterator[None]:
        """Within bounds: so many bytes more than there were when the first one came. From whichever thread."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._bound(more)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._set(self._before[0])

    def _bound(self, more: int) -> None:
        self._before = soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        try:
            pages = int(SIZES.read_text().split()[0])
        except OSError:  # not Linux: nobody says how much there is
            return
        most = pages * resource.getpagesize() + more
        if soft == resource.RLIM_INFINITY or most < soft:
            self._set(most)

    def _set(self, soft: int) -> None:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (soft, self._before[1]))
        except (OSError, ValueError) as error:
            log.warning("the memory of queries cannot be bounded", error=str(error))
