"""Fetches the registry when it is due, and has what is believed of it kept for every process of this machine.

Knows when to ask, and what to make of an answer. Whatever goes wrong, the last good registry stays; who needs a price
never waits for this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gateway import logs
from gateway.catalog.judging import judge_update
from gateway.catalog.models_dev import LARGEST_BYTES, read_models_dev
from gateway.catalog.registry import RegistryUnreadable
from gateway.errors import UpstreamError
from gateway.outbound.client import Fetched, Fetcher
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.records import RegistryState
from gateway.settings.model import Settings
from gateway.store.generations import Generations

from .kept import Held, Kept, confirm, held, keep

PATIENCE_SECONDS = 60.0
"""How long an answer may take, from the look-up to the last byte."""

RETRY_US = 3600 * 1_000_000
"""How long it is left alone after a failure, at the most."""

SHOWN = 5
"""Suspicious prices named in a line of the log; the rest are counted."""

log = logs.get("gateway.registry")


class Refreshing:
    """The registry of one data directory, kept fresh. One process at a time does this."""

    def __init__(
        self,
        data_dir: Path,
        generations: Generations,
        settings: Callable[[], Settings],
        *,
        seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`settings` gives those that hold at the moment; `seconds` is how long an answer may take."""
        self._data_dir, self._generations, self._settings = data_dir, generations, settings
        self._seconds = seconds
        self._held = held(data_dir)
        self._suspicious = self._held.suspicious
        self._error = ""
        self._tried_at_us: int | None = None
        self._is_wanted = False
        self._alone = asyncio.Lock()

    @property
    def held(self) -> Held:
        """The registry that holds."""
        return self._held

    def state(self) -> RegistryState:
        """How it is doing."""
        registry = self._held.registry
        return RegistryState(
            date=registry.date,
            source=self._held.source,
            models=sum(len(registry.rows(name)) for name in registry.lists()),
            url=self._held.url or None,
            confirmed_at_us=self._held.confirmed_at_us or None,
            tried_at_us=self._tried_at_us,
            error=self._error or None,
            suspicious=self._suspicious,
        )

    def want(self) -> None:
        """Somebody asks for the latest: it is due, whatever the settings say."""
        self._is_wanted = True

    async def refresh_if_due(self) -> None:
        """Fetch it if it is due."""
        if self._is_due(_now_us()):
            await self.refresh()

    async def refresh(self) -> None:
        """Fetch it now. What goes wrong is told by `state`, and once by the log."""
        async with self._alone:
            self._is_wanted, self._tried_at_us = False, _now_us()
            settings = self._settings()
            try:
                answer = await self._fetch(settings)
                await asyncio.to_thread(self._take, answer, settings)
            except (UpstreamError, RegistryUnreadable, OSError) as error:
                self._note(str(error))
            else:
                self._note("")

    def _is_due(self, now_us: int) -> bool:
        said = self._settings().registry
        every_us = round(said.refresh_hours * 3600 * 1_000_000)
        if self._is_wanted or not every_us:
            return self._is_wanted
        if self._error and self._tried_at_us is not None and now_us - self._tried_at_us < min(RETRY_US, every_us):
            return False
        return self._held.url != said.url or now_us - self._held.confirmed_at_us >= every_us

    async def _fetch(self, settings: Settings) -> Fetched:
        """The answer. Its address is for the file alone to say, so that it may lead wherever the operator likes."""
        url = settings.registry.url
        headers = {"accept": "application/json"}
        if self._held.etag and self._held.url == url:
            headers["if-none-match"] = self._held.etag
        pool = Pool(settings.upstream, permit=permit_of(settings.network.allow))
        try:
            fetch = Fetcher(pool, proxy=settings.upstream.proxy, most_bytes=LARGEST_BYTES, seconds=self._seconds)
            return await fetch("GET", url, headers)
        finally:
            await pool.close()

    def _take(self, answer: Fetched, settings: Settings) -> None:
        """Make of an answer what is believed of it. In a thread. Raises RegistryUnreadable, OSError."""
        if answer.status == 304:
            confirm(self._data_dir)
            self._held = held(self._data_dir)
            return
        if answer.status != 200:
            raise RegistryUnreadable(f"{settings.registry.url} answered {answer.status}")
        new, faults = read_models_dev(answer.body, datetime.now(UTC).date().isoformat())
        update = judge_update(self._held.registry, new, settings.registry.suspicious_factor, faults)
        self._doubt(update.suspicious)
        if update.registry is None:
            raise RegistryUnreadable(f"the new prices are refused: {update.refused}")
        etag = answer.headers.get("etag", "")
        keep(self._data_dir, Kept(settings.registry.url, etag, update.suspicious, update.registry.pack()))
        self._held = held(self._data_dir)
        self._generations.tell("registry")
        log.info("prices fetched", date=new.date, suspicious=len(update.suspicious))

    def _doubt(self, suspicious: tuple[str, ...]) -> None:
        """Say it once."""
        if suspicious and suspicious != self._suspicious:
            log.warning(
                "prices are not believed, the former ones stay",
                models=suspicious[:SHOWN],
                more=max(len(suspicious) - SHOWN, 0),
            )
        self._suspicious = suspicious

    def _note(self, error: str) -> None:
        """Say it once, and when it is over."""
        if error and error != self._error:
            log.warning("prices could not be fetched, the last good ones stay", reason=error)
        elif self._error and not error:
            log.info("prices can be fetched again")
        self._error = error


def _now_us() -> int:
    return time.time_ns() // 1000
