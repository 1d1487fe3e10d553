"""JSON into protobuf messages, as strict as Google's own reader and in its words. Pure.

Both spellings of a field are read, `maxOutputTokens` and `max_output_tokens`; what comes out has the first. Errors name
places in the second. All that is wrong is collected, so that one refusal tells it all.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

Problems = list[str]
Field = Callable[[Any, str, Problems], Any]
"""Value, place and problems found so far, to the value as it is understood."""

_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta."
DEPTH = 64
"""Levels of messages in messages."""


def snake(name: str) -> str:
    """`maxOutputTokens` to `max_output_tokens`."""
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _invalid(value: Any, where: str, kind: str) -> str:
    shown = orjson.dumps(value, default=str).decode(errors="replace")
    return f"Invalid value at '{where}' ({kind}), {shown[:200]}"


def _scalar(kind: str, read: Callable[[Any], Any]) -> Field:
    """A field with one value; `read` raises `ValueError` for what is none."""

    def field(value: Any, where: str, problems: Problems) -> Any:
        if isinstance(value, list):
            place, _, name = where.rpartition(".")
            problems.append(_unknown(place, name, "Proto field is not repeating, cannot start list."))
            return None
        try:
            return read(value)
        except (ValueError, OverflowError):
            problems.append(_invalid(value, where, kind))
            return None

    return field


def _unknown(place: str, name: str, why: str) -> str:
    at = f" at '{place}'" if place else ""
    return f'Invalid JSON payload received. Unknown name "{name}"{at}: {why}'


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("no flag")
    return value


def _read_integer(value: Any) -> int:
    number = _read_number(value)
    if number != int(number) or abs(number) >= 1 << 31:
        raise ValueError("no integer")
    return int(number)


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("no number")
    return float(value)


def _read_bytes(value: Any) -> str:
    """Base64 of either alphabet, padded or not; in the standard one, padded."""
    written = standard_base64(_read_text(value))
    base64.b64decode(written, validate=True)
    return written


def standard_base64(text: str) -> str:
    """Base64 of either alphabet in the standard one, padded."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    return bare + "=" * (-len(bare) % 4)


a_text = _scalar("TYPE_STRING", _read_text)
a_flag = _scalar("TYPE_BOOL", _read_flag)
an_integer = _scalar("TYPE_INT32", _read_integer)
a_number = _scalar("TYPE_FLOAT", _read_number)
some_bytes = _scalar("TYPE_BYTES", _read_bytes)


def a_value(value: Any, where: str, problems: Problems) -> Any:
    """Any JSON."""
    return value


def a_struct(value: Any, where: str, problems: Problems) -> Any:
    """Any JSON object."""
    if not isinstance(value, dict):
        problems.append(_invalid(value, where, "type.googleapis.com/google.protobuf.Struct"))
        return {}
    return value


def an_enum(name: str, *words: str) -> Field:
    """One of these words, in either case."""
    known = frozenset(words)

    def read(value: Any) -> str:
        word = _read_text(value).upper()
        if word not in known:
            raise ValueError("no such word")
        return word

    return _scalar(f"{_PACKAGE}{name}", read)


def repeated(field: Field) -> Field:
    """A list."""

    def read(value: Any, where: str, problems: Problems) -> Any:
        if not isinstance(value, list):
            problems.append(_invalid(value, where, "repeated field"))
            return []
        return [field(item, f"{where}[{index}]", problems) for index, item in enumerate(value)]

    return read


def mapped(field: Field) -> Field:
    """A map with texts as keys."""

    def read(value: Any, where: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.append(_invalid(value, where, "map field"))
            return {}
        return {
            name: field(inner, f"{where}[{index}].value", problems) for index, (name, inner) in enumerate(value.items())
        }

    return read


class Message:
    """A message: its fields by their camel-case names, of which those of `oneof` exclude each other."""

    def __init__(self, name: str, fields: Mapping[str, Field], *, oneof: tuple[str, ...] = ()) -> None:
        self._name = name
        self._oneof = frozenset(oneof)
        self._fields: dict[str, tuple[str, Field]] = {}
        self.add(fields)

    def add(self, fields: Mapping[str, Field]) -> None:
        """More fields: for messages that contain themselves."""
        for name, field in fields.items():
            self._fields[name] = self._fields[snake(name)] = (name, field)

    def __call__(self, value: Any, where: str, problems: Problems) -> dict[str, Any]:
        """The message with its fields in camel case, without those that are null."""
        if not isinstance(value, dict) or where.count(".") > DEPTH:
            problems.append(_invalid(value, where, f"{_PACKAGE}{self._name}"))
            return {}
        read: dict[str, Any] = {}
        for given, inner in value.items():
            known = self._fields.get(given)
            if known is None:
                problems.append(_unknown(where, given, "Cannot find field."))
            elif inner is not None:
                name, field = known
                self._check_alone(name, read, where, problems)
                read[name] = field(inner, f"{where}.{snake(name)}" if where else snake(name), problems)
        return read

    def _check_alone(self, name: str, read: Mapping[str, Any], where: str, problems: Problems) -> None:
        if name in self._oneof and self._oneof & read.keys():
            said = f"oneof field 'data' is already set. Cannot set '{name}'"
            problems.append(f"Invalid value at '{where}' (oneof), {said}")
