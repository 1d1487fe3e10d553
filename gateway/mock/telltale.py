"""Errors that repeat the key they refuse, as some providers' do: what nobody may pass on to somebody else. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from gateway.mock import keys
from gateway.mock.answers import Answer, Reply, make

_MESSAGE = b'"message":"'
"""Where the text of an error begins, whoever's it is; nothing else in an error is called so."""
_OWN_HEADERS = (b"x-api-key", b"x-goog-api-key")


def repeat_key(answer: Answer, headers: Mapping[bytes, bytes], *, disguised: bool = False) -> Answer:
    """The answer with the key of the request in the text of its error, or of the error its stream may end with."""
    key = orjson.dumps(_key_in(headers))[1:-1]
    if not isinstance(answer, Reply):
        return answer._replace(error=lambda: _told(make(answer.error), key))
    is_error = disguised or answer.status >= 300
    return answer._replace(body=_told(answer.body, key)) if is_error else answer


def _key_in(headers: Mapping[bytes, bytes]) -> str:
    own = next((headers[name] for name in _OWN_HEADERS if name in headers), None)
    return own.decode("latin-1") if own is not None else keys.read_bearer(headers.get(b"authorization", b""))


def _told(error: bytes, key: bytes) -> bytes:
    return error.replace(_MESSAGE, b"%bKey %b: " % (_MESSAGE, key))
