"""Requests signed as AWS wants them: Signature Version 4. Pure: the time is handed in, nothing is sent.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Knows what a secret for AWS
looks like; which of its services is asked, and where, it is told.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"

_KEY_ID = re.compile(r"\w{8,128}", re.ASCII)
_SECRET = re.compile(r"[\x21-\x7e]+")
_WITHIN = ("Credentials", "AccessKey")
"""What `aws sts get-session-token` and `aws iam create-access-key` print around the keys; others print them bare."""

_HOW = "write it as ACCESS_KEY_ID:SECRET_ACCESS_KEY or ACCESS_KEY_ID:SECRET_ACCESS_KEY:SESSION_TOKEN"


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Who signs. Its `repr` shows no secret."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)


class Signable(NamedTuple):
    """What of a request is signed."""

    method: str
    host: str
    """Value of its `Host` header."""
    target: str
    """Path and query exactly as its first line has them, without segments of dots."""
    body: bytes = b""


def read_keys(secret: str) -> AwsKeys | str:
    """The keys that the text of a secret holds; a text, where it is an API key of Bedrock, which is sent as it is.

    ValueError, with a text to show, for what is neither.
    """
    text = secret.strip()
    if text.startswith("{"):
        return _from_json(text)
    parts = text.split(":")
    if len(parts) == 1:
        if not _SECRET.fullmatch(text):
            raise ValueError("it is empty, or has spaces or characters that no key has")
        return text
    if len(parts) > 3:
        raise ValueError(f"it has more than three parts: {_HOW}")
    return _checked(parts)


def _from_json(text: str) -> AwsKeys:
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise ValueError("it begins like JSON, and is none") from None
    for name in _WITHIN:
        if isinstance(found.get(name), dict):
            found = found[name]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    for name in names[:2]:
        if not isinstance(found.get(name), str):
            raise ValueError(f"its JSON has no `{name}`")
    return _checked([str(found.get(name) or "") for name in names])


def _checked(parts: list[str]) -> AwsKeys:
    key_id, secret, token = (*(part.strip() for part in parts), "")[:3]
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError(f"its access key id has characters that none has, or too few: {_HOW}")
    if not _SECRET.fullmatch(secret) or (token and not _SECRET.fullmatch(token)):
        raise ValueError(f"its secret access key or its session token is empty, or has spaces in it: {_HOW}")
    return AwsKeys(key_id, secret, token)


class Signer:
    """Signs requests of one owner of keys to one service in one region."""

    def __init__(self, keys: AwsKeys, region: str, service: str = "bedrock") -> None:
        self._keys = keys
        self._place = f"{region}/{service}/aws4_request"
        self._day = ""
        self._key = b""
        """For that day; four rounds of HMAC would be spent anew on every request."""

    def sign(self, request: Signable, now_us: int) -> bytes:
        """The header lines that prove who sends this request; good for some minutes around `now_us`, Unix time."""
        time = _time(now_us)
        hashed = sha256(request.body).hexdigest()
        headers = [("host", request.host), ("x-amz-content-sha256", hashed), ("x-amz-date", time)]
        if self._keys.session_token:
            headers.append(("x-amz-security-token", self._keys.session_token))
        proof = self.authorization(canonical_request(request, headers, hashed), headers, time)
        lines = [f"{name}: {value}\r\n" for name, value in (*headers[1:], ("authorization", proof))]
        return "".join(lines).encode("latin-1")

    def authorization(self, canonical: str, headers: Iterable[tuple[str, str]], time: str) -> str:
        """Value of the header `authorization` for a request in its canonical form; `time` as in `x-amz-date`."""
        scope = f"{time[:8]}/{self._place}"
        text = f"{ALGORITHM}\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = _hmac(self._key_of(time[:8]), text).hex()
        return (
            f"{ALGORITHM} Credential={self._keys.key_id}/{scope}, SignedHeaders={_names(headers)}, "
            f"Signature={signature}"
        )

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = b"AWS4" + self._keys.secret.encode()
            for part in (day, *self._place.split("/")):
                key = _hmac(key, part)
            self._day, self._key = day, key
        return self._key


def canonical_request(request: Signable, headers: Iterable[tuple[str, str]], hashed: str) -> str:
    """The form of a request that is signed; `headers` in lower case and in order, `hashed` the SHA-256 of its body."""
    path, _, query = request.target.partition("?")
    said = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in headers])
    # The path as it is sent is encoded once more: every service but S3 wants that.
    return f"{request.method}\n{quote(path, safe='/~')}\n{_query(query)}\n{said}\n{_names(headers)}\n{hashed}"


def _query(query: str) -> str:
    pairs = [
        (quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _names(headers: Iterable[tuple[str, str]]) -> str:
    return ";".join([name for name, _ in headers])


def _time(now_us: int) -> str:
    return datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
