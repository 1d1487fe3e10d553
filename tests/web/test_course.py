from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.course import WIDTH, steps_of, ticks_of

TRY = {
    "provider": "mock",
    "model": "gpt-4o",
    "credential": "first",
    "status": 200,
    "error": None,
    "reason": None,
    "duration_us": 40_000,
    "began_us": 1_000,
    "connect_us": None,
    "head_us": 10_000,
}


def row(*attempts: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual = {"total_us": 45_000, "admitted_us": 500, "first_byte_us": 12_000, "error": None, "stream": True}
    usual |= {"waited_us": 0, "overhead_us": 1_000}
    return {**usual, "attempts": list(attempts), **more}


def kinds(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(step.what, [each.kind for each in step.stretches]) for step in steps_of(found)]


def test_one_that_was_answered_at_once() -> None:
    assert kinds(row(TRY)) == [
        ("Ourselves", ["ours", "ours"]),
        ("Attempt 1", ["theirs", "stream"]),
        ("Answer", ["stream"]),
    ]
    attempt = steps_of(row(TRY))[1]
    assert (attempt.began_us, attempt.took_us) == (1_000, 40_000)
    assert (attempt.who, attempt.note) == ("mock/gpt-4o on first", "answered")


def drawn(found: dict[str, Any], what: str) -> list[str]:
    return [each.title for step in steps_of(found) if step.what == what for each in step.stretches]


def test_all_of_our_own_time_is_drawn_and_the_same_as_the_figure() -> None:
    found = row(TRY, overhead_us=1_000)
    assert drawn(found, "Ourselves") == ["let in: key, body, limits: 500 µs", "chosen, translated, sent: 500 µs"]
    assert steps_of(found)[0].took_us == 1_000
    whole = row({**TRY, "duration_us": 9_000}, first_byte_us=12_500, total_us=12_600, overhead_us=3_500)
    assert drawn(whole, "Ourselves")[2:] == ["the answer made ready: 2.5 ms"]


def test_what_we_waited_for_besides_is_no_time_of_ours() -> None:
    found = row({**TRY, "began_us": 21_000}, first_byte_us=31_000, total_us=61_000, overhead_us=1_000)
    assert drawn(found, "Pause") == ["for a token or for what the request names by URL: 20 ms"]
    assert drawn(found, "Ourselves") == ["let in: key, body, limits: 500 µs", "chosen, translated, sent: 500 µs"]


def test_who_left_is_told_where_the_answer_was_cut() -> None:
    assert steps_of(row(TRY, error="client_disconnected"))[1].note == "answered, until the client left"
    failed = {**TRY, "error": "upstream_status_502", "status": 502, "reason": "server"}
    assert steps_of(row(failed, error="upstream_status_502"))[1].note == "failed: 502, the provider fails"


@pytest.mark.parametrize(
    ("total_us", "words"),
    [
        (1, ["0"]),
        (340, ["0", "100 µs", "200 µs", "300 µs"]),
        (2_500_000, ["0", "500 ms", "1.0 s", "1.5 s", "2.0 s"]),
        (40_700_000, ["0", "10.0 s", "20.0 s", "30.0 s", "40.0 s"]),
    ],
)
def test_the_scale_has_a_few_round_places(total_us: int, words: list[str]) -> None:
    ticks = ticks_of(total_us)
    assert [tick.word for tick in ticks] == words
    assert all(0 <= tick.x < 100 for tick in ticks)


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
    found = row(failed, later, first_byte_us=31_000, waited_us=13_900, overhead_us=1_100)
    assert drawn(found, "Pause") == ["until the next attempt: 14 ms"]
    assert kinds(found) == [
        ("Ourselves", ["ours"] * 3),
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
    found = row(old, old, admitted_us=None, waited_us=None, first_byte_us=80_000, total_us=81_000, overhead_us=0)
    assert kinds(found) == [
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
