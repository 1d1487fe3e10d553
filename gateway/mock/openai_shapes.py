"""Checks of JSON values in the words of OpenAI's own validation: `Missing required parameter: 'messages[0].content'.`

A check is given a value and the place where it stands; it raises `Refused` or says nothing. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any

from gateway.mock.answers import Refused
from gateway.mock.checks import Check
from gateway.mock.openai import refuse

NAME = r"^[a-zA-Z0-9_-]+$"
"""What tools and schemas may be called."""
NAME_LENGTH = 64
CALL_ID_LENGTH = 64

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a decimal"),
    (list, "an array"),
    (dict, "an object"),
)


def kind_of(value: object) -> str:
    """A JSON value's type as errors name it."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def wrong_type(where: str, expected: str, value: object) -> Refused:
    """Another type was expected."""
    said = f"Invalid type for '{where}': expected {expected}, but got {kind_of(value)} instead."
    return refuse(said, param=where, code="invalid_type")


def missing(where: str) -> Refused:
    """Something must be there."""
    return refuse(f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")


def unknown(where: str) -> Refused:
    """Nothing of this name is known there."""
    return refuse(f"Unknown parameter: '{where}'.", param=where, code="unknown_parameter")


def not_one_of(where: str, value: object, words: Collection[str]) -> Refused:
    """The value is none of those supported."""
    known = ", ".join(f"'{word}'" for word in words)
    return refuse(f"Invalid value: '{value}'. Supported values are: {known}.", param=where, code="invalid_value")


def invalid(where: str, said: str, code: str = "invalid_value") -> Refused:
    """The value is not what it should be."""
    return refuse(f"Invalid '{where}': {said}", param=where, code=code)


def below(where: str, name: str) -> str:
    """The place of a field of an object."""
    return f"{where}.{name}" if where else name


def anything(value: Any, where: str) -> None:
    """Nothing is asked."""


def _is(kind: type, expected: str) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise wrong_type(where, expected, value)

    return check


a_text = _is(str, "a string")
a_flag = _is(bool, "a boolean")
an_integer = _is(int, "an integer")
an_object = _is(dict, "an object")
an_array = _is(list, "an array")


def between(least: float, most: float = float("inf"), *, whole: bool = False) -> Check:
    """A number in a range."""
    kind = "integer" if whole else "decimal"

    def check(value: Any, where: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise wrong_type(where, f"an {kind}" if whole else f"a {kind}", value)
        if value < least:
            said = f"{kind} below minimum value. Expected a value >= {least:g}, but got {value} instead."
            raise invalid(where, said, f"{kind}_below_min_value")
        if value > most:
            said = f"{kind} above maximum value. Expected a value <= {most:g}, but got {value} instead."
            raise invalid(where, said, f"{kind}_above_max_value")

    return check


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(value: Any, where: str) -> None:
        a_text(value, where)
        if value not in words:
            raise not_one_of(where, value, words)

    return check


def at_most(length: int) -> Check:
    """A text that is not too long."""

    def check(value: Any, where: str) -> None:
        a_text(value, where)
        if len(value) > length:
            said = f"string too long. Expected a string with maximum length {length}, but got a string with length"
            raise invalid(where, f"{said} {len(value)} instead.", "string_above_max_length")

    return check


def matching(pattern: str, length: int = NAME_LENGTH) -> Check:
    """A text that fits a pattern and is not too long."""
    compiled = re.compile(pattern)
    short_enough = at_most(length)

    def check(value: Any, where: str) -> None:
        short_enough(value, where)
        if compiled.fullmatch(value) is None:
            said = f"string does not match pattern. Expected a string that matches the pattern '{pattern}'."
            raise invalid(where, said)

    return check


a_name = matching(NAME)
a_call_id = at_most(CALL_ID_LENGTH)


def some_base64(value: Any, where: str) -> None:
    """Bytes in standard base64."""
    a_text(value, where)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(where, "expected base64-encoded data.", "invalid_base64") from None


def a_data_url(value: Any, where: str) -> None:
    """Content in a URL of its own."""
    a_text(value, where)
    head, comma, body = value.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or not comma:
        said = "expected a base64-encoded data URL with a MIME type (e.g. 'data:application/pdf;base64,aW1nIGJ5dGV...')"
        raise invalid(where, f"{said}, but got a value without the 'data:' prefix.")
    some_base64(body, where)


def a_url(value: Any, where: str) -> None:
    """An address on the web, or content in a URL of its own."""
    a_text(value, where)
    if value.startswith("data:"):
        a_data_url(value, where)
    elif not value.startswith(("http://", "https://")):
        said = "expected a valid URL, but got a value with an unsupported scheme or none."
        raise invalid(where, said, "invalid_url")


def list_of(check_item: Check, *, least: int = 0, most: int = 1 << 30) -> Check:
    """A list of such values, neither too short nor too long."""

    def check(value: Any, where: str) -> None:
        an_array(value, where)
        if len(value) < least:
            said = f"empty array. Expected an array with minimum length {least}, but got an empty array instead."
            raise invalid(where, said, "empty_array")
        if len(value) > most:
            said = f"array too long. Expected an array with maximum length {most}, but got an array with length"
            raise invalid(where, f"{said} {len(value)} instead.", "array_above_max_length")
        for index, item in enumerate(value):
            check_item(item, f"{where}[{index}]")

    return check


def closed(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others; what is optional may be null."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> None:
        an_object(value, where)
        for name in required:
            if name not in value:
                raise missing(below(where, name))
        for name, inner in value.items():
            if name not in known:
                raise unknown(below(where, name))
            if inner is not None or name in required:
                known[name](inner, below(where, name))

    return check


def opened(required: Mapping[str, Check]) -> Check:
    """An object with these fields, and whatever else."""

    def check(value: Any, where: str) -> None:
        an_object(value, where)
        for name, check_field in required.items():
            if name not in value:
                raise missing(below(where, name))
            check_field(value[name], below(where, name))

    return check


def tagged(checks: Mapping[str, Check], *, default: str = "") -> Check:
    """An object whose `type` says which of these checks it has to pass."""

    def check(value: Any, where: str) -> None:
        an_object(value, where)
        tag = value.get("type") or default
        if not tag:
            raise missing(below(where, "type"))
        found = checks.get(tag) if isinstance(tag, str) else None
        if found is None:
            raise not_one_of(below(where, "type"), tag, checks)
        found(value, where)

    return check


def pairs(value: Any, where: str) -> None:
    """Metadata: at most 16 short texts."""
    an_object(value, where)
    if len(value) > 16:
        said = f"object too large. Expected an object with at most 16 properties, but got {len(value)} instead."
        raise invalid(where, said, "object_above_max_properties")
    for name, inner in value.items():
        at_most(64)(name, where)
        at_most(512)(inner, below(where, name))
