"""What all exchanges of a worker share: providers, connections, the clock that looks after them, the way to records."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gateway import __version__
from gateway.catalog.known import Known
from gateway.catalog.prices import PriceList
from gateway.errors import Draining
from gateway.limits.limiter import Limiter
from gateway.limits.rules import Bounds, bounds_of
from gateway.outbound.wire import Origin, Pool
from gateway.pools.board import Board
from gateway.records import ClientKey, Credential, Endpoint, ModelFacts, Provider, Target
from gateway.routing.dispatch import Attempt
from gateway.routing.ordering import Conduct
from gateway.routing.resolve import Resolver
from gateway.routing.targets import TargetList
from gateway.settings.model import Settings
from gateway.traces.context import Tracing, kept_back

from . import counting, prospects
from .access import access_by
from .conversation import Keeping
from .exchange import Exchange
from .media import FetchMedia, no_media
from .refusals import Refusals
from .sink import Headers
from .transcript import Silence
from .ways import Ways

if TYPE_CHECKING:
    from .taps import Capturing, Showing

WATCHED_AFTER_NS = 50_000_000
"""Age from which a client is watched for leaving. Shorter answers are over before it matters, and cost less."""

TICK_SECONDS = 0.05

HEADROOM = "headroom"
"""The strategy that goes by what providers say is left of their limits."""

SLOW_TICKS = 5
"""Every so many ticks the exchanges are looked at for keep-alives and stalled clients."""

CUT_SECONDS = 1.0
"""How long exchanges that were cut may take to end. They wait for nothing any more."""

REMEMBERED = 4096
"""Routes and labels kept for the next request. Clients may invent names under a wildcard, so this is bounded."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What exchanges go by."""

    settings: Settings
    providers: Sequence[Provider]
    resolver: Resolver
    prices: PriceList
    user_agent: str
    """What providers hear of us."""
    known: Known = field(default_factory=Known)
    """What is known of models."""


class Shared(NamedTuple):
    """What the workers of a machine, or of several, know together."""

    board: Board
    """How credentials and targets stand."""
    limiter: Limiter
    """What clients may still do."""


