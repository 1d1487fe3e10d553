from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from web.course import WIDTH, steps_of

TRY = {
    "provider": "mock",
    "model": "gpt-4o",
    "credential": "first",
    "status": 200,
    "error": None,
    "duration_us": 40_000,
    "began_us": 1_000,
    "connect_us": None,
    "head_us": 10_000,
}


def row(*attempts: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual = {"total_us": 45_000, "admitted_us": 500, "first_byte_us": 12_000, "error": None, "stream": True}
    return {**usual, "attempts": list(attempts), **more}


def kinds(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(step.what, [each.kind for each in step.stretches]) for step in steps_of(found)]


def test_one_that_was_answered_at_once() -> None:
    assert kinds(row(TRY)) == [("Let in", ["ours"]), ("Attempt 1", ["theirs", "stream"]), ("Answer", ["stream"])]
    attempt = steps_of(row(TRY))[1]
    assert (attempt.began_us, attempt.took_us) == (1_000, 40_000)
    assert attempt.note == "mock/gpt-4o on first: answered"


def test_connecting_is_apart_from_waiting() -> None:
    found = steps_of(row({**TRY, "connect_us": 4_000}))[1]
    assert [(each.kind, each.title) for each in found.stretches] == [
        ("pause", "connected: 4.0 ms"),
        ("theirs", "waited for its head: 6.0 ms"),
        ("stream", "read its answer: 30 ms"),
    ]


def test_a_failed_attempt_a_pause_and_another() -> None:
    failed = {**TRY, "error": "upstream_closed", "head_us": None, "duration_us": 5_000, "status": None}
    later = {**TRY, "began_us": 20_000, "duration_us": 25_000}
    assert kinds(row(failed, later)) == [
        ("Let in", ["ours"]),
        ("Attempt 1", ["failed"]),
        ("Pause", ["pause"]),
        ("Attempt 2", ["theirs", "stream"]),
        ("Answer", ["stream"]),
    ]


def test_one_that_nobody_was_asked_for() -> None:
    refused = row(admitted_us=None, first_byte_us=None, error="invalid_key", total_us=80)
    assert kinds(refused) == [("Refused", ["ours"])]


def test_a_record_of_an_older_version_has_no_beginnings() -> None:
    old = {**TRY, "began_us": None, "head_us": None}
    assert kinds(row(old, old, admitted_us=None)) == [
        ("Attempt 1", ["theirs"]),
        ("Attempt 2", ["theirs"]),
        ("Answer", ["stream"]),
    ]


times = st.integers(0, 10**9)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "began_us": st.none() | times,
                "connect_us": st.none() | times,
                "head_us": st.none() | times,
                "duration_us": times,
                "error": st.sampled_from([None, "upstream_closed"]),
            }
        ),
        max_size=4,
    ),
    times,
    st.none() | times,
    st.none() | times,
)
def test_whatever_the_times_are_nothing_leaves_the_scale(
    attempts: list[dict[str, Any]], total: int, admitted: int | None, first: int | None
) -> None:
    found = row(*({**TRY, **each} for each in attempts), total_us=total, admitted_us=admitted, first_byte_us=first)
    for step in steps_of(found):
        for each in step.stretches:
            assert each.x >= 0
            assert each.x + each.width <= WIDTH + 0.02
