"""The OpenAPI document of the management API (https://spec.openapis.org/oas/v3.1.1), made from the table of operations.

Knows rows and how the specification says what is in them. Nothing is written by hand: what a row does not say, the
document does not say either. The same table makes the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from gateway import __version__
from gateway.access.sessions import session_cookie
from gateway.errors import (
    Conflict,
    GatewayError,
    InvalidKey,
    InvalidRequest,
    KeyExpired,
    KeyPaused,
    NotPermitted,
    NotSignedIn,
    RequestTooLarge,
    StateUnavailable,
    Unacceptable,
    UnknownResource,
    UnsupportedMediaType,
    VersionMismatch,
    VersionRequired,
)
from gateway.relay.replies import WAITING_STATUSES

from .etags import content_tag
from .idempotency import KEY_HEADER
from .operation import ANYONE, JSON, Asked, Document, Operation
from .problems import MEDIA_TYPE, Problem

PATH = "/api/openapi.json"
REFERENCE = "#/components/schemas/{name}"

Fields = dict[str, Any]

DESCRIPTION = """\
Everything the configuration file can say, and the people who may say it.

Errors are `application/problem+json` (RFC 9457): go by `code`. Lists come in pages: follow `next_cursor`, or the header
`Link`. What can be changed has a version: send its `ETag` back in `If-Match`. A `POST` that takes `Idempotency-Key` can
be sent again safely for a day."""

SECURITY: Mapping[str, Fields] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": session_cookie(secure=True).name,
        "description": "A login in the dashboard. Over plain HTTP, where that is allowed, without the prefix.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "An API token: `slg-api-...`."},
    "client_key": {"type": "http", "scheme": "bearer", "description": "A client key, for its own usage: `sk-slg-...`."},
}
"""Ways to say who asks."""

FOR_CLIENT_KEYS = frozenset(("usage:own",))
"""Permissions that a client key has."""

TAGS: Mapping[str, str] = {"api": "The API itself."}
"""What is said of a tag; a tag without a line here has its name only."""

DONE: Mapping[int, str] = {
    101: "From here on it is a WebSocket.",
    200: "Done.",
    201: "Made.",
    202: "Begun.",
    204: "Done; there is nothing more to say.",
}

HEADERS: Mapping[str, Fields] = {
    "X-Request-Id": {"description": "What the log calls this request.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "ETag": {"description": "The version.", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, as `rel="next"` (RFC 8288).', "schema": {"type": "string"}},
    "Location": {"description": "Where what was made is found.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer to an earlier request.",
        "schema": {"type": "string", "const": "true"},
    },
}

PARAMETERS: Mapping[str, Fields] = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The `ETag` of the version to be changed; `*` for whichever there is.",
        "schema": {"type": "string", "pattern": r'^(\*|"[1-9][0-9]{0,17}")$'},
    },
    KEY_HEADER: {
        "name": KEY_HEADER,
        "in": "header",
        "description": "Makes the request safe to repeat: anything that nobody will use twice, such as a UUID.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    },
}


def described(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """The table with one more row: the document that tells of all of them, itself included."""

    @cache
    def document() -> Document:
        content = write_document(table)
        return Document(content, content_tag(content))

    async def show(asked: Asked[object, None, None]) -> Document:
        return document()

    row = Operation(
        method="GET",
        path=PATH,
        id="show_openapi",
        summary="This document",
        tag="api",
        permission=ANYONE,
        media_type=JSON,
        run=show,
    )
    table = (*operations, row)
    return table


def write_document(operations: Sequence[Operation]) -> bytes:
    """The document as JSON."""
    return orjson.dumps(build(operations), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def build(operations: Sequence[Operation]) -> Fields:
    """The document."""
    schemas = Schemas(operations)
    paths: dict[str, Fields] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schemas)
    tags = dict.fromkeys(operation.tag for operation in operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sluicegate management API",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, **({"description": TAGS[tag]} if tag in TAGS else {})} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.shared,
            "responses": _problems(operations, schemas),
            "parameters": dict(PARAMETERS),
            "headers": dict(HEADERS),
            "securitySchemes": dict(SECURITY),
        },
    }


class Schemas:
    """The JSON schemas of all records in a table."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        queries = _records(operation.query for operation in operations)
        spoken = _records(kind for operation in operations for kind in (operation.body, operation.answer))
        kinds = [*dict.fromkeys((Problem, *spoken, *queries))]
        references, found = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
        names = {kind: reference["$ref"].rpartition("/")[2] for kind, reference in zip(kinds, references, strict=True)}
        self._queries = {kind: found[names[kind]] for kind in queries}
        self.shared = {name: found[name] for name in sorted(found.keys() - {names[kind] for kind in queries})}
        """Those that others refer to; questions are told as parameters."""
        self._references = dict(zip(kinds, references, strict=True))

    def of(self, kind: type[Struct]) -> Fields:
        """A reference to a record."""
        return self._references[kind]

    def parameters(self, kind: type[Struct]) -> list[Fields]:
        """The fields of a question."""
        schema = self._queries[kind]
        return [_parameter(name, field, name in schema["required"]) for name, field in schema["properties"].items()]


