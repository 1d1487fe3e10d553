"""Providers go, move and change their keys while requests wait to be tried again: these go on with what they began."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.accounts import WELL, Accounts, accounts, limited, refusing
from tests.e2e.pooled import START, account_of, asked, asked_until, pool, pooled
from tests.gateway_process import GatewayProcess
from tests.waiting import auntil

SETTINGS = """
[rests]
first_seconds = 0.1
probe_seconds = 0
breaker_failures = 0

[retries]
pause_seconds = 3.0
longest_pause_seconds = 3.0
longest_wait_seconds = 4.0
"""
"""Long enough for new settings to hold before anything is tried again."""

OVERLOADED = refusing(503, "server_is_overloaded", "The server is overloaded.")
NEW_KEY = "sk-of-the-new-settings"


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


class Scene:
    """A gateway whose providers are changed."""

    def __init__(self, gateway: GatewayProcess, url: str) -> None:
        self.gateway, self._url, self._edits = gateway, url, 0

    async def become(self, *tables: str) -> None:
        """Go by these providers, in the one worker there is."""
        self._edits += 1
        key = f"{NEW_KEY}-{self._edits}"
        known = f'\n[[client_keys]]\nname = "new-{self._edits}"\nkey = "{key}"\n'
        self.gateway.config.write_text("".join((START, SETTINGS, pool("kept", self._url, 1), *tables, known)))
        await asked_until(self.gateway, "kept/m", lambda answer: answer.status == 200, key=key)


@pytest.fixture(scope="module")
def scene(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory: Path = tmp_path_factory.mktemp("reloading")
    with pooled(directory, pool("kept", provider.url, 1), settings=SETTINGS, workers=1) as made:
        yield Scene(made, provider.url)


async def test_a_provider_that_goes_is_asked_once_more_by_who_was_with_it(scene: Scene, provider: Accounts) -> None:
    await scene.become(pool("gone", provider.url, 1))
    provider["gone-1"] = OVERLOADED
    waiting = asyncio.create_task(asked(scene.gateway, "gone/m"))
    await auntil(lambda: provider.of("gone-1"))
    await scene.become()
    provider["gone-1"] = WELL
    assert account_of(await waiting) == "gone-1"


async def test_a_key_is_never_sent_to_where_its_provider_has_moved(
    scene: Scene, provider: Accounts, elsewhere: Accounts
) -> None:
    await scene.become(pool("moved", provider.url, 1))
    provider["moved-1"] = OVERLOADED
    waiting = asyncio.create_task(asked(scene.gateway, "moved/m"))
    await auntil(lambda: provider.of("moved-1"))
    await scene.become(pool("moved", elsewhere.url, 1).replace("sk-of-moved-1", "sk-of-another"))
    provider["moved-1"] = WELL
    assert account_of(await waiting) == "moved-1"
    assert not elsewhere.asked
    assert (await asked(scene.gateway, "moved/m")).status == 200
    assert [each.account for each in elsewhere.asked] == ["another"]


async def test_a_credential_that_goes_is_waited_for_by_who_waits_for_it(scene: Scene, provider: Accounts) -> None:
    await scene.become(pool("left", provider.url, 2))
    for account in ("left-1", "left-2"):
        provider[account] = limited(3)
    waiting = asyncio.create_task(asked(scene.gateway, "left/m"))
    await auntil(lambda: len(provider.asked) and provider.of("left-2"))
    await scene.become(pool("left", provider.url, 0))
    for account in ("left-1", "left-2"):
        provider[account] = WELL
    assert (await waiting).status in (200, 429)
    assert "an exchange failed" not in scene.gateway.said()
