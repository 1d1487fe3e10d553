"""Attempts follow one another as scripts: credentials of a target in turn, then the next target, up to a limit."""

from __future__ import annotations

import pytest

from gateway.errors import UpstreamClosed, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from gateway.formats.table import FORMATS
from gateway.records import Credential, Provider, Target
from gateway.routing.dispatch import MOST_ATTEMPTS, Dispatch
from gateway.routing.resolve import TargetList
from gateway.routing.verdicts import Verdict, judge_error


def provider(name: str, credentials: int, strategy: str = "round_robin") -> Provider:
    held = tuple(Credential(name, f"{name}{number}", "secret") for number in range(credentials))
    return Provider(name, "openai_chat", "http://localhost/v1", ("*",), strategy, held)


PROVIDERS = {
    "a": provider("a", 2),
    "b": provider("b", 1),
    "open": provider("open", 0),
    "filled": provider("filled", 3, "fill_first"),
    "many": provider("many", 9),
}


def script(
    *names: str,
    turn: int = 0,
    rotate: bool = False,
    verdict: Verdict = Verdict.NEXT_CREDENTIAL,
    pinned: tuple[str, str] | None = None,
) -> list[str]:
    """The credentials tried, in order, when everything fails with `verdict`."""
    dispatch = Dispatch(TargetList(tuple(Target(name, "m") for name in names), rotate), PROVIDERS, turn, pinned)
    tried = []
    while (attempt := dispatch.next()) is not None:
        tried.append(attempt.credential.name or attempt.provider.id)
        dispatch.failed(verdict)
    return tried


def test_credentials_of_a_target_come_before_the_next_target() -> None:
    assert script("a", "b") == ["a0", "a1", "b0"]


def test_round_robin_begins_with_another_each_turn() -> None:
    assert script("a", turn=1) == ["a1", "a0"]
    assert script("a", turn=2) == ["a0", "a1"]


def test_fill_first_always_begins_with_the_first() -> None:
    assert script("filled", turn=1) == ["filled0", "filled1", "filled2"]


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_where_something_is_kept_is_the_only_place_to_ask(turn: int) -> None:
    assert script("b", "many", "a", turn=turn, rotate=True, pinned=("many", "many7")) == ["many7"]
    assert script("a", "b", turn=turn, pinned=("b", "b0")) == ["b0"]


def test_once_that_place_is_gone_the_others_are_asked() -> None:
    assert script("a", "b", pinned=("gone", "x")) == ["a0", "a1", "b0"]
    assert script("b", "a", pinned=("a", "removed")) == ["a0", "a1"]


def test_only_the_credentials_of_the_route_are_tried() -> None:
    held = {"a": PROVIDERS["a"].credentials[1:], "open": ()}
    route = TargetList((Target("a", "m"), Target("open", "m")), credentials=held)
    dispatch = Dispatch(route, PROVIDERS, 0)
    tried = []
    while (attempt := dispatch.next()) is not None:
        tried.append(attempt.credential.name)
        dispatch.failed(Verdict.NEXT_CREDENTIAL)
    assert tried == ["a1", ""]


def test_a_combo_may_rotate() -> None:
    assert script("b", "open", turn=1, rotate=True) == ["open", "b0"]


def test_a_verdict_may_pass_over_the_other_credentials() -> None:
    assert script("a", "b", verdict=Verdict.NEXT_TARGET) == ["a0", "b0"]


def test_a_verdict_may_end_it() -> None:
    assert script("a", "b", verdict=Verdict.STOP) == ["a0"]


def test_there_is_a_limit() -> None:
    assert len(script("many")) == MOST_ATTEMPTS


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, "stop"),
        (422, "stop"),
        (401, "next credential"),
        (429, "next credential"),
        (404, "next target"),
        (500, "next credential"),
        (503, "next credential"),
        (529, "next credential"),
        (599, "next credential"),
    ],
)
def test_a_request_s_own_fault_stops(status: int, verdict: str) -> None:
    """As every dialect reads it."""
    errors = [dialect.read_error(status, {}, b"") for dialect in FORMATS.values()]
    assert {judge_error(error).value for error in errors} == {verdict}


@pytest.mark.parametrize("kind", [UpstreamUnreachable, UpstreamTimeout, UpstreamMalformed])
def test_another_credential_does_not_mend_a_server(kind: type[UpstreamUnreachable]) -> None:
    assert judge_error(kind("x")) is Verdict.NEXT_TARGET


def test_a_connection_that_closed_may_be_one_credential_s_trouble() -> None:
    assert judge_error(UpstreamClosed("x")) is Verdict.NEXT_CREDENTIAL
