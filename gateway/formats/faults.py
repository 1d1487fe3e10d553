"""What a provider's error answer says, in any dialect: the error in its body, what kind it is, when to try again.

Knows no dialect's words: they are handed in as tables. Whose fault an error is, is said by its words first, by its
status second, and a bad request says in its message what it really is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gateway.errors import ProviderFault

from .format import Fields
from .told import string_of

Meanings = tuple[tuple[re.Pattern[str], ProviderFault], ...]
"""What a message may say that a bad request really is; the first that is found counts."""

_CATEGORY_OF_STATUS: dict[int, ProviderFault] = {
    401: "auth",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""Other 4xx are bad requests, the rest is the server's own fault."""

_SECRET = re.compile(
    r"\b(?:sk|rk|sess|key)-[\w*-]{6,}"  # OpenAI's and Anthropic's, also where they are half masked
    r"|\bAIza[\w-]{20,}|\bya29\.[\w.-]*[\w-]|(?<=[?&]key=)[\w-]+"  # Google's, in addresses too
    r"|\bBearer\s+\S+",
    re.IGNORECASE,
)
_SECONDS = re.compile(rb"\s*\d{1,9}(?:\.\d{1,9})?\s*")


def body_of(body: bytes) -> Any:
    """The JSON of an error answer; None for what is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def first_of(fields: Any) -> Any:
    """What is in the list that some put around an error (ERR-2); anything else as it is."""
    return fields[0] if isinstance(fields, list) and fields else fields


def error_in(body: bytes) -> Fields:
    """The error object of an answer, whoever wrote it; empty for HTML, for nothing, and for what says nothing."""
    fields = first_of(body_of(body))
    if not isinstance(fields, dict):
        return {}
    error = fields.get("error", fields.get("detail"))
    if isinstance(error, dict):
        return unwrapped(error)
    return {"message": error if isinstance(error, str) else fields.get("message")}


def unwrapped(error: Fields) -> Fields:
    """The error within an error: some providers put one, as JSON text, into the message (ERR-2)."""
    message = error.get("message")
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return error
    try:
        inner = orjson.loads(message)
    except orjson.JSONDecodeError:
        return error
    found = inner.get("error", inner)
    return {**error, **found} if isinstance(found, dict) and isinstance(found.get("message"), str) else error


def readable(message: Any, status: int | None) -> str:
    """The provider's words without what looks like a key; the status where it says nothing, as in streams nobody."""
    said = string_of(message)
    if said.strip():
        return _SECRET.sub("***", said)
    return f"Upstream returned status {status}" if status is not None else "The provider reported an error."


def category_of(status: int) -> ProviderFault:
    """Whose fault an answer with this status is."""
    return _CATEGORY_OF_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "server")


def narrowed(found: ProviderFault, message: Any, meanings: Meanings) -> ProviderFault:
    """What a bad request says it really is; anything else is what it is."""
    if found != "bad_request":
        return found
    return next((meant for words, meant in meanings if words.search(string_of(message))), found)


def status_in(error: Fields) -> int | None:
    """The status that an error gives as its code, which counts where HTTP said 200: in streams."""
    code: Any = error.get("code")
    return code if code.__class__ is int and 400 <= code < 600 else None


def seconds_to_wait(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds to wait, where a header says so in so many words."""
    for name, unit in ((b"retry-after", 1.0), (b"retry-after-ms", 0.001)):
        said = headers.get(name, b"")
        if _SECONDS.fullmatch(said):
            return float(said) * unit
    return None


def spent(headers: Mapping[bytes, bytes], remaining: bytes, limits: Iterable[bytes]) -> list[bytes]:
    """The limits of which nothing is left, where `remaining` is the header of one, as `x-ratelimit-remaining-%b`."""
    return [limit for limit in limits if headers.get(remaining % limit, b"").strip() == b"0"]