def errors_of(operation: Operation) -> tuple[type[GatewayError], ...]:
    """Everything an operation may answer that is a problem."""
    known = operation.permission != ANYONE
    changes = operation.method != "GET"
    table: tuple[tuple[bool, tuple[type[GatewayError], ...]], ...] = (
        (True, (InvalidRequest, GatewayError, StateUnavailable)),
        (known, (NotSignedIn,)),
        (_is_for_client_keys(operation), (InvalidKey, KeyExpired, KeyPaused)),
        (known or changes, (NotPermitted,)),
        (bool(operation.parameters), (UnknownResource,)),
        (operation.body is not None, (RequestTooLarge, UnsupportedMediaType, Unacceptable)),
        (operation.takes_version, (VersionMismatch, VersionRequired)),
        (operation.idempotent, (Conflict, Unacceptable)),
    )
    found = [error for holds, errors in table if holds for error in errors]
    return tuple(dict.fromkeys((*found, *operation.errors)))


def _describe(operation: Operation, schemas: Schemas) -> Fields:
    fields: Fields = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": _parameters(operation, schemas),
        "requestBody": _request_body(operation, schemas),
        "responses": {**_success(operation, schemas), **_refusals(operation)},
        "security": _security(operation),
        "x-permission": operation.permission,
    }
    return {name: value for name, value in fields.items() if value or name == "security"}


def _security(operation: Operation) -> list[Fields]:
    if operation.permission == ANYONE:
        return []
    return [{name: []} for name in SECURITY if name != "client_key" or _is_for_client_keys(operation)]


def _is_for_client_keys(operation: Operation) -> bool:
    return not FOR_CLIENT_KEYS.isdisjoint(operation.permissions)


def _parameters(operation: Operation, schemas: Schemas) -> list[Fields]:
    named = {"type": "string", "minLength": 1, "maxLength": 300}
    found: list[Fields] = [
        {"name": name, "in": "path", "required": True, "schema": named} for name in operation.parameters
    ]
    if operation.query is not None:
        found += schemas.parameters(operation.query)
    if operation.takes_version:
        found.append(_refer("parameters", "If-Match"))
    if operation.idempotent:
        found.append(_refer("parameters", KEY_HEADER))
    return found


def _parameter(name: str, schema: Fields, required: bool) -> Fields:
    """A field of a question as a parameter: what may be left out is left out, never `null`."""
    kept = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    kept |= choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}
    description = kept.pop("description", "")
    parameter = {"name": name, "in": "query", "required": required, "description": description, "schema": kept}
    return {key: value for key, value in parameter.items() if value or key == "schema"}


def _request_body(operation: Operation, schemas: Schemas) -> Fields:
    if operation.body is None:
        return {}
    return {"required": True, "content": {JSON: {"schema": schemas.of(operation.body)}}}


def _success(operation: Operation, schemas: Schemas) -> Fields:
    named = (
        ("X-Request-Id", True),
        ("ETag", operation.versioned and operation.answer is not None),
        ("Link", operation.paged),
        ("Location", operation.status == 201),
        ("Idempotency-Replayed", operation.idempotent),
    )
    headers = {name: _refer("headers", name) for name, sent in named if sent}
    answer: Fields = {"description": DONE.get(operation.status, "Done."), "headers": headers}
    if operation.media_type is not None:
        answer["content"] = {kind: {} for kind in (operation.media_type, *operation.also)}
    elif operation.answer is not None:
        shown = schemas.of(operation.answer)
        answer["content"] = {JSON: {"schema": _page_of(shown) if operation.paged else shown}}
    return {str(operation.status): answer}


def _page_of(item: Fields) -> Fields:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "next_cursor": {"type": ["string", "null"], "description": "For the next page; null on the last."},
        },
        "required": ["items", "next_cursor"],
    }


def _refusals(operation: Operation) -> Fields:
    """The problems of an operation, by status."""
    grouped = _by_status(errors_of(operation))
    return {str(status): _refer("responses", _name(errors)) for status, errors in grouped.items()}


def _problems(operations: Sequence[Operation], schemas: Schemas) -> Fields:
    """What those references lead to."""
    groups = (group for operation in operations for group in _by_status(errors_of(operation)).items())
    found = {_name(errors): _problem(status, errors, schemas) for status, errors in groups}
    return {name: found[name] for name in sorted(found)}


def _problem(status: int, errors: Sequence[type[GatewayError]], schemas: Schemas) -> Fields:
    waits = ("Retry-After",) if status in WAITING_STATUSES else ()
    return {
        "description": f"{', '.join(f'`{error.code}`' for error in errors)}.",
        "headers": {name: _refer("headers", name) for name in ("X-Request-Id", *waits)},
        "content": {MEDIA_TYPE: {"schema": schemas.of(Problem)}},
    }


def _by_status(errors: Iterable[type[GatewayError]]) -> dict[int, list[type[GatewayError]]]:
    grouped: dict[int, list[type[GatewayError]]] = {}
    for error in sorted(errors, key=lambda error: (error.status, error.__name__)):
        grouped.setdefault(error.status, []).append(error)
    return grouped


def _name(errors: Sequence[type[GatewayError]]) -> str:
    return "-".join(error.__name__ for error in errors)


def _refer(kind: str, name: str) -> Fields:
    return {"$ref": f"#/components/{kind}/{name}"}


def _records(kinds: Iterable[type[Struct] | None]) -> list[type[Struct]]:
    """Each record once, in the order of the table."""
    return [*dict.fromkeys(kind for kind in kinds if kind is not None)]
