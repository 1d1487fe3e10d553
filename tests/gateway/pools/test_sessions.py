from __future__ import annotations

import random

from gateway.pools.board import Board
from gateway.pools.sessions import FRESH_US, KEPT_US, WAYS
from gateway.records import Credential
from gateway.shared.memory import SharedMemory
from tests.gateway.pools.conftest import MakeBoard
from tests.gateway.pools.scenes import MAIN, NOON, SPARE

ONE, TWO = b"\1" * 16, b"\2" * 16


def crowd(count: int) -> list[bytes]:
    """Sessions that all want the same places."""
    return [number.to_bytes(8, "little") + bytes(8) for number in range(1, count + 1)]


def test_a_session_is_bound_for_all_workers_until_it_is_bound_to_another(make: MakeBoard) -> None:
    first, second = make(0), make(1)
    assert second.holder(ONE, NOON) is None
    first.bind(ONE, MAIN, NOON)
    assert second.holder(ONE, NOON) == b"main"
    assert second.holder(TWO, NOON) is None
    second.bind(ONE, SPARE, NOON)
    assert first.holder(ONE, NOON) == b"spare"


def test_it_is_forgotten_after_an_hour_of_silence(board: Board) -> None:
    board.bind(ONE, MAIN, NOON)
    assert board.holder(ONE, NOON + KEPT_US) == b"main"
    assert board.holder(ONE, NOON + KEPT_US + 1) is None
    board.bind(ONE, MAIN, NOON + FRESH_US)
    assert board.holder(ONE, NOON + KEPT_US + 1) == b"main"


def test_a_clock_set_back_does_not_hold_it_for_ever(board: Board) -> None:
    board.bind(ONE, MAIN, NOON + 10 * KEPT_US)
    board.bind(ONE, MAIN, NOON)
    assert board.holder(ONE, NOON + KEPT_US + 1) is None


def test_the_longest_name_there_can_be_comes_back_whole(board: Board) -> None:
    board.bind(ONE, Credential("openai", "n" * 64, ""), NOON)
    assert board.holder(ONE, NOON) == b"n" * 64


def test_where_all_places_are_taken_the_one_silent_longest_is_forgotten(board: Board) -> None:
    sessions = crowd(WAYS + 1)
    for age, session in enumerate(sessions[:WAYS]):
        board.bind(session, MAIN, NOON + age)
    board.bind(sessions[0], MAIN, NOON + FRESH_US)
    board.bind(sessions[WAYS], SPARE, NOON + FRESH_US)
    held = [board.holder(session, NOON + FRESH_US) for session in sessions]
    assert held == [b"main", None, *[b"main"] * (WAYS - 2), b"spare"]


def test_many_more_sessions_than_places_never_lead_to_the_wrong_one(board: Board, memory: SharedMemory) -> None:
    chance = random.Random(5)
    sessions = {chance.randbytes(16): chance.choice((MAIN, SPARE)) for _ in range(1000)}
    for at, (session, credential) in enumerate(sessions.items()):
        board.bind(session, credential, NOON + at)
    held = {session: board.holder(session, NOON + 1000) for session in sessions}
    kept = {session: holder for session, holder in held.items() if holder is not None}
    assert len(kept) == memory.layout.of("sessions").area.capacity
    assert all(holder == sessions[session].name.encode() for session, holder in kept.items())
