"""Rests that people end, or have tried before their time: all of a provider, or as much of it as they name."""

from __future__ import annotations

import pytest

from gateway.pools.board import Board, Which
from gateway.records import Credential, Target
from gateway.routing.standing import AVAILABLE
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, SPARE, Clock, quota, rate_limit

OTHER = Credential("other", "main", "sk-other")


@pytest.fixture
def busy(make: MakeBoard, clock: Clock) -> Board:
    """A board on which much rests."""
    board = make(0, breaker_failures=1, probe_seconds=0)
    board.rest(MAIN, None, quota(60), clock())
    for model in (GPT.model, MINI.model):
        board.rest(MAIN, model, rate_limit(60), clock())
        board.rest(SPARE, model, rate_limit(60), clock())
    board.rest(OTHER, GPT.model, rate_limit(60), clock())
    board.failed_target(GPT, clock())
    board.take_turn("openai")
    return board


@pytest.mark.parametrize(
    ("which", "ended", "left"),
    [
        (Which("openai"), 6, {("other", "main", "gpt-5")}),
        (Which("openai", "main"), 3, {("openai", "spare", "gpt-5"), ("openai", "spare", "gpt-5-mini")}),
        (Which("openai", "spare", "gpt-5"), 1, {("openai", "spare", "gpt-5-mini"), ("openai", "", "gpt-5")}),
        (Which("openai", None, "gpt-5"), 3, {("openai", "main", ""), ("openai", "main", "gpt-5-mini")}),
        (Which("openai", "nobody"), 0, {("openai", "", "gpt-5")}),
        (Which("open"), 0, {("openai", "", "gpt-5")}),
    ],
)
def test_what_is_meant_rests_no_more(
    busy: Board, clock: Clock, which: Which, ended: int, left: set[tuple[str, str, str]]
) -> None:
    before = len(busy.rests(clock()))
    assert busy.end_rests(which, clock()) == ended
    resting = {(rest.provider, rest.credential, rest.model) for rest in busy.rests(clock())}
    assert (len(resting), left - resting) == (before - ended, set())
    assert busy.end_rests(which, clock()) == 0


def test_other_workers_use_it_at_once(busy: Board, make: MakeBoard, clock: Clock) -> None:
    worker, control = make(1), make(None)
    assert worker.standing(MAIN, GPT.model, clock()).hard
    control.end_rests(Which("openai"), clock())
    assert worker.standing(MAIN, GPT.model, clock()) == AVAILABLE
    assert worker.target_standing(GPT, clock()) == AVAILABLE


def test_the_next_request_may_try_what_is_meant(busy: Board, clock: Clock) -> None:
    assert busy.let_try(Which("openai", "spare"), clock()) == 2
    assert busy.claim_probe(SPARE, GPT.model, clock.go(1))
    assert not busy.claim_probe(SPARE, GPT.model, clock.go(1)), "one of them"
    assert not busy.claim_probe(MAIN, GPT.model, clock.go(1))


def test_names_that_did_not_fit_are_found_all_the_same(board: Board, clock: Clock) -> None:
    long = Target("openai", "m" * 200)
    board.rest(MAIN, long.model, rate_limit(60), clock())
    assert board.end_rests(Which("openai", "main", long.model), clock.go(1)) == 1
    assert board.standing(MAIN, long.model, clock()) == AVAILABLE
