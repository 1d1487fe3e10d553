"""Checks of JSON values in the words of Anthropic's own validation: `messages.0.content.0.text.text: Field required`.

A check is given a value and the place where it stands; it raises `Refused` or says nothing. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from gateway.mock.answers import Refused
from gateway.mock.anthropic import refuse
from gateway.mock.checks import Check


def wrong(where: str, what: str) -> Refused:
    """What is wrong at a place."""
    return refuse(f"{where}: {what}")


def _is(kind: type, what: str) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise wrong(where, f"Input should be a valid {what}")

    return check


a_text = _is(str, "string")
a_flag = _is(bool, "boolean")
an_integer = _is(int, "integer")
an_object = _is(dict, "dictionary")


def anything(value: Any, where: str) -> None:
    """Nothing is asked."""


def whole(least: int) -> Check:
    """A whole number of at least `least`."""

    def check(value: Any, where: str) -> None:
        an_integer(value, where)
        if value < least:
            raise wrong(where, f"Input should be greater than or equal to {least}")

    return check


def between(least: float, most: float) -> Check:
    """A number in a range."""

    def check(value: Any, where: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(where, "Input should be a valid number")
        if not least <= value <= most:
            raise wrong(where, f"range: {least:g}..{most:g}")

    return check


def one_of(*words: str) -> Check:
    """One of these words."""
    shown = ", ".join(f"'{word}'" for word in words[:-1]) + (" or " if len(words) > 1 else "") + f"'{words[-1]}'"

    def check(value: Any, where: str) -> None:
        if value not in words:
            raise wrong(where, f"Input should be {shown}")

    return check


def matching(pattern: str) -> Check:
    """A text that fits a pattern as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any, where: str) -> None:
        a_text(value, where)
        if compiled.fullmatch(value) is None:
            raise wrong(where, f"String should match pattern '{pattern}'")

    return check


def some_base64(value: Any, where: str) -> None:
    """Bytes in standard base64."""
    a_text(value, where)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise wrong(where, "invalid base64 data") from None


def list_of(check_item: Check) -> Check:
    """A list of such values."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise wrong(where, "Input should be a valid list")
        for index, item in enumerate(value):
            check_item(item, f"{where}.{index}")

    return check


def closed(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """An object with these fields and no others; what is optional may be null."""
    known = {**required, **optional}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise wrong(where, "Input should be a valid dictionary or object to extract fields from")
        prefix = f"{where}." if where else ""
        for name in required:
            if name not in value:
                raise wrong(f"{prefix}{name}", "Field required")
        for name, inner in value.items():
            if name not in known:
                raise wrong(f"{prefix}{name}", "Extra inputs are not permitted")
            if inner is not None or name in required:
                known[name](inner, f"{prefix}{name}")

    return check


def tagged(checks: Mapping[str, Check], *, default: str = "") -> Check:
    """An object whose `type` says which of these checks it has to pass."""
    expected = ", ".join(f"'{tag}'" for tag in checks)

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise wrong(where, "Input should be a valid dictionary or object to extract fields from")
        tag = value.get("type") or default
        if not tag:
            raise wrong(where, "Unable to extract tag using discriminator 'type'")
        found = checks.get(tag) if isinstance(tag, str) else None
        if found is None:
            said = f"Input tag '{tag}' found using 'type' does not match any of the expected tags: {expected}"
            raise wrong(where, said)
        found(value, f"{where}.{tag}")

    return check
