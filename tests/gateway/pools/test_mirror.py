"""Rests that machines share in Redis: what one learns the others know, and what one ends has ended for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.limits.redis import RedisLimiter
from gateway.limits.redis_scripts import PREFIX
from gateway.pools.board import Board, Which
from gateway.pools.fields import Kind
from gateway.pools.mirror import Mirror, credentials_of
from gateway.records import Credential, Target
from gateway.routing.verdicts import Verdict
from gateway.settings.model import RestSettings, Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from gateway.shared.memory import SharedMemory
from tests.gateway.limits.counting import Node
from tests.redis_server import RedisServer, needs_redis
from tests.waiting import auntil

pytestmark = needs_redis

MAIN, SPARE = Credential("openai", "main", "sk-1"), Credential("openai", "spare", "sk-2")
HARD = Verdict("next_credential", "credential", hard=True, seconds=60.0, reason="quota")
SOFT = Verdict("next_credential", "model", seconds=30.0, reason="rate_limit")


class Machine:
    """Board and mirror of one machine."""

    def __init__(self, memory: SharedMemory, limiter: RedisLimiter, *credentials: Credential, **rests: Any) -> None:
        self.memory, self.limiter = memory, limiter
        self.credentials = {(each.provider, each.name): each for each in credentials or (MAIN, SPARE)}
        self.board = Board(memory, RestSettings(**rests), 0)
        self.mirror = Mirror(self.board, self.find, self.share)
        self.told: list[Sequence[str]] = []

    def find(self, provider: str, name: str) -> Credential | None:
        return self.credentials.get((provider, name))

    async def share(self, said: Sequence[str]) -> Sequence[bytes] | None:
        self.told.append(said)
        return await self.limiter.share_rests(said)

    def rest(self, verdict: Verdict, credential: Credential = MAIN, model: str | None = None) -> None:
        self.board.rest(credential, model, verdict, now())

    def rests(self) -> dict[tuple[str, str], tuple[int, bool, str]]:
        """Seconds that are left, whether it is hard, and why."""
        return {
            (rest.credential, rest.model): (
                round((rest.standing.until_us - now()) / 1e6),
                rest.standing.hard,
                rest.standing.reason,
            )
            for rest in self.board.rests(now())
            if rest.kind is not Kind.TARGET
        }

    def restart(self) -> None:
        """Of the process: shared memory stays."""
        self.mirror = Mirror(self.board, self.find, self.share)


class Machines:
    """Those of a test."""

    def __init__(self, node: Node, stack: AsyncExitStack) -> None:
        self._node, self._stack = node, stack
        self.all: list[Machine] = []

    async def add(self, *credentials: Credential, **rests: Any) -> Machine:
        limiter = await self._stack.enter_async_context(self._node.counting())
        self.all.append(Machine(self._node.memory(), limiter, *credentials, **rests))
        return self.all[-1]

    async def talk(self) -> None:
        """Each tells and hears, twice."""
        for each in self.all * 2:
            await each.mirror.round()


@pytest.fixture
async def machines(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Machines]:
    async with AsyncExitStack() as stack:
        yield Machines(Node(redis, tmp_path), stack)


def now() -> int:
    return time.time_ns() // 1000


async def test_a_rest_is_known_to_all_as_it_is(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    await machines.talk()
    one.rest(HARD)
    one.rest(SOFT, SPARE, "gpt-5")
    await machines.talk()
    assert other.rests() == {("main", ""): (60, True, "quota"), ("spare", "gpt-5"): (30, False, "rate_limit")}
    assert other.board.standing(SPARE, "gpt-4", now()).until_us == 0


async def test_what_is_known_is_told_once(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(HARD)
    await machines.talk()
    for each in machines.all:
        each.told.clear()
    await machines.talk()
    assert [said for each in machines.all for said in each.told if said] == []
    assert one.rests() == other.rests()


async def test_a_rest_that_ends_before_its_time_ends_for_all(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(HARD)
    await machines.talk()
    other.board.succeeded(MAIN, Target("openai", "gpt-5"), 0, now() + 1)
    assert not other.rests()
    await machines.talk()
    assert not one.rests()
    await machines.talk()
    assert not one.rests()


async def test_a_rest_of_another_model_goes_on(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(SOFT, MAIN, "gpt-5")
    one.rest(SOFT, MAIN, "gpt-4")
    await machines.talk()
    other.board.succeeded(MAIN, Target("openai", "gpt-5"), 0, now() + 1)
    await machines.talk()
    assert one.rests() == other.rests() == {("main", "gpt-4"): (30, False, "rate_limit")}
    one.rest(HARD)
    await machines.talk()
    other.board.succeeded(MAIN, Target("openai", "gpt-5"), 0, now() + 1)
    await machines.talk()
    await machines.talk()
    assert one.rests() == other.rests() == {("main", "gpt-4"): (30, False, "rate_limit")}


async def test_a_longer_rest_and_one_that_begins_again_are_told(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(SOFT)
    await machines.talk()
    other.rest(HARD)
    await machines.talk()
    assert one.rests() == {("main", ""): (60, True, "quota")}
    one.board.end_rests(Which("openai", "main"), now())
    await machines.talk()
    other.rest(SOFT)
    await machines.talk()
    assert one.rests() == {("main", ""): (30, False, "rate_limit")}


async def test_another_secret_is_another_account(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add(replace(MAIN, secret="sk-9"))
    one.rest(HARD)
    one.rest(SOFT, SPARE)  # which the other one does not have at all
    await machines.talk()
    assert not other.rests()
    # The secret is changed while it rests: that is no end of the rest.
    one.credentials["openai", "main"] = replace(MAIN, secret="sk-8")
    third = await machines.add()
    await machines.talk()
    assert third.rests().keys() == {("main", ""), ("spare", "")}


async def test_no_machine_rests_longer_than_its_own_settings_say(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add(longest_seconds=20.0)
    one.rest(HARD)
    await machines.talk()
    assert other.rests() == {("main", ""): (20, True, "quota")}
    assert one.rests() == {("main", ""): (60, True, "quota")}


async def test_breakers_stay_where_they_are(machines: Machines) -> None:
    one, other = await machines.add(), await machines.add()
    for _ in range(9):
        one.board.failed_target(Target("openai", "gpt-5"), now())
    await machines.talk()
    assert one.board.rests(now())
    assert not other.board.rests(now())


async def test_a_process_that_begins_tells_of_rests_that_lasted_and_not_of_those_that_were_ended(
    machines: Machines,
) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(HARD)
    await machines.talk()
    other.board.end_rests(Which("openai", "main"), now())
    await other.mirror.round()
    one.rest(SOFT, SPARE)
    one.restart()
    assert one.rests().keys() == {("main", ""), ("spare", "")}
    await machines.talk()
    assert one.rests() == other.rests() == {("spare", ""): (30, False, "rate_limit")}


async def test_a_server_that_has_lost_everything_ends_no_rest(machines: Machines, redis: RedisServer) -> None:
    one, other = await machines.add(), await machines.add()
    one.rest(HARD)
    await machines.talk()
    with redis.client() as client:
        client.flushall()
    await machines.talk()
    assert one.rests() == other.rests() == {("main", ""): (60, True, "quota")}


async def test_what_is_over_is_forgotten(machines: Machines, redis: RedisServer) -> None:
    one = await machines.add()
    one.rest(HARD)
    one.rest(SOFT, SPARE)
    await machines.talk()
    with redis.client() as client:
        for field, kept in client.hgetall(f"{PREFIX}:rests").items():
            client.hset(f"{PREFIX}:rests", field, kept.replace("1", "0", 1))
    await machines.talk()
    with redis.client() as client:
        assert not client.exists(f"{PREFIX}:rests")


async def test_while_nobody_answers_nothing_happens(own_redis: RedisServer, tmp_path: Path) -> None:
    node = Node(own_redis, tmp_path)
    async with node.counting() as limiter:
        one = Machine(node.memory(), limiter)
        await one.mirror.round()
        one.rest(HARD)
        own_redis.kill()
        await one.mirror.round()
        assert one.rests()
        own_redis.start()
        await auntil(lambda: limiter._link.is_here)
        await one.mirror.round()
        assert len(one.told[-1]) == 1


@pytest.mark.parametrize("row", ["b3RoZXI= 5000 1quota", "! 5000 1quota", "gA== 5000 1quota"])
async def test_what_another_version_tells_in_other_words_is_passed_over(machines: Machines, row: str) -> None:
    one, other = await machines.add(), await machines.add()
    await one.limiter.share_rests([row])
    one.rest(HARD)
    await machines.talk()
    assert one.rests() == other.rests() == {("main", ""): (60, True, "quota")}


async def test_it_goes_on_by_itself(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.pools.mirror.EVERY_SECONDS", 0.01)
    one, other = await machines.add(), await machines.add()
    running = [asyncio.create_task(each.mirror.run()) for each in machines.all]
    one.rest(HARD)
    await auntil(lambda: bool(other.rests()))
    for each in running:
        each.cancel()


def test_credentials_are_found_as_the_settings_name_them() -> None:
    said = (CredentialSettings(name="main", api_key="sk-1"), CredentialSettings(name="spare", api_key="sk-2"))
    settings = Settings(providers=(ProviderSettings(id="openai", credentials=said),))
    assert credentials_of(settings) == {("openai", "main"): MAIN, ("openai", "spare"): SPARE}
