from __future__ import annotations

import pytest

from gateway.management.rests import RestView
from gateway.routing.verdicts import FAULTS
from gateway.usage import figures
from web.health import REASONS, Count, Sign, count_of, in_words, state_of, wholly_resting

WELL = Count(100, 1)


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        (Sign(late=WELL, day=WELL), ("well", "good")),
        (Sign(), ("not asked", "neutral")),
        (Sign(day=WELL), ("well", "good")),
        (Sign(late=Count(0, 0), day=Count(100, 60)), ("failing", "bad")),
        (Sign(late=Count(100, 6), day=WELL), ("some failures", "warning")),
        (Sign(late=Count(100, 51), day=WELL), ("failing", "bad")),
        (Sign(late=Count(4, 4), day=WELL), ("some failures", "warning")),
        (Sign(in_use=2, resting=1, late=WELL, day=WELL), ("partly resting", "warning")),
        (Sign(others=1, late=WELL, day=WELL), ("partly resting", "warning")),
        (Sign(in_use=2, resting=2, late=WELL, day=WELL), ("resting", "bad")),
        (Sign(in_use=0, late=WELL, day=WELL), ("paused", "neutral")),
        (Sign(lacks="no credential", day=WELL), ("no credential", "warning")),
        (Sign(problem="there is no variable", in_use=2, resting=2), ("left out", "bad")),
    ],
)
def test_a_state_is_the_worst_that_holds(sign: Sign, expected: tuple[str, str]) -> None:
    state = state_of(sign)
    assert (state.word, state.meaning) == expected


def test_every_fault_of_the_table_of_verdicts_that_rests_anything_has_its_words() -> None:
    own = {"bad_request", "context_too_long", "content_filter", "thinking_state"}
    assert set(FAULTS) - own <= REASONS.keys()
    assert in_words("a_new_one") == "a new one"
    assert in_words("") == "a failure"


def test_shares_are_of_attempts() -> None:
    assert (Count().success, Count().share) == (figures.NOTHING, -1.0)
    assert (Count(200, 1).success, Count(200, 1).share) == (">99 %", 0.995)
    assert Count(2000, 17).exact == "17 of 2,000 attempts failed"


def test_rows_are_of_a_day_and_of_its_last_hour() -> None:
    row = {"attempts": 9, "failed": 2, "late_attempts": 3, "late_failed": 1}
    assert (count_of(row), count_of(row, late=True), count_of(None)) == (Count(9, 2), Count(3, 1), Count())


def rest(credential: str | None, kind: str, *, hard: bool = True) -> RestView:
    return RestView(
        kind=kind,  # type: ignore[arg-type] # one of them
        provider="p",
        credential=credential,
        model=None if kind == "credential" else "m",
        reason="auth",
        until="2026-01-01T00:00:00Z",
        hard=hard,
        probe_due=False,
    )


def test_credentials_that_are_not_used_at_all_count_once() -> None:
    every = [rest("a", "credential"), rest("a", "model"), rest("b", "model"), rest("c", "credential", hard=False)]
    assert wholly_resting(every) == 1
