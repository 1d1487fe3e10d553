"""Where the tokens of an exchange come from: the least certain of what they are made of."""

from __future__ import annotations

import pytest

from gateway.errors import ProviderRefused, UpstreamClosed
from gateway.records import Tokens
from gateway.relay.reckoning import Counts, reckoned, tells_all
from tests.gateway.relay.endings import Ended


def test_what_the_provider_reports_is_believed() -> None:
    told = Tokens(input=7, output=3, cache_read=2, cost_nano_usd=5)
    assert reckoned(Ended(told, counts=Counts(1, 1)).exchange) == (told, "reported")


def test_nothing_said_is_nothing_to_count() -> None:
    told = Tokens(input=7)
    assert tells_all(Ended(told).exchange, told)
    assert reckoned(Ended(told).exchange) == (told, "reported")


def test_what_it_does_not_report_is_as_we_have_counted_it() -> None:
    assert reckoned(Ended(said=30, counts=Counts(11, 5)).exchange) == (Tokens(11, 5), "counted")


def test_an_answer_without_a_word_is_counted_too() -> None:
    assert reckoned(Ended(counts=Counts(11, 0)).exchange) == (Tokens(11, 0), "counted")


def test_what_was_not_counted_is_estimated() -> None:
    tokens, source = reckoned(Ended(said=30).exchange)
    assert tokens is not None
    assert (tokens.output, source) == (10, "estimated")
    assert 6 < tokens.input < 30


@pytest.mark.parametrize(
    ("told", "counts", "tokens", "source"),
    [
        (Tokens(7, 0), Counts(None, 5), Tokens(7, 5), "counted"),
        (Tokens(0, 3), Counts(11, None), Tokens(11, 3), "counted"),
        (Tokens(7, 0, cache_read=4, cost_nano_usd=9), Counts(None, 5), Tokens(7, 5, 4, cost_nano_usd=9), "counted"),
        (Tokens(7, 0), Counts(), Tokens(7, 10), "estimated"),
        (None, Counts(11, None), Tokens(11, 10), "estimated"),
    ],
)
def test_of_several_sources_the_least_certain_is_named(
    told: Tokens | None, counts: Counts, tokens: Tokens, source: str
) -> None:
    """A side that was told stays as it was told, and so does what the provider says that it charged."""
    assert reckoned(Ended(told, said=30, counts=counts).exchange) == (tokens, source)


def test_a_prompt_that_nobody_counted_is_estimated_though_the_answer_was_counted() -> None:
    tokens, source = reckoned(Ended(said=30, counts=Counts(None, 5)).exchange)
    assert tokens is not None
    assert tokens.output == 5
    assert tokens.input >= 6
    assert source == "estimated"


@pytest.mark.parametrize("broken", [{"gone": True}, {"error": UpstreamClosed("cut")}])
def test_an_answer_that_broke_off_is_estimated_whatever_was_counted(broken: dict[str, object]) -> None:
    tokens, source = reckoned(Ended(said=30, counts=Counts(11, 5), **broken).exchange)  # type: ignore[arg-type]
    assert tokens is not None
    assert (tokens.output, source) == (10, "estimated")
    told = Tokens(7, 1, cost_nano_usd=9)
    assert reckoned(Ended(told, said=30, **broken).exchange) == (Tokens(7, 10), "estimated")  # type: ignore[arg-type]
    late = Tokens(7, 12)
    assert reckoned(Ended(late, said=30, **broken).exchange) == (late, "reported")  # type: ignore[arg-type]


def test_what_no_provider_took_cost_nothing() -> None:
    assert reckoned(Ended(status=500, said=30).exchange) == (None, "none")
    refused = ProviderRefused("no", category="server")
    assert reckoned(Ended(trial_error=refused).exchange) == (None, "none")
    assert reckoned(Ended(Tokens(3, 0), said=0, trial_error=refused, gone=True).exchange) == (Tokens(3, 0), "reported")


def test_of_anything_but_answers_of_models_nothing_is_estimated() -> None:
    assert reckoned(Ended(said=30, operation="pass").exchange) == (None, "none")
    embedded = Tokens(7, 0)
    assert reckoned(Ended(embedded, said=30, operation="pass").exchange) == (embedded, "reported")
