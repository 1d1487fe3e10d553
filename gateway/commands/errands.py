"""What takes its time and is done to the analytics store: by the running gateway, or here where none runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import logs
from gateway.claims import InUse
from gateway.commands.opening import Place, check_place, claimed, refusing, settings_at
from gateway.commands.refusal import Refusal
from gateway.operator import ask, tell
from gateway.settings.model import Settings
from gateway.upkeep.rolling import Beginnings
from gateway.upkeep.upkeep import Upkeep
from gateway.usage_store import UsageStore

LOOK_SECONDS = 0.1

STORAGE = "/api/usage/storage"

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be done."""

    path: str
    """Where the running gateway begins it, at a POST of `body`."""
    body: Mapping[str, str] | None
    begin: Callable[[Upkeep], Awaitable[object]]
    """What begins it here."""
    make: bool
    """Whether a store is made where there is none."""
    bucket: bool = False
    """Whether the bucket that the archive is copied to is asked for it."""


def perform(place: Place, wanted: Wanted) -> Figures:
    """How it went. Raises Refusal."""
    with refusing():
        settings = settings_at(place)
        data_dir = Path(settings.server.data_dir)
        check_place(data_dir)
        try:
            with claimed(settings):
                if not wanted.make and not (data_dir / "usage.duckdb").exists():
                    raise Refusal(f"there is no usage.duckdb in {data_dir}")
                return asyncio.run(_alone(settings_at(place, bucket=wanted.bucket), wanted))
        except InUse:
            return _asked(data_dir, wanted)


def _asked(data_dir: Path, wanted: Wanted) -> Figures:
    """Have the running gateway do it, and wait for it."""
    tell(data_dir, "POST", wanted.path, wanted.body)
    while (errand := ask(data_dir, STORAGE, {})["errand"])["ended_at"] is None:
        time.sleep(LOOK_SECONDS)
    return _told(errand["error"], errand["figures"])


async def _alone(settings: Settings, wanted: Wanted) -> Figures:
    """Do it in this process. What waits in the spool is taken by the way, as a gateway that starts would take it."""
    logs.configure("console", "warning")
    store = UsageStore(Path(settings.server.data_dir), lambda: settings, _nobody)
    await store.start()
    try:
        if not store.analytics.is_open:
            raise Refusal(f"usage.duckdb cannot be opened: {store.ingest.state.trouble}")
        await wanted.begin(store.upkeep)
        errand = await store.upkeep.errand_done()
    finally:
        await store.stop()
    return _told(errand.error, errand.said)


def _told(error: str | None, figures: Figures) -> Figures:
    if error is not None:
        raise Refusal(error)
    return figures


async def _nobody() -> Beginnings:
    """Nothing is summed up here."""
    return Beginnings()
