"""Credentials that are refused and providers that fail, as alerts are judged by: from a real board and a real store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.figures import Failing, Refused
from gateway.alerts.rules import judge
from gateway.errors import ControlUnavailable
from gateway.lookout import Lookout, watching
from gateway.records import Credential, Target
from gateway.settings.alerting import AlertSettings
from gateway.settings.model import RestSettings
from tests.gateway.looking import (
    AUTH,
    FIRST,
    LOCAL,
    MINUTE,
    NOW,
    OPENAI,
    QUOTA,
    RATE,
    SPARE,
    Place,
    attempt,
    place,
    record,
)


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
        assert again.since_us == here.now_us - MINUTE, "from the beginning"
        here.board.succeeded(FIRST, Target("openai", "gpt"), 1000, here.now_us)
        assert (await here.look(minutes=1)).refused == []


async def test_whoever_looks_knows_since_when_a_credential_rests(tmp_path: Path) -> None:
    """As after a restart of the control process, or of the gateway."""
    async with place(tmp_path, rests=RestSettings(probe_seconds=0.0)) as here:
        here.board.rest(FIRST, None, AUTH, here.now_us)
        here.now_us += 14 * MINUTE
        here.lookout = Lookout(here.sources, lambda: here.now_us)
        assert (await here.look()).refused == [Refused("openai", "first", (), "auth", NOW, False)]
        here.now_us += MINUTE
        watch = watching(here.sources.keys._office, here.sources)
        watch._tools = watch._tools._replace(now_us=lambda: here.now_us, look=here.lookout.look)
        await watch.watch()
        assert watch.open_now == 1


async def test_short_rests_one_after_the_other_are_one(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for _ in range(20):
            here.board.rest(FIRST, "gpt", RATE._replace(seconds=60.0), here.now_us)
            (one,) = (await here.look(minutes=1.5)).refused or ()
            assert one.since_us is None, "it may be tried"
        here.board.rest(FIRST, "gpt", RATE._replace(seconds=60.0), here.now_us)
        (one,) = (await here.look()).refused or ()
        assert one.since_us == NOW


NEVER_RESTS = replace(OPENAI, rests=False)


def refusal(here: Place, minutes_ago: float, reason: str = "auth", credential: str = "first") -> None:
    """A provider has refused a credential."""
    fields = attempt("openai", "upstream_status_401", reason) | {"credential": credential}
    record(here, status=502, error="upstream_rejected_credential", minutes_ago=minutes_ago, attempts=[fields])


async def test_where_nothing_rests_a_credential_is_told_by_how_it_went(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.providers = (NEVER_RESTS,)
        nobody_knows = [Refused("openai", name, (), "", None, False) for name in ("first", "spare")]
        assert (await here.look()).refused == nobody_knows
        record(here, minutes_ago=40, attempts=[attempt("openai")])
        record(here, minutes_ago=40, attempts=[attempt("openai") | {"credential": "spare"}])
        assert (await here.look()).refused == []
        refusal(here, 50)
        assert (await here.look()).refused == [], "it was answered since"
        for ago in (30, 20, 1):
            refusal(here, ago, "forbidden" if ago == 1 else "auth")
        since_us = here.now_us - 30 * MINUTE
        assert (await here.look()).refused == [Refused("openai", "first", (), "forbidden", since_us, False)]
        refusal(here, 5, "quota", "spare")
        assert [one.is_last for one in (await here.look()).refused or ()] == [True, True]
        record(here, attempts=[attempt("openai")])
        assert [one.credential for one in (await here.look()).refused or ()] == ["spare"]


async def test_where_nothing_rests_other_failures_prove_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.providers = (replace(NEVER_RESTS, credentials=(FIRST,)),)
        for reason in ("server", "rate_limit", "bad_request", "timeout"):
            refusal(here, 5, reason)
        assert [one.since_us for one in (await here.look()).refused or ()] == [None]
        refusal(here, 20)
        refusal(here, 3, "server")
        assert [one.since_us for one in (await here.look()).refused or ()] == [here.now_us - 20 * MINUTE]


async def test_where_nothing_rests_and_nobody_can_tell_nothing_is_over(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.providers = (NEVER_RESTS, LOCAL)
        here.board.rest(Credential("local", "", ""), None, QUOTA, here.now_us)

        async def away(name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
            raise ControlUnavailable("gone")

        here.lookout = Lookout(here.sources._replace(read=away), lambda: here.now_us)
        told = [(one.provider, one.since_us) for one in (await here.look()).refused or ()]
        assert told == [("openai", None), ("openai", None), ("local", NOW)]


@pytest.mark.parametrize("is_off", [True, False])
async def test_a_dead_credential_is_told_whether_it_rests_or_not(tmp_path: Path, is_off: bool) -> None:
    async with place(tmp_path) as here:
        here.providers = (NEVER_RESTS if is_off else OPENAI,)
        if is_off:
            refusal(here, 16)
            refusal(here, 0)
        else:
            here.board.rest(FIRST, None, AUTH, here.now_us - 16 * MINUTE)
        judged = judge(await here.look(), AlertSettings(), here.now_us)
        assert [one.fingerprint for one in judged.conditions if one.opens] == ["credential/openai/first"]


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


async def test_where_few_requests_tell_all_are_counted_since_it_last_failed(tmp_path: Path) -> None:
    async with place(tmp_path, alerts=AlertSettings(error_requests=3)) as here:
        for ago in (100, 90, 80, 70):
            record(here, minutes_ago=ago, attempts=[attempt("openai")])
        record(
            here,
            minutes_ago=120,
            status=504,
            error="upstream_timeout",
            attempts=[attempt("openai", "upstream_timeout")],
        )
        since = {"openai": here.now_us - 110 * MINUTE, "gone": here.now_us - 110 * MINUTE}
        figures = await here.lookout.look(since)
        assert (figures.failing, figures.since_failing) == ([], [Failing("openai", 4, 0, "")])
        assert (await here.lookout.look({"": here.now_us - 75 * MINUTE})).since_failing == [Failing("", 1, 0, "")]
        assert (await here.look()).since_failing == [], "nothing is doubted"
        here.now_us += 275 * MINUTE
        assert (await here.lookout.look(since)).since_failing == [Failing("openai", 2, 0, "")], "of six hours"
        for _ in range(3):
            record(here, attempts=[attempt("openai")])
        assert (await here.lookout.look(since)).since_failing == [], "those of late tell"
