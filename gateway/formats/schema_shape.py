"""The shape of JSON Schemas as clients really send them: where schemas lie within schemas, and what is malformed.

Everything here bears any JSON: words for schemas, maps of properties without a `properties` around them, `required`
as a flag, references that go in circles or nowhere. No dialect is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

Schema = dict[str, Any]

DEPTH = 100
"""Schemas within schemas; what lies deeper becomes `{}`. Written as JSON that is twice as many levels, and orjson
writes 254."""

TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))

_TAKES_OBJECTS = frozenset(
    (
        "properties",
        "patternProperties",
        "dependentSchemas",
        "dependentRequired",
        "dependencies",
        "definitions",
        "items",
        "additionalItems",
        "unevaluatedItems",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "contains",
        "not",
        "if",
        "then",
        "else",
        "const",
        "default",
        "example",
        "examples",
    )
)
"""Keywords whose value may be an object. Any other key with an object for a value is no keyword."""

_CARRIED = 50
"""Levels of JSON that a request may have around a schema."""


def a_schema(value: object) -> Schema:
    """Any JSON as a schema: `true` and what makes no sense allow everything, a word may name a type."""
    if isinstance(value, dict):
        return _whole(value)
    if isinstance(value, str) and value.lower() in TYPES:
        return {"type": value.lower()}
    return {}


def with_root(schema: Schema | None) -> Schema:
    """The schema of a tool's arguments, whose root is an object unless it says otherwise (TDEF-1)."""
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    root = _whole(schema)
    return written(dict(root) if root.get("type") else {**root, "type": "object"})


def schemas_by_name(value: object) -> dict[str, Any]:
    """What maps names to schemas, without those that allow nothing."""
    if not isinstance(value, dict):
        return {}
    return {name: inner for name, inner in value.items() if inner is not False}


def schemas_in_list(value: object) -> list[Any]:
    """What lists schemas, without those that allow nothing."""
    return [inner for inner in value if inner is not False] if isinstance(value, list) else []


def names(value: object, within: Mapping[str, object]) -> list[str]:
    """What lists names of properties, each once, as far as there are such properties."""
    listed = value if isinstance(value, list) else []
    return list(dict.fromkeys(name for name in listed if isinstance(name, str) and name in within))


def kinds(schema: Schema) -> list[str]:
    """The types that a schema names."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    return [kind for kind in named if isinstance(kind, str)] if isinstance(named, list) else []


def or_null(schema: Schema) -> Schema:
    """The schema, or null, where it says of what kind it is."""
    if named := kinds(schema):
        return schema if "null" in named else {**schema, "type": [*named, "null"]}
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return {**schema, word: [*schema[word], {"type": "null"}]}
    return schema


def leaves_open(value: Any, levels: int = DEPTH) -> bool:
    """Whether an object in the schema says what is required of it, and not all of it is.

    Strict decoding of OpenAI's refuses such: https://platform.openai.com/docs/guides/structured-outputs.
    """
    if not levels or not isinstance(value, dict | list):
        return False
    if isinstance(value, dict):
        required, known = value.get("required"), schemas_by_name(value.get("properties"))
        if isinstance(required, list) and any(name not in required for name in known):
            return True
    inside = value.values() if isinstance(value, dict) else value
    return any(leaves_open(inner, levels - 1) for inner in inside)


def number(value: object) -> int | float | None:
    """A bound; Google writes 64-bit integers as strings."""
    if isinstance(value, str):
        try:
            return int(value[:20])
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def found(reference: object, root: Schema) -> object:
    """What a reference within the document points to; None where it leads nowhere or elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: Any = root
    for step in reference[1:].split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and key.isdecimal() and int(key[:9]) < len(place):
            place = place[int(key[:9])]
        elif isinstance(place, dict) and key in place:
            place = place[key]
        else:
            return None
    return place


def written(schema: Schema) -> Schema:
    """The schema itself if it can be written within a request, else a copy that is cut off where it is too deep."""
    within: Any = schema
    for _ in range(_CARRIED):
        within = [within]
    try:
        orjson.dumps(within)
    except TypeError:
        return {key: cut(value, DEPTH) for key, value in schema.items()}
    return schema


def cut(value: Any, levels: int) -> Any:
    """The value without what is deeper than so many levels."""
    if isinstance(value, dict):
        return {key: cut(inner, levels - 1) for key, inner in value.items()} if levels else {}
    if isinstance(value, list):
        return [cut(inner, levels - 1) for inner in value] if levels else []
    return value


def _whole(schema: Schema) -> Schema:
    """With `properties` where a bare map of them was given, and `required` where properties said it of themselves.

    https://github.com/router-for-me/CLIProxyAPI/issues/5178: both come from tool servers in the wild.
    """
    if schema and all(isinstance(value, dict) and _is_name(key) for key, value in schema.items()):
        schema = {"type": "object", "properties": schema}
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    flagged = [name for name, inner in properties.items() if isinstance(inner, dict) and inner.get("required") is True]
    if not flagged:
        return schema
    listed = schema.get("required")
    unflagged = {
        name: {key: properties[name][key] for key in properties[name] if key != "required"} for name in flagged
    }
    required = [*(listed if isinstance(listed, list) else []), *flagged]
    return {**schema, "properties": {**properties, **unflagged}, "required": required}


def _is_name(key: str) -> bool:
    return key not in _TAKES_OBJECTS and not key.startswith(("$", "x-"))
