"""What ends a run with one line instead of a traceback."""

from __future__ import annotations


class BenchmarkError(Exception):
    """The run cannot go on; the text says why and what to do."""
