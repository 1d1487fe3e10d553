"""What a provider's list of models says, in any dialect. Pure."""

from __future__ import annotations

from typing import Any

import orjson


def model_ids(body: bytes) -> tuple[str, ...] | None:
    """The ids of a list of models: OpenAI's and Anthropic's shape (`data`), Gemini's (`models`), or a bare list.

    None for what is no such list.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    lists = (fields.get("data"), fields.get("models")) if isinstance(fields, dict) else (fields,)
    rows = next((each for each in lists if isinstance(each, list)), None)
    if rows is None:
        return None
    return tuple(name for row in rows if isinstance(row, dict) and (name := _name_of(row)))


def _name_of(row: dict[str, Any]) -> str:
    """The id of one model; Gemini's names begin with what they are names of."""
    name = row.get("id") or row.get("name")
    return name.removeprefix("models/") if isinstance(name, str) else ""
