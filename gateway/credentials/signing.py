"""Signed assertions (RFC 7523): the only module here that imports joserfc, which comes with the extra `vertex`.

Import it through `google`, which says so where it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], private_key: str) -> str:
    """A JWT signed with RS256 by an RSA key in PEM. ValueError where the key cannot be read."""
    return jwt.encode(dict(header), dict(claims), _key(private_key), algorithms=["RS256"])


@lru_cache(maxsize=64)
def _key(private_key: str) -> RSAKey:
    """Whether a key is sound takes 40 ms to find out: once for each key."""
    try:
        return RSAKey.import_key(private_key)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"its `private_key` is no RSA key that can be read ({type(error).__name__})") from None
