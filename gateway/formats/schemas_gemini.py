"""JSON Schema as Gemini reads it in `parametersJsonSchema` and `responseJsonSchema` (SCH-1).

Keywords are removed where they are keywords; properties may be called anything.
https://ai.google.dev/api/generate-content lists what is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arguments import as_text
from .schema_merge import all_of_merged, branches_merged
from .schema_shape import (
    DEPTH,
    TYPES,
    Schema,
    a_schema,
    cut,
    found,
    kinds,
    names,
    number,
    or_null,
    schemas_by_name,
    schemas_in_list,
    written,
)

_NODES = 5_000
"""Schemas in a result: references and `allOf` may stand for more than was written."""

_LEVELS = 20
"""Of the JSON in a value to choose from."""

_FORMATS = {
    **dict.fromkeys(("date-time", "date", "time", "email", "byte", "password"), "string"),
    **dict.fromkeys(("float", "double"), "number"),
    **dict.fromkeys(("int32", "int64"), "integer"),
}
_MOVED = "#/definitions/"


def for_gemini(schema: Schema) -> Schema:
    """The schema in the keywords that Gemini reads."""
    root = written(schema)
    return _Subset(root).node(root, 0)


class _Subset:
    """One schema on its way into Gemini's subset."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _NODES

    def node(self, value: object, depth: int) -> Schema:
        """The schema without what Gemini does not read, and without what makes no sense."""
        self._left -= 1
        if depth > DEPTH or self._left < 0:
            return {}
        schema = self._plain(a_schema(value))
        if "$ref" in schema:
            return self._reference(schema, depth)
        out: Schema = {}
        for key, inner in schema.items():
            write = _WRITERS.get(key)
            kept = write(self, inner, depth) if write else None
            if kept is not None:
                out[key] = kept
        _settle_words(out)
        return or_null(out) if schema.get("nullable") is True else out

    def _plain(self, schema: Schema) -> Schema:
        """The schema in words that Gemini has."""
        if "allOf" in schema:
            schema = all_of_merged(schema, self._root)
        if "then" in schema or "else" in schema:
            schema = branches_merged(schema)
        if isinstance(schema.get("definitions"), dict):
            schema = {**schema, "$defs": {**schema["definitions"], **schemas_by_name(schema.get("$defs"))}}
        if isinstance(schema.get("items"), list):
            schema = {"prefixItems": schema["items"], **schema}
        return {**schema, "enum": [schema["const"]]} if "const" in schema else schema

    def _reference(self, schema: Schema, depth: int) -> Schema:
        """A reference, beside which only words with a dollar may be; one that leads nowhere allows everything."""
        reference = schema["$ref"]
        if not isinstance(reference, str) or (reference.startswith("#/") and found(reference, self._root) is None):
            return {}
        moved = "#/$defs/" + reference[len(_MOVED) :] if reference.startswith(_MOVED) else reference
        out: Schema = {"$ref": moved}
        if schema.get("nullable") is True:
            out = {"anyOf": [out, {"type": "null"}]}
        definitions = _by_name(self, schema.get("$defs"), depth)
        return {**out, "$defs": definitions} if definitions else out


_Writer = Callable[[_Subset, Any, int], Any]


def _by_name(subset: _Subset, value: object, depth: int) -> Schema | None:
    if not isinstance(value, dict):
        return None
    return {name: subset.node(inner, depth + 1) for name, inner in schemas_by_name(value).items()}


def _in_list(subset: _Subset, value: object, depth: int) -> list[Schema] | None:
    return [subset.node(inner, depth + 1) for inner in schemas_in_list(value)] or None


def _one(subset: _Subset, value: object, depth: int) -> Schema | None:
    return subset.node(value, depth + 1) if isinstance(value, dict) else None


def _rest(subset: _Subset, value: object, depth: int) -> Schema | bool | None:
    return value if isinstance(value, bool) else _one(subset, value, depth)


def _word(subset: _Subset, value: object, depth: int) -> str | None:
    return value if isinstance(value, str) else None


def _words(subset: _Subset, value: object, depth: int) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _bound(subset: _Subset, value: object, depth: int) -> int | float | None:
    return number(value)


def _kind(subset: _Subset, value: object, depth: int) -> str | list[str] | None:
    if isinstance(value, list):
        known = (kind.lower() for kind in value if isinstance(kind, str) and kind.lower() in TYPES)
        return list(dict.fromkeys(known)) or None
    return value.lower() if isinstance(value, str) and value.lower() in TYPES else None


def _choices(subset: _Subset, value: object, depth: int) -> list[Any] | None:
    """Values to choose from: Gemini takes words and numbers."""
    listed = value if isinstance(value, list) else []
    return [each if _is_plain(each) else as_text(cut(each, _LEVELS)) for each in listed] or None


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


_WRITERS: dict[str, _Writer] = {
    "$id": _word,
    "$anchor": _word,
    "$defs": _by_name,
    "type": _kind,
    "format": _word,
    "title": _word,
    "description": _word,
    "enum": _choices,
    "items": _one,
    "prefixItems": _in_list,
    "minItems": _bound,
    "maxItems": _bound,
    "minimum": _bound,
    "maximum": _bound,
    "anyOf": _in_list,
    "oneOf": _in_list,
    "properties": _by_name,
    "additionalProperties": _rest,
    "required": _words,
    "propertyOrdering": _words,
}
"""All that Gemini reads."""


def _settle_words(schema: Schema) -> None:
    """Words that depend on others: kept as far as those are there."""
    for word in ("required", "propertyOrdering"):
        if word in schema:
            schema[word] = names(schema[word], schema.get("properties", {}))
            if not schema[word]:
                del schema[word]
    named = kinds(schema)
    if "format" in schema:
        right = _FORMATS.get(schema["format"])
        if right is None or (named and right not in named):
            del schema["format"]
    if named == ["boolean"] and "enum" in schema:
        # Its values are words by now.
        schema["type"] = "string"
