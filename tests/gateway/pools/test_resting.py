from __future__ import annotations

import pytest

from gateway.pools.board import Board, Which
from gateway.records import Credential
from gateway.routing.standing import AVAILABLE, Standing
from gateway.settings.model import RestSettings
from gateway.shared.memory import SharedMemory
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import GPT, MAIN, MINI, NOON, SECOND, SERVER, SPARE, Clock, quota, rate_limit


def seconds_left(board: Board, clock: Clock, model: str = GPT.model) -> float:
    standing = board.standing(MAIN, model, clock())
    return max(standing.until_us - clock(), 0) / SECOND


def test_who_never_failed_is_available(board: Board) -> None:
    assert board.standing(MAIN, GPT.model, NOON) == AVAILABLE


def test_a_model_rests_with_one_credential_alone(board: Board, clock: Clock) -> None:
    assert board.rest(MAIN, GPT.model, rate_limit(30), clock()) == 30 * SECOND
    assert board.standing(MAIN, GPT.model, NOON) == Standing(NOON + 30 * SECOND, True, "rate_limit")
    assert board.standing(MAIN, MINI.model, NOON) == AVAILABLE
    assert board.standing(SPARE, GPT.model, NOON) == AVAILABLE
    assert board.standing(MAIN, GPT.model, clock.go(30)) == AVAILABLE


def test_a_credential_rests_for_all_models(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    for model in (GPT.model, MINI.model, "of which nobody has heard"):
        assert board.standing(MAIN, model, NOON) == Standing(NOON + 30 * SECOND, True, "quota")
    assert board.standing(SPARE, GPT.model, NOON) == AVAILABLE


def test_all_workers_see_it(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0), make(1)
    assert second.standing(MAIN, GPT.model, NOON) == AVAILABLE
    first.rest(MAIN, GPT.model, rate_limit(30), clock())
    assert second.standing(MAIN, GPT.model, NOON).reason == "rate_limit"
    second.end_rests(Which("openai", "main"), NOON)
    assert first.standing(MAIN, GPT.model, NOON) == AVAILABLE


def test_a_new_secret_does_not_inherit_the_rest_of_the_old_one(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    assert board.standing(Credential("openai", "main", "sk-new"), GPT.model, NOON) == AVAILABLE
    assert board.standing(Credential("openai", "main", "sk-one"), GPT.model, NOON).reason == "quota"


@pytest.mark.parametrize(("first", "second"), [(30, 10), (10, 30)])
def test_the_later_deadline_wins(first: int, second: int, board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(first), clock())
    assert board.rest(MAIN, GPT.model, rate_limit(second), clock()) == 30 * SECOND
    assert seconds_left(board, clock) == 30


def test_hard_and_soft_rests_in_one_end_apart(board: Board, clock: Clock) -> None:
    """A rate limit of some seconds does not keep everybody away for as long as a failing server is tried last."""
    board.rest(MAIN, GPT.model, rate_limit(10), clock())
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=30), clock())
    board.rest(MAIN, MINI.model, SERVER._replace(seconds=30), clock())
    board.rest(MAIN, MINI.model, rate_limit(10), clock())
    for model in (GPT.model, MINI.model):
        assert board.standing(MAIN, model, NOON) == Standing(NOON + 10 * SECOND, True, "rate_limit")
    clock.go(10)
    for model in (GPT.model, MINI.model):
        standing = board.standing(MAIN, model, clock())
        assert (standing.until_us, standing.hard) == (NOON + 30 * SECOND, False)


def test_a_hard_rest_that_is_longer_each_time_is_not_as_long_as_a_soft_one(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=30), clock())
    board.rest(MAIN, GPT.model, rate_limit(1)._replace(seconds=None), clock())
    assert board.standing(MAIN, GPT.model, NOON).hard
    assert seconds_left(board, clock) <= 1


def test_a_soft_rest_after_a_hard_one_is_soft(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(10), clock())
    clock.go(11)
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=30), clock())
    assert not board.standing(MAIN, GPT.model, clock()).hard


