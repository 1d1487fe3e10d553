"""How Google spells: fields in camel or snake case alike, numbers as strings too, bytes as either kind of base64.

The protobuf reader takes all of these (https://protobuf.dev/programming-guides/json/), so ours do. What the fields
mean is no concern of this module.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.arguments import as_text
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.values import a_count, a_list, a_number, a_text, an_object

_WHOLE = re.compile(r"-?\d{1,18}")
_FIGURE = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][-+]?\d{1,2})?")
_STANDARD = str.maketrans({"-": "+", "_": "/", "=": None, "\n": None, "\r": None, " ": None})


def given(value: Any, path: str) -> Fields:
    """The fields of an object in camel case, without nulls (G-1). Raises InvalidRequest when it is no object."""
    return {_camel(name): each for name, each in an_object(value, path).items() if each is not None}


def listed(value: Any, path: str) -> list[Any]:
    """The entries of an array of objects. Google takes one without an array around it, and its manuals show that."""
    return [value] if isinstance(value, dict) else a_list(value, path)


def drop_unknown(fields: Fields, known: Collection[str], path: str, losses: Losses) -> None:
    """Report the fields that nobody here reads."""
    for name in fields:
        if name not in known:
            losses.drop(f"{path}.{name}" if path else name)


def a_word(value: Any, path: str) -> str:
    """One of an enumeration's words, which are read in either case."""
    return a_text(value, path).upper()


def a_figure(value: Any, path: str) -> float:
    """A number, or a string that is one."""
    return a_number(unquoted(value), path)


def a_whole(value: Any, path: str) -> int:
    """An integer, or a string that is one: so Google writes those of 64 bits."""
    return a_count(unquoted(value), path)


def unquoted(value: Any) -> Any:
    """A number that came as a string; anything else as it is."""
    if not isinstance(value, str):
        return value
    if _WHOLE.fullmatch(value):
        return int(value)
    return float(value) if _FIGURE.fullmatch(value) else value


def standard_base64(text: str) -> str:
    """Base64 as everybody takes it: Google's own client for Python writes the kind for URLs."""
    bare = text.translate(_STANDARD)
    return bare + "=" * (-len(bare) % 4)


def decoded_text(text: str) -> str | None:
    """What base64 of either kind says as text; None where it is none."""
    try:
        return base64.b64decode(standard_base64(text), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def json_text(value: object, path: str) -> str:
    """Compact JSON of what a client sent. Raises InvalidRequest when it is nested too deeply to be written again."""
    try:
        return as_text(value)
    except TypeError:
        raise InvalidRequest(f"{path} is nested too deeply.", param=path) from None


def _camel(name: str) -> str:
    if "_" not in name:
        return name
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)
