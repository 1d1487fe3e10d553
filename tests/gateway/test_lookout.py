"""What alerts are judged by: gathered from real counters, real files, and what is known of prices."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.alerts.figures import Prices, Ration
from gateway.errors import ControlUnavailable
from gateway.limits.limiter import Plan, Reserve, Used
from gateway.limits.rules import subjects_of, target_subjects
from gateway.lookout import Lookout, watching
from gateway.records import ClientKey, LimitRule, Limits, RegistryState, Target, Whom
from gateway.settings.alerting import AlertSettings
from gateway.settings.instants import read_instant
from gateway.settings.model import (
    DatabaseSettings,
    LimitSettings,
    RegistrySettings,
    ServerSettings,
)
from gateway.settings.objects import ClientKeySettings
from tests.gateway.looking import FRESH, NOW, place, record

KEY = ClientKey("app", id="app", limits=Limits(budget_nano_usd=10 * 10**9, tokens_per_month=1000))
SAID = ClientKeySettings(name="app", key="sk-canary-key", budget_usd=10.0, tokens_per_month=1000)


async def test_budgets_and_quotas_are_told_by_what_was_spent(tmp_path: Path) -> None:
    async with place(tmp_path, client_keys=(SAID,)) as here:
        here.use(KEY, usd=8.5, tokens=300)
        (money, tokens) = sorted((await here.look()).rations or (), key=lambda one: one.field)
    whose = subjects_of(KEY, ())[0].id.hex()
    assert money._replace(resets_at_us=0, began_us=0) == Ration(
        whose, "client key `app`", "budget_nano_usd", 8_500_000_000, 10_000_000_000, 0, whom=Whom("key", "app")
    )
    assert (tokens.field, tokens.used, tokens.most) == ("tokens_per_month", 300, 1000)
    assert money.began_us == tokens.began_us <= NOW < money.resets_at_us == tokens.resets_at_us


async def test_what_is_only_set_aside_is_not_spent(tmp_path: Path) -> None:
    async with place(tmp_path, client_keys=(SAID,)) as here:
        here.worker.admit_at_once(Plan(subjects_of(KEY, ())), Reserve(900, 9 * 10**9))
        rations = {one.field: (one.used, one.held) for one in (await here.look()).rations or ()}
    assert rations == {"tokens_per_month": (0, 900), "budget_nano_usd": (0, 9 * 10**9)}


async def test_those_of_a_key_are_its_own_and_those_it_shares(tmp_path: Path) -> None:
    rules = (
        LimitRule("house", "everybody", Limits(requests_per_month=100)),
        LimitRule("models", "model", Limits(budget_nano_usd=10**9), together=True),
    )
    said = (SAID, ClientKeySettings(name="b", key="sk-canary-two", budget_usd=1.0))
    async with place(tmp_path, *rules, client_keys=said) as here:
        (_, other), _ = await here.sources.keys.read()
        found = await here.lookout.rations((other.id,)) or ()
        every = await here.lookout.rations() or ()
    assert {(one.subject, one.whom) for one in found} == {
        ("client key `b`", Whom("key", other.id)),
        ("everybody (rule `house`)", Whom("everybody", "", "house")),
    }
    assert len(every) == 5


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


async def test_a_key_that_is_counted_from_nothing_says_when(tmp_path: Path) -> None:
    rule = LimitRule("house", "everybody", Limits(requests_per_month=100))
    async with place(tmp_path, rule, client_keys=(SAID,)) as here:
        office = here.sources.keys._office
        here.use(KEY, (rule,), usd=9)
        assert {one.reset_at_us for one in (await here.look()).rations or ()} == {0}
        (key, _) = await here.sources.keys.read()
        await office.state.write(lambda session: session.run("limits/reset", {"key_id": key[0].id, "now_us": NOW}))
        resets = {one.subject: one.reset_at_us for one in (await here.look()).rations or ()}
        assert resets == {"client key `app`": NOW, "everybody (rule `house`)": 0}


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
