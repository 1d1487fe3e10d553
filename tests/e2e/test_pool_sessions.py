"""A conversation stays with the account that holds its prompt cache, over three workers, and moves when that rests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.e2e.accounts import WELL, Accounts, accounts, limited
from tests.e2e.pooled import OTHER_KEY, account_of, asked, asked_until, pool, pooled
from tests.gateway_process import CLIENT_KEY, GatewayProcess

ACCOUNTS = 4
LONG = "The instructions of an assistant that knows its trade. " * 100
"""Longer than what providers cache at least."""

Turn = Callable[[str, int], dict[str, Any]]


def header(name: str) -> Turn:
    return lambda session, turn: {"headers": {name: session}}


def opening(session: str, turn: int) -> dict[str, Any]:
    """A conversation that nobody named: it grows, and begins the same each time."""
    said = [{"role": "system", "content": LONG}, {"role": "user", "content": f"Tell me of {session}."}]
    for number in range(turn):
        said += [{"role": "assistant", "content": f"Answer {number}"}, {"role": "user", "content": f"And {number}?"}]
    return {"messages": said}


def claude_code(session: str, turn: int) -> dict[str, Any]:
    named = uuid5(UUID(int=0), session)
    return {"client": "messages", "metadata": {"user_id": f"user_0123_account_4567_session_{named}"}}


WAYS: dict[str, Turn] = {
    "ours": header("x-sluicegate-session"),
    "claude-code": header("x-claude-code-session-id"),
    "codex": header("session_id"),
    "cache-key": lambda session, turn: {"prompt_cache_key": session},
    "user-id": claude_code,
    "opening": opening,
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    names = [*WAYS, "moving", "keys"]
    tables = [pool(name, provider.url, ACCOUNTS, 'also_speaks = ["anthropic"]') for name in names if name != "user-id"]
    tables.append(pool("user-id", provider.url, ACCOUNTS, 'format = "anthropic"'))
    tables.append(pool("unbound", provider.url, ACCOUNTS, "session_affinity = false"))
    with pooled(tmp_path_factory.mktemp("sessions"), *tables) as made:
        yield made


@pytest.mark.parametrize("way", WAYS)
async def test_all_turns_of_a_conversation_go_to_one_account(gateway: GatewayProcess, way: str) -> None:
    sessions = [f"{way}-{number}" for number in range(ACCOUNTS)]
    served: dict[str, list[str]] = {session: [] for session in sessions}
    for turn in range(6):
        for session in sessions:
            answer = await asked(gateway, f"{way}/m", **WAYS[way](session, turn))
            served[session].append(account_of(answer))
    assert all(len(set(each)) == 1 for each in served.values()), served
    assert len({each[0] for each in served.values()}) == ACCOUNTS, "new conversations still take turns"


async def test_a_conversation_moves_when_its_account_rests_and_stays_where_it_moved(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    async def turn() -> str:
        return account_of(await asked(gateway, "moving/m", headers={"x-sluicegate-session": "one"}))

    first = await turn()
    assert [await turn() for _ in range(3)] == [first] * 3
    provider[first] = limited(1)
    second = await turn()
    assert second != first
    assert [await turn() for _ in range(6)] == [second] * 6
    assert len(provider.of(first)) == 5, "one that rests is not asked"
    provider[first] = WELL
    before = len(provider.of(first))
    await asked_until(gateway, "moving/m", lambda _: len(provider.of(first)) > before)
    assert [await turn() for _ in range(6)] == [second] * 6


async def test_two_keys_do_not_share_a_session_of_the_same_name(gateway: GatewayProcess) -> None:
    async def turn(key: str) -> str:
        return account_of(await asked(gateway, "keys/m", key=key, headers={"x-sluicegate-session": "same"}))

    ours = await turn(CLIENT_KEY)
    theirs = await turn(OTHER_KEY)
    assert ours != theirs
    assert [await turn(key) for key in (CLIENT_KEY, OTHER_KEY) * 4] == [ours, theirs] * 4


async def test_a_provider_may_be_told_to_let_conversations_go(gateway: GatewayProcess) -> None:
    named = {"x-sluicegate-session": "one"}
    served = [account_of(await asked(gateway, "unbound/m", headers=named)) for _ in range(ACCOUNTS)]
    assert len(set(served)) == ACCOUNTS
