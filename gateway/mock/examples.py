"""Values that fit a JSON Schema, or Gemini's kind of it: for arguments of tools and answers asked for in JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Maker = Callable[[Schema, object, int], Any]
"""A schema, the one it stands in and how deep, to a value."""

DEPTH = 8
"""Levels down to which optional things are made up."""
TEXT = "Zürich 🏔"
_FORMATS = {
    "date-time": "2026-01-31T12:30:00Z",
    "date": "2026-01-31",
    "time": "12:30:00Z",
    "duration": "PT5M",
    "email": "mock@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: object, root: object = None, depth: int = 0) -> Any:
    """A value that fits the schema, as long as it is one of the simple kind."""
    if not isinstance(schema, dict):
        return {}
    root = schema if root is None else root
    if depth > 2 * DEPTH:
        return None
    for keyword, make in _SHORTCUTS:
        if schema.get(keyword) not in (None, []):
            return make(schema, root, depth)
    return _MAKERS.get(_kind(schema), _text)(schema, root, depth)


def _kind(schema: Schema) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(kinds, str):
        return kinds.lower()
    return "array" if "items" in schema else "object"


def _referred(schema: Schema, root: object, depth: int) -> Any:
    place: Any = root
    for name in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
        place = place.get(name) if name and isinstance(place, dict) else place
    return example(place, root, depth + 1)


def _merged(schema: Schema, root: object, depth: int) -> Any:
    whole: dict[str, Any] = {name: value for name, value in schema.items() if name != "allOf"}
    for part in schema["allOf"]:
        if isinstance(part, dict):
            properties = {**_of_object(whole, "properties"), **_of_object(part, "properties")}
            whole = {**whole, **part} | ({"properties": properties} if properties else {})
    return example(whole, root, depth + 1)


def _of_object(schema: Schema, name: str) -> dict[str, Any]:
    value = schema.get(name)
    return value if isinstance(value, dict) else {}


def _first(keyword: str) -> Maker:
    def make(schema: Schema, root: object, depth: int) -> Any:
        options = schema[keyword]
        return example(options[0], root, depth + 1) if isinstance(options, list) else {}

    return make


_SHORTCUTS: tuple[tuple[str, Maker], ...] = (
    ("$ref", _referred),
    ("const", lambda schema, root, depth: schema["const"]),
    ("enum", lambda schema, root, depth: schema["enum"][0] if isinstance(schema["enum"], list) else {}),
    ("allOf", lambda schema, root, depth: _merged(schema, root, depth) if isinstance(schema["allOf"], list) else {}),
    ("anyOf", _first("anyOf")),
    ("oneOf", _first("oneOf")),
)


def _object(schema: Schema, root: object, depth: int) -> Any:
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    return {
        name: example(inner, root, depth + 1)
        for name, inner in _of_object(schema, "properties").items()
        if depth < DEPTH or name in needed
    }


def _array(schema: Schema, root: object, depth: int) -> Any:
    first = schema.get("prefixItems")
    made = [example(inner, root, depth + 1) for inner in first] if isinstance(first, list) else []
    least = int(_number(schema, "minItems", 1 if depth < DEPTH and isinstance(schema.get("items"), dict) else 0))
    return made + [example(schema.get("items"), root, depth + 1) for _ in range(min(least, 64) - len(made))]


def _number(schema: Schema, name: str, otherwise: float) -> float:
    try:
        return float(schema.get(name, otherwise))
    except (TypeError, ValueError):
        return otherwise


def _between(schema: Schema, wanted: float) -> float:
    least = max(_number(schema, "minimum", wanted), _number(schema, "exclusiveMinimum", wanted - 1) + 1)
    return min(max(wanted, least), _number(schema, "maximum", float("inf")))


def _integer(schema: Schema, root: object, depth: int) -> Any:
    step = int(_number(schema, "multipleOf", 1)) or 1
    return -(-int(_between(schema, 7)) // step) * step if step > 1 else int(_between(schema, 7))


def _text(schema: Schema, root: object, depth: int) -> Any:
    text = _FORMATS.get(str(schema.get("format")), TEXT)
    longer = text.ljust(min(int(_number(schema, "minLength", 0)), 1 << 16), ".")
    return longer[: int(_number(schema, "maxLength", len(longer)))]


_MAKERS: dict[str, Maker] = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": lambda schema, root, depth: _between(schema, 1.5),
    "boolean": lambda schema, root, depth: True,
    "null": lambda schema, root, depth: None,
}
