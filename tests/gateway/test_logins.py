"""Which login providers may be asked where: those of the file anywhere, those of the database where it is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from msgspec import structs

from gateway import logins as module
from gateway.errors import LoginFailed, SettingsError
from gateway.logins import Logins
from gateway.management.office import Declared, Office
from gateway.settings.model import LoginProviderSettings, LoginSettings, NetworkSettings, Settings
from tests.gateway.access import forgery
from tests.gateway.access.forgery import REDIRECT, Forger, answer_to, provider_at


@dataclass
class Said:
    """An office, as far as it tells settings."""

    settings: Settings
    declared: Declared


def said(*providers: LoginProviderSettings) -> Said:
    """What the file says."""
    settings = Settings(login=LoginSettings(providers=providers))
    return Said(settings, Declared(settings, {}))


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    made = Forger()
    async with forgery.serving(made):
        yield made


async def began(office: Said, provider: LoginProviderSettings, logins: Logins | None = None) -> Any:
    made = logins or Logins(cast(Office, office))
    try:
        return await made.begin(provider, REDIRECT)
    finally:
        if logins is None:
            await made.close()


async def test_a_provider_of_the_file_may_be_on_this_machine(forger: Forger) -> None:
    provider = provider_at(forger)
    office = said(provider)
    logins = Logins(cast(Office, office))
    flow = await logins.begin(provider, REDIRECT)
    assert flow.url.startswith(forger.url)
    forger.nonce = flow.nonce
    assert (await logins.finish(provider, flow, answer_to(flow))).email == "ada@corp.example"
    await logins.close()


async def test_a_provider_of_the_database_may_not(forger: Forger) -> None:
    provider = provider_at(forger)
    with pytest.raises(LoginFailed, match="could not be asked"):
        await began(said(), provider)
    assert forger.asked == []
    other = structs.replace(provider, client_secret="another")
    with pytest.raises(LoginFailed):
        await began(said(other), provider)
    assert forger.asked == []


async def test_unless_the_settings_allow_it_from_now_on(forger: Forger) -> None:
    provider, office = provider_at(forger), said()
    logins = Logins(cast(Office, office))
    with pytest.raises(LoginFailed):
        await began(office, provider, logins)
    office.settings = structs.replace(office.settings, network=NetworkSettings(allow=("127.0.0.0/8",)))
    assert (await began(office, provider, logins)).url.startswith(forger.url)
    office.settings = structs.replace(office.settings, network=NetworkSettings())
    with pytest.raises(LoginFailed):
        await began(office, provider, logins)
    await logins.close()
    await Logins(cast(Office, office)).close()


async def test_without_the_libraries_a_login_says_so(monkeypatch: pytest.MonkeyPatch, forger: Forger) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise SettingsError("install more", key="login.providers")

    monkeypatch.setattr(module, "open_login", missing)
    with pytest.raises(LoginFailed, match="not installed"):
        await began(said(), provider_at(forger))
