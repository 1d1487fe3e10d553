"""What alerts are judged by: gathered from real counters, a real board, a real store and real files."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.alerts.figures import Failing, Figures, Prices, Ration, Refused
from gateway.errors import ControlUnavailable
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.limits.rules import subjects_of, target_subjects
from gateway.lookout import Lookout, Sources, watching
from gateway.management.limited import LimitedKeys
from gateway.management.office import Office
from gateway.oversight import Oversight
from gateway.pools.board import Board
from gateway.records import ClientKey, Credential, LimitRule, Limits, Provider, RegistryState, Target
from gateway.routing.verdicts import Verdict
from gateway.settings.alerting import AlertSettings
from gateway.settings.instants import read_instant
from gateway.settings.model import (
    DatabaseSettings,
    LimitSettings,
    RegistrySettings,
    RestSettings,
    ServerSettings,
    Settings,
)
from gateway.settings.objects import ClientKeySettings
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


KEY = ClientKey("app", id="app", limits=Limits(budget_nano_usd=10 * 10**9, tokens_per_month=1000))
SAID = ClientKeySettings(name="app", key="sk-canary-key", budget_usd=10.0, tokens_per_month=1000)


async def test_budgets_and_quotas_are_told_by_what_was_spent(tmp_path: Path) -> None:
    async with place(tmp_path, client_keys=(SAID,)) as here:
        here.use(KEY, usd=8.5, tokens=300)
        (money, tokens) = sorted((await here.look()).rations or (), key=lambda one: one.field)
    whose = subjects_of(KEY, ())[0].id.hex()
    assert money._replace(resets_at_us=0, began_us=0) == Ration(
        whose, "client key `app`", "budget_nano_usd", 8_500_000_000, 10_000_000_000, 0
    )
    assert (tokens.field, tokens.used, tokens.most) == ("tokens_per_month", 300, 1000)
    assert money.began_us == tokens.began_us <= NOW < money.resets_at_us == tokens.resets_at_us


async def test_what_is_only_set_aside_is_not_spent(tmp_path: Path) -> None:
    async with place(tmp_path, client_keys=(SAID,)) as here:
        here.worker.admit_at_once(Plan(subjects_of(KEY, ())), Reserve(900, 9 * 10**9))
        assert {one.used for one in (await here.look()).rations or ()} == {0}


async def test_whom_rules_count_is_told_too_once_each(tmp_path: Path) -> None:
    rules = (
        LimitRule("house", "everybody", Limits(requests_per_month=100)),
        LimitRule("models", "model", Limits(budget_nano_usd=10**9)),
    )
    async with place(tmp_path, *rules, client_keys=(SAID, ClientKeySettings(name="b", key="sk-canary-two"))) as here:
        record(here, provider="openai", model="gpt")
        record(here, provider="openai", model="gpt")
        here.use(ClientKey("b", id="b"), rules[:1])
        plan = Plan(target_subjects(Target("openai", "gpt"), rules))
        here.worker.settle(here.worker.admit_at_once(plan, Reserve(0, 0)), Used(0, 10**8))
        rations = {(one.subject, one.field): one.used for one in (await here.look()).rations or ()}
    assert rations == {
        ("client key `app`", "tokens_per_month"): 0,
        ("client key `app`", "budget_nano_usd"): 0,
        ("everybody (rule `house`)", "requests_per_month"): 1,
        ("model `openai/gpt` (rule `models`)", "budget_nano_usd"): 10**8,
    }


async def test_keys_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert (await here.look()).rations == []
        many = tuple(ClientKeySettings(name=f"k{at}", key=f"sk-canary-{at:04}", budget_usd=1.0) for at in range(250))
        office = here.sources.keys._office
        office.settings = structs.replace(office.settings, client_keys=many)
        assert len((await here.look()).rations or ()) == 250
        office.settings = structs.replace(office.settings, client_keys=many[:1])
        assert len((await here.look()).rations or ()) == 1


async def test_nobody_is_asked_for_what_nobody_wants_to_hear(tmp_path: Path) -> None:
    off = AlertSettings(budget_percent=(), error_percent=0.0)
    async with place(tmp_path, client_keys=(SAID,), alerts=off) as here:
        figures = await here.look()
        assert (figures.rations, figures.failing) == (None, None)


async def test_without_the_store_or_a_counter_nothing_is_known(tmp_path: Path) -> None:
    rule = LimitRule("models", "model", Limits(budget_nano_usd=10**9))
    async with place(tmp_path, rule, client_keys=(SAID,)) as here:

        async def away(name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
            raise ControlUnavailable("gone")

        here.lookout = Lookout(here.sources._replace(read=away), lambda: here.now_us)
        figures = await here.look()
        assert (figures.rations, figures.failing) == (None, None)
        assert figures.refused == []


async def test_where_redis_is_away_nobody_knows_what_all_machines_have_spent(tmp_path: Path) -> None:
    limits = LimitSettings(redis_url="redis://127.0.0.1:1/0", redis_timeout_seconds=0.2)
    async with place(tmp_path, client_keys=(SAID,), limits=limits) as here:
        assert (await here.look()).rations is None


async def test_a_credential_is_told_with_how_long_it_has_rested_without_a_break(tmp_path: Path) -> None:
    async with place(tmp_path, rests=RestSettings(probe_seconds=0.0)) as here:
        assert (await here.look()).refused == []
        here.board.rest(FIRST, None, AUTH, here.now_us)
        assert (await here.look()).refused == [Refused("openai", "first", (), "auth", NOW, False)]
        assert (await here.look(minutes=20)).refused == [Refused("openai", "first", (), "auth", NOW, False)]
        fading = Refused("openai", "first", (), "auth", None, False)
        assert (await here.look(minutes=20)).refused == [fading], "its time is over, and nobody has tried it since"
        here.board.rest(FIRST, None, AUTH, here.now_us)
        (again,) = (await here.look(minutes=1)).refused or ()
        assert again.since_us == here.now_us, "from the beginning"
        here.board.succeeded(FIRST, Target("openai", "gpt"), 1000, here.now_us)
        assert (await here.look(minutes=1)).refused == []


async def test_the_last_credential_of_a_provider_is_told_to_be_that(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.board.rest(FIRST, None, AUTH, here.now_us)
        here.board.rest(SPARE, "gpt", RATE, here.now_us)
        assert {one.credential: one.is_last for one in (await here.look()).refused or ()} == {
            "first": False,
            "spare": True,
        }, "for that model nobody is left"
        here.board.rest(SPARE, None, QUOTA, here.now_us)
        assert {one.credential: (one.reason, one.is_last) for one in (await here.look()).refused or ()} == {
            "first": ("auth", True),
            "spare": ("quota", True),
        }


async def test_one_that_is_paused_is_nobodys_concern(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.board.rest(FIRST, None, AUTH, here.now_us)
        here.board.rest(SPARE, None, AUTH, here.now_us)
        here.providers = (replace(OPENAI, credentials=(replace(FIRST, models=()), SPARE)),)
        assert [(one.credential, one.is_last) for one in (await here.look()).refused or ()] == [("spare", True)]


async def test_models_that_a_credential_is_refused_for_are_named(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for model in ("b", "a"):
            here.board.rest(FIRST, model, RATE, here.now_us)
        (one,) = (await here.look()).refused or ()
        assert (one.credential, one.models, one.reason, one.is_last) == ("first", ("a", "b"), "rate_limit", False)
        here.board.rest(SPARE, "a", RATE, here.now_us)
        assert [one.is_last for one in (await here.look()).refused or ()] == [False, True], "b has the spare one yet"
        here.board.rest(SPARE, "b", RATE, here.now_us)
        assert [one.is_last for one in (await here.look()).refused or ()] == [True, True]


async def test_a_provider_that_asks_for_no_credential_is_told_by_its_name(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.board.rest(Credential("local", "", ""), None, QUOTA, here.now_us)
        assert [(one.provider, one.credential, one.is_last) for one in (await here.look()).refused or ()] == [
            ("local", "", True)
        ]


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


async def test_failures_are_counted_of_all_and_of_each_provider(tmp_path: Path) -> None:
    saved, broken = attempt("openai", "upstream_error", "server"), attempt("openai", "upstream_timeout", "timeout")
    async with place(tmp_path) as here:
        record(here, attempts=[saved, attempt("mistral")])
        record(here, status=504, error="upstream_timeout", attempts=[broken])
        record(here, status=504, error="upstream_timeout", attempts=[broken])
        record(here, attempts=[attempt("openai")])
        assert (await here.look()).failing == [
            Failing("", 4, 2, "upstream_timeout"),
            Failing("mistral", 1, 0, ""),
            Failing("openai", 4, 3, "timeout"),
        ]


async def test_what_a_client_is_to_blame_for_is_no_failure(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for reason in ("bad_request", "context_too_long", "content_filter", "thinking_state", "not_found"):
            record(here, status=400, error="upstream_error", attempts=[attempt("openai", "upstream_error", reason)])
        record(here, status=499, error="client_disconnected", attempts=[attempt("openai", "client_disconnected")])
        record(here, status=200, attempts=[attempt("openai", "hedge_lost"), attempt("openai")])
        record(here, status=401, error="invalid_key", provider=None, model=None)
        assert (await here.look()).failing == [Failing("", 1, 0, ""), Failing("openai", 1, 0, "")]


async def test_a_limit_that_another_credential_saved_is_no_failure_of_the_provider(tmp_path: Path) -> None:
    limited = attempt("openai", "upstream_error", "rate_limit")
    async with place(tmp_path) as here:
        record(here, attempts=[limited, attempt("openai")])
        assert (await here.look()).failing == [Failing("", 1, 0, ""), Failing("openai", 1, 0, "")]
        record(here, status=429, error="upstream_error", attempts=[limited, limited])
        assert (await here.look()).failing == [Failing("", 1, 0, ""), Failing("openai", 3, 2, "rate_limit")]


async def test_what_ended_lately_counts_whenever_it_began(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        record(here, status=504, error="upstream_timeout", minutes_ago=25, total_us=20 * MINUTE)
        record(here, minutes_ago=25)
        assert (await here.look()).failing == [Failing("", 1, 1, "upstream_timeout")]


LONG_AGO = NOW - 200 * 3600 * 10**6
STALE = replace(FRESH, confirmed_at_us=LONG_AGO, error="no answer", suspicious=("a/b: 1 to 10",))


@pytest.mark.parametrize(
    ("state", "refresh_hours", "told"),
    [
        (FRESH, 24.0, Prices(NOW, "", True, ())),
        (STALE, 24.0, Prices(LONG_AGO, "no answer", True, ("a/b: 1 to 10",))),
        (replace(STALE, tried_at_us=None, error=None), 24.0, Prices(LONG_AGO, "", False, ("a/b: 1 to 10",))),
        (replace(STALE, tried_at_us=None), 0.0, Prices(LONG_AGO, "", True, ("a/b: 1 to 10",))),
        (replace(FRESH, confirmed_at_us=None), 24.0, Prices(read_instant("2026-01-01"), "", True, ())),
        (replace(FRESH, confirmed_at_us=None, date=""), 24.0, Prices(0, "", True, ())),
    ],
)
async def test_prices_are_as_old_as_the_last_time_they_were_the_latest(
    tmp_path: Path, state: RegistryState, refresh_hours: float, told: Prices
) -> None:
    async with place(tmp_path, registry=RegistrySettings(refresh_hours=refresh_hours)) as here:
        here.registry = state
        assert (await here.look()).prices == told


async def test_records_that_wait_are_told_with_since_when_and_why(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        spool = (await here.look()).spool
        assert spool is not None
        assert (spool.oldest_us, spool.size, spool.trouble) == (None, 0, "")
        here.trouble = "the disk is full"
        for name, age in (("old", 600), ("new", 10)):
            path = tmp_path / "spool" / f"{name}.seg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 99 + b"\n")
            os.utime(path, (0, NOW / 1e6 - age))
        spool = (await here.look()).spool
        assert spool is not None
        assert spool.oldest_us == NOW - 600 * 10**6
        assert (spool.size, spool.most, spool.trouble) == (200, 2 * 2**30, "the disk is full")


async def test_the_disk_is_told_without_what_is_kept_for_others(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        disk = (await here.look()).disk
        usage = shutil.disk_usage(tmp_path)
        assert disk is not None
        assert disk.place == str(tmp_path)
        assert 0 < disk.used < disk.total <= usage.total
        here.settings = structs.replace(here.settings, server=ServerSettings(data_dir=str(tmp_path / "gone")))
        assert (await here.look()).disk is None


async def test_a_machine_has_a_name_where_several_share_the_state(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert (await here.look()).node == ""
        shared = structs.replace(here.settings, database=DatabaseSettings(url="postgresql://x/y"))
        here.settings = shared
        assert (await here.look()).node == socket.gethostname()
        here.settings = structs.replace(shared, server=ServerSettings(data_dir=str(tmp_path), node="a"))
        assert (await here.look()).node == "a"


async def test_all_of_it_together_keeps_and_forgets(tmp_path: Path) -> None:
    async with place(tmp_path, client_keys=(SAID,)) as here:
        here.use(KEY, usd=9)
        office = here.sources.keys._office
        watch = watching(office, here.sources)
        await watch.watch()
        found = await office.read(lambda session: session.rows("alerts/open"))
        assert [row["fingerprint"] for row in found] == [f"budget/{subjects_of(KEY, ())[0].id.hex()}/budget_nano_usd"]
        await watch.forget()
        assert watch.receivers() == []
