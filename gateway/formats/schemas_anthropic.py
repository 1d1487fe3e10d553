"""JSON Schema as Anthropic takes it: strictly for structured output (SCH-3), leniently for tools.

What constrained decoding cannot hold to goes into descriptions, so that the model at least reads of it.
https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arguments import as_text
from .schema_merge import all_of_merged, joined
from .schema_shape import (
    DEPTH,
    Schema,
    a_schema,
    cut,
    kinds,
    names,
    or_null,
    schemas_by_name,
    schemas_in_list,
    with_root,
    written,
)

_VALUE_LEVELS = 20
"""Of the JSON in `enum`, `const` and `default`."""

_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"),
)
_TOLD = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "not",
)
"""What is refused as a keyword and said in words."""


_COMBINED = frozenset(("anyOf", "oneOf", "allOf", "$ref"))


def for_anthropic_output(schema: Schema) -> Schema:
    """The schema as `output_config.format` takes it (SCH-3)."""
    return _node(schema, 0)


def for_anthropic_tool(schema: Schema | None) -> Schema:
    """The schema as a tool's `input_schema`: unchanged, but that its root is an object, without variants (SCH-3).

    What the variants have for properties goes into the root; required is what all of them require.
    """
    root = with_root(schema)
    if _COMBINED.isdisjoint(root):
        return root
    out = _one_for_all(root, root)
    for word in ("anyOf", "oneOf"):
        variants = [_one_for_all({"type": "object", "allOf": [each]}, root) for each in schemas_in_list(out.get(word))]
        out = _with_variants({key: value for key, value in out.items() if key != word}, variants)
    return written({**out, "type": "object", "properties": schemas_by_name(out.get("properties"))})


def _one_for_all(schema: Schema, root: Schema) -> Schema:
    """The schema with what it refers to, and its `allOf`, merged into it."""
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    referred = [{"$ref": schema["$ref"]}] if "$ref" in schema else []
    return all_of_merged({**rest, "allOf": [*referred, *schemas_in_list(schema.get("allOf"))]}, root)


def _with_variants(schema: Schema, variants: list[Schema]) -> Schema:
    for variant in variants:
        schema = joined(schema, {"properties": schemas_by_name(variant.get("properties"))})
    demands = [names(variant.get("required"), schemas_by_name(variant.get("properties"))) for variant in variants]
    shared = [name for name in demands[0] if all(name in demand for demand in demands)] if demands else []
    return joined(schema, {"required": shared}) if shared else schema


def _node(value: object, depth: int) -> Schema:
    if depth > DEPTH:
        return {}
    schema = a_schema(value)
    if "$ref" in schema:
        schema = {key: schema[key] for key in ("$ref", "$defs", "definitions") if key in schema}
    out: Schema = {}
    for key, inner in schema.items():
        write = _WRITERS.get(key)
        kept = write(inner, depth) if write else None
        if kept is not None:
            out.setdefault("anyOf" if key == "oneOf" else key, kept)
    if "object" in kinds(out) or "properties" in out:
        out["additionalProperties"] = False
    if "required" in out:
        out["required"] = names(out["required"], out.get("properties", {}))
    told = _told(schema)
    if told:
        out["description"] = f"{out['description']}\n{told}" if out.get("description") else told
    return or_null(out) if schema.get("nullable") is True else out


def _told(schema: Schema) -> str:
    """The bounds in words."""
    said = [f"{word}: {_in_words(schema[word])}" for word in _TOLD if _is_bound(schema.get(word))]
    kind = schema.get("format")
    if isinstance(kind, str) and kind not in _FORMATS:
        said.append(f"format: {kind}")
    return "; ".join(said) + "." if said else ""


def _is_bound(value: object) -> bool:
    return value is not None and value is not False


def _in_words(value: object) -> str:
    return value if isinstance(value, str) else as_text(cut(value, _VALUE_LEVELS))


def _word(value: object, depth: int) -> str | None:
    return value if isinstance(value, str) else None


def _kind(value: object, depth: int) -> object:
    return value if isinstance(value, str | list) else None


def _format(value: object, depth: int) -> str | None:
    return value if isinstance(value, str) and value in _FORMATS else None


def _value(value: object, depth: int) -> object:
    return cut(value, _VALUE_LEVELS)


def _by_name(value: object, depth: int) -> Schema | None:
    if not isinstance(value, dict):
        return None
    return {name: _node(inner, depth + 1) for name, inner in schemas_by_name(value).items()}


def _in_list(value: object, depth: int) -> list[Schema] | None:
    return [_node(inner, depth + 1) for inner in schemas_in_list(value)] or None


def _one(value: object, depth: int) -> Schema | None:
    return _node(value, depth + 1) if isinstance(value, dict) else None


def _names(value: object, depth: int) -> list[Any] | None:
    return value if isinstance(value, list) else None


_WRITERS: dict[str, Callable[[Any, int], Any]] = {
    "$schema": _word,
    "$id": _word,
    "$ref": _word,
    "$defs": _by_name,
    "definitions": _by_name,
    "title": _word,
    "description": _word,
    "default": _value,
    "const": _value,
    "enum": _value,
    "type": _kind,
    "format": _format,
    "anyOf": _in_list,
    "oneOf": _in_list,
    "allOf": _in_list,
    "properties": _by_name,
    "required": _names,
    "items": _one,
}
"""All that structured output takes, each with what it may say."""
