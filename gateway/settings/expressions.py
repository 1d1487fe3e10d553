"""Regular expressions that operators write, searched in what anybody may have sent. The one home of the library.

RE2 finds a match in time that grows with the text and with nothing else, and lets the event loop run meanwhile.
Python's own engine does neither: some expressions take it hours for a few hundred characters, and nothing else runs
until then. Syntax: https://github.com/google/re2/wiki/Syntax. Loaded only where somebody asks for it: a process is 4 MB
larger by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import re2  # type: ignore[import-untyped]

MOST_MEMORY = 16 * 1024 * 1024
"""What an expression may grow to; beyond that it is still found, but slower, or is refused as too large."""

PROBES = (b"", b"a b", b"\n.\n")
"""Texts in which an expression that can match nothing does so somewhere: it would hide what others find there."""


class Expression:
    """One expression, or several of which any will do, for bytes that are, or should be, UTF-8."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises ValueError where they are too large together."""
        self._found = _compiled("|".join(f"(?:{pattern})" for pattern in patterns))

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where it is found, from the beginning to the end; never where it matches nothing at all."""
        for match in self._found.finditer(text):
            begin, end = match.span()
            if begin < end:
                yield begin, end


def check_expression(pattern: str) -> None:
    """Raises ValueError unless this is an expression that matches something rather than nothing."""
    if any(match.end() == match.start() for text in PROBES for match in _compiled(pattern).finditer(text)):
        raise ValueError("this matches where there is nothing: say what there must be at the least")


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MOST_MEMORY
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        (said,) = error.args
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"not a regular expression as RE2 reads them: {reason}") from None
