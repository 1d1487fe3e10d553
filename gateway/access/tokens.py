"""Secrets that we make: client keys, API tokens, sessions, links. Knows their form, keeps none and looks none up.

Each is random bits behind a prefix, so that people, secret scanners and our own logs know what they see. What is kept
is a digest under a secret of the server: whoever reads the database can neither use one nor try guesses against it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_bytes
from typing import Literal

TokenKind = Literal["client_key", "api_token", "session", "link"]

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Form:
    """What one kind of secret looks like."""

    prefix: str
    random_bytes: int

    @property
    def characters(self) -> int:
        """Length of the random part in base64url without padding."""
        return (self.random_bytes * 8 + 5) // 6


FORMS: dict[TokenKind, Form] = {
    "client_key": Form("sk-slg-", 24),
    "api_token": Form("slg-api-", 32),
    "session": Form("slg-ses-", 32),
    "link": Form("slg-lnk-", 32),
}
"""192 bits for client keys, 256 for the others: OWASP ASVS 5.0 asks for 128 of whatever nobody may guess (11.5.1)."""

SHOWN_CHARACTERS = 5
"""How much of the random part is kept behind the prefix; with the last four, 138 bits of a client key stay secret."""
LAST_CHARACTERS = 4

_PATTERNS = {
    kind: re.compile(rf"{form.prefix}[A-Za-z0-9_-]{{{form.characters}}}", re.ASCII) for kind, form in FORMS.items()
}


@dataclass(frozen=True, slots=True)
class Made:
    """A secret just made: shown once, then only `prefix` and `last_four` are known. Its `repr` never shows it."""

    secret: str
    prefix: str
    last_four: str

    def __repr__(self) -> str:
        return f"Made(prefix={self.prefix!r}, last_four={self.last_four!r})"


def make_client_key() -> Made:
    """A new key for a client: `sk-slg-` and 32 characters."""
    return make("client_key")


def make_api_token() -> Made:
    """A new token for programs that use the management API: `slg-api-` and 43 characters."""
    return make("api_token")


def make_session_token() -> str:
    """What a new session's cookie carries, unsigned; `sessions.sign` makes the cookie's value of it."""
    return make("session").secret


def make_link_token() -> str:
    """What a one-time link carries."""
    return make("link").secret


def make(kind: TokenKind) -> Made:
    """A new secret of a kind."""
    form = FORMS[kind]
    secret = form.prefix + urlsafe_b64encode(token_bytes(form.random_bytes)).rstrip(b"=").decode("ascii")
    return Made(secret, secret[: len(form.prefix) + SHOWN_CHARACTERS], secret[-LAST_CHARACTERS:])


def kind_of(text: str) -> TokenKind | None:
    """What a text looks like; None for anything that none of our secrets looks like."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(text)), None)


def digest(secret: bytes, key: bytes) -> bytes:
    """What is kept of a secret, 32 bytes: keyed BLAKE2b. `key` is the server's, at most 64 bytes."""
    return hashlib.blake2b(secret, key=key, digest_size=DIGEST_BYTES).digest()


def signature(purpose: str, text: str, key: bytes) -> str:
    """HMAC-SHA-256 of a text in base64url, 43 characters. One for a purpose never passes for that of another."""
    mac = hmac.new(key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def is_same(presented: str, expected: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how far they are; an empty one equals nothing."""
    same = hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))
    return same and bool(expected)
