"""What no client may read in a provider's answer, should it repeat what it was sent: our secrets and proofs. Pure.

Most secrets are sent as they are, and are looked for as they are. Where something is made of them for each request,
that is looked for too, and so are their parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gateway.credentials.aws import AwsKeys, read_keys
from gateway.credentials.google import read_account
from gateway.records import Credential, Provider

from .access import AWS, GOOGLE, SCHEMES

Secrets = tuple[bytes, ...]

_SENT = re.compile(rb"(?:\A|\n)(?:authorization: Bearer|x-amz-security-token:) ([^\r\n]+)", re.IGNORECASE)

SHORTEST = 4
"""Bytes of a part of a secret that is looked for; anything shorter would be found everywhere."""


def secrets_of(provider: Provider, credential: Credential, proof: bytes = b"") -> Secrets:
    """What to look for: the whole secret, and where it is not sent as it is, its parts and what `proof` shows of them,
    the header lines that were made of it."""
    whole = (credential.secret.encode(),) if credential.secret else ()
    if provider.auth not in SCHEMES:
        return whole
    return (*whole, *_parts(provider.auth, credential.secret), *_SENT.findall(proof))


def masked(body: bytes, secrets: Secrets) -> bytes:
    """A provider's words without any of them."""
    for secret in secrets:
        body = body.replace(secret, b"***")
    return body


@lru_cache(maxsize=64)
def _parts(scheme: str, secret: str) -> Secrets:
    try:
        parts = _PARTS[scheme](secret)
        return tuple(part.encode() for part in parts if len(part) >= SHORTEST)
    except ValueError:
        return ()  # with a secret that is none, nothing is sent


def _of_keys(secret: str) -> Iterator[str]:
    keys = read_keys(secret)
    if isinstance(keys, AwsKeys):
        yield from (keys.secret, keys.session_token)


def _of_account(secret: str) -> Iterator[str]:
    lines = read_account(secret).private_key.strip().split("\n")[1:-1]
    yield from (between.join(lines) for between in ("\n", "\\n", ""))


_PARTS = {AWS: _of_keys, GOOGLE: _of_account}
