"""Each limit that a provider told of is kept as it was told last: bounded, and for every process of the machine."""

from __future__ import annotations

from gateway.management.rests import windows_of
from gateway.pools.board import Board
from gateway.pools.quotas import MOST, Quota
from gateway.records import Credential
from gateway.routing.rate_headers import MOST_WINDOWS, Window
from gateway.settings.instants import write_instant
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import MAIN, NOON, SECOND, SPARE, Clock

TOKENS = Window("tokens", 0.25, 50.0, 200.0, 30.0)
REQUESTS = Window("requests", 0.5, 5.0, 10.0, None)
WEEK = Window("plan-7d", 0.1, None, None, 3600.0, 604800.0)


def names(board: Board, credential: Credential = MAIN) -> set[str]:
    return {each.name for each in board.told(credential, NOON).quotas}


def test_what_one_process_was_told_another_one_knows(make: MakeBoard, clock: Clock) -> None:
    make(0).note_windows(MAIN, (TOKENS, REQUESTS), clock())
    assert set(make(None).told(MAIN, clock()).quotas) == {
        Quota("tokens", 0.25, 50.0, 200.0, None, NOON + 30 * SECOND, NOON),
        Quota("requests", 0.5, 5.0, 10.0, None, 0, NOON),
    }
    assert names(make(1), SPARE) == set(), "of which nobody told anything"


def test_a_limit_stands_until_it_is_told_of_anew(board: Board, clock: Clock) -> None:
    board.note_windows(MAIN, (WEEK, TOKENS), clock())
    board.note_windows(MAIN, (TOKENS._replace(share=0.2),), clock.go(5))
    told = {each.name: each for each in board.told(MAIN, clock()).quotas}
    assert (told["tokens"].share, told["tokens"].told_at_us) == (0.2, clock())
    assert (told["plan-7d"].share, told["plan-7d"].told_at_us) == (0.1, NOON)


def test_the_limit_nobody_spoke_of_for_longest_makes_room(board: Board, clock: Clock) -> None:
    assert MOST == MOST_WINDOWS, "else answers tell of more than there is room for"
    board.note_windows(MAIN, (WEEK,), clock())
    others = tuple(TOKENS._replace(name=f"of-{number}") for number in range(MOST))
    board.note_windows(MAIN, others, clock.go(1))
    assert names(board) == {each.name for each in others}


def test_no_room_for_another_credential_is_no_error(board: Board, clock: Clock) -> None:
    many = [Credential("p", str(number), f"sk-{number}") for number in range(6)]
    for each in many:
        board.note_windows(each, (TOKENS,), clock())
    assert [bool(names(board, each)) for each in many] == [True] * 4 + [False] * 2
    board.note_windows(many[-1], (TOKENS,), clock.go(3601))
    assert names(board, many[-1]) == {"tokens"}, "in place of one that has been silent for an hour"


def test_a_new_secret_has_not_the_limits_of_the_former(board: Board, clock: Clock) -> None:
    board.note_windows(MAIN, (TOKENS,), clock())
    assert names(board, Credential("openai", "main", "sk-another")) == set()


def test_what_has_reset_is_full_and_what_is_too_old_is_unknown() -> None:
    now_us = NOON + 120 * SECOND
    reset = Quota("tokens", 0.0, 0.0, 200.0, None, NOON + 30 * SECOND, NOON)
    untold = Quota("requests", 0.1, 1.0, 10.0, None, 0, NOON)
    lasting = Quota("plan-7d", 0.4, None, None, 604800.0, NOON + 3600 * SECOND, NOON)
    tight = Quota("plan-5h", 0.3, None, None, 18000.0, now_us + SECOND, NOON)
    fresh = Quota("all", 0.9, 9.0, 10.0, None, 0, now_us - SECOND)
    found = windows_of((reset, untold, lasting, tight, fresh), now_us)
    assert [(each.name, each.left, each.remaining, each.has_reset) for each in found] == [
        ("plan-5h", 0.3, None, False),
        ("plan-7d", 0.4, None, False),
        ("all", 0.9, 9, False),
        ("tokens", 1.0, None, True),
        ("requests", None, None, False),
    ]
    assert [each.resets_at for each in found][3:] == [write_instant(NOON + 30 * SECOND), None]
    assert (found[0].window_seconds, found[2].limit, found[0].told_at) == (18000, 10, write_instant(NOON))
