"""A control process that looks how things stand: real counters, a real board, a real store, and a worker beside it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.alerts.figures import Figures
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.limits.rules import subjects_of
from gateway.lookout import Lookout, Sources
from gateway.management.limited import LimitedKeys
from gateway.management.office import Office
from gateway.oversight import Oversight
from gateway.pools.board import Board
from gateway.records import ClientKey, Credential, LimitRule, Provider, RegistryState
from gateway.routing.verdicts import Verdict
from gateway.settings.model import ServerSettings, Settings
from gateway.shared.memory import SharedMemory, prepare
from gateway.store.analytics import Analytics
from gateway.store.generations import shared_file
from tests.gateway.management.offices import office_in

NOW = int(time.time()) * 1_000_000
MINUTE = 60_000_000

FIRST, SPARE = Credential("openai", "first", "sk-1"), Credential("openai", "spare", "sk-2")
OPENAI = Provider("openai", "openai_chat", "https://api.openai.com/v1", ("*",), "round_robin", (FIRST, SPARE))
LOCAL = Provider("local", "openai_chat", "http://127.0.0.1:1/v1", ("*",), "round_robin", ())
FRESH = RegistryState(date="2026-01-01", source="fetched", models=1, confirmed_at_us=NOW, tried_at_us=NOW)

AUTH = Verdict("next_credential", "credential", True, 1800.0, "auth")
QUOTA = Verdict("next_credential", "credential", True, 3600.0, "quota")
RATE = Verdict("next_credential", "model", True, 600.0, "rate_limit")


class Place:
    """A control process's surroundings, and a worker beside it."""

    def __init__(self, directory: Path, office: Office, settings: Settings, rules: tuple[LimitRule, ...]) -> None:
        self.settings, self.now_us, self.registry = settings, NOW, FRESH
        self.providers: tuple[Provider, ...] = (OPENAI, LOCAL)
        self.trouble: str | None = None
        self.store = Analytics(directory / "usage.duckdb", directory / "spool", memory_limit="256MB")
        self.writing = self.store.open()
        self.oversight = Oversight(directory, settings, self.store.read)
        self.oversight.follow(settings, rules)
        memory = SharedMemory(shared_file(directory))
        self.worker = EmbeddedLimiter(memory, 0)
        self.board = Board(memory, settings.rests, 0, lambda: self.now_us)
        self.sources = Sources(
            lambda: self.settings,
            lambda: self.providers,
            self.oversight,
            LimitedKeys(office),
            self.read,
            lambda: self.registry,
            lambda: self.trouble,
        )
        self.lookout = Lookout(self.sources, lambda: self.now_us)

    async def read(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        return await self.store.read(name, parameters)

    def use(self, key: ClientKey, rules: tuple[LimitRule, ...] = (), *, usd: float = 0, tokens: int = 0) -> None:
        """A request was answered."""
        plan = Plan(subjects_of(key, rules))
        admission = self.worker.admit_at_once(plan, Reserve(tokens, round(usd * 1e9)))
        self.worker.settle(admission, Used(tokens, round(usd * 1e9)))

    async def look(self, *, minutes: float = 0) -> Figures:
        self.now_us += round(minutes * MINUTE)
        return await self.lookout.look()


@asynccontextmanager
async def place(directory: Path, *rules: LimitRule, **said: Any) -> AsyncIterator[Place]:
    keys = said.pop("client_keys", ())
    settings = Settings(server=ServerSettings(data_dir=str(directory)), client_keys=keys, **said)
    prepare(shared_file(directory), 1)
    async with office_in(directory, settings=settings) as office:
        made = Place(directory, office, settings, rules)
        await made.oversight.start()
        try:
            yield made
        finally:
            await made.oversight.close()
            made.store.close()
            made.store.end()


def record(here: Place, **said: Any) -> None:
    """A request, as the store has it."""
    ago = said.pop("minutes_ago", 0)
    fields = {
        "status": 200,
        "error": None,
        "provider": "openai",
        "model": "gpt",
        "total_us": 1000,
        "attempts": [],
        **said,
    }
    here.writing.execute(
        "insert into requests (ts, id, status, error, provider, model, total_us, attempts) values "
        "(make_timestamp($ts), uuid(), $status, $error, $provider, $model, $total_us, $attempts)",
        {"ts": here.now_us - ago * MINUTE, **fields},
    )


def attempt(provider: str, error: str | None = None, reason: str | None = None) -> dict[str, Any]:
    """One of a request's."""
    fields = dict.fromkeys(("verdict", "rest_us", "began_us", "connect_us", "head_us"))
    known = {"provider": provider, "model": "gpt", "credential": "first", "status": 200, "duration_us": 1}
    return {**known, "error": error, "verdict": None, "rest_us": None, "reason": reason, **fields}
