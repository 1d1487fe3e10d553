"""Headers as one line of text, the way OpenTelemetry's variables have them. No message it makes contains a value.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_NAME = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~](?:[ !-~]*[!-~])?")


def read_headers(text: str) -> dict[str, str]:
    """`name=value,name=value` by name, in lower case; `%2C` in a value is a comma. Raises ValueError, with a text to
    show."""
    headers: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ValueError("expected headers as `name=value,name=value`, with `%2C` for a comma in a value")
        if not _VALUE.fullmatch(unquoted := unquote(value)):
            raise ValueError(f"the value of the header `{name}` is empty or holds characters that no header can carry")
        headers[name.lower()] = unquoted
    return headers
