"""Combos over real pools: who comes first, who comes next and after what, over three workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import WELL, Accounts, Mood, accounts, limited, refusing
from tests.e2e.pooled import SETTINGS, account_of, asked, attempts, in_turn, many, pool, pooled
from tests.gateway_process import GatewayProcess

COMBOS = """
[[combos]]
name    = "ordered"
targets = ["one/m", "two/m", "three/m"]

[[combos]]
name     = "turning"
targets  = ["one/m", "two/m", "three/m"]
strategy = "round_robin"

[[combos]]
name     = "shared"
targets  = ["one/m", "two/m"]
strategy = "weighted"
weights  = [3, 1]

[[combos]]
name    = "nested"
targets = ["three/m", "turning", "one/m"]

[[combos]]
name    = "growing"
targets = ["one/small", "two/large"]
next_on = ["context_too_long"]

[[combos]]
name    = "stubborn"
targets = ["one/small", "two/large"]

[[combos]]
name    = "final"
targets = ["one/m", "two/m"]
stop_on = ["rate_limit"]

[[combos]]
name     = "brief"
targets  = ["one/m", "two/m", "three/m"]
attempts = 2

[[aliases]]
name   = "again"
target = "one/m"

[[combos]]
name    = "twice"
targets = ["one/m", "again", "two/m"]
"""

TOO_LONG = refusing(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.")
BROKEN = refusing(500, "server_error", "It is broken.")
QUIET = SETTINGS.replace("[rests]", "[rests]\nenabled = false")
"""Nobody rests: each test begins as if it were the first."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 1) for name in ("one", "two")]
    tables.append(pool("three", provider.url, 1, 'format = "anthropic"'))
    with pooled(tmp_path_factory.mktemp("combos"), *tables, COMBOS, settings=QUIET) as made:
        yield made


@pytest.fixture(autouse=True)
def all_is_well(provider: Accounts) -> None:
    provider.forget()


async def test_targets_are_tried_in_order_across_dialects(gateway: GatewayProcess, provider: Accounts) -> None:
    assert await in_turn(gateway, 3, "ordered") == ["one-1"] * 3
    provider["one-1"] = BROKEN
    assert await in_turn(gateway, 2, "ordered") == ["two-1"] * 2
    provider["two-1"] = Mood(closes=True)
    assert await in_turn(gateway, 2, "ordered") == ["three-1"] * 2
    provider["one-1"] = WELL
    assert await in_turn(gateway, 2, "ordered") == ["one-1"] * 2


async def test_targets_take_turns_exactly(gateway: GatewayProcess) -> None:
    served = Counter(map(account_of, await many(gateway, 90, "turning")))
    assert served == {"one-1": 30, "two-1": 30, "three-1": 30}


async def test_targets_have_their_shares(gateway: GatewayProcess) -> None:
    served = Counter(map(account_of, await many(gateway, 80, "shared")))
    assert served == {"one-1": 60, "two-1": 20}


async def test_a_combo_within_a_combo_is_tried_in_its_place(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["three-1"] = BROKEN
    served = await in_turn(gateway, 6, "nested")
    assert set(served) == {"one-1", "two-1"}, "those of the inner one take turns, and who failed is not asked twice"
    failed = len(provider.of("three-1"))
    assert failed == 6
    provider["one-1"] = provider["two-1"] = BROKEN
    answer = await asked(gateway, "nested")
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (500, "3")


async def test_a_target_that_is_named_twice_is_tried_once(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["one-1"] = provider["two-1"] = BROKEN
    answer = await asked(gateway, "twice")
    assert answer.header("x-sluicegate-attempts") == "2"
    assert provider.counts() == {"one-1": 1, "two-1": 1}


async def test_what_is_too_long_goes_on_to_the_larger_model_where_that_is_said(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider["one-1/small"] = TOO_LONG
    answer = await asked(gateway, "growing", headers={"user-agent": tag})
    assert account_of(answer) == "two-1"
    assert [each.model for each in provider.asked] == ["small", "large"]
    assert attempts(gateway.record(tag)) == [
        ("one-1", "upstream_status_400", "next_target", "context_too_long"),
        ("two-1", None, None, None),
    ]
    refused = await asked(gateway, "stubborn")
    assert (refused.status, refused.error["code"]) == (400, "context_length_exceeded")
    assert provider.counts() == {"one-1": 2, "two-1": 1}


async def test_a_combo_may_stop_where_others_would_go_on(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["one-1"] = limited(7)
    answer = await asked(gateway, "final")
    assert (answer.status, answer.header("retry-after")) == (429, "7")
    assert provider.counts() == {"one-1": 1}
    provider["one-1"] = BROKEN
    assert account_of(await asked(gateway, "final")) == "two-1"


async def test_a_combo_may_have_fewer_attempts_than_others(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["one-1"] = provider["two-1"] = BROKEN
    answer = await asked(gateway, "brief")
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (500, "2")
    assert provider.counts() == {"one-1": 1, "two-1": 1}
