"""Which JSON Schemas Anthropic takes for answers in JSON: closed objects, and no bounds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.mock.anthropic_shapes import an_object, wrong

_REFUSED = frozenset((
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "patternProperties", "propertyNames", "not", "if", "then", "else",
    "oneOf", "contains", "prefixItems", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
))  # fmt: skip
_OF_SCHEMAS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf")
DEPTH = 64


def check_output_schema(value: Any, where: str) -> None:
    """Raises `Refused` for what constrained decoding cannot do."""
    an_object(value, where)
    for schema, depth in _all(value, 0):
        if depth > DEPTH:
            raise wrong(where, "Schema is too complex")
        _check_one(schema, where)


def _check_one(schema: dict[str, Any], where: str) -> None:
    kind = schema.get("type")
    refused = sorted(_REFUSED & set(schema))
    if schema.get("minItems") not in (None, 0, 1):
        refused.append("minItems")
    if refused:
        raise wrong(where, f"For '{kind}' type, properties {', '.join(refused)} are not supported")
    if (kind == "object" or "properties" in schema) and schema.get("additionalProperties") is not False:
        raise wrong(where, "For 'object' type, 'additionalProperties' must be explicitly set to false")


def _all(value: Any, depth: int) -> Iterator[tuple[dict[str, Any], int]]:
    """A schema and all schemas in it; a property may be named like a keyword."""
    if not isinstance(value, dict):
        return
    yield value, depth
    if depth > DEPTH:
        return
    inner = [value.get("items")]
    for name in _OF_SCHEMAS:
        inner.extend(value[name].values() if isinstance(value.get(name), dict) else ())
    for name in _LISTS:
        inner.extend(value[name] if isinstance(value.get(name), list) else ())
    for schema in inner:
        yield from _all(schema, depth + 1)
