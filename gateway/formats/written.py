"""JSON as bytes, from values that others made up: what is nested too deeply to be written is somebody's fault, and said
so. The parser takes more levels than the writer does."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import InvalidRequest, UpstreamMalformed


def request_bytes(fields: Any) -> bytes:
    """What a client said, for a provider. Raises InvalidRequest."""
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        raise InvalidRequest("The request is nested too deeply.") from None


def answer_bytes(fields: Any) -> bytes:
    """What a provider said, for a client. Raises UpstreamMalformed."""
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        raise UpstreamMalformed("The provider's answer is nested too deeply.") from None
