"""Rules of the configuration over keys of the database: whom they count, and what becomes of models without room."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway.limits.books import Books
from gateway.limits.limiter import LimitName
from gateway.limits.rules import target_subjects
from gateway.records import LimitRule, Limits, Target
from gateway.shared.memory import SharedMemory
from gateway.store.generations import shared_file
from tests.e2e.people import People, live
from tests.e2e.wire import CHAT, HELLO, Answer, ask, dialled, request
from tests.providers import MockProcess
from tests.waiting import auntil

MONTHLY = {"users": "user", "teams": "team"}

RULES = """
[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0

[[providers]]
id       = "scarce"
format   = "openai_chat"
base_url = "{mock}/v1"

[[limits.rules]]
name = "users"
per  = "user"
requests_per_month = 3

[[limits.rules]]
name = "teams"
per  = "team"
requests_per_month = 4

[[limits.rules]]
name = "experiments"
per  = "key"
match = "experiment-*"
together = true
tokens_per_month = 1000

[[limits.rules]]
name = "twice"
per  = "model"
match = "scarce/twice*"
requests_per_month = 2

[[limits.rules]]
name = "narrow"
per  = "model"
match = "scarce/narrow*"
max_parallel = 1

[[limits.rules]]
name = "paid"
per  = "model"
match = "scarce/paid*"
budget_usd = 1.0
budget_period = "total"
"""

NARROW = LimitRule("narrow", "model", Limits(max_parallel=1), "scarce/narrow*")
TWICE = LimitRule("twice", "model", Limits(requests_per_month=2), "scarce/twice*")


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("rules"), mock.url, RULES.format(mock=mock.url), workers=3) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def chatting(secret: str, model: str, *, stream: bool = False) -> bytes:
    return request("POST", CHAT, json.dumps({"model": model, "messages": HELLO, "stream": stream}).encode(), key=secret)


async def chat(everybody: People, secret: str, model: str = "mock/gpt;input=20;output=80") -> Answer:
    return await ask(everybody.gateway.port, chatting(secret, model))


async def statuses(everybody: People, *secrets: str) -> list[int]:
    return [(await chat(everybody, secret)).status for secret in secrets]


def free_key(everybody: People, name: str, **wish: object) -> str:
    """A key that is nobody's, so that no rule is for it."""
    return everybody.new_key("owner", name=name, **wish)[1]


def used_of(everybody: People, model: str, rule: LimitRule) -> dict[LimitName, int]:
    """What a rule counts for a model."""
    books = Books(SharedMemory(shared_file(everybody.gateway.data_dir)), None)
    (subject,) = target_subjects(Target("scarce", model), (rule,))
    return {left.field: left.used for left in books.left(subject)}


def combine(everybody: People, name: str, *targets: str, **more: object) -> None:
    everybody.make("owner", "/api/combos", {"name": name, "targets": targets, **more})


# Whom they count


async def test_the_keys_of_a_user_share_what_the_user_has(everybody: People) -> None:
    (_, one), (_, other) = (everybody.new_key("stranger", name=name) for name in ("one-of-two", "two-of-two"))
    (_, neighbours) = everybody.new_key("admin", name="of-a-neighbour", user_id=everybody.who["admin"].id)
    assert await statuses(everybody, one, other, one, one, other) == [200, 200, 200, 429, 429]
    refused = await chat(everybody, other)
    assert f"quota of user `{everybody.who['stranger'].id}` (rule `users`), 3 requests a month," in str(refused.error)
    assert refused.header("x-should-retry") == "false"
    assert await statuses(everybody, neighbours) == [200]


async def test_the_keys_of_a_team_share_what_the_team_has(everybody: People) -> None:
    keys = [everybody.new_key("leader", name=f"crew-{number}", team_id=everybody.team)[1] for number in range(2)]
    assert await statuses(everybody, *keys, *keys, keys[0], keys[1]) == [200] * 4 + [429] * 2
    refused = await chat(everybody, keys[0])
    assert f"quota of team `{everybody.team}` (rule `teams`)" in refused.error["message"]


async def test_keys_that_match_are_counted_as_one_where_a_rule_says_so(everybody: People) -> None:
    keys = [free_key(everybody, f"experiment-{number}") for number in range(5)]
    assert await statuses(everybody, *keys, *keys, keys[0]) == [200] * 10 + [429]
    refused = await chat(everybody, keys[4])
    assert "quota of all client keys of rule `experiments`, 1000 tokens a month," in refused.error["message"]
    assert await statuses(everybody, free_key(everybody, "an-experiment-not")) == [200]


async def test_a_quota_of_a_key_is_its_own(everybody: People) -> None:
    one, other = (free_key(everybody, f"metered-{number}", tokens_per_month=150) for number in range(2))
    assert await statuses(everybody, one, one, one, other) == [200, 200, 429, 200]


# Models


async def test_a_model_without_room_is_passed_over(everybody: People, mock: MockProcess, tag: str) -> None:
    combine(everybody, "scarce-first", f"scarce/twice-{tag};tag={tag}", f"mock/gpt;tag=then{tag}")
    key = free_key(everybody, "of-scarce-first")
    answers = [await chat(everybody, key, "scarce-first") for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 4
    assert [answer.header("x-sluicegate-provider") for answer in answers] == ["scarce", "scarce", "mock", "mock"]
    assert answers[1].header("x-ratelimit-remaining-requests") == "0"
    assert answers[2].header("x-ratelimit-remaining-requests") is None, "that is of a model which did not answer"
    assert (len(mock.requests(tag)), len(mock.requests(f"then{tag}"))) == (2, 2)


async def test_alone_it_is_refused_in_its_name(everybody: People, tag: str) -> None:
    key = free_key(everybody, "of-alone")
    answers = [await chat(everybody, key, f"scarce/twice-{tag}") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert f"quota of model `scarce/twice-{tag}` (rule `twice`)" in answers[2].error["message"]
    assert answers[2].header("x-ratelimit-remaining-requests") == "0"
    assert answers[2].header("x-should-retry") == "false"


async def test_a_request_that_no_model_had_room_for_is_no_request(everybody: People, tag: str) -> None:
    key = free_key(everybody, "of-none", requests_per_month=10)
    answers = [await chat(everybody, key, f"scarce/twice-{tag}") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 2 + [429] * 4
    last = await chat(everybody, key)
    assert last.header("x-ratelimit-remaining-requests") == "7"


async def test_a_retry_at_the_same_model_is_counted_once(everybody: People, mock: MockProcess, tag: str) -> None:
    model = f"twice;times=1;reset=0;tag={tag}"
    assert (await chat(everybody, free_key(everybody, "of-a-retry"), f"scarce/{model}")).status == 200
    assert len(mock.requests(tag)) == 2
    assert used_of(everybody, model, TWICE) == {"requests_per_month": 1}


async def test_a_budget_of_a_model_needs_its_price(everybody: People, tag: str) -> None:
    combine(everybody, "paid-first", "scarce/paid", f"mock/gpt;tag={tag}")
    key = free_key(everybody, "of-the-paid")
    assert (await chat(everybody, key, "scarce/paid")).status == 402
    assert (await chat(everybody, key, "paid-first")).header("x-sluicegate-provider") == "mock"
    careless = free_key(everybody, "of-the-careless", allow_unpriced=True)
    assert (await chat(everybody, careless, "scarce/paid")).status == 200


async def test_a_model_that_failed_is_free_while_another_answers(everybody: People, tag: str) -> None:
    narrow = f"narrow-{tag};status=500"
    combine(everybody, f"failing-{tag}", f"scarce/{narrow}", "mock/gpt;chunks=2000;pace=50ms")
    key = free_key(everybody, "of-a-failing-one")
    async with dialled(everybody.gateway.port) as wire:
        wire.send(chatting(key, f"failing-{tag}", stream=True))
        assert (await wire.head()).header("x-sluicegate-provider") == "mock"
        assert used_of(everybody, narrow, NARROW) == {"max_parallel": 0}


async def test_a_model_that_was_too_slow_is_free_while_its_rival_answers(
    everybody: People, mock: MockProcess, tag: str
) -> None:
    narrow = f"narrow;first=60s;tag={tag}"
    combine(everybody, f"hedged-{tag}", f"scarce/{narrow}", "mock/gpt;chunks=2000;pace=50ms", hedge_ms=50)
    key = free_key(everybody, "of-a-slow-one", max_parallel=1)
    async with dialled(everybody.gateway.port) as wire:
        wire.send(chatting(key, f"hedged-{tag}", stream=True))
        assert (await wire.head()).header("x-sluicegate-provider") == "mock"
        await auntil(lambda: mock.disconnects(tag))
        assert used_of(everybody, narrow, NARROW) == {"max_parallel": 0}
        assert (await chat(everybody, key)).status == 429, "its own place is held as long as it streams"


async def test_a_rival_without_room_is_not_asked(everybody: People, mock: MockProcess, tag: str) -> None:
    rival = f"scarce/narrow;chunks=2000;pace=50ms;tag={tag}"
    combine(everybody, f"rivals-{tag}", "mock/gpt;first=400ms", rival, hedge_ms=50)
    key = free_key(everybody, "of-a-rival")
    async with dialled(everybody.gateway.port) as wire:
        wire.send(chatting(key, rival, stream=True))
        assert (await wire.head()).status == 200
        answer = await chat(everybody, key, f"rivals-{tag}")
        assert (answer.status, answer.header("x-sluicegate-provider")) == (200, "mock")
        assert len(mock.requests(tag)) == 1


async def test_a_rival_that_lost_is_free(everybody: People, mock: MockProcess, tag: str) -> None:
    rival = f"narrow;first=60s;tag={tag}"
    combine(everybody, f"lost-{tag}", "mock/gpt;first=400ms;chunks=2000;pace=50ms", f"scarce/{rival}", hedge_ms=50)
    async with dialled(everybody.gateway.port) as wire:
        wire.send(chatting(free_key(everybody, "of-a-loser"), f"lost-{tag}", stream=True))
        assert (await wire.head()).header("x-sluicegate-provider") == "mock"
        await auntil(lambda: mock.disconnects(tag))
        assert used_of(everybody, rival, NARROW) == {"max_parallel": 0}
