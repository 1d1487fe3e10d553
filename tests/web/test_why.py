"""Why a request went where it did, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.usage.figures import MINUTE, SECOND
from web.why import Piece, Places, passed_of, sentence_of, tries_of

AT = 1_795_219_200_000_000
NOWHERE = Places(configured=False)
EVERYWHERE = Places(configured=True, name_link=lambda name: f"/models/combos#{name}")

TRY: dict[str, Any] = {
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "credential": "team-b",
    "status": 200,
    "error": None,
    "reason": None,
    "verdict": None,
    "rest_us": None,
    "chosen_by": None,
    "duration_us": 1000,
}
FAILED = {**TRY, "credential": "team-a", "status": 502, "error": "upstream_status_502", "reason": "server"}
FAILED |= {"verdict": "next_credential", "rest_us": 30 * SECOND, "chosen_by": "round_robin"}

OTHER: dict[str, Any] = {
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "credential": "team-a",
    "reason": "rate_limit",
    "until_us": AT + 2 * MINUTE,
    "holds": False,
}
DEAF = {**OTHER, "credential": None, "provider": "openai", "model": "gpt-4o", "reason": "no images", "until_us": None}


def row(*attempts: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "via": "fast",
        "requested_model": "fast",
        "error": None,
        "started_at_us": AT,
        "first_byte_us": 900,
    }
    usual |= {"ordered_by": None, "passed_over": [], "passed_more": 0}
    return {**usual, "attempts": list(attempts), **more}


def said(found: dict[str, Any], places: Places = NOWHERE) -> str:
    return "".join("14:02" if piece.at_us else piece.text for piece in sentence_of(found, places))


def test_the_sample_of_the_design() -> None:
    assert said(row(TRY, passed_over=[OTHER])) == (
        "fast → anthropic/claude-sonnet-4-5 on team-b, because team-a rests until 14:02 (its rate limit is used up)."
    )


BEGIN = "fast → anthropic/claude-sonnet-4-5 on team-b"


@pytest.mark.parametrize(
    ("attempts", "more", "rest"),
    [
        ([TRY], {}, ", at the first attempt."),
        ([{**TRY, "chosen_by": "weighted 3/4"}], {}, ", whose turn it was by weight (3 of 4)."),
        ([{**TRY, "chosen_by": "session"}], {}, ", which holds the conversation, and with it the provider's cache."),
        ([TRY], {"ordered_by": "fallback"}, ", the first of the combo."),
        ([TRY], {"ordered_by": "session"}, ", where the conversation stays."),
        ([FAILED, TRY], {}, ", because team-a failed (502, the provider fails), and rests for 30.0 s."),
        (
            [TRY],
            {"passed_over": [DEAF, {**OTHER, "holds": True}]},
            ", because openai/gpt-4o takes no images; team-a, which holds the conversation, rests until 14:02 "
            "(its rate limit is used up).",
        ),
        ([TRY], {"error": "client_disconnected"}, ", at the first attempt. The client left while it had its answer."),
        (
            [TRY],
            {"error": "client_disconnected", "first_byte_us": None},
            ", at the first attempt. The client left before there was an answer.",
        ),
        ([TRY], {"error": "upstream_error_event"}, ", at the first attempt. It ended early: the provider broke its "
         "answer off with an error."),
        (
            [{**FAILED, "credential": "team-b"}],
            {"error": "upstream_status_502"},
            ", whose turn it was. It failed: 502, the provider fails.",
        ),
    ],
)  # fmt: skip
def test_who_answered_and_why_and_how_it_ended(attempts: list[dict[str, Any]], more: dict[str, Any], rest: str) -> None:
    assert said(row(*attempts, **more)) == BEGIN + rest


def test_no_more_than_a_few_are_named() -> None:
    found = row(TRY, passed_over=[{**DEAF, "model": f"m{number}"} for number in range(8)], passed_more=4)
    assert said(found).endswith("openai/m2 takes no images; 9 more could not be asked.")


def test_where_nobody_was_asked_it_says_why() -> None:
    assert said(row(error="invalid_key", via=None, requested_model=None)) == (
        "No model was named: no provider was asked, since it came with no client key that is known."
    )
    resting = row(error="all_resting", passed_over=[OTHER, {**OTHER, "credential": "team-b"}], passed_more=2)
    assert said(resting) == (
        "fast: no provider was asked, since everybody who could answer rested: team-a rests until 14:02 (its rate "
        "limit is used up); team-b rests until 14:02 (its rate limit is used up); and 2 more."
    )


def test_what_is_named_is_linked_for_whoever_may_see_it() -> None:
    found = row(TRY, passed_over=[{**OTHER, "provider": "a b", "credential": "x/y"}])
    links = {piece.text: piece.link for piece in sentence_of(found, EVERYWHERE) if piece.link}
    assert links == {
        "fast": "/models/combos#fast",
        "anthropic/claude-sonnet-4-5": "/providers/anthropic",
        "team-b": "/providers/anthropic/credentials/team-b",
        "x/y": "/providers/a%20b/credentials/x%2Fy",
    }
    assert not any(piece.link for piece in sentence_of(found, NOWHERE))
    assert Piece("fast", is_name=True) in sentence_of(found, NOWHERE)


def test_attempts_say_why_they_were_made_and_what_came_of_them() -> None:
    first, second = tries_of(row(FAILED, TRY), EVERYWHERE)
    assert (first.chosen, first.state.word, first.means) == (
        "its turn: one after another",
        "failed",
        "502, the provider fails",
    )
    assert (first.decided, first.rest) == ("server: another credential was next", "rests for 30.0 s")
    assert (second.chosen, second.state.word) == ("next in line", "answered")
    assert second.credential_link == "/providers/anthropic/credentials/team-b"
    (only,) = tries_of(row({**TRY, "credential": None}, ordered_by="fallback"), NOWHERE)
    assert (only.chosen, only.credential_link) == ("the combo goes in the order of its targets", "")


def test_an_answer_whose_client_left_is_not_good() -> None:
    before, last = tries_of(row(FAILED, TRY, error="client_disconnected"), NOWHERE)
    assert (before.state.word, last.state.word, last.state.meaning) == ("failed", "client left", "warning")


def test_who_was_passed_over_stands_in_a_table() -> None:
    resting, deaf = passed_of(row(TRY, passed_over=[{**OTHER, "holds": True}, DEAF]), EVERYWHERE)
    assert (resting.credential, resting.until_us) == ("team-a", AT + 2 * MINUTE)
    assert resting.why == "it rests: its rate limit is used up; it holds the conversation"
    assert (deaf.credential, deaf.why, deaf.until_us) == ("", "it takes no images", None)
    assert deaf.target_link == "/providers/openai"


def test_records_of_older_versions_say_what_they_know() -> None:
    old = row({**TRY, "chosen_by": None}, ordered_by=None, passed_over=None, passed_more=None)
    assert said(old) == f"{BEGIN}, at the first attempt."
    assert passed_of(old, EVERYWHERE) == ()
