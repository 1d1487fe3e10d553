"""Rows of the table, and the table itself."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args, get_type_hints

import pytest
from msgspec import Struct, UnsetType
from msgspec import inspect as types

from gateway.api.management import OPERATIONS
from gateway.api.management.operation import Asked, Operation
from gateway.api.management.schemas import Query
from gateway.errors import NotPermitted, NotSignedIn
from gateway.management.office import Actor

from .sample import NOTES, NewNote, Note, NoteQuery, show_note

GOOD: dict[str, Any] = {
    "method": "GET",
    "path": "/api/notes",
    "id": "list_notes",
    "summary": "Notes",
    "tag": "notes",
    "permission": "keys:read",
    "answer": Note,
    "run": show_note,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "/notes"}, "a path is like"),
        ({"path": "/api/notes/"}, "a path is like"),
        ({"path": "/api/{Id}"}, "a path is like"),
        ({"path": "/api/{id}/of/{id}"}, "stands in the path twice"),
        ({"permission": "everybody"}, "no such permission"),
        ({"permission": "keys:own|"}, "no such permission"),
        ({"permission": ""}, "no such permission"),
        ({"paged": True}, "asked for with a PageQuery"),
        ({"paged": True, "query": Query}, "asked for with a PageQuery"),
        ({"paged": True, "query": NoteQuery, "method": "POST"}, "read with GET"),
        ({"paged": True, "query": NoteQuery, "answer": None, "media_type": "text/csv"}, "a list has items"),
        ({"idempotent": True}, "only a POST"),
        ({"idempotent": True, "method": "POST", "permission": "anyone"}, "who repeats"),
        ({"body": NewNote}, "this method has no body"),
        ({"answer": None}, "204 have no content"),
        ({"status": 204}, "204 have no content"),
        ({"status": 101}, "101 and 204 have no content"),
        ({"media_type": "text/csv"}, "a document has no record"),
        ({"also": ("text/csv",)}, "what is of other types"),
        ({"abandonable": True, "idempotent": True, "method": "POST"}, "what is answered twice"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    Operation(**GOOD)
    with pytest.raises(ValueError, match=said):
        Operation(**{**GOOD, **changes})


def actor(kind: Any, *permissions: str) -> Actor:
    return Actor(kind=kind, name="somebody", permissions=frozenset(permissions))


@pytest.mark.parametrize(
    ("permission", "who", "error"),
    [
        ("anyone", actor("anybody"), None),
        ("signed_in", actor("anybody"), NotSignedIn),
        ("signed_in", actor("user"), None),
        ("signed_in", actor("operator"), None),
        ("signed_in", actor("key", "usage:own"), NotPermitted),
        ("keys:read", actor("anybody", "keys:read"), NotSignedIn),
        ("keys:read", actor("token"), NotPermitted),
        ("keys:read", actor("token", "keys:write"), NotPermitted),
        ("keys:own|keys:read", actor("token", "keys:read"), None),
        ("keys:own|keys:read", actor("token", "keys:own"), None),
        ("usage:own", actor("key", "usage:own"), None),
    ],
)
def test_who_may_ask(permission: str, who: Actor, error: type[Exception] | None) -> None:
    row = Operation(**{**GOOD, "permission": permission})
    if error is None:
        row.admit(who)
    else:
        with pytest.raises(error):
            row.admit(who)


def test_a_row_knows_the_names_in_its_path_and_when_a_version_is_needed() -> None:
    row = Operation(**{**GOOD, "path": "/api/teams/{id}/members/{user_id}", "versioned": True})
    assert (row.parameters, row.takes_version) == (("id", "user_id"), False)
    assert [row.takes_version for row in NOTES] == [False, False, False, True, True]


def test_every_operation_has_a_name_and_a_place_of_its_own() -> None:
    assert len({row.id for row in OPERATIONS}) == len(OPERATIONS)
    assert len({(row.method, shape(row.path)) for row in OPERATIONS}) == len(OPERATIONS)
    assert not [row.id for row in OPERATIONS if not re.fullmatch(r"[a-z][a-z0-9_]*", row.id)]
    assert not [row.id for row in OPERATIONS if not row.summary or row.summary.endswith(".")]


def test_a_path_has_one_reading_only() -> None:
    """Nothing may depend on which of two rows is looked at first."""
    shapes: dict[str, str] = {}
    for row in OPERATIONS:
        assert shapes.setdefault(shape(row.path), row.path) == row.path


def test_every_body_and_question_refuses_what_it_does_not_know() -> None:
    for row in OPERATIONS:
        for kind in (row.body, row.query):
            assert kind is None or kind.__struct_config__.forbid_unknown_fields, row.id


@pytest.mark.parametrize("row", [*OPERATIONS, *NOTES], ids=lambda row: row.id)
def test_texts_and_numbers_of_a_request_have_bounds(row: Operation) -> None:
    for kind in (row.body, row.query):
        assert not unbounded(types.type_info(kind) if kind else types.NoneType()), row.id


@pytest.mark.parametrize("row", [*OPERATIONS, *NOTES], ids=lambda row: row.id)
def test_a_function_asks_for_what_its_row_gives(row: Operation) -> None:
    (parameter,) = inspect.signature(row.run).parameters
    _, body, query = get_args(get_type_hints(row.run)[parameter]) or (None, Any, Any)
    assert body in (Any, Struct, row.body or type(None)), row.id
    assert query in (Any, row.query or type(None)), row.id


def test_what_is_asked_has_the_parts_a_function_needs() -> None:
    asked = Asked(actor=actor("user"), office=None, path={}, body=None, query=None, headers={})
    assert asked.if_match is None


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def unbounded(kind: types.Type, place: str = "") -> list[str]:
    """Where a text has no longest length, or a number no largest value."""
    if isinstance(kind, types.StrType):
        return [] if kind.max_length is not None else [place]
    if isinstance(kind, types.IntType):
        return [] if kind.le is not None and (kind.ge is not None or kind.gt is not None) else [place]
    if isinstance(kind, types.StructType):
        fields = ((field.type, f"{place}/{field.encode_name}") for field in kind.fields)
        return [found for inner, where in fields for found in unbounded(inner, where)]
    inner = [getattr(kind, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(kind, name)]
    inner += getattr(kind, "types", ())
    return [found for each in inner for found in unbounded(each, place)]


def test_what_has_no_bounds_is_found() -> None:
    class Loose(Struct):
        name: str
        tags: list[str] | UnsetType
        limits: dict[str, int]

    assert unbounded(types.type_info(Loose)) == ["/name", "/tags", "/limits", "/limits"]
