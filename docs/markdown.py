"""Markdown of the generated pages. Knows nothing of what stands in them."""

from __future__ import annotations

from collections.abc import Iterable

Row = tuple[str, ...]


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    body = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body)


def one_line(text: str) -> str:
    """A docstring's text without its line breaks."""
    return " ".join(text.split())


def words(names: Iterable[object], joint: str = ", ") -> str:
    """Names as code, in a row; a dash where there are none."""
    return joint.join(f"`{name}`" for name in names) or "—"
