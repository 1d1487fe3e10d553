"""A login under way: what is kept of it between sending the browser off and its coming back."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_urlsafe

FLOW_SECONDS = 600
"""How long somebody may take at the provider; whoever keeps flows forgets older ones."""

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Flow:
    """A login that has begun. All but `url` is needed to finish it; `msgspec.json` writes and reads it as it is."""

    provider: str
    redirect_uri: str
    state: str = field(repr=False)
    """Given to the browser, and back by it."""
    nonce: str = field(repr=False)
    """Comes back within the identity token."""
    verifier: str = field(repr=False)
    """Only the provider's token endpoint gets to know it: PKCE."""
    url: str = field(default="", repr=False)
    """Where the browser is sent to."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an identity token must fit. `now` in seconds since 1970."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)
    now: int


def new_flow(provider: str, redirect_uri: str) -> Flow:
    """A flow with secrets of its own and without an address yet."""
    state, nonce, verifier = (token_urlsafe(SECRET_BYTES) for _ in range(3))
    return Flow(provider, redirect_uri, state, nonce, verifier)