class Relay:
    """The shared part. `reload` replaces providers and settings for the exchanges that begin after it."""

    _ticks = 0
    _emptied: asyncio.Future[None] | None = None
    _timer: asyncio.TimerHandle | None = None

    responses: Keeping | None = None
    """Where responses are kept that clients may continue."""
    exchange: type[Exchange] = Exchange
    """What a request becomes: another kind where bodies are captured."""
    capturing: Capturing | None = None
    """What is kept of those; None where nothing is."""
    showing: Showing | None = None
    """How one is kept for whoever asked it; None where nobody may."""

    count_soon: counting.CountSoon = staticmethod(counting.nobody_counts)
    """Tokens of what was read and said where its provider does not tell them."""

    tracing: Tracing | None = None
    """How exchanges get their traces; None where nobody traces."""

    def __init__(
        self, pool: Pool, loop: asyncio.AbstractEventLoop, record: Callable[[Exchange], None], shared: Shared
    ) -> None:
        self.board, self.limiter = shared
        self.pool = pool
        self.loop = loop
        self.record = record
        """Called once with every exchange that is over."""
        self.fetch_media: FetchMedia = no_media
        """Gets what URLs lead to, for providers that must be given it."""
        self.access = access_by(self._way_of, f"sluicegate/{__version__}")
        """Proves who we are where a secret is not sent as it is."""
        self.access.tell(self.board.note_token)
        self.count_texts: counting.CountTexts = counting.guess
        """Tokens of texts, for prompts that no provider counts."""
        self.silence = Silence()
        self.refusals = Refusals()
        """Signatures that providers do not take back."""
        self.live: set[Exchange] = set()
        self.begin: Callable[[Exchange], None] = self.live.add
        """Called when an exchange begins."""
        self.providers: Mapping[str, Provider] = {}
        self.ways = Ways((), "")
        self.settings = Settings()
        self.first_byte_seconds = self.idle_seconds = 0.0
        self.resolver = Resolver((), {}, ())
        self.prices = PriceList(())
        self.conduct = Conduct({}, self.board)
        self.by_headroom = False
        """Somebody is chosen by what is left of its limits."""
        self.reads_limits = False
        """What the next answer tells of limits is kept for people, of a few answers a second."""
        self.known = Known()
        self.bounds: dict[Target, Bounds] = {}
        """What targets can use and cost at most, of those that were asked for."""
        self._labels: dict[tuple[str, str, str], Headers] = {}
        self._routes: dict[tuple[object, ...], TargetList] = {}
        self._young: dict[Exchange, None] = {}
        """Those whose clients are not watched yet, the oldest first."""

    def reload(self, setup: Setup) -> None:
        """Go by this from the next exchange on. Raises ValueError for an address that is none, and changes nothing."""
        traces = setup.settings.traces
        self.ways = Ways(setup.providers, setup.user_agent, kept_back(traces))
        self.tracing = Tracing.of(traces) if traces.enabled else None
        self.settings = settings = setup.settings
        self.first_byte_seconds = settings.upstream.first_byte_timeout_seconds
        self.idle_seconds = settings.upstream.idle_timeout_seconds
        self.providers = {provider.id: provider for provider in setup.providers}
        self.learn(setup.resolver, setup.known)
        self.prices = setup.prices
        self.conduct = prospects.conduct_of(settings, self.providers, self.board, self._cost)
        strategies = [*(each.strategy for each in setup.providers), *(combo.strategy for combo in settings.combos)]
        self.by_headroom = HEADROOM in strategies
        self._labels = {}

    def learn(self, resolver: Resolver, known: Known) -> None:
        """More is known of models, and with it of who serves which."""
        self.resolver, self.known = resolver, known
        self._routes, self.bounds = {}, {}

    def start(self) -> None:
        """Begin to look after exchanges."""
        self._timer = self.loop.call_later(TICK_SECONDS, self._tick)

    async def stop(self) -> None:
        """Cut what still runs, and see it recorded."""
        if self._timer is not None:
            self._timer.cancel()
        if self.live:
            self._emptied = self.loop.create_future()
            for exchange in list(self.live):
                exchange.cut(Draining("The gateway is shutting down."))
            await asyncio.wait((self._emptied,), timeout=CUT_SECONDS)
        await self.access.close()

    def watch(self, exchange: Exchange) -> None:
        """The request has been read: from now on its client may leave, and is watched once that matters."""
        self._young[exchange] = None

    def end(self, exchange: Exchange) -> None:
        """An exchange is over."""
        if exchange.watch is not None:
            exchange.watch.end()
        self._young.pop(exchange, None)
        self.live.discard(exchange)
        exchange.conclude()
        exchange.dissolve()
        if self._emptied is not None and not self.live and not self._emptied.done():
            self._emptied.set_result(None)

    def find_targets(self, name: str, key: ClientKey, endpoint: Endpoint) -> TargetList:
        """The targets of `name` that `key` may use here. Raises UnknownModel, ModelForbidden, FormatNotServed."""
        # By what the key may do, not by whose it is: one that changes never meets what was found for it before.
        asked = (name, key.models, key.providers, key.credentials, endpoint.path)
        known = self._routes.get(asked)
        if known is None:
            known = self._look_up(name, key, endpoint)
            if len(self._routes) >= REMEMBERED:
                self._routes.clear()
            self._routes[asked] = known
        return known

    def weigh(self, provider: Provider, target: Target) -> Bounds:
        """What a target can use and cost at most: worked out once."""
        if len(self.bounds) >= REMEMBERED:
            self.bounds.clear()
        price, facts = self.prices.find(target.provider, target.model), self.facts(provider, target.model)
        known = self.bounds[target] = bounds_of(price, facts, self.settings.limits.output_tokens)
        return known

    def facts(self, provider: Provider, model: str) -> ModelFacts:
        """What a model of a provider can do."""
        return self.known.facts(provider, model)

    def _look_up(self, name: str, key: ClientKey, endpoint: Endpoint) -> TargetList:
        return prospects.speaking(self.resolver.resolve(name, key), self.providers, endpoint)

    def labels(self, attempt: Attempt) -> Headers:
        """Our response headers that name what answered."""
        key = (attempt.target.provider, attempt.target.model, attempt.credential.name)
        known = self._labels.get(key)
        if known is None:
            if len(self._labels) >= REMEMBERED:
                self._labels.clear()
            known = self._labels[key] = _labels(*key)
        return known

    def _way_of(self, credential: Credential) -> tuple[Pool, Origin]:
        return self.pool, self.ways.find(credential.provider, credential.name).origin

    def _cost(self, target: Target) -> int | None:
        return prospects.cost_at(self.prices, target)

    def _tick(self) -> None:
        self._timer = self.loop.call_later(TICK_SECONDS, self._tick)
        now = self.loop.time()
        born_before = time.monotonic_ns() - WATCHED_AFTER_NS
        for exchange in list(itertools.takewhile(lambda each: each.times.started_ns < born_before, self._young)):
            del self._young[exchange]
            exchange.listen()
        self._ticks += 1
        if self._ticks % SLOW_TICKS == 0:
            for exchange in list(self.live):
                exchange.tick(now)
            self.access.tick()
            self.reads_limits = True


def _labels(provider: str, model: str, credential: str) -> Headers:
    headers = [
        (b"x-sluicegate-provider", provider.encode()),
        (b"x-sluicegate-model", _printable(model)),
    ]
    if credential:
        headers.append((b"x-sluicegate-credential", credential.encode()))
    return headers


def _printable(name: str) -> bytes:
    """A model id as a header value: whatever a client made up, it cannot break out of the line."""
    return name.encode("ascii", "backslashreplace").translate(None, delete=bytes(range(32)) + b"\x7f")
