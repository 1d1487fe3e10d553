"""Every word that records and explanations use for a reason has words for people."""

from __future__ import annotations

import re

import pytest

from gateway import errors
from gateway.errors import GatewayError
from gateway.records import ModelFacts
from gateway.relay.prospects import PASSED, UNPRICED
from gateway.routing import passing, pool
from gateway.routing.needs import Needs, lags, misses
from gateway.routing.reach import KEY, PAUSED
from gateway.routing.strategies import STRATEGIES
from gateway.routing.verdicts import FAULTS
from web import reasons

CODE = re.compile(r"[a-z]+_[a-z_]+")


def below(error: type[GatewayError]) -> set[type[GatewayError]]:
    return {error, *(each for kind in error.__subclasses__() for each in below(kind))}


OF_EXCHANGES = [
    each
    for each in below(GatewayError)
    if each.__module__ != errors.changes.__name__ and each is not errors.Unacceptable
]
"""What ends a request, but for what only the management API says."""


@pytest.mark.parametrize("kind", sorted({each.kind for each in OF_EXCHANGES}))
def test_every_end_of_a_request_has_words(kind: str) -> None:
    assert not CODE.search(reasons.ended(kind)), reasons.ended(kind)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_words_as_an_end_and_as_a_rest(fault: str) -> None:
    assert fault in reasons.FAULTS
    assert not CODE.search(reasons.ended(f"upstream_{fault}"))
    assert reasons.lacks(fault) == f"rests: {reasons.FAULTS[fault]}"


def test_an_answer_with_a_status_and_an_event_that_breaks_off_have_words() -> None:
    assert reasons.ended("upstream_status_502") == "the provider answered 502"
    assert reasons.ended("upstream_error_event") == "the provider broke its answer off with an error"
    assert reasons.ended("client_stalled") == "the client took nothing of its answer for too long"
    assert reasons.ended(None) == "there was nothing to ask"
    assert reasons.ended("something_new") == "something new"


@pytest.mark.parametrize(
    "label",
    [
        *STRATEGIES,
        *(passing.SESSION, passing.PROBE, passing.RESTING, passing.AGAIN, passing.HEDGE),
        pool.PINNED,
        pool.PRIORITY,
    ],
)
def test_every_way_to_be_chosen_has_words(label: str) -> None:
    assert label in reasons.CHOSEN


def test_a_weight_is_told_with_what_it_is_a_part_of() -> None:
    assert reasons.chosen("weighted 3/4").was == "whose turn it was by weight (3 of 4)"
    assert reasons.chosen("weighted").be == "its turn, by weight"
    assert reasons.chosen("by_the_moon").was == "by by the moon"
    assert reasons.ordered("session") is reasons.STAYS
    assert reasons.ordered("fallback").was == "the first of the combo"


@pytest.mark.parametrize("reason", [KEY, PAUSED, UNPRICED, passing.BUSY, *(each.code for each in PASSED)])
def test_everything_somebody_may_lack_has_words(reason: str) -> None:
    assert reason in reasons.LACKS


def test_what_a_model_cannot_do_has_words() -> None:
    small = ModelFacts(images=False, audio=False, documents=False, tools=False, thinking="none", context=8192)
    for need in ("images", "audio", "documents", "tools"):
        assert misses(Needs(**{need: True}), small) in reasons.LACKS
    assert lags(Needs(reasoning=True), small) in reasons.LACKS
    room = misses(Needs(input_tokens=20_000), small)
    assert room is not None
    assert reasons.lacks(room) == "has room for 8,192 tokens, and 20,000 are needed"
    assert reasons.lacks("does not speak anthropic") == "does not speak anthropic"


@pytest.mark.parametrize(
    ("status", "error", "reason", "words"),
    [
        (502, "upstream_status_502", "server", "502, the provider fails"),
        (502, "upstream_status_502", None, "the provider answered 502"),
        (None, "upstream_timeout", "timeout", "no answer came in time"),
        (200, "upstream_closed", None, "200, the connection was closed before the end"),
        (None, "hedge_lost", None, "another target answered sooner"),
    ],
)
def test_a_failed_attempt_is_told_with_its_status(
    status: int | None, error: str, reason: str | None, words: str
) -> None:
    assert reasons.failed({"status": status, "error": error, "reason": reason}) == words
