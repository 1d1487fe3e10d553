"""The ways that there are lead to their providers; where one is gone, whoever asks hears that and goes on living."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.credentials.tokens import PAUSES, unix_us
from gateway.errors import UpstreamUnreachable
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Origin, Pool
from gateway.records import Credential, Provider
from gateway.relay.access import access_by
from gateway.relay.ways import Ways
from gateway.settings.model import UpstreamSettings
from tests.google_token_server import key_file, token_server
from tests.waiting import auntil

SECOND = 1_000_000
HOUR_US = 3600 * SECOND
TRIES = 1 + len(PAUSES)


def provider(credential: Credential) -> Provider:
    address = "http://127.0.0.1:1"
    return Provider(credential.provider, "anthropic", address, ("*",), "fill_first", (credential,), auth="google")


async def at_once(seconds: float) -> None:
    """Nobody waits here."""


class Scene:
    """Access to a provider over ways that may change."""

    def __init__(self, known: Provider) -> None:
        self.known, self.ways = known, Ways((known,), "tests")
        self.asked, self.ahead_us = 0, 0
        self._pool = Pool(UpstreamSettings(), permit=permit_of(["127.0.0.1"]))
        self.access = access_by(self._find, "tests", clock=lambda: unix_us() + self.ahead_us, pause=at_once)

    def _find(self, credential: Credential) -> tuple[Pool, Origin]:
        self.asked += 1
        return self._pool, self.ways.find(credential.provider, credential.name).origin

    async def close(self) -> None:
        await self.access.close()
        await self._pool.close()


def test_a_way_that_is_none_any_more_is_an_error_of_its_provider() -> None:
    held = Credential("p", "c", "secret")
    ways = Ways((provider(held),), "tests")
    assert ways.of(provider(held), held).origin.port == 1
    assert ways.of(provider(held), held, "openai_chat") is ways.of(provider(held), held)
    for name, credential in (("p", "other"), ("other", "c")):
        with pytest.raises(UpstreamUnreachable, match="not configured any more") as raised:
            ways.find(name, credential)
        assert raised.value.nothing_sent


async def test_tokens_of_a_provider_that_is_gone_are_renewed_no_more() -> None:
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    async with token_server() as server:
        credential = Credential("p", "c", key_file(token_uri=server.url))
        scene = Scene(provider(credential))
        await scene.access.prepare(scene.known, credential)
        assert scene.access.is_ready(scene.known, credential)
        scene.ways = Ways((), "tests")
        scene.ahead_us = HOUR_US - 60 * SECOND  # it is due, and was in use
        scene.access.tick()
        await auntil(lambda: scene.asked == 1 + TRIES)
        for _ in range(3):
            scene.ahead_us += HOUR_US
            scene.access.tick()
            await asyncio.sleep(0)
        with pytest.raises(UpstreamUnreachable, match="not configured any more"):
            await scene.access.prepare(scene.known, credential)
        await scene.close()
        assert (server.asked, scene.asked, said) == (1, 1 + 2 * TRIES, [])
