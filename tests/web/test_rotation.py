"""Money is named only where there is something to compare with; and only where conversations are handed around."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.records import Credential, Price, Provider, Rates
from web.rotation import hands_around, loss_of

CACHED = Price(Rates(input=2_000_000, output=8_000_000, cache_read=200_000))
"""2 USD a million, a tenth of it from the cache."""
PLAIN = Price(Rates(input=2_000_000, output=8_000_000))


def provider(name: str = "p", count: int = 2, **said: Any) -> Provider:
    credentials = said.pop("credentials", tuple(Credential(name, f"c{at}", "s") for at in range(count)))
    usual: dict[str, Any] = {"strategy": "round_robin", "session_affinity": False}
    return Provider(name, "openai_chat", "http://127.0.0.1:1", ("*",), credentials=credentials, **{**usual, **said})


def row(name: str, model: str = "gpt", requests: int = 500, tokens: int = 1_000_000, cached: int = 0) -> dict[str, Any]:
    return {
        "provider": name,
        "model": model,
        "requests": requests,
        "input_tokens": tokens,
        "cache_read_tokens": cached,
    }


def price_of(provider: str, model: str) -> Price | None:
    return {"gpt": CACHED, "plain": PLAIN}.get(model)


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (provider(), 2),
        (provider(strategy="least_busy", count=3), 3),
        (provider(strategy="fill_first"), 0),
        (provider(session_affinity=True), 0),
        (provider(count=1), 0),
        (provider(count=0), 0),
        (provider(credentials=(Credential("p", "a", "s"), Credential("p", "b", "s", models=()))), 0),
        (provider(credentials=(Credential("p", "a", "s", priority=1), Credential("p", "b", "s"))), 0),
    ],
)
def test_a_conversation_is_handed_around_among_those_that_go_first(said: Provider, count: int) -> None:
    assert hands_around(said) == count


def test_the_money_is_what_the_same_share_from_the_cache_would_have_saved() -> None:
    keeping = provider("kept", session_affinity=True)
    rows = [row("p", cached=100_000), row("kept", cached=1_200_000, tokens=2_000_000)]
    loss = loss_of(provider(), rows, [provider(), keeping], price_of)
    assert loss is not None
    # 60 % there and 10 % here: half a million tokens for 1.80 USD a million.
    assert loss.nano_usd == 900_000_000
    assert loss.basis == "of gpt 60 % of the input was in the cache at kept, and 10 % here"
    assert loss.credentials == 2


@pytest.mark.parametrize(
    "other",
    [
        row("kept", requests=99, cached=900_000),
        row("kept", model="another", cached=900_000),
        row("kept", cached=0),
        row("around", cached=900_000),
        row("gone", cached=900_000),
    ],
)
def test_no_money_is_named_without_something_to_compare_with(other: dict[str, Any]) -> None:
    others = [provider("kept", session_affinity=True), provider("around")]
    loss = loss_of(provider(), [row("p", cached=100_000), other], others, price_of)
    assert loss is not None
    assert (loss.nano_usd, loss.basis) == (None, "")


def test_too_few_requests_of_its_own_say_nothing_either() -> None:
    rows = [row("p", requests=9), row("kept", cached=900_000)]
    loss = loss_of(provider(), rows, [provider("kept", session_affinity=True)], price_of)
    assert loss is not None
    assert loss.nano_usd is None


def test_nothing_is_lost_where_nothing_is_or_where_a_cache_saves_nothing() -> None:
    kept = [provider("kept", session_affinity=True)]
    assert loss_of(provider(), [], kept, price_of) is None
    assert loss_of(provider(), [row("p", model="plain")], kept, price_of) is None
    assert loss_of(provider(), [row("p", model="unpriced")], kept, price_of) is None
    assert loss_of(provider(session_affinity=True), [row("p")], kept, price_of) is None
