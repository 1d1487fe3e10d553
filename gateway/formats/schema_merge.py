"""JSON Schemas that must hold together, as one: `allOf`, and the branches of `if`. No dialect is known here."""

from __future__ import annotations

from typing import Any

from .schema_shape import Schema, a_schema, found, schemas_by_name, schemas_in_list

_MOST = 200
"""Members of one `allOf`, those of its members included; what comes after is left out."""

_STRUCTURE = frozenset(("type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "$ref", "format"))


def all_of_merged(schema: Schema, root: Schema) -> Schema:
    """The schema with its `allOf` merged into it, references resolved on the way.

    A lone reference beside mere remarks stays one.
    """
    members = [a_schema(member) for member in schemas_in_list(schema.get("allOf"))]
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    if len(members) == 1 and "$ref" in members[0] and _STRUCTURE.isdisjoint(rest):
        return {**rest, "$ref": members[0]["$ref"]}
    seen: set[str] = set()
    for _ in range(_MOST):
        if not members:
            break
        member = members.pop(0)
        members[:0] = _implied(member, root, seen)
        rest = joined(rest, {key: value for key, value in member.items() if key not in ("$ref", "allOf")})
    return rest


def branches_merged(schema: Schema) -> Schema:
    """The schema with the properties that only `then` and `else` name, none of them required.

    https://github.com/router-for-me/CLIProxyAPI/issues/4984: a model cannot fill in what it is not told of.
    """
    for word in ("then", "else"):
        added = schemas_by_name(a_schema(schema.get(word)).get("properties"))
        if added:
            schema = {**schema, "properties": {**added, **schemas_by_name(schema.get("properties"))}}
    return schema


def joined(first: Schema, second: Schema) -> Schema:
    """One schema for two that both hold. Where one word cannot say both, the first does."""
    out = dict(first)
    for key, value in second.items():
        join = _JOINS.get(key)
        out[key] = value if key not in first else join(first[key], value) if join else first[key]
    return out


def _implied(member: Schema, root: Schema, seen: set[str]) -> list[Schema]:
    """What holds where the member does: what it refers to, if that is new, and its own `allOf`."""
    reference = member.get("$ref")
    target = found(reference, root) if isinstance(reference, str) and reference not in seen else None
    seen.add(str(reference))
    inner = [a_schema(inner) for inner in schemas_in_list(member.get("allOf"))]
    return inner if target is None else [a_schema(target), *inner]


def _union(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first
    both = {
        name: {"allOf": [first[name], second[name]]} for name in first if name in second and first[name] != second[name]
    }
    return {**second, **first, **both}


def _definitions(first: Any, second: Any) -> Any:
    return {**second, **first} if isinstance(first, dict) and isinstance(second, dict) else first


def _both(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return first
    return [*first, *(name for name in second if name not in first)]


def _shared(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return first
    return [value for value in first if value in second] or first


_JOINS = {
    "properties": _union,
    "$defs": _definitions,
    "definitions": _definitions,
    "required": _both,
    "enum": _shared,
}
