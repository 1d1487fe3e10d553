"""Access tokens in a worker: asked for once, renewed ahead, used while they last, and what is told where none comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.credentials.grants import AccessToken, NotGranted, TokenRequest, read_token
from gateway.credentials.tokens import AccessTokens
from gateway.errors import GatewayError, UpstreamRejected, UpstreamTimeout, UpstreamUnreachable
from gateway.records import Credential
from tests.waiting import auntil

VERTEX = Credential("vertex", "main", "the secret")
OTHER = Credential("vertex", "main", "another secret")
SECOND = 1_000_000


class Plain:
    """A grant that is its own secret."""

    def __init__(self, credential: Credential) -> None:
        if not credential.secret:
            raise ValueError("it is empty")
        self._secret = credential.secret

    def request(self, now_us: int) -> TokenRequest:
        if self._secret == "cannot sign":
            raise NotGranted("no key", passing=False)
        return TokenRequest("https://tokens.example/", {"secret": self._secret, "at": str(now_us)})

    def read(self, status: int, body: bytes, now_us: int) -> AccessToken:
        return read_token(status, body, now_us)


@dataclass
class World:
    """A token endpoint and a clock, both at hand."""

    now_us: int = 1_700_000_000 * SECOND
    seconds: int = 3600
    answers: list[tuple[int, Any] | GatewayError] = field(default_factory=list)
    """What it answers in place of a token, one after another."""
    asked: list[Mapping[str, str]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: AccessTokens = field(init=False)

    def __post_init__(self) -> None:
        self.open.set()
        self.tokens = AccessTokens(self.post, Plain, clock=lambda: self.now_us, pause=self.pause)

    async def post(self, credential: Credential, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        self.asked.append(form)
        number = len(self.asked)
        answer = self.answers.pop(0) if self.answers else None
        await self.open.wait()
        if isinstance(answer, GatewayError):
            raise answer
        if answer is not None:
            return answer[0], json.dumps(answer[1]).encode()
        return 200, json.dumps({"access_token": f"token-{number}", "expires_in": self.seconds}).encode()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_us += int(seconds * SECOND)

    def get(self, credential: Credential = VERTEX) -> bytes | None:
        return self.tokens.get(credential, self.now_us)

    def pass_time(self, seconds: float) -> None:
        self.now_us += int(seconds * SECOND)

    async def settle(self, count: int) -> None:
        """Until so many requests were made and nothing is under way."""
        await auntil(lambda: len(self.asked) == count and all(h.flight is None for h in self.tokens._held.values()))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    yield found
    await found.tokens.close()


async def test_a_token_is_asked_for_once_and_then_at_hand(world: World) -> None:
    assert world.get() is None
    assert await world.tokens.renew(VERTEX) == b"token-1"
    assert world.get() == b"token-1"
    assert await world.tokens.renew(VERTEX) == b"token-1"
    assert len(world.asked) == 1


async def test_who_wants_to_hear_of_tokens_is_told_when_each_ends(world: World) -> None:
    heard: list[tuple[str, int]] = []
    world.tokens.tell = lambda credential, until_us: heard.append((credential.name, until_us))
    world.answers = [(401, {"error": "invalid_grant"})]
    with pytest.raises(GatewayError):
        await world.tokens.renew(VERTEX)
    assert heard == []
    world.pass_time(600)
    await world.tokens.renew(VERTEX)
    assert heard == [(VERTEX.name, world.now_us + 3600 * SECOND)]


async def test_two_hundred_who_wait_are_one_request(world: World) -> None:
    world.open.clear()
    waiting = [asyncio.create_task(world.tokens.renew(VERTEX)) for _ in range(200)]
    await auntil(lambda: world.asked)
    world.open.set()
    assert set(await asyncio.gather(*waiting)) == {b"token-1"}
    assert len(world.asked) == 1


async def test_who_leaves_does_not_take_the_token_of_the_others_along(world: World) -> None:
    world.open.clear()
    first, second = (asyncio.create_task(world.tokens.renew(VERTEX)) for _ in range(2))
    await auntil(lambda: world.asked)
    first.cancel()
    await asyncio.wait([first])
    world.open.set()
    assert await second == b"token-1"


async def test_a_new_secret_is_another_credential(world: World) -> None:
    await world.tokens.renew(VERTEX)
    assert world.get(OTHER) is None
    assert await world.tokens.renew(OTHER) == b"token-2"
    assert world.get(VERTEX) == b"token-1"


async def test_a_token_in_use_is_renewed_five_minutes_ahead_while_the_old_one_is_used(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.pass_time(3299)
    world.tokens.tick(world.now_us)
    assert world.get() == b"token-1"
    assert len(world.asked) == 1
    world.open.clear()
    world.pass_time(1)
    world.tokens.tick(world.now_us)
    world.tokens.tick(world.now_us)
    await auntil(lambda: len(world.asked) == 2)
    assert world.get() == b"token-1"
    world.open.set()
    await world.settle(2)
    assert world.get() == b"token-2"


async def test_a_token_that_lasts_minutes_is_renewed_at_half_time(world: World) -> None:
    world.seconds = 60
    await world.tokens.renew(VERTEX)
    world.get()
    world.pass_time(29)
    world.tokens.tick(world.now_us)
    assert world.tokens._held
    world.pass_time(1)
    world.tokens.tick(world.now_us)
    await world.settle(2)


async def test_a_token_that_nobody_uses_is_not_renewed_but_forgotten(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.get()
    world.pass_time(3300)
    world.tokens.tick(world.now_us)
    await world.settle(2)
    world.pass_time(3589)
    world.tokens.tick(world.now_us)
    assert len(world.tokens._held) == 1
    world.pass_time(1)
    world.tokens.tick(world.now_us)
    assert not world.tokens._held
    assert len(world.asked) == 2


async def test_a_token_is_not_used_to_its_very_end(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.pass_time(3589)
    assert world.get() == b"token-1"
    world.pass_time(1)
    assert world.get() is None
    assert await world.tokens.renew(VERTEX) == b"token-2"


async def test_trouble_of_the_endpoint_is_tried_again_while_somebody_waits(world: World) -> None:
    world.answers = [(500, {"error": "internal_failure"}), UpstreamTimeout("no answer within 10 seconds")]
    assert await world.tokens.renew(VERTEX) == b"token-3"
    assert world.pauses == [0.5, 1.5]


async def test_trouble_that_lasts_is_told_and_not_asked_about_again_at_once(world: World) -> None:
    world.answers = [(503, {})] * 7
    with pytest.raises(UpstreamUnreachable) as first:
        await world.tokens.renew(VERTEX)
    assert str(first.value) == ("There is no access token for the provider vertex: the token endpoint answered 503")
    assert first.value.nothing_sent
    assert len(world.asked) == 3
    with pytest.raises(UpstreamUnreachable) as second:
        await world.tokens.renew(VERTEX)
    assert second.value is not first.value
    assert second.value.retry_after == 1.0
    assert len(world.asked) == 3
    world.pass_time(1)
    with pytest.raises(UpstreamUnreachable):
        await world.tokens.renew(VERTEX)
    assert len(world.asked) == 6
    with pytest.raises(UpstreamUnreachable) as fourth:
        await world.tokens.renew(VERTEX)
    assert fourth.value.retry_after == 2.0
    world.pass_time(2)
    assert await world.tokens.renew(VERTEX) == b"token-8"
    assert world.get() == b"token-8"


async def test_everybody_who_waits_hears_an_error_of_their_own(world: World) -> None:
    world.answers = [(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})]
    heard = await asyncio.gather(*(world.tokens.renew(VERTEX) for _ in range(20)), return_exceptions=True)
    assert {type(each) for each in heard} == {UpstreamRejected}
    assert len({id(each) for each in heard}) == 20
    assert {str(each) for each in heard} == {
        "There is no access token for the provider vertex: invalid_grant: Invalid JWT Signature."
    }
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    ("secret", "why"), [("", "the secret is not what it should be: it is empty"), ("cannot sign", "no key")]
)
async def test_a_secret_that_is_none_is_told_without_asking_anybody(world: World, secret: str, why: str) -> None:
    with pytest.raises(UpstreamRejected, match=why):
        await world.tokens.renew(Credential("vertex", "main", secret))
    assert world.asked == []


async def test_garbage_is_trouble_of_the_endpoint(world: World) -> None:
    world.answers = [(200, "garbage")] * 3
    with pytest.raises(UpstreamUnreachable, match="no access token in it"):
        await world.tokens.renew(VERTEX)


async def test_a_renewal_that_fails_is_tried_again_later_and_the_old_token_used_meanwhile(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.get()
    world.pass_time(3300)
    world.answers = [(503, {})] * 6
    world.tokens.tick(world.now_us)
    await world.settle(4)
    assert world.get() == b"token-1"
    assert await world.tokens.renew(VERTEX) == b"token-1"
    world.tokens.tick(world.now_us)
    assert len(world.asked) == 4
    world.pass_time(1)
    world.tokens.tick(world.now_us)
    await world.settle(7)
    assert world.get() == b"token-1"
    world.pass_time(2)
    world.tokens.tick(world.now_us)
    await world.settle(8)
    assert world.get() == b"token-8"


async def test_pauses_between_renewals_grow_to_five_minutes(world: World) -> None:
    world.answers = [(400, {"error": "invalid_grant"})] * 20
    found = []
    for _ in range(12):
        with pytest.raises(UpstreamRejected):
            await world.tokens.renew(VERTEX)
        with pytest.raises(UpstreamRejected) as again:
            await world.tokens.renew(VERTEX)
        found.append(again.value.retry_after)
        world.pass_time(found[-1] or 0)
    assert found == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


async def test_a_token_that_the_provider_refuses_is_renewed_once_for_all_who_used_it(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.pass_time(60)
    world.open.clear()
    waiting = [asyncio.create_task(world.tokens.renew(VERTEX, rejected=b"token-1")) for _ in range(50)]
    await auntil(lambda: len(world.asked) == 2)
    assert world.get() is None
    world.open.set()
    assert set(await asyncio.gather(*waiting)) == {b"token-2"}
    assert await world.tokens.renew(VERTEX, rejected=b"token-1") == b"token-2"
    assert len(world.asked) == 2


async def test_a_new_token_that_is_refused_is_not_renewed(world: World) -> None:
    await world.tokens.renew(VERTEX)
    world.pass_time(29)
    with pytest.raises(UpstreamRejected, match="that is new"):
        await world.tokens.renew(VERTEX, rejected=b"token-1")
    assert len(world.asked) == 1


async def test_what_failed_is_forgotten_in_the_end(world: World) -> None:
    world.answers = [(400, {})]
    with pytest.raises(UpstreamRejected):
        await world.tokens.renew(VERTEX)
    world.tokens.tick(world.now_us)
    assert world.tokens._held
    world.pass_time(1)
    world.tokens.tick(world.now_us)
    assert not world.tokens._held


async def test_closing_ends_what_is_under_way(world: World) -> None:
    world.open.clear()
    waiting = asyncio.create_task(world.tokens.renew(VERTEX))
    await auntil(lambda: world.asked)
    await world.tokens.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert world.get() is None
