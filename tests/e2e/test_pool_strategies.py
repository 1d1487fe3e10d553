"""Which account of a pool is asked, over three workers that know each other only by the shared memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import groupby

import pytest

from tests.e2e.accounts import ENDLESSLY, WELL, Accounts, Mood, accounts, limited
from tests.e2e.pooled import account_of, asked, asked_until, hello, in_turn, many, pool, pooled, statuses
from tests.e2e.wire import Wire, dialled
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil


def strategy(name: str, more: str = "") -> str:
    return f'strategy = "{name}"\n{more}'


def pools(url: str) -> Iterator[str]:
    yield pool("turns", url, 5)
    yield pool("sticky", url, 3, "sticky_requests = 7")
    yield pool("shares", url, 3, strategy("weighted"), weight=[5, 3, 2])
    yield pool("filled", url, 3, strategy("fill_first"))
    yield pool("busy", url, 3, strategy("least_busy"))
    yield pool("fast", url, 2, strategy("lowest_latency"))
    yield pool("roomy", url, 3, strategy("headroom"))
    yield pool("ranked", url, 4, "", priority=[0, 10, 10, -5])
    yield pool("narrow", url, 2, strategy("fill_first"), max_parallel=[2, 1])


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with pooled(tmp_path_factory.mktemp("pools"), *pools(provider.url)) as made:
        yield made


async def test_taking_turns_is_exact_over_all_workers(gateway: GatewayProcess) -> None:
    answers = await many(gateway, 300, "turns/m")
    assert Counter(map(account_of, answers)) == {f"turns-{number}": 60 for number in range(1, 6)}
    serving = {row["worker"] for row in gateway.records("turns/m", 300)}
    assert len(serving) == 3, "one worker alone proves nothing"


async def test_a_sticky_turn_lasts_as_many_requests_as_it_should(gateway: GatewayProcess) -> None:
    runs = [(account, len(list(run))) for account, run in groupby(await in_turn(gateway, 63, "sticky/m"))]
    assert runs == [(f"sticky-{turn % 3 + 1}", 7) for turn in range(9)]


async def test_shares_are_exact_in_every_cycle(gateway: GatewayProcess) -> None:
    served = await in_turn(gateway, 50, "shares/m")
    for begin in range(0, 50, 10):
        assert Counter(served[begin : begin + 10]) == {"shares-1": 5, "shares-2": 3, "shares-3": 2}
    assert max(len(list(run)) for _, run in groupby(served)) <= 2, "spread evenly"


async def test_the_first_account_is_used_until_it_rests_and_again_after_that(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    assert set(await in_turn(gateway, 9, "filled/m")) == {"filled-1"}
    provider["filled-1"] = limited(1)
    assert set(await in_turn(gateway, 9, "filled/m")) == {"filled-2"}
    assert len(provider.of("filled-1")) == 10
    provider["filled-1"] = WELL
    before = len(provider.of("filled-1"))
    await asked_until(gateway, "filled/m", lambda _: len(provider.of("filled-1")) > before)
    assert set(await in_turn(gateway, 3, "filled/m")) == {"filled-1"}


async def flowing(stack: AsyncExitStack, gateway: GatewayProcess, model: str) -> tuple[str, Wire]:
    """An endless stream that has begun, and who gives it."""
    wire = await stack.enter_async_context(dialled(gateway.port))
    wire.send(hello(model, stream=True))
    head = await wire.head()
    assert head.status == 200
    return head.header("x-sluicegate-credential") or "", wire


async def test_the_least_busy_one_is_asked_however_long_streams_last(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    for number in range(1, 4):
        provider[f"busy-{number}"] = ENDLESSLY
    async with AsyncExitStack() as stack:
        streams = [await flowing(stack, gateway, "busy/m") for _ in range(9)]
        assert Counter(account for account, _ in streams) == {f"busy-{number}": 3 for number in range(1, 4)}
        for account, wire in streams:
            if account == "busy-2":
                wire.abort()
        await auntil(lambda: sum(not each.over for each in provider.of("busy-2")) == 0)
        again = [(await flowing(stack, gateway, "busy/m"))[0] for _ in range(4)]
        assert again[:3] == ["busy-2"] * 3
        assert again[3] in ("busy-1", "busy-2", "busy-3")


async def test_no_account_has_more_requests_at_once_than_it_may(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["narrow-1"] = provider["narrow-2"] = ENDLESSLY
    async with AsyncExitStack() as stack:
        served = [(await flowing(stack, gateway, "narrow/m"))[0] for _ in range(3)]
        assert served == ["narrow-1", "narrow-1", "narrow-2"]
        refused = await asked(gateway, "narrow/m")
        assert (refused.status, refused.header("retry-after")) == (429, "1")
    provider["narrow-1"] = WELL
    await auntil(lambda: all(each.over for each in provider.of("narrow-1")))
    assert account_of(await asked(gateway, "narrow/m")) == "narrow-1"


async def test_the_fastest_is_preferred_and_one_that_becomes_fast_is_found(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    slow = Mood(wait=0.04)
    provider["fast-1"] = slow
    served = Counter(await in_turn(gateway, 60, "fast/m"))
    assert served["fast-2"] >= 50, served
    assert served["fast-1"] >= 2, "now and then it is looked at"
    provider["fast-1"], provider["fast-2"] = WELL, Mood(wait=0.1)
    await in_turn(gateway, 60, "fast/m")
    served = Counter(await in_turn(gateway, 20, "fast/m"))
    assert served["fast-1"] >= 18, served


async def test_who_has_most_left_of_its_limits_is_asked(gateway: GatewayProcess, provider: Accounts) -> None:
    def left(share: int) -> Mood:
        said = {"limit": "100", "remaining": str(share), "reset": "60s"}
        return Mood(headers=tuple((f"x-ratelimit-{name}-requests", value) for name, value in said.items()))

    for number, share in enumerate((20, 90, 50), 1):
        provider[f"roomy-{number}"] = left(share)
    await in_turn(gateway, 3, "roomy/m")  # nobody knows anything of those that were not asked
    assert set(await in_turn(gateway, 9, "roomy/m")) == {"roomy-2"}
    provider["roomy-2"] = left(10)
    assert await in_turn(gateway, 4, "roomy/m") == ["roomy-2", "roomy-3", "roomy-3", "roomy-3"]


async def test_a_higher_priority_goes_first_and_equals_take_turns(gateway: GatewayProcess, provider: Accounts) -> None:
    assert await in_turn(gateway, 6, "ranked/m") == ["ranked-2", "ranked-3"] * 3
    provider["ranked-2"] = provider["ranked-3"] = limited(60)
    assert set(await in_turn(gateway, 4, "ranked/m")) == {"ranked-1"}
    provider["ranked-1"] = limited(60)
    assert set(await in_turn(gateway, 4, "ranked/m")) == {"ranked-4"}
    provider["ranked-4"] = limited(60)
    assert statuses(await many(gateway, 5, "ranked/m", at_once=1)) == {429: 5}
    assert [len(provider.of(f"ranked-{number}")) for number in range(1, 5)] == [5, 4, 4, 5]
