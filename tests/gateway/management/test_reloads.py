"""Reading the configuration file again: who may, and what it would change, told without a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.errors import ControlUnavailable, NotPermitted
from gateway.leash import Looked, ReloadOutcome
from gateway.management import reloads
from gateway.management.office import Office
from gateway.management.reloads import KEYS
from gateway.settings.model import Settings, VaultSettings
from gateway.settings.objects import ClientKeySettings, CredentialSettings, ProviderSettings
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.web.stand_ins import Supervisor

SECRET = "sk-canary-of-a-file"


def provider(secret: str, base_url: str = "http://127.0.0.1:9/v1") -> ProviderSettings:
    credential = CredentialSettings(name="a", api_key=secret, headers={"x-team": secret})
    return ProviderSettings(id="mock", format="openai_chat", base_url=base_url, credentials=(credential,))


def with_file(settings: Settings, secret: str = SECRET) -> Settings:
    return structs.replace(
        settings,
        providers=(provider(secret),),
        client_keys=(ClientKeySettings(name="team", key=secret),),
        vault=VaultSettings(key=secret),
    )


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        made.declared = replace(made.declared, settings=with_file(made.declared.settings))
        yield made


@pytest.mark.parametrize("role", ["member", "viewer", "pending"])
async def test_it_is_for_those_who_look_after_the_gateway(office: Office, role: str) -> None:
    nobody, supervisor = somebody(role), Supervisor()  # type: ignore[arg-type] # one of them
    with pytest.raises(NotPermitted):
        reloads.last_reload(nobody, supervisor)
    with pytest.raises(NotPermitted):
        await reloads.reload(nobody, supervisor)
    with pytest.raises(NotPermitted):
        await reloads.pending(office, nobody, supervisor)
    assert supervisor.asked == 0


async def test_a_supervisor_that_is_silent_is_away(office: Office) -> None:
    with pytest.raises(ControlUnavailable):
        await reloads.reload(OPERATOR, Supervisor())
    with pytest.raises(ControlUnavailable):
        await reloads.pending(office, OPERATOR, Supervisor())
    assert reloads.last_reload(OPERATOR, Supervisor()) is None


async def test_the_outcome_is_handed_on() -> None:
    supervisor = Supervisor()
    supervisor.last = ReloadOutcome(generation=2, at_us=1)
    assert await reloads.reload(OPERATOR, supervisor) is supervisor.last
    assert reloads.last_reload(OPERATOR, supervisor) is supervisor.last


async def test_what_is_the_same_is_not_told(office: Office) -> None:
    supervisor = Supervisor()
    supervisor.looked = Looked(ticket="t", settings=office.declared.settings)
    assert (await reloads.pending(office, OPERATOR, supervisor)).differing == ()


async def test_another_secret_is_told_and_neither_is_shown(office: Office) -> None:
    supervisor = Supervisor()
    origins = {"client_keys.team": "a.toml:3", "credentials.mock/a": "a.toml:9"}
    supervisor.looked = Looked(ticket="t", settings=with_file(office.declared.settings, f"{SECRET}-2"), origins=origins)
    found = await reloads.pending(office, OPERATOR, supervisor)
    assert {(one.kind, one.name, one.origin) for one in found.differing} == {
        ("setting", "vault.key", ""),
        ("credential", "mock/a", "a.toml:9"),
        (KEYS, "team", "a.toml:3"),
    }
    assert SECRET not in str(found)


async def test_what_comes_and_goes_is_told(office: Office) -> None:
    supervisor = Supervisor()
    settings = structs.replace(
        office.declared.settings, client_keys=(), providers=(provider(SECRET, "http://x.test/v1"),)
    )
    supervisor.looked = Looked(ticket="t", settings=settings, waiting=("server.listen",))
    found = await reloads.pending(office, OPERATOR, supervisor)
    told = {(one.kind, one.name): one for one in found.differing}
    assert told.keys() == {("provider", "mock"), (KEYS, "team")}
    assert told[KEYS, "team"].after is None
    provider_now = told["provider", "mock"].after
    assert provider_now is not None
    assert provider_now["base_url"] == "http://x.test/v1"
    assert found.waiting == ("server.listen",)


async def test_why_it_would_be_refused_is_told(office: Office) -> None:
    supervisor = Supervisor()
    supervisor.looked = Looked(ticket="t", error="a.toml:3: no")
    found = await reloads.pending(office, OPERATOR, supervisor)
    assert (found.error, found.differing) == ("a.toml:3: no", ())
