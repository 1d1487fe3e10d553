"""Google's service accounts: a key file, the assertion that it signs, the request that exchanges it for a token.

https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests. The time is handed in and
nothing is sent. No text shown of it contains a part of the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from .grants import AccessToken, NotGranted, TokenRequest, read_token

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
"""The longest that Google accepts."""

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 # an address
TOKEN_URLS = frozenset(
    (TOKEN_URL, "https://www.googleapis.com/oauth2/v4/token", "https://accounts.google.com/o/oauth2/token")
)
"""Google's own, of today and of older key files. Any other was said by whoever wrote the secret, and must be judged as
such where it is connected to."""

_ASSERTION_CLOCK_SECONDS = 10
"""How far back an assertion is dated: Google refuses one from the future, and clocks differ."""

_PEM = re.compile(r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


@dataclass(frozen=True, slots=True)
class GoogleAccount:
    """One key of a service account: a `Grant`. Its `repr` does not show the key."""

    email: str
    private_key: str = field(repr=False)
    """PEM, PKCS#1 or PKCS#8."""
    key_id: str = ""
    project: str = ""
    token_url: str = TOKEN_URL

    def request(self, now_us: int) -> TokenRequest:
        """What is sent for a token. Raises NotGranted where the key cannot sign."""
        try:
            return token_request(self, now_us)
        except ValueError as error:
            raise NotGranted(str(error), passing=False) from None

    def read(self, status: int, body: bytes, now_us: int) -> AccessToken:
        """The token in the answer. Raises NotGranted."""
        return read_token(status, body, now_us)


def read_account(secret: str) -> GoogleAccount:
    """The account in the content of its key file, as Google's console gives it.

    ValueError, with a text to show that has nothing of the key, where something is missing.
    """
    fields = _fields_of(secret)
    kind = fields.get("type", "service_account")
    if kind != "service_account":
        raise ValueError(f"its `type` is {str(kind)[:40]!r}: only the key file of a service account can be used")
    token_url = _text(fields, "token_uri") or TOKEN_URL
    _check_address(token_url)
    for name in ("client_email", "private_key"):
        if not _text(fields, name):
            raise ValueError(f"it has no `{name}`: it must be the whole key file of a service account")
    return GoogleAccount(
        email=_text(fields, "client_email"),
        private_key=_pem(_text(fields, "private_key")),
        key_id=_text(fields, "private_key_id"),
        project=_text(fields, "project_id"),
        token_url=token_url,
    )


def assertion(account: GoogleAccount, now_us: int) -> str:
    """The signed statement of who asks. ValueError where the key cannot be read, or joserfc is not installed."""
    header = {"alg": "RS256", "typ": "JWT"}
    if account.key_id:
        header["kid"] = account.key_id
    now = now_us // 1_000_000 - _ASSERTION_CLOCK_SECONDS
    claims = {
        "iss": account.email,
        "scope": SCOPE,
        "aud": account.token_url,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    try:
        # Not with the others: who uses no service account needs neither the library nor its memory.
        signed: str = import_module("gateway.credentials.signing").sign(header, claims, account.private_key)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "joserfc":
            raise
        raise ValueError("service accounts need more than is installed: install `sluicegate[vertex]`") from None
    return signed


def token_request(account: GoogleAccount, now_us: int) -> TokenRequest:
    """What exchanges an assertion of this moment for a token. ValueError as for `assertion`."""
    return TokenRequest(account.token_url, {"grant_type": GRANT_TYPE, "assertion": assertion(account, now_us)})


def _fields_of(secret: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(secret, strict=False)  # in an environment variable the key's lines are often real ones
    except ValueError:
        raise ValueError("it is not JSON: it must be the content of a service account's key file") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object: it must be the content of a service account's key file")
    return fields


def _pem(text: str) -> str:
    """A key with the lines that PEM has, whatever became of them on the way."""
    found = _PEM.search(text)
    if found is None:
        raise ValueError("its `private_key` does not begin and end as a private key in PEM does")
    body = re.sub(r"\\[nr]|\s", "", found[2])
    if not _BASE64.fullmatch(body):
        raise ValueError("its `private_key` is not base64 between its first and its last line")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----", ""])


def _check_address(url: str) -> None:
    """ValueError unless a token may be asked for there as far as the address tells; HTTP only on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or "@" in parts.netloc or parts.fragment:
        raise ValueError("its `token_uri` is not an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise ValueError("its `token_uri` does not begin with https://")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""
