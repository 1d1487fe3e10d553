"""What came with a request, against what its operation expects: the body, the parameters, the names in the path.

Knows types and where something does not fit them. What is no JSON, or no question, is refused with 400; what is JSON
and not what belongs here with 422 and a pointer to the place. Texts with a null character are refused wherever they
stand: PostgreSQL keeps none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from blacksheep import Request
from msgspec import Struct, inspect

from gateway.errors import InvalidRequest, RequestTooLarge, Unacceptable, UnknownResource, UnsupportedMediaType

from .operation import JSON, Operation

MOST_PARAMETERS = 100
LONGEST_NAME = 300
NULL = "\x00"

_PLACE = re.compile(r"(.*?)(?: - at `(?:key in )?\$(.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[([0-9]+)\]|\.([^.\[]+)|\[\.\.\.\]")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")
_TRUTH = {"true": True, "false": False}


async def read_content(request: Request, most: int) -> bytes | None:
    """The content of a request; None when it is longer. It is read to its end all the same, since whoever is refused
    while still sending hears a reset instead. Raises blacksheep's MessageAborted when the client leaves."""
    parts, size = [], 0
    if request.content is not None:
        async for part in request.content.stream():  # type: ignore[attr-defined] # of every content that comes by ASGI
            size += len(part)
            if size <= most:
                parts.append(part)
    return b"".join(parts) if size <= most else None


def read_body(operation: Operation, content: bytes | None, content_type: str | None) -> Struct | None:
    """The body. Raises InvalidRequest, RequestTooLarge, UnsupportedMediaType, Unacceptable."""
    if operation.body is None:
        if content != b"":
            raise InvalidRequest("This takes no body.")
        return None
    if content is None:
        raise RequestTooLarge(f"The body is larger than {operation.max_body_bytes} bytes.")
    if (content_type or "").partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.", param="Content-Type")
    return _decode(content, operation.body)


def read_query(kind: type[Struct] | None, query_string: bytes) -> Struct | None:
    """The parameters behind the question mark. Raises InvalidRequest that names the one that is wrong."""
    given = _parameters(query_string)
    known = _readings(kind) if kind is not None else {}
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in known:
            there_are = f"there are {', '.join(sorted(known))}" if known else "there are none here"
            raise InvalidRequest(f"Unknown parameter; {there_are}.", param=name)
        many, kinds = known[name]
        if many:
            values.setdefault(name, []).append(_scalar(text, kinds))
        elif name in values:
            raise InvalidRequest("This parameter can be given once.", param=name)
        else:
            values[name] = _scalar(text, kinds)
    return _convert(values, kind) if kind is not None else None


def read_names(given: Mapping[str, str | None] | None) -> dict[str, str]:
    """What stands in the path. Raises UnknownResource for what cannot name anything."""
    names = {name: value or "" for name, value in (given or {}).items()}
    if any(len(value) > LONGEST_NAME or not value.isprintable() or "\ufffd" in value for value in names.values()):
        raise UnknownResource("There is nothing of this name.")
    return names


def _decode(content: bytes, kind: type[Struct]) -> Struct:
    try:
        body = msgspec.json.decode(content, type=kind)
        place = _null_in(msgspec.json.decode(content), "#") if rb"\u0000" in content else None
    except msgspec.ValidationError as error:
        detail, pointer = _fault(error)
        raise Unacceptable(detail, param=pointer) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("The body is no valid JSON.") from None
    if place is not None:
        raise Unacceptable("A text must not have a null character.", param=place)
    return body


def _convert(values: dict[str, Any], kind: type[Struct]) -> Struct:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        detail, pointer = _fault(error)
        missing = re.search(r"field `([^`]+)`", detail)
        name = missing[1] if missing else pointer.removeprefix("#/").partition("/")[0]
        raise InvalidRequest(detail, param=name) from None


def _fault(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec has to say, and where as a JSON pointer. It does not tell the keys of a mapping."""
    found = _PLACE.fullmatch(str(error))
    assert found is not None
    pointer = "#"
    for index, name in _STEP.findall(found[2] or ""):
        if not index and not name:
            break
        pointer += "/" + (index or _step(name))
    return found[1] + ".", pointer


def _null_in(value: object, place: str) -> str | None:
    """Where there is a null character in a text or in a name, as a JSON pointer; None where there is none."""
    if isinstance(value, str):
        return place if NULL in value else None
    if isinstance(value, dict):
        if any(NULL in name for name in value):
            return place
        inside = ((each, f"{place}/{_step(name)}") for name, each in value.items())
    elif isinstance(value, list):
        inside = ((each, f"{place}/{index}") for index, each in enumerate(value))
    else:
        return None
    return next((found for each, where in inside if (found := _null_in(each, where)) is not None), None)


def _step(name: str) -> str:
    """A name as part of a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


def _parameters(query_string: bytes) -> list[tuple[str, str]]:
    try:
        text = query_string.decode("ascii")
        given = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest("The query is no list of names and values in UTF-8.") from None
    if any(NULL in part for pair in given for part in pair):
        raise InvalidRequest("A parameter must not have a null character.")
    return given


Kinds = frozenset[type[inspect.Type]]


@cache
def _readings(kind: type[Struct]) -> dict[str, tuple[bool, Kinds]]:
    """Of each parameter whether it may be given several times, and what its values may be."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return {field.encode_name: _reading(field.type) for field in described.fields}


def _reading(described: inspect.Type) -> tuple[bool, Kinds]:
    if isinstance(described, inspect.Metadata):
        return _reading(described.type)
    if isinstance(described, inspect.ListType | inspect.VarTupleType):
        return True, _reading(described.item_type)[1]
    if isinstance(described, inspect.UnionType):
        parts = [_reading(part) for part in described.types]
        return any(many for many, _ in parts), frozenset[type[inspect.Type]]().union(*(kinds for _, kinds in parts))
    return False, frozenset((type(described),))


def _scalar(text: str, kinds: Kinds) -> str | int | bool:
    """A text as the value it stands for; what stands for none stays a text, and is refused as that."""
    if inspect.BoolType in kinds:
        return _TRUTH.get(text, text)
    if inspect.IntType in kinds and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return text
