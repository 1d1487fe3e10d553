"""The `Schema` message of Gemini's proto: written for servers that read nothing else (SCH-2), and read from clients
that still send it (FMT-3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .schema_shape import DEPTH, TYPES, Schema, cut, found, kinds, number, or_null, schemas_by_name, schemas_in_list
from .schemas_gemini import for_gemini

_NODES = 5_000
"""Schemas in a result: without references, a small one may become very large."""

_LEVELS = 20
"""Of the JSON in keywords that the proto does not have."""

_ANYTHING: Schema = {"type": "OBJECT"}
_KEPT = ("format", "description", "minItems", "maxItems", "minimum", "maximum", "required", "propertyOrdering")


def for_gemini_proto(schema: Schema) -> Schema:
    """The schema as a message of the proto: no references, one type each, in capitals (SCH-2)."""
    subset = for_gemini(schema)
    return _Message(subset).node(subset, 0, frozenset())


class _Message:
    """One schema, already in Gemini's subset, on its way into the proto."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _NODES

    def node(self, schema: Schema, depth: int, trail: frozenset[str]) -> Schema:
        """The schema as a message; `trail` holds the references that led here."""
        self._left -= 1
        if depth > DEPTH or self._left < 0:
            return dict(_ANYTHING)
        if "$ref" in schema:
            return self._referred(schema["$ref"], depth, trail)
        variants = [*schema.get("anyOf", ()), *schema.get("oneOf", ())] or _variants(schema)
        if variants:
            return self._any_of(schema, variants, depth, trail)
        out: Schema = {"type": _kind_of(schema).upper()}
        out.update((key, schema[key]) for key in _KEPT if key in schema)
        if "enum" in schema:
            out.update(type="STRING", enum=[str(value) for value in schema["enum"]])
        if "properties" in schema:
            inner = schema["properties"].items()
            out["properties"] = {name: self.node(each, depth + 1, trail) for name, each in inner}
        if out["type"] == "ARRAY":
            out["items"] = self.node(_items_of(schema), depth + 1, trail)
        if "null" in kinds(schema):
            out["nullable"] = True
        return out

    def _referred(self, reference: str, depth: int, trail: frozenset[str]) -> Schema:
        target = found(reference, self._root)
        if reference in trail or not isinstance(target, dict):
            return dict(_ANYTHING)
        return self.node(target, depth + 1, trail | {reference})

    def _any_of(self, schema: Schema, variants: list[Schema], depth: int, trail: frozenset[str]) -> Schema:
        """Variants. Beside `anyOf` the proto allows nothing else, so each variant says whether it may be null."""
        real = [variant for variant in variants if variant.get("type") != "null"]
        written = [self.node(variant, depth + 1, trail) for variant in real]
        if len(real) < len(variants):
            written = [{**variant, "nullable": True} for variant in written]
        if len(written) > 1:
            return {"anyOf": written}
        told = {"description": schema["description"]} if "description" in schema else {}
        return {**_ANYTHING, "nullable": True} if not written else {**told, **written[0]}


def from_proto(schema: Schema) -> Schema:
    """The JSON Schema that a message of the proto stands for (FMT-3). Names in snake case are read too."""
    return _read(schema, 0)


def _variants(schema: Schema) -> list[Schema]:
    """The schema once for each of its types, where it has several."""
    named = kinds(schema)
    several = sum(kind != "null" for kind in named) > 1
    return [{**schema, "type": kind} for kind in named] if several else []


def _kind_of(schema: Schema) -> str:
    named = kinds(schema) or ["array" if "items" in schema or "prefixItems" in schema else "object"]
    return next((kind for kind in named if kind != "null"), "null")


def _items_of(schema: Schema) -> Schema:
    """What an array holds; the proto has neither arrays of anything nor a type for each place."""
    places = schema.get("prefixItems")
    return schema.get("items") or ({"anyOf": places} if places else {"type": "string"})


def _read(value: object, depth: int) -> Schema:
    if depth > DEPTH or not isinstance(value, dict):
        return {}
    fields: Schema = value
    out: Schema = {}
    for key, inner in fields.items():
        name = _NAMES.get(key, key)
        read = _READERS.get(name)
        kept = read(inner, depth) if read else cut(inner, _LEVELS)
        if kept is not None:
            out[name] = kept
    return or_null(out) if out.pop("nullable", None) is True else out


def _read_type(value: object, depth: int) -> str | list[str] | None:
    if isinstance(value, list):
        kinds = [each.lower() for each in value if isinstance(each, str) and each.lower() in TYPES]
        return kinds or None
    return value.lower() if isinstance(value, str) and value.lower() in TYPES else None


def _read_format(value: object, depth: int) -> object:
    return None if value == "enum" else value


def _read_bound(value: object, depth: int) -> object:
    return number(value)


def _read_by_name(value: object, depth: int) -> Schema | None:
    return {name: _read(inner, depth + 1) for name, inner in schemas_by_name(value).items()}


def _read_list(value: object, depth: int) -> list[Schema] | None:
    return [_read(inner, depth + 1) for inner in schemas_in_list(value)] or None


def _read_rest(value: object, depth: int) -> Schema | bool:
    return value if isinstance(value, bool) else _read(value, depth + 1)


def _left_out(value: object, depth: int) -> None:
    return None


_BOUNDS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum", "maximum")
_READERS: dict[str, Callable[[Any, int], Any]] = {
    "type": _read_type,
    "format": _read_format,
    "properties": _read_by_name,
    "$defs": _read_by_name,
    "defs": _left_out,
    "items": lambda value, depth: _read(value, depth + 1),
    "anyOf": _read_list,
    "additionalProperties": _read_rest,
    "propertyOrdering": _left_out,
    "example": _left_out,
    **dict.fromkeys(_BOUNDS, _read_bound),
}


def _snake(words: Iterable[str]) -> dict[str, str]:
    return {"".join(f"_{char.lower()}" if char.isupper() else char for char in word): word for word in words}


_NAMES = _snake((*_BOUNDS, "anyOf", "additionalProperties", "propertyOrdering"))
"""The proto's own names of what JSON calls otherwise."""
