"""Which JSON Schemas OpenAI takes: objects for tools; in strict mode closed ones without optional properties. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.mock.answers import Refused
from gateway.mock.openai import refuse

_REFUSED = ("allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "oneOf", "patternProperties",
            "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains",
            "minProperties", "maxProperties", "uniqueItems")  # fmt: skip
_OF_SCHEMAS = ("properties", "$defs", "definitions")
DEPTH = 32

Place = tuple[str, ...]


def check_parameters(tool: dict[str, Any], where: str) -> None:
    """Raises `Refused` for parameters of a function that no object has, or that strict mode cannot keep to."""
    schema, name = tool.get("parameters"), tool.get("name")
    if schema is None:
        return
    what = f"function '{name}'"
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind != "object" and schema != {}:
        said = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        raise _wrong(what, said, param=where, code="invalid_function_parameters")
    if tool.get("strict"):
        check_strict(schema, what, where, code="invalid_function_parameters")


def check_strict(schema: Any, what: str, where: str, *, code: str | None) -> None:
    """Raises `Refused` for a schema that strict mode cannot keep to; `what` and `where` it is, for the error."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        kind = schema.get("type") if isinstance(schema, dict) else None
        said = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        raise _wrong(what, said, param=where, code=code)
    for place, inner in _all(schema, ()):
        said = _fault(inner) if len(place) <= 2 * DEPTH else "the schema is too deep."
        if said:
            raise _wrong(what, f"In context={place}, {said}", param=where, code=code)


def _wrong(what: str, said: str, *, param: str, code: str | None) -> Refused:
    return refuse(f"Invalid schema for {what}: {said}", param=param, code=code)


def _fault(schema: dict[str, Any]) -> str:
    """What strict mode does not bear in this schema alone."""
    refused = next((name for name in _REFUSED if name in schema), None)
    if refused is not None:
        return f"'{refused}' is not permitted."
    kinds = schema.get("type")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds) and "properties" not in schema:
        return ""
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    required = schema.get("required")
    properties = schema.get("properties")
    named = list(properties) if isinstance(properties, dict) else []
    left_out = [name for name in named if not isinstance(required, list) or name not in required]
    if left_out:
        said = "'required' is required to be supplied and to be an array including every key in properties."
        return f"{said} Missing '{left_out[0]}'."
    return ""


def _all(schema: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """A schema and all schemas in it, each with the way to it; a property may be named like a keyword."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    if len(place) > 2 * DEPTH:
        return
    for keyword in _OF_SCHEMAS:
        inner = schema.get(keyword)
        for name, each in inner.items() if isinstance(inner, dict) else ():
            yield from _all(each, (*place, keyword, name))
    yield from _all(schema.get("items"), (*place, "items"))
    options = schema.get("anyOf")
    for index, each in enumerate(options if isinstance(options, list) else ()):
        yield from _all(each, (*place, "anyOf", str(index)))
