"""A failure has one verdict: what an operator or a preset says of it, else the table's."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    ProviderRefused,
    UpstreamClosed,
    UpstreamError,
    UpstreamForbidden,
    UpstreamMalformed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamTlsFailed,
    UpstreamUnreachable,
)
from gateway.formats.table import FORMATS
from gateway.records import FailureRule
from gateway.routing.rate_headers import Resets
from gateway.routing.verdicts import BY_ANSWER, FAULTS, VERDICTS, Failure, Verdict, backoff, failure_of, judge
from gateway.settings.section import Fault


def said(verdict: Verdict) -> str:
    """A verdict in words."""
    if verdict.rest is None:
        return verdict.then
    kind = "hard" if verdict.hard else "soft"
    return f"{verdict.then}: {verdict.rest} {kind} {verdict.seconds if verdict.seconds is not None else 'longer'}"


def test_the_table_knows_every_fault_of_the_settings() -> None:
    assert set(FAULTS) == set(get_args(Fault))
    assert all((fault, "") in VERDICTS for fault in FAULTS)
    assert all(verdict.reason == fault for (fault, _), verdict in VERDICTS.items())


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("bad_request", status=400), "stop"),
        (Failure("context_too_long", status=400), "stop"),
        (Failure("content_filter", status=400), "stop"),
        (Failure("thinking_state", status=400), "stop"),
        (Failure("auth", status=401), "next_credential: credential hard 1800.0"),
        (Failure("forbidden", status=403), "next_credential: credential hard 1800.0"),
        (Failure("quota", status=429), "next_credential: credential hard 3600.0"),
        (Failure("rate_limit", status=429), "next_credential: model hard longer"),
        (Failure("not_found", status=404), "next_credential: model soft 1800.0"),
        (Failure("overloaded", status=529), "next_credential: model soft longer"),
        (Failure("server", status=500), "next_credential: model soft longer"),
        (Failure("timeout", status=504), "next_credential: model soft longer"),
        (Failure("timeout", "silence"), "next_credential: model soft longer"),
        (Failure("timeout", "connect"), "next_target: model soft longer"),
        (Failure("closed", "nothing_sent"), "retry"),
        (Failure("closed"), "next_credential: model soft longer"),
        (Failure("malformed"), "next_target: model soft longer"),
        (Failure("unreachable"), "next_target: model soft longer"),
        (Failure("unreachable", "tls"), "next_target: model soft longer"),
        (Failure("unreachable", "address"), "next_target"),
    ],
)
def test_the_table_says_what_a_fault_means(failure: Failure, expected: str) -> None:
    assert said(judge(failure)) == expected


def test_a_request_s_own_fault_rests_nobody() -> None:
    own = [verdict for verdict in VERDICTS.values() if verdict.then == "stop"]
    assert {verdict.reason for verdict in own} == {
        "bad_request",
        "context_too_long",
        "content_filter",
        "thinking_state",
    }
    assert not any(verdict.rest or verdict.breaks or verdict.again for verdict in own)


def test_the_same_may_be_asked_again_after_what_passes_by_itself() -> None:
    again = {row for row, verdict in VERDICTS.items() if verdict.again}
    assert again == {
        ("overloaded", ""),
        ("server", "502"),
        ("timeout", ""),
        ("timeout", "connect"),
        ("closed", ""),
        ("unreachable", ""),
    }
    assert judge(Failure("server", status=502)).again
    assert not judge(Failure("server", status=500)).again


def test_circuit_breakers_count_what_is_the_provider_s_and_nothing_else() -> None:
    counted = {fault for (fault, _), verdict in VERDICTS.items() if verdict.breaks}
    assert counted == {"overloaded", "server", "malformed", "timeout", "closed", "unreachable"}


def test_what_is_made_only_once_is_not_asked_for_again_where_it_may_have_been_made() -> None:
    unsure = {row for row, verdict in VERDICTS.items() if verdict.unsure}
    assert unsure == {("closed", ""), ("timeout", ""), ("timeout", "silence"), ("malformed", "")}
    for (fault, when), usual in VERDICTS.items():
        verdict = judge(Failure(fault, when), once=True)
        is_over = (fault, when) in unsure
        assert verdict == (usual._replace(then="stop", again=False) if is_over else judge(Failure(fault, when)))
    rule = FailureRule(contains=("broken",), then="next_target")
    assert judge(Failure("closed", message="broken pipe"), (rule,), once=True).then == "next_target"


# Times that the provider names


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("rate_limit", retry_after_s=20.0), "next_credential: model hard 20.0"),
        (Failure("rate_limit", retry_after_s=0.0), "next_credential: model hard longer"),
        (Failure("quota", retry_after_s=0.0, resets=Resets(0.0)), "next_credential: credential hard 3600.0"),
        (Failure("rate_limit", retry_after_s=20.0, resets=Resets(60.0)), "next_credential: model hard 60.0"),
        (Failure("rate_limit", retry_after_s=90.0, resets=Resets(60.0)), "next_credential: model hard 90.0"),
        (Failure("rate_limit", resets=Resets(None)), "next_credential: model hard longer"),
        (Failure("rate_limit", resets=Resets(60.0, "credential")), "next_credential: credential hard 60.0"),
        (Failure("rate_limit", resets=Resets(60.0, "model")), "next_credential: model hard 60.0"),
        (Failure("quota", retry_after_s=7.0), "next_credential: credential hard 7.0"),
        (Failure("quota", resets=Resets(60.0, "model")), "next_credential: credential hard 60.0"),
        (Failure("overloaded", retry_after_s=5.0), "next_credential: model soft 5.0"),
        (Failure("auth", retry_after_s=5.0), "next_credential: credential hard 1800.0"),
        (Failure("bad_request", retry_after_s=5.0), "stop"),
    ],
)
def test_the_latest_time_that_the_provider_names_counts(failure: Failure, expected: str) -> None:
    assert said(judge(failure)) == expected


@pytest.mark.parametrize(
    ("failure", "by"),
    [
        (Failure("rate_limit"), ""),
        (Failure("rate_limit", retry_after_s=20.0), BY_ANSWER),
        (Failure("rate_limit", retry_after_s=20.0, resets=Resets(20.0, None, "retry-after")), "retry-after"),
        (Failure("rate_limit", retry_after_s=20.0, resets=Resets(60.0, None, "x-reset")), "x-reset"),
        (Failure("rate_limit", retry_after_s=90.0, resets=Resets(60.0, None, "x-reset")), BY_ANSWER),
        (Failure("rate_limit", resets=Resets(None)), ""),
        (Failure("auth", retry_after_s=5.0), ""),
    ],
)
def test_a_verdict_says_what_named_the_time(failure: Failure, by: str) -> None:
    assert judge(failure).by == by


# Rules

ARREARS = Failure("bad_request", status=400, codes=("1113", "error"), message="Insufficient Balance, please recharge")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (FailureRule(status=(400,), fault="quota"), "next_credential: credential hard 3600.0"),
        (FailureRule(codes=("1113",), fault="quota"), "next_credential: credential hard 3600.0"),
        (
            FailureRule(contains=("no such words", "balance, please"), fault="quota"),
            "next_credential: credential hard 3600.0",
        ),
        (
            FailureRule(status=(401, 400), codes=("1113",), contains=("insufficient",), then="next_target"),
            "next_target",
        ),
        (FailureRule(status=(401,), fault="quota"), "stop"),
        (FailureRule(codes=("1114",), fault="quota"), "stop"),
        (FailureRule(contains=("credit",), fault="quota"), "stop"),
        (FailureRule(status=(400,), codes=("1114",), fault="quota"), "stop"),
        (FailureRule(fault="quota", then="stop"), "stop: credential hard 3600.0"),
        (FailureRule(fault="quota", rest="model"), "next_credential: model hard 3600.0"),
        (FailureRule(fault="quota", rest_seconds=60.0), "next_credential: credential hard 60.0"),
        (FailureRule(fault="quota", rest_seconds=0.0), "next_credential"),
        (FailureRule(fault="overloaded", rest="credential"), "next_credential: credential soft longer"),
        (FailureRule(then="next_credential", rest="credential"), "next_credential: credential hard longer"),
        (FailureRule(then="next_credential", rest_seconds=9.0), "next_credential: model hard 9.0"),
    ],
)
def test_a_rule_goes_before_the_table_if_all_it_says_is_so(rule: FailureRule, expected: str) -> None:
    assert said(judge(ARREARS, (rule,))) == expected


def test_the_first_rule_that_fits_counts() -> None:
    rules = (FailureRule(status=(500,), then="stop"), FailureRule(fault="quota"), FailureRule(fault="auth"))
    assert judge(ARREARS, rules).reason == "quota"


def test_what_the_provider_names_goes_before_the_time_of_a_rule() -> None:
    rule = FailureRule(fault="rate_limit", rest_seconds=60.0)
    assert judge(Failure("server", retry_after_s=5.0), (rule,)).seconds == 5.0
    assert judge(Failure("server"), (rule,)).seconds == 60.0


def test_a_rule_that_names_another_fault_forgets_what_else_was_known() -> None:
    rule = FailureRule(fault="unreachable")
    assert judge(Failure("timeout", "connect"), (rule,)) == VERDICTS["unreachable", ""]


# From errors


@pytest.mark.parametrize(
    ("error", "fault", "when"),
    [
        (UpstreamUnreachable("x"), "unreachable", ""),
        (UpstreamForbidden("x", host="h"), "unreachable", "address"),
        (UpstreamTlsFailed("x", nothing_sent=True), "unreachable", "tls"),
        (UpstreamTimeout("x"), "timeout", "silence"),
        (UpstreamTimeout("x", nothing_sent=True), "timeout", "connect"),
        (UpstreamClosed("x"), "closed", ""),
        (UpstreamClosed("x", nothing_sent=True), "closed", "nothing_sent"),
        (UpstreamMalformed("x"), "malformed", ""),
        (UpstreamRejected("x"), "auth", ""),
        (UpstreamError("x"), "server", ""),
    ],
)
def test_an_attempt_without_an_answer_is_a_failure_too(error: UpstreamError, fault: str, when: str) -> None:
    failure = failure_of(error)
    assert (failure.fault, failure.when, failure.status) == (fault, when, None)


def test_an_error_answer_tells_its_codes_and_times() -> None:
    error = ProviderRefused("Slow down", category="rate_limit", code="rate_limit_exceeded", retry_after=3.0)
    assert failure_of(error, 429, Resets(9.0)) == Failure(
        "rate_limit", "", 429, ("rate_limit_exceeded",), "Slow down", 3.0, Resets(9.0)
    )


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (400, "stop"),
        (422, "stop"),
        (401, "next_credential"),
        (402, "next_credential"),
        (403, "next_credential"),
        (404, "next_credential"),
        (429, "next_credential"),
        (500, "next_credential"),
        (503, "next_credential"),
        (529, "next_credential"),
        (599, "next_credential"),
    ],
)
def test_every_dialect_reads_a_status_the_same(status: int, then: str) -> None:
    errors = [dialect.read_error(status, {}, b"") for dialect in FORMATS.values()]
    assert {judge(failure_of(error, status)).then for error in errors} == {then}


# Backoff


@pytest.mark.parametrize(
    ("level", "seconds"), [(0, 1.0), (1, 2.0), (5, 32.0), (8, 256.0), (9, 300.0), (15, 300.0), (100_000, 300.0)]
)
def test_backoff_doubles_up_to_a_limit(level: int, seconds: float) -> None:
    assert backoff(level, 1.0, 300.0) == seconds


@given(st.integers(0, 30), st.floats(0.001, 10), st.floats(0, 1))
def test_chance_takes_away_a_fifth_at_most(level: int, first: float, chance: float) -> None:
    whole = backoff(level, first, 300.0)
    assert 0.8 * whole <= backoff(level, first, 300.0, chance) * 1.000001 <= whole * 1.000002
