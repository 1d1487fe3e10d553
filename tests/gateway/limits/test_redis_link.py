"""One connection shared by many questions: order, timeouts, a server that goes, comes back, or cannot be used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.limits.redis_link import Away, Link, Refused, Script, Told
from tests.redis_server import PASSWORD, RedisServer, needs_redis, serving
from tests.waiting import auntil

pytestmark = needs_redis

SECONDS = 0.3


class Log:
    """What a link has told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.prepared = 0

    async def prepare(self) -> None:
        self.prepared += 1

    def told(self) -> Told:
        return Told(self.prepare, lambda why: self.said.append(f"away: {why}"), lambda _: self.said.append("back"))


@asynccontextmanager
async def linked(url: str, log: Log | None = None, seconds: float = SECONDS) -> AsyncIterator[Link]:
    link = Link(url, seconds, (log or Log()).told())
    link.begin()
    try:
        yield link
    finally:
        await link.end()


async def test_many_ask_at_once_and_each_gets_its_own_answer(redis: RedisServer) -> None:
    async with linked(redis.url(), seconds=5.0) as link:
        answers = await asyncio.gather(*(link.ask("ECHO", f"{number}") for number in range(500)))
    assert answers == [f"{number}".encode() for number in range(500)]


async def test_a_script_that_the_server_does_not_know_is_sent_whole(redis: RedisServer) -> None:
    script = Script.of("return {KEYS[1], ARGV[1]}")
    async with linked(redis.url()) as link:
        for _ in range(2):
            assert await link.run(script, 1, "key", 5) == [b"key", b"5"]
            await link.ask("SCRIPT", "FLUSH")


async def test_a_question_that_is_refused_leaves_the_others_alone(redis: RedisServer) -> None:
    async with linked(redis.url()) as link:
        answers = await asyncio.gather(link.ask("NONSENSE"), link.ask("PING"), return_exceptions=True)
        assert isinstance(answers[0], Refused)
        assert answers[1] == b"PONG"
        assert link.is_here


async def test_who_is_cancelled_leaves_the_others_alone_and_its_answer_finds_somebody(own_redis: RedisServer) -> None:
    late: list[bytes] = []
    async with linked(own_redis.url(), seconds=5.0) as link:
        await link.ask("PING")
        own_redis.freeze()
        first = asyncio.create_task(link.ask("ECHO", "first", orphan=lambda answer: late.append(answer.result())))
        second = asyncio.create_task(link.ask("ECHO", "second"))
        await asyncio.sleep(0)
        first.cancel()
        own_redis.thaw()
        assert await second == b"second"
        assert first.cancelled()
        assert late == [b"first"]


async def test_a_server_that_hangs_is_waited_for_no_longer_than_the_timeout(own_redis: RedisServer) -> None:
    log = Log()
    async with linked(own_redis.url(), log) as link:
        await link.ask("PING")
        own_redis.freeze()
        began = time.monotonic()
        ended = await asyncio.gather(*(link.ask("PING") for _ in range(20)), return_exceptions=True)
        assert {type(each) for each in ended} == {Away}
        assert SECONDS <= time.monotonic() - began < SECONDS + 1
        await auntil(lambda: log.said == ["away: it did not answer in time"])
        # From now on nobody waits at all.
        with pytest.raises(Away, match="in time"):
            await asyncio.wait_for(link.ask("PING"), SECONDS / 10)
        own_redis.thaw()
        await auntil(lambda: link.is_here)
        assert await link.ask("PING") == b"PONG"
    assert log.said == ["away: it did not answer in time", "back"]
    assert log.prepared == 2


async def test_a_server_that_is_gone_is_told_once_and_comes_back_by_itself(own_redis: RedisServer) -> None:
    log = Log()
    async with linked(own_redis.url(), log) as link:
        await link.ask("PING")
        own_redis.kill()
        await auntil(lambda: not link.is_here)
        with pytest.raises(Away):
            await link.ask("PING")
        await auntil(lambda: len(log.said) == 1)
        own_redis.start()
        await auntil(lambda: link.is_here)
        assert await link.ask("PING") == b"PONG"
    assert [each[:4] for each in log.said] == ["away", "back"]


async def test_a_connection_that_the_server_ends_is_made_anew_while_one_waits(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.limits.redis_link.SETTLED_SECONDS", 0.0)
    log = Log()
    async with linked(redis.url(), log, 5.0) as link:
        await link.ask("PING")
        with redis.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await auntil(lambda: log.prepared == 2)
        assert await link.ask("PING") == b"PONG"
    assert log.said == []


async def test_the_first_question_waits_for_the_connection(redis: RedisServer) -> None:
    async with linked(redis.url()) as link:
        assert not link.is_here
        assert await link.ask("PING") == b"PONG"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("wrong password", "AuthenticationError|WRONGPASS|invalid", id="wrong password"),
        pytest.param("nowhere", "No such file", id="no server"),
    ],
)
async def test_whoever_cannot_get_in_hears_why_without_the_password(redis: RedisServer, change: str, said: str) -> None:
    urls = {
        "wrong password": redis.url(password="canary-of-a-guess"),
        "nowhere": f"unix://:{PASSWORD}@{redis.directory}/nobody.sock",
    }
    log = Log()
    async with linked(urls[change], log) as link:
        with pytest.raises(Away, match=said) as refused:
            await link.ask("PING")
        await auntil(lambda: bool(log.said))
    assert "canary" not in str(refused.value) + "".join(log.said)


@pytest.mark.parametrize(
    ("spoil", "mend", "error"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "ReadOnlyError"),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "OutOfMemoryError"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), "REPLICAS"),
    ],
)
async def test_a_server_that_cannot_be_written_is_away(
    spoil: tuple[str, ...], mend: tuple[str, ...], error: str
) -> None:
    script = Script.of("return redis.call('INCR', KEYS[1])")
    log = Log()
    with serving() as server, server.client() as client:
        async with linked(server.url(), log) as link:
            log.prepare = lambda: link.prepare(script, 1, "key")  # type: ignore[method-assign] # as a limiter does it
            link._told = log.told()
            assert await link.run(script, 1, "key") >= 1
            client.execute_command(*spoil)
            with pytest.raises(Away, match=error):
                await link.run(script, 1, "key")
            await auntil(lambda: len(log.said) == 1)
            client.execute_command(*mend)
            await auntil(lambda: link.is_here)
        assert [each[:4] for each in log.said] == ["away", "back"]


async def test_a_preparation_that_fails_in_an_unknown_way_is_tried_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.limits.redis_link.PROBE_SECONDS", 0.01)
    log = Log()
    fail: list[Callable[[], float]] = [lambda: 1 / 0]

    async def prepare() -> None:
        while fail:
            fail.pop()()

    log.prepare = prepare  # type: ignore[method-assign]
    async with linked(redis.url(), log) as link:
        await auntil(lambda: link.is_here)
    assert log.said == ["away: it could not be prepared", "back"]