def test_a_hard_rest_is_told_before_a_later_soft_one(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(10), clock())
    board.rest(MAIN, GPT.model, SERVER._replace(seconds=30), clock())
    assert board.standing(MAIN, GPT.model, NOON) == Standing(NOON + 10 * SECOND, True, "quota")
    assert board.standing(MAIN, GPT.model, clock.go(10)) == Standing(NOON + 30 * SECOND, False, "server")


def test_nothing_rests_longer_than_the_longest(make: MakeBoard, clock: Clock) -> None:
    board = make(longest_seconds=100.0)
    assert board.rest(MAIN, None, quota(86_400 * 20), clock()) == 100 * SECOND


def test_rests_without_a_time_double_each_time_one_is_over(make: MakeBoard, clock: Clock) -> None:
    board, lengths = make(first_seconds=1.0, longest_backoff_seconds=20.0, probe_seconds=0.0), []
    for _ in range(7):
        lengths.append(board.rest(MAIN, GPT.model, rate_limit(), clock()) / SECOND)
        clock.go(lengths[-1])
    assert lengths == [1, 2, 4, 8, 16, 20, 20]


def test_they_are_spread_by_chance(memory: SharedMemory, clock: Clock) -> None:
    board = Board(memory, RestSettings(first_seconds=10.0), 0, clock, chance=lambda: 0.0)
    assert board.rest(MAIN, GPT.model, rate_limit(), clock()) == 8 * SECOND


def test_those_who_were_refused_together_raise_it_once(board: Board, clock: Clock) -> None:
    for _ in range(20):
        assert board.rest(MAIN, GPT.model, rate_limit(), clock()) == SECOND
    clock.go(1)
    assert board.rest(MAIN, GPT.model, rate_limit(), clock()) == 2 * SECOND


def test_a_success_after_the_rest_begins_anew_at_the_first(board: Board, clock: Clock) -> None:
    for _ in range(5):
        clock.go(board.rest(MAIN, GPT.model, rate_limit(), clock()) / SECOND)
    board.succeeded(MAIN, GPT, 1000, clock.go(1))
    assert board.rest(MAIN, GPT.model, rate_limit(), clock()) == SECOND


def test_a_success_ends_the_rest_of_the_model_and_of_the_credential(board: Board, clock: Clock) -> None:
    board.rest(MAIN, None, quota(30), clock())
    board.rest(MAIN, GPT.model, rate_limit(30), clock())
    board.rest(MAIN, MINI.model, rate_limit(30), clock())
    board.succeeded(MAIN, GPT, 1000, clock.go(1))
    assert board.standing(MAIN, GPT.model, clock()) == AVAILABLE
    assert board.standing(MAIN, MINI.model, clock()).reason == "rate_limit"


def test_a_success_of_a_request_that_was_sent_before_proves_nothing(board: Board, clock: Clock) -> None:
    clock.go(5)
    board.rest(MAIN, None, quota(30), clock())
    board.rest(MAIN, GPT.model, rate_limit(30), clock())
    board.succeeded(MAIN, GPT, 3 * SECOND, clock.go(2))
    assert board.standing(MAIN, GPT.model, clock()).until_us
    assert len(board.rests(clock())) == 2


def test_a_probe_is_due_after_a_while_and_for_one_only(make: MakeBoard, clock: Clock) -> None:
    first, second = make(0, probe_seconds=60.0), make(1, probe_seconds=60.0)
    first.rest(MAIN, GPT.model, rate_limit(600), clock())
    assert not first.standing(MAIN, GPT.model, clock.go(59)).probe_due
    assert not first.claim_probe(MAIN, GPT.model, clock())
    assert first.standing(MAIN, GPT.model, clock.go(1)).probe_due
    assert [each.claim_probe(MAIN, GPT.model, clock()) for each in (second, first, second)] == [True, False, False]
    assert not first.standing(MAIN, GPT.model, clock.go(59)).probe_due
    assert first.standing(MAIN, GPT.model, clock.go(1)).probe_due


