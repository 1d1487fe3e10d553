"""How providers are reached: where to connect to, and who writes the heads of requests. Put together once for each
reload; a credential may have a proxy of its own, a provider other addresses for other dialects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.errors import UpstreamUnreachable
from gateway.formats.paths import spoken_in
from gateway.formats.table import FORMATS
from gateway.outbound.wire import Origin
from gateway.records import Credential, Provider

from .compose import Composer


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a provider with a credential."""

    origin: Origin
    composer: Composer


class Ways:
    """The ways to all providers."""

    def __init__(
        self, providers: Iterable[Provider], user_agent: str, kept_back: frozenset[bytes] = frozenset()
    ) -> None:
        """`user_agent` is what providers hear of us, `kept_back` what they do not hear of clients. Raises ValueError
        for an address that is none."""
        self._agent, self._kept_back = user_agent.encode(), kept_back
        self._ways: Mapping[tuple[str, str, str], Way] = {
            (provider.id, name, dialect): way
            for provider in providers
            for dialect, ways in self._by_dialect(provider).items()
            for name, way in ways.items()
        }

    def of(self, provider: Provider, credential: Credential, dialect: str = "") -> Way:
        """The way to a provider; `dialect` where it is spoken to in another one than its own, as it is. Raises
        UpstreamUnreachable for one that is not among these."""
        return self.find(provider.id, credential.name, dialect)

    def find(self, provider: str, credential: str, dialect: str = "") -> Way:
        """The same by names."""
        found = self._ways.get((provider, credential, dialect))
        if found is None:
            raise UpstreamUnreachable(
                f"The provider {provider} is not configured any more, or not with that credential.", nothing_sent=True
            )
        return found

    def _by_dialect(self, provider: Provider) -> dict[str, dict[str, Way]]:
        """The ways to a provider for every dialect: to its own address where it has no other one for that."""
        own = self._of(provider)
        elsewhere = {dialect: self._of(place) for dialect, place in _elsewhere(provider)}
        return {dialect: elsewhere.get(dialect, own) for dialect in ("", *FORMATS)}

    def _of(self, place: Provider) -> dict[str, Way]:
        """By name of credential; the empty one is for requests without any."""
        origin = origin_of(place)
        composer = Composer(place, origin.authority, self._agent, self._kept_back)
        origins = {each.name: origin_of(place, each) for each in place.credentials}
        return {name: Way(where, composer) for name, where in {"": origin, **origins}.items()}


def origin_of(provider: Provider, credential: Credential | None = None) -> Origin:
    """Where to connect to, and through which proxy. Raises ValueError for an address that is none."""
    proxy, guarded = provider.proxy, provider.proxy_guarded
    if credential is not None and credential.proxy is not None:
        proxy, guarded = credential.proxy, credential.proxy_guarded
    return Origin.of(provider.base_url, proxy=proxy, guarded=provider.guarded, proxy_guarded=guarded)


def _elsewhere(provider: Provider) -> Iterable[tuple[str, Provider]]:
    """The provider at each of its other addresses, by the dialect that is spoken there."""
    for dialect, _ in provider.also_at:
        place = spoken_in(provider, dialect)
        if place is not None and place is not provider:
            yield dialect, place
