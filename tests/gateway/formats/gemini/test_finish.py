"""Reasons to end, both ways."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from gateway.formats.gemini.finish import read_block, read_finish, write_finish
from gateway.formats.neutral import Finish, FinishReason

FILTERED = (
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
    "IMAGE_RECITATION ESCALATION PUP_LIMITED_DISABLED MODEL_ARMOR"
)
MALFORMED = (
    "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MALFORMED_RESPONSE MISSING_THOUGHT_SIGNATURE"
)
OTHER = "OTHER NO_IMAGE IMAGE_OTHER FINISH_REASON_UNSPECIFIED CONTINUATION SOMETHING_NEW"


@pytest.mark.parametrize(("said", "reason"), [("STOP", "stop"), ("MAX_TOKENS", "length")])
def test_plain_reasons(said: str, reason: FinishReason) -> None:
    assert read_finish({"finishReason": said, "finishMessage": "m"}) == Finish(reason)


@pytest.mark.parametrize(
    ("words", "reason"), [(FILTERED, "filter"), (MALFORMED, "malformed"), (OTHER, "other")], ids=lambda each: each[:9]
)
def test_other_reasons_keep_google_s_word(words: str, reason: FinishReason) -> None:
    assert [read_finish({"finishReason": word}) for word in words.split()] == [
        Finish(reason, detail=word) for word in words.split()
    ]


def test_a_broken_call_says_what_is_wrong() -> None:
    candidate = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "no such function"}
    assert read_finish(candidate) == Finish("malformed", detail="MALFORMED_FUNCTION_CALL: no such function")


@pytest.mark.parametrize("said", [None, "", 7, {}])
def test_without_a_reason_it_has_not_ended(said: Any) -> None:
    assert read_finish({"finishReason": said}) is None


def test_a_blocked_prompt_says_so() -> None:
    assert read_block({"promptFeedback": {"blockReason": "SAFETY"}}) == Finish(
        "filter", detail="Prompt blocked: SAFETY"
    )


@pytest.mark.parametrize("feedback", [None, 7, {}, {"blockReason": ""}, {"blockReason": 7}, {"safetyRatings": []}])
def test_other_feedback_blocks_nothing(feedback: Any) -> None:
    assert read_block({"promptFeedback": feedback}) is None


@pytest.mark.parametrize("reason", get_args(FinishReason))
def test_every_reason_has_a_word_of_google_s(reason: FinishReason) -> None:
    (word,) = write_finish(Finish(reason)).values()
    assert word in ("STOP", "MAX_TOKENS", "SAFETY", "OTHER")


def test_an_explanation_is_told_on() -> None:
    assert write_finish(Finish("refusal", detail="I would rather not.")) == {
        "finishReason": "SAFETY",
        "finishMessage": "I would rather not.",
    }
