"""What is told of requests, as a table: who is asked, who is passed over and why, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.errors import BudgetSpent, LimitReached, LimitsUnavailable
from gateway.explaining.question import Sight
from gateway.records import ClientKey, Limits
from gateway.settings.objects import PriceTierSettings
from tests.gateway.explaining.sights import (
    CHAT,
    MESSAGES,
    RESPONSES,
    SETTINGS,
    Till,
    provider,
    sight,
    steps,
    told,
)
from tests.gateway.routing.boards import NOW, SECOND, Slate, rest

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
SEES = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]
LONG = [{"role": "user", "content": "word " * 4000}]

ALL = ["a/a1 first", "a/a2 next", "b/b1 next", "c/c1 next"]
"""At most four attempts: the fifth credential is beyond."""


STRICTLY = {"seed": 1, "headers": {"x-sluicegate-strict": "1"}}
UNSUPPORTED = [f"c/c{number} passed_over unsupported_parameter" for number in (1, 2)]


def key(**said: Any) -> ClientKey:
    return ClientKey("app", id="app", **said)


BUDGET = Limits(budget_nano_usd=10**9)


@pytest.mark.parametrize(
    ("who", "said", "expected"),
    [
        (None, {}, [*ALL, "c/c2 beyond"]),
        (None, {"messages": SEES}, ["b/b1 first", "c/c1 next", "c/c2 next", "a/* passed_over no images"]),
        (None, {"messages": LONG}, ["b/b1 first", "c/c1 next", "c/c2 next", "a/* passed_over context 1000 < 4001"]),
        (key(providers=("b", "c")), {}, ["b/b1 first", "c/c1 next", "c/c2 next", "a/* passed_over key"]),
        (
            key(credentials=("a/a2", "b/*")),
            {},
            ["a/a2 first", "b/b1 next", "a/a1 passed_over key", "c/* passed_over key"],
        ),
        (key(limits=BUDGET), {}, [*ALL[:3], "c/* passed_over unpriced"]),
        (key(limits=BUDGET, allow_unpriced=True), {}, [*ALL, "c/c2 beyond"]),
        (None, STRICTLY, [*ALL[:2], "b/b1 passed_over unsupported_parameter", *UNSUPPORTED]),
    ],
)
async def test_everybody_is_told_with_the_reason(who: ClientKey | None, said: Any, expected: list[str]) -> None:
    explanation = await told(sight(), who, **said)
    assert steps(explanation) == expected
    assert explanation.refused is None


@pytest.mark.parametrize(
    ("who", "said", "refused"),
    [
        (key(paused=True), {}, (403, "api_key_paused")),
        (key(expires_at_us=NOW), {}, (401, "api_key_expired")),
        (key(endpoints=("/v1/messages",)), {}, (403, "endpoint_not_allowed")),
        (key(models=("other/*",)), {}, (403, "model_not_allowed")),
        (key(limits=BUDGET), {"model": "c/m"}, (402, "model_unpriced")),
        (None, {"model": "nobody/has-it"}, (404, "model_not_found")),
        (None, {"model": 7}, (400, "invalid_request")),
        (None, {"model": "b/m", "messages": "Hello"}, (400, "invalid_request")),
        (None, {"at": "/v1/embeddings", "model": "b/m", "input": "x"}, (501, "format_not_served")),
        (
            key(),
            {"at": RESPONSES, "model": "c/m", "previous_response_id": "gone"},
            (400, "previous_response_not_found"),
        ),
    ],
)
async def test_what_would_end_it_is_told(who: ClientKey | None, said: Any, refused: tuple[int, str]) -> None:
    explanation = await told(sight(), who, **said)
    assert explanation.refused is not None
    assert (explanation.refused.status, explanation.refused.code) == refused


async def test_while_all_rest_the_wait_or_the_end_is_told() -> None:
    soon = await told(sight(a1=rest(1), a2=rest(9)), model="a/m")
    assert (soon.waits_seconds, soon.refused) == (1.0, None)
    assert steps(soon) == ["a/a1 passed_over rate_limit", "a/a2 passed_over rate_limit"]
    late = await told(sight(a1=rest(7, reason="auth"), a2=rest(9)), model="a/m")
    assert late.refused is not None
    assert (late.refused.status, late.refused.code, late.refused.retry_after_seconds) == (503, "all_resting", 7)
    assert late.steps[0].until == "1970-01-12T13:46:47.000000Z"
    assert NOW + 7 * SECOND == 1_000_007 * SECOND


def till(seen: Sight) -> Till:
    assert isinstance(seen.limiter, Till)
    return seen.limiter


async def test_limits_are_told_with_whom_they_count() -> None:
    seen = sight()
    till(seen).used = {"everybody (rule `everybody's`)": 30, "model `b/m` (rule `of b`)": 60}
    explanation = await told(seen, key(limits=Limits(requests_per_month=7)))
    assert [(each.subject, each.target, each.most, each.used, each.left) for each in explanation.limits] == [
        ("client key `app`", None, 7, 0, 7),
        ("everybody (rule `everybody's`)", None, 100, 30, 70),
        ("model `b/m` (rule `of b`)", "b/m", 50, 60, 0),
    ]
    assert [each.subject for each in (await told(seen, None, model="a/m")).limits] == ["everybody (rule `everybody's`)"]


FULL = LimitReached("No room.", retry_after=3.0)


@pytest.mark.parametrize(
    ("error", "model", "first", "refused"),
    [
        (FULL, "all", "a/a1 first", None),
        (FULL, "b/m", None, (429, 3.0)),
        (BudgetSpent("Spent."), "b/m", None, (403, None)),
        (LimitsUnavailable("Nobody knows.", retry_after=1.0), "all", "a/a1 first", None),
        (LimitsUnavailable("Nobody knows.", retry_after=1.0), "b/m", "b/b1 first", (503, 1.0)),
    ],
)
async def test_a_limit_of_a_target_keeps_a_request_from_that_one(
    error: Any, model: str, first: str | None, refused: Any
) -> None:
    seen = sight()
    till(seen).refusals = {"model `b/m` (rule `of b`)": error}
    explanation = await told(seen, model=model)
    assert next((each for each in steps(explanation) if " first" in each), None) == first
    if error is FULL:
        assert "b/b1 passed_over rate_limit_exceeded" in steps(explanation)
    heard = explanation.refused
    assert (heard and (heard.status, heard.retry_after_seconds)) == refused


async def test_a_limit_of_the_request_ends_it_and_the_rest_is_told_all_the_same() -> None:
    seen = sight()
    till(seen).refusals = {"everybody (rule `everybody's`)": FULL}
    explanation = await told(seen)
    assert explanation.refused is not None
    assert explanation.refused.retry_after_seconds == 3
    assert steps(explanation)[0] == "a/a1 first"


async def test_what_is_kept_elsewhere_goes_there_and_what_is_kept_here_counts() -> None:
    explanation = await told(sight(), key(), RESPONSES, previous_response_id="resp_theirs", input="And?")
    assert steps(explanation)[:2] == ["c/c2 first", "a/a1 passed_over pinned"]
    explanation = await told(sight(), key(), RESPONSES, previous_response_id="resp_ours", input="And?")
    assert "a/* passed_over context 1000 < 4009" in steps(explanation)
    assert explanation.reserve is not None
    assert explanation.reserve.input_tokens > 4000


async def test_costs_are_told_for_each_target() -> None:
    tiers = (PriceTierSettings(above=100, input=6.0, output=30.0),)
    prices = (structs.replace(SETTINGS.prices[0], tiers=tiers, request=0.001), SETTINGS.prices[1])
    explanation = await told(sight(structs.replace(SETTINGS, prices=prices)), messages=LONG[:1] * 2, model="b/m")
    cost = explanation.targets[0].cost
    assert cost.price is not None
    assert (cost.price.source, cost.price.above_input_tokens) == ("override b/*", None)
    assert cost.input_nano_usd == cost.input_tokens * 1000
    assert cost.most_nano_usd == (cost.most_tokens - 4096) * 1000 + 4096 * 5000
    cost = (await told(sight(structs.replace(SETTINGS, prices=prices)), model="a/m", max_tokens=10)).targets[0].cost
    assert cost.price is not None
    assert (cost.price.above_input_tokens, cost.input_nano_usd) == (None, cost.input_tokens * 3000 + 10**6)
    long = await told(sight(structs.replace(SETTINGS, prices=prices)), model="a/m", messages=LONG)
    cost = long.targets[0].cost
    assert cost.price is not None
    assert cost.price.above_input_tokens == 100
    assert cost.price.pico_usd["input"] == 6_000_000
    assert cost.input_nano_usd == cost.input_tokens * 6000 + 10**6
    assert long.targets[0].lags == ""


@pytest.mark.parametrize(
    ("at", "said", "model", "expected"),
    [
        (CHAT, {}, "a/m", ("openai_chat", False, "/chat/completions", 0)),
        (CHAT, {"messages": SEES}, "b/m", ("anthropic", True, "/v1/messages", 0)),
        (CHAT, {}, "c/m", ("openai_responses", True, "/responses", 0)),
        (MESSAGES, {"max_tokens": 5}, "b/m", ("anthropic", False, "/v1/messages", 0)),
        ("/v1/messages/count_tokens", {"messages": []}, "b/m", ("anthropic", False, "/v1/messages/count_tokens", 0)),
        ("/v1/messages/count_tokens", {"messages": []}, "a/m", ("openai_chat", True, None, 0)),
        ("/v1/responses/compact", {"input": "Hello"}, "a/m", ("openai_chat", True, "/chat/completions", 0)),
    ],
)
async def test_the_way_to_a_target_is_told(at: str, said: Any, model: str, expected: Any) -> None:
    (target,) = (await told(sight(), None, at, **said, model=model)).targets
    assert (target.format, target.translated, target.path, target.fetched_urls) == expected


async def test_what_is_lost_fetched_or_fixed_is_told() -> None:
    gemini = provider("g", "gemini")
    fixed = provider("d", quirks=("developer_as_system",), drop_fields=("seed",))
    seen = sight(structs.replace(SETTINGS, providers=(*SETTINGS.providers, gemini, fixed)))
    (target,) = (await told(seen, model="g/m", messages=SEES, logit_bias={"1": 1})).targets
    assert (target.fetched_urls, target.dropped) == (1, ("logit_bias",))
    said = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    (target,) = (await told(seen, model="d/m", messages=said, seed=1)).targets
    assert (target.quirks, target.dropped) == (("developer_as_system",), ("seed",))
    (target,) = (await told(seen, model="d/m")).targets
    assert target.quirks == ()


async def test_what_a_provider_would_be_sent_is_told_to_whoever_asks_for_it() -> None:
    fixed = provider("d", quirks=("developer_as_system",), drop_fields=("seed",))
    seen = sight(structs.replace(SETTINGS, providers=(*SETTINGS.providers, fixed)))
    assert [target.body for target in (await told(seen)).targets] == [None] * 3
    said = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    (target,) = (await told(seen, bodies=True, model="d/m", messages=said, seed=1, stream=True)).targets
    assert target.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    (target,) = (await told(seen, bodies=True, model="b/m", max_tokens=5)).targets
    assert target.body is not None
    assert (target.body["model"], target.body["max_tokens"]) == ("m", 5)
    assert "stream" not in target.body or not target.body["stream"]
    (counted,) = (
        await told(seen, None, "/v1/messages/count_tokens", bodies=True, model="b/m", messages=said[1:])
    ).targets
    assert counted.body == {"model": "m", "messages": said[1:]}
    (refused,) = (await told(seen, bodies=True, model="b/m", headers={"x-sluicegate-strict": "1"}, seed=1)).targets
    assert refused.body is None


class _Holding(Slate):
    """Every conversation is with the same credential."""

    def holder(self, session: bytes, now_us: int) -> bytes | None:
        return b"c2"


async def test_the_conversation_is_told_with_who_holds_it() -> None:
    seen = sight()
    talk = {"session_id": "one"}
    explanation = await told(seen, key(), model="c/m", **talk)
    assert explanation.session is not None
    assert (explanation.session.source, explanation.session.holders) == ("field `session_id`", {})
    seen = replace(seen, board=_Holding())
    explanation = await told(seen, key(), model="c/m", **talk)
    assert explanation.session is not None
    assert explanation.session.holders == {"c": "c2"}
    assert steps(explanation) == ["c/c2 first session", "c/c1 next"]
    assert (await told(seen, key(), model="b/m", **talk)).session is None, "there is nobody else to talk to"
