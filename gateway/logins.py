"""Asks login providers, over the network, under the rules for where their addresses come from.

What the configuration file says is the operator's own word; an address from the database may lead to public machines
and to what `network.allow` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import NamedTuple

from gateway.access.oidc import Flow, Identity, open_login
from gateway.errors import LoginFailed, SettingsError
from gateway.management.office import Office
from gateway.management.openid import Login
from gateway.outbound.client import Fetcher
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.settings.model import LoginProviderSettings, NetworkSettings, UpstreamSettings


class _Ways(NamedTuple):
    """How providers are asked under some settings."""

    upstream: UpstreamSettings
    network: NetworkSettings
    pool: Pool
    said: Login
    """For those that the file names."""
    stored: Login
    """For those that the database names."""


class Logins:
    """The logins of one process, at whichever provider."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._ways: _Ways | None = None
        self._retired: list[Pool] = []

    async def begin(self, provider: LoginProviderSettings, redirect_uri: str) -> Flow:
        """A new login, whose `url` the browser is sent to. Raises LoginFailed."""
        return await self._login_at(provider).begin(provider, redirect_uri)

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        """Who has come back with this query, known to be allowed in. Raises LoginFailed."""
        return await self._login_at(provider).finish(provider, flow, query)

    async def close(self) -> None:
        """Close every connection."""
        pools = [*self._retired, *([self._ways.pool] if self._ways is not None else [])]
        for pool in pools:
            await pool.close()

    def _login_at(self, provider: LoginProviderSettings) -> Login:
        upstream, network = self._office.settings.upstream, self._office.settings.network
        if self._ways is None or (self._ways.upstream, self._ways.network) != (upstream, network):
            ways = _open(upstream, network)
            if self._ways is not None:
                # Whoever is on their way there comes to the end on it; idle connections close by themselves.
                self._retired.append(self._ways.pool)
            self._ways = ways
        return self._ways.said if provider in self._office.declared.settings.login.providers else self._ways.stored


def _open(upstream: UpstreamSettings, network: NetworkSettings) -> _Ways:
    """Raises LoginFailed where the libraries are not installed."""
    pool = Pool(upstream, permit=permit_of(network.allow))
    allow = [ip_network(entry, strict=False) for entry in network.allow]
    try:
        said, stored = (
            open_login(Fetcher(pool, proxy=upstream.proxy, guarded=guarded), allow=allow) for guarded in (False, True)
        )
    except SettingsError as error:
        raise LoginFailed("Logins at providers are not installed here.", details=str(error)) from None
    return _Ways(upstream, network, pool, said, stored)
