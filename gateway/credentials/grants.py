"""What is exchanged for an access token, and what the answer is worth: RFC 6749. Pure; nothing is sent.

Knows no provider: how a token is asked for is the grant's own. What is said of a failure never contains a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import orjson

USUAL_SECONDS = 3600
"""How long a token is taken to last whose answer does not say."""

LONGEST_SAID = 300
"""Most characters repeated of what a token endpoint says."""

_PASSING_STATUSES = frozenset((408, 425, 429))
"""Beside 5xx: what may be answered otherwise in a moment."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_SIGNED = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}", re.ASCII)
"""What looks like a signed token: some endpoints repeat what they were sent."""
_UNSEEN = re.compile(r"[^\x20-\x7e]+")


class AccessToken(NamedTuple):
    """What a provider accepts in place of a key, for a while. Not to be logged."""

    value: str
    expires_at_us: int
    """Unix time in microseconds."""


class TokenRequest(NamedTuple):
    """A POST of a form to a token endpoint."""

    url: str
    form: Mapping[str, str]


class NotGranted(Exception):
    """No token, in one line that says why and shows no secret."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing
        """The endpoint has trouble: another try makes sense. False: it refused."""


class Grant(Protocol):
    """What a credential is that is exchanged for tokens."""

    def request(self, now_us: int) -> TokenRequest:
        """What is sent for a token at this moment. Raises NotGranted."""

    def read(self, status: int, body: bytes, now_us: int) -> AccessToken:
        """The token in the answer to a request of `now_us`. Raises NotGranted."""


def read_token(status: int, body: bytes, now_us: int) -> AccessToken:
    """The token in a token endpoint's answer to a request of `now_us`. Raises NotGranted."""
    fields = _fields_of(body)
    if status != 200:
        trouble = status >= 500 or status in _PASSING_STATUSES
        raise NotGranted(_reason(fields) or f"the token endpoint answered {status}", passing=trouble)
    value, kind = fields.get("access_token"), fields.get("token_type", "Bearer")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise NotGranted(_reason(fields) or "the token endpoint's answer has no access token in it", passing=True)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NotGranted("the token endpoint gave a token of a kind that cannot be used", passing=False)
    return AccessToken(value, now_us + _seconds(fields.get("expires_in")) * 1_000_000)


def _seconds(said: Any) -> int:
    """How long a token lasts; some write the number as a text."""
    if isinstance(said, str) and re.fullmatch(r"\d{1,9}", said, re.ASCII):
        said = int(said)
    if said is None:
        return USUAL_SECONDS
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not 0 < said < 1e9:
        raise NotGranted("the token endpoint gave a token that has expired, or does not say when it does", passing=True)
    return int(said)


def _reason(fields: Mapping[str, Any]) -> str:
    """What an error answer says: `error` and `error_description`, or an object as Google's other interfaces have it."""
    error = fields.get("error")
    if isinstance(error, dict):
        said = (error.get("status"), error.get("message"))
    else:
        said = (error, fields.get("error_description"))
    words = ": ".join(each for each in said if isinstance(each, str) and each)
    return " ".join(_SIGNED.sub("***", _UNSEEN.sub(" ", words)).split())[:LONGEST_SAID]


def _fields_of(body: bytes) -> Mapping[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