def test_a_probe_that_fails_leaves_the_rest_as_long_as_it_was(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(600), clock())
    assert board.claim_probe(MAIN, GPT.model, clock.go(60))
    assert board.rest(MAIN, GPT.model, rate_limit(), clock.go(1)) == 539 * SECOND
    assert not board.standing(MAIN, GPT.model, clock.go(59)).probe_due
    assert board.standing(MAIN, GPT.model, clock.go(1)).probe_due


def test_a_probe_needs_all_who_rest_to_be_due(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(600), clock())
    clock.go(30)
    board.rest(MAIN, None, quota(300), clock())
    clock.go(30)
    assert not board.standing(MAIN, GPT.model, clock()).probe_due
    assert not board.claim_probe(MAIN, GPT.model, clock())
    clock.go(30)
    assert board.standing(MAIN, GPT.model, clock()).probe_due
    assert board.claim_probe(MAIN, GPT.model, clock())
    assert not board.standing(MAIN, GPT.model, clock()).probe_due


def test_nobody_probes_where_the_settings_say_never(make: MakeBoard, clock: Clock) -> None:
    board = make(probe_seconds=0.0)
    board.rest(MAIN, GPT.model, rate_limit(600), clock())
    assert not board.standing(MAIN, GPT.model, clock.go(599)).probe_due


def test_nobody_probes_what_does_not_rest(board: Board) -> None:
    assert not board.claim_probe(MAIN, GPT.model, NOON)


def test_people_may_have_one_probed_now(make: MakeBoard, clock: Clock) -> None:
    board = make(probe_seconds=0.0)
    board.rest(MAIN, GPT.model, rate_limit(600), clock())
    assert board.let_try(Which("openai", "main"), clock.go(1)) == 1
    assert board.claim_probe(MAIN, GPT.model, clock())
    assert not board.claim_probe(MAIN, GPT.model, clock.go(300))
    assert board.let_try(Which("openai", "main"), clock.go(300)) == 0


def test_people_see_who_rests_and_why(board: Board, clock: Clock) -> None:
    board.rest(MAIN, GPT.model, rate_limit(30), clock())
    board.rest(SPARE, None, quota(20), clock())
    board.rest(SPARE, "models/with/slashes", SERVER._replace(seconds=1), clock())
    found = board.rests(clock.go(2))
    assert [(rest.provider, rest.credential, rest.model) for rest in found] == [
        ("openai", "spare", ""),
        ("openai", "main", "gpt-5"),
    ]
    assert found[0].standing == Standing(NOON + 20 * SECOND, True, "quota")


def test_names_too_long_for_a_slot_are_cut_for_people_alone(board: Board, clock: Clock) -> None:
    long = Credential("openai", "main", "sk-one"), "é" * 100
    board.rest(long[0], long[1], rate_limit(30), clock())
    assert board.standing(*long, NOON).reason == "rate_limit"
    assert board.standing(long[0], "é" * 99, NOON) == AVAILABLE
    [rest] = board.rests(NOON)
    assert rest.model == "é" * 42


def test_clearing_ends_all_rests_of_a_credential(board: Board, clock: Clock) -> None:
    for model in (GPT.model, MINI.model, None):
        board.rest(MAIN, model, rate_limit(30), clock())
    board.rest(SPARE, None, quota(30), clock())
    assert board.end_rests(Which("openai", "main"), NOON) == 3
    assert board.end_rests(Which("openai", "main"), NOON) == 0
    assert [rest.credential for rest in board.rests(NOON)] == ["spare"]
    assert board.standing(MAIN, GPT.model, NOON) == AVAILABLE


def test_other_settings_hold_for_the_next_rest(board: Board, clock: Clock) -> None:
    board.follow(RestSettings(first_seconds=7.0))
    assert board.rest(MAIN, GPT.model, rate_limit(), clock()) == 7 * SECOND
