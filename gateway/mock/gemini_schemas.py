"""Which schemas Gemini takes: a subset of JSON Schema, and its own kind, which is a protobuf message. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.mock.gemini import refuse

KEYWORDS = frozenset((
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
))  # fmt: skip
"""All that a JSON Schema may say: the type of `response_json_schema` in Google's own client tells."""
DEPTH = 64
_SINGLE = ("items", "additionalProperties")
_LISTS = ("anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "$defs")


def check_json_schema(schema: Any, where: str) -> None:
    """Raises `Refused` for what the subset does not know."""
    if not isinstance(schema, dict):
        raise refuse(f"* GenerateContentRequest.{where}: must be a JSON Schema object")
    for inner, place, depth in _all(schema, where, 0):
        if depth > DEPTH:
            raise refuse(f"* GenerateContentRequest.{where}: schema is nested too deeply")
        _check_one(inner, place)


def _check_one(schema: dict[str, Any], place: str) -> None:
    where = f"* GenerateContentRequest.{place}"
    for name in schema:
        if name not in KEYWORDS:
            raise refuse(f'{where}: Unknown keyword "{name}" in JSON schema')
    if "$ref" in schema and any(not name.startswith("$") for name in schema):
        raise refuse(f"{where}: next to $ref only properties that begin with $ are allowed")
    values = schema.get("enum")
    if values is not None and not (isinstance(values, list) and all(map(_is_enumerable, values))):
        raise refuse(f"{where}.enum: only strings and numbers are supported")


def _is_enumerable(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _all(schema: Any, where: str, depth: int) -> Iterator[tuple[dict[str, Any], str, int]]:
    """A schema and all schemas in it, with their places; a property may be named like a keyword."""
    if not isinstance(schema, dict):
        return
    yield schema, where, depth
    if depth > DEPTH:
        return
    for place, inner in _inner(schema):
        yield from _all(inner, f"{where}.{place}", depth + 1)


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, schema[name]) for name in _SINGLE if name in schema)
    for name in _LISTS:
        listed = schema.get(name)
        yield from ((f"{name}[{index}]", one) for index, one in enumerate(listed if isinstance(listed, list) else ()))
    for name in _MAPS:
        mapped = schema.get(name)
        yield from ((f"{name}[{key}]", one) for key, one in (mapped if isinstance(mapped, dict) else {}).items())


def check_schema(schema: dict[str, Any], where: str, *, root: bool = True) -> None:
    """What Google asks of a schema of its own kind beyond its fields. Raises `Refused`."""
    kind = schema.get("type", "TYPE_UNSPECIFIED")
    properties = schema.get("properties") or {}
    place = f"* GenerateContentRequest.{where}"
    if kind == "OBJECT" and root and not properties:
        raise refuse(f"{place}.properties: should be non-empty for OBJECT type")
    for index, name in enumerate(schema.get("required", ())):
        if name not in properties:
            raise refuse(f"{place}.required[{index}]: property is not defined")
    if kind == "ARRAY" and "items" not in schema:
        raise refuse(f"{place}.items: missing field.")
    if "enum" in schema and kind != "STRING":
        raise refuse(f"{place}.enum: only allowed for STRING type")
    for inner_place, inner in _inner(schema):
        if isinstance(inner, dict):
            check_schema(inner, f"{where}.{inner_place}", root=False)
