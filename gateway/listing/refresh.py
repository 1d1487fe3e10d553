"""Keeps the providers' lists of models: asks whoever is due, and tells the other processes of this machine.

Knows when to ask whom. Whatever goes wrong, the last list that a provider gave stays; who needs one never waits for
this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from gateway import logs
from gateway.catalog.served import Served
from gateway.errors import GatewayError
from gateway.formats.paths import listed_path
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.records import Provider
from gateway.settings.model import Settings
from gateway.store.generations import Generations

from .ask import Models, ask
from .kept import held, keep

AT_ONCE = 4
"""Providers that are asked at the same time."""

RETRY_SECONDS = 300.0
"""How soon a provider is asked again that gave no list, at the latest."""

ROUNDS = 3
"""Looks at who is due: while some are asked, others may be added."""

Ask = Callable[[Provider, Pool], Awaitable[Models]]
Sources = Callable[[], tuple[Settings, Sequence[Provider]]]

log = logs.get("gateway.listing")


class Listing:
    """The lists of one data directory, kept fresh. One process at a time does this."""

    def __init__(
        self,
        data_dir: Path,
        generations: Generations,
        sources: Sources,
        *,
        ask_one: Ask = ask,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sources` gives the settings and providers that hold at the moment."""
        self._data_dir, self._generations, self._sources = data_dir, generations, sources
        self._ask, self._clock = ask_one, clock
        self._served = held(data_dir)
        self._due: dict[str, tuple[Provider, float]] = {}
        """Who was asked, as it was then, and when to ask again."""
        self._failing: set[str] = set()
        self._alone = asyncio.Lock()

    @property
    def served(self) -> Served:
        """The lists, as they are known here."""
        return self._served

    async def refresh(self) -> None:
        """Ask those who are due, and keep what they say. What a provider does wrong is told by the log, once. Raises
        OSError when the lists cannot be kept."""
        async with self._alone:
            for _ in range(ROUNDS):
                settings, providers = self._sources()
                asked = [each for each in providers if listed_path(each)] if settings.registry.models_minutes else []
                due = [provider for provider in asked if self._is_due(provider)]
                found = await self._ask_all(due, settings) if due else {}
                await self._take(asked, found, settings.registry.models_minutes * 60)
                if not due:
                    break

    def _is_due(self, provider: Provider) -> bool:
        last, at = self._due.get(provider.id, (None, 0.0))
        return last != provider or self._clock() >= at

    async def _ask_all(self, providers: Iterable[Provider], settings: Settings) -> Mapping[Provider, Models | None]:
        """What each says; None for those who say nothing that can be used."""
        gate = asyncio.Semaphore(AT_ONCE)
        pool = Pool(settings.upstream, permit=permit_of(settings.network.allow))
        try:
            asked = list(providers)
            answers = await asyncio.gather(*(self._ask_one(provider, pool, gate) for provider in asked))
            return dict(zip(asked, answers, strict=True))
        finally:
            await pool.close()

    async def _ask_one(self, provider: Provider, pool: Pool, gate: asyncio.Semaphore) -> Models | None:
        async with gate:
            try:
                models = await self._ask(provider, pool)
            except (GatewayError, ValueError) as error:
                self._note(provider, error)
                return None
        self._failing.discard(provider.id)
        return models

    def _note(self, provider: Provider, error: Exception) -> None:
        """Say it once for each provider, until it gives a list again."""
        if provider.id not in self._failing:
            self._failing.add(provider.id)
            log.warning("a provider does not list its models", provider=provider.id, reason=str(error))

    async def _take(self, asked: Sequence[Provider], found: Mapping[Provider, Models | None], seconds: float) -> None:
        """Keep what was said, and forget who is no more."""
        now, now_us = self._clock(), time.time_ns() // 1000
        served = self._served.only(asked)
        for provider, models in found.items():
            self._due[provider.id] = (provider, now + (min(seconds, RETRY_SECONDS) if models is None else seconds))
            if models is not None:
                served = served.having(provider, models, now_us)
        if served == self._served:
            return
        is_news = _said(served) != _said(self._served)
        await asyncio.to_thread(keep, self._data_dir, served)
        self._served = served
        if is_news:
            self._generations.tell("registry")


def _said(served: Served) -> Mapping[str, tuple[str, tuple[tuple[str, object], ...]]]:
    """What the lists say, whenever they said it."""
    return {name: (each.place, tuple(each.models.items())) for name, each in served.lists.items()}
