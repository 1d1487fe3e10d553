"""Where in a client's request something stands: as Anthropic's errors name it, and as reports of losses do."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import orjson

from gateway.errors import InvalidRequest
from gateway.formats.arguments import as_text
from gateway.formats.format import Fields
from gateway.formats.losses import Losses

_NUMBER = re.compile(r"\.(\d+)(?=\.|$)")


def loss_of(path: str) -> str:
    """`tools.0.max_uses` as losses are told in every dialect: `tools[0].max_uses`."""
    return _NUMBER.sub(r"[\1]", path)


def required(fields: Fields, name: str, path: str = "") -> Any:
    """The value of a field that must be there. Raises InvalidRequest."""
    value = fields.get(name)
    if value is None:
        place = f"{path}.{name}" if path else name
        raise InvalidRequest(f"{place}: Field required", param=place)
    return value


def refuse_tag(kind: Any, path: str) -> NoReturn:
    """Raises InvalidRequest for a `type` that is unknown, or does not belong at its place."""
    said = f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    raise InvalidRequest(said, param=path)


def drop_unknown(fields: Fields, known: frozenset[str], path: str, losses: Losses) -> None:
    """Report what is set beside the known fields; null and false say what holds anyway."""
    for name, value in fields.items():
        if name not in known and value is not None and value is not False:
            losses.drop(loss_of(f"{path}.{name}"))


def json_text(value: Any, path: str) -> str:
    """The value as JSON text. Raises InvalidRequest when it is nested too deeply to be written again."""
    try:
        return as_text(value)
    except orjson.JSONEncodeError:
        raise InvalidRequest(f"{path} is nested too deeply.", param=path) from None
