"""Arguments of tool calls, as text and as objects. Whatever a model wrote survives, broken JSON too."""

from __future__ import annotations

from typing import Any

import orjson

DEPTH = 200
"""Levels of nesting that can be written again inside a request: orjson writes 254, reads 1024."""


def as_object(text: str) -> dict[str, Any]:
    """The object that the text is; nothing is `{}`, and what is no object goes under `input` (TARG-1)."""
    if not text or text.isspace():
        return {}
    found = parsed(text)
    return {"input": text} if found is None else found


def as_text(value: object) -> str:
    """Compact JSON, keys in their order, nothing escaped that need not be (TARG-2)."""
    return orjson.dumps(value).decode()


def parsed(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, or None."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and not _is_too_deep(text, value) else None


def _is_too_deep(text: str, value: object) -> bool:
    if text.count("{") + text.count("[") <= DEPTH:
        return False
    level = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    return [inner for inner in value if isinstance(inner, dict | list)] if isinstance(value, list) else []
