"""Logging in at another provider of identities, from sending the browser off to knowing who has come back.

Knows no database, no cookies and no web framework: its caller keeps the `Flow` in between, and lets each be finished
once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from gateway.access.github import GitHub
from gateway.errors import LoginFailed
from gateway.settings.model import LoginProviderSettings
from gateway.settings.section import LoginKind

from .answers import STRANGE
from .asking import Fetch, Network
from .flow import Flow, new_flow
from .identity import Identity, check_identity
from .kinds import check_provider
from .openid import OpenId


class Way(Protocol):
    """How one sort of provider logs people in."""

    async def begin(self, provider: LoginProviderSettings, flow: Flow) -> str:
        """Where the browser must go. Raises LoginFailed."""

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back. Raises LoginFailed."""


class Login:
    """The logins of one process; what providers publish about themselves is kept for an hour."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float], allow: Sequence[Network] = ()) -> None:
        """`clock` tells seconds since 1970; `allow`: networks that may be spoken to over plain HTTP."""
        self._allow = allow
        openid = OpenId(fetch, clock=clock, allow=allow)
        self._ways: Mapping[LoginKind, Way] = {
            "oidc": openid,
            "google": openid,
            "microsoft": openid,
            "github": GitHub(fetch),
        }

    async def begin(self, provider: LoginProviderSettings, redirect_uri: str) -> Flow:
        """A new login, whose `url` the browser is sent to; it comes back to `redirect_uri`. Raises LoginFailed."""
        self._check(provider)
        flow = new_flow(provider.id, redirect_uri)
        return replace(flow, url=await self._ways[provider.kind].begin(provider, flow))

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back with this query, known to be allowed in. Raises LoginFailed."""
        self._check(provider)
        if flow.provider != provider.id:
            raise LoginFailed(STRANGE, details=f"begun at {flow.provider}, come back from {provider.id}")
        identity = await self._ways[provider.kind].finish(provider, flow, query)
        check_identity(provider, identity)
        return identity

    def _check(self, provider: LoginProviderSettings) -> None:
        try:
            check_provider(provider, self._allow)
        except ValueError as error:
            raise LoginFailed(
                "This provider is not set up right.", details=f"login.providers.{provider.id}: {error}"
            ) from None
