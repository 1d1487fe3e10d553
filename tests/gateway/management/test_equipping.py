from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Conflict, ManagedByFile, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import audit, configuration, equipping
from gateway.management.configured import ProviderView
from gateway.management.office import Office
from gateway.settings.model import Settings
from gateway.settings.objects import ProviderSettings
from tests.gateway.management.offices import OPERATOR, office_in, somebody

SECRET = "sk-canary-of-the-first"
FILE = Settings(providers=(ProviderSettings(id="filed", format="openai_chat", base_url="http://127.0.0.1:1/v1"),))
MINE = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1"}
FIRST = {"name": "main", "api_key": SECRET}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path, settings=FILE, origins={"providers.filed": "sluicegate.toml:3"}) as office:
        yield office


async def names(office: Office) -> set[str]:
    """Of everything that is configured in the database."""
    providers = await configuration.list_objects(office, OPERATOR, "provider")
    credentials = await configuration.list_objects(office, OPERATOR, "credential")
    return {
        *(each.id for each in providers if isinstance(each, ProviderView) and each.managed.by == "database"),
        *(f"{each.provider}/{each.name}" for each in credentials),  # type: ignore[union-attr] # credentials
    }


async def actions(office: Office) -> list[str]:
    found = await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=10)
    return [entry.action for entry in found]


async def test_a_provider_comes_with_its_first_credential(office: Office) -> None:
    before = office.generations.of("configuration")
    made = await equipping.create_provider(office, OPERATOR, MINE, FIRST)
    assert isinstance(made, ProviderView)
    assert (made.id, made.credentials, made.guarded) == ("mine", ("main",), True)
    assert office.generations.of("configuration") == before + 1, "both at once"
    assert await actions(office) == ["credential.create", "provider.create"]
    alone = await equipping.create_provider(office, OPERATOR, {**MINE, "id": "alone"}, None)
    assert isinstance(alone, ProviderView)
    assert alone.credentials == ()


@pytest.mark.parametrize(
    ("credential", "param"),
    [
        ({**FIRST, "api_key": "two\nlines"}, "credential.api_key"),
        ({**FIRST, "proxy": "http://10.0.0.1:3128"}, "credential.proxy"),
        ({**FIRST, "name": "not a name"}, "credential.name"),
        ({**FIRST, "weight": 0}, "credential.weight"),
    ],
)
async def test_neither_is_there_where_the_credential_cannot_be(
    office: Office, credential: dict[str, object], param: str
) -> None:
    with pytest.raises(Unacceptable) as refused:
        await equipping.create_provider(office, OPERATOR, MINE, credential)
    assert refused.value.param == param
    assert SECRET not in refused.value.message
    assert await names(office) == set()


async def test_what_is_wrong_with_the_provider_itself_is_named_as_it_is(office: Office) -> None:
    for values, param in (
        ({**MINE, "base_url": "https://10.0.0.1/v1"}, "base_url"),
        ({**MINE, "format": "x"}, "format"),
    ):
        with pytest.raises(Unacceptable) as refused:
            await equipping.create_provider(office, OPERATOR, values, FIRST)
        assert refused.value.param == param
    with pytest.raises(ManagedByFile):
        await equipping.create_provider(office, OPERATOR, {**MINE, "id": "filed"}, FIRST)
    await equipping.create_provider(office, OPERATOR, MINE, FIRST)
    with pytest.raises(Conflict, match="already"):
        await equipping.create_provider(office, OPERATOR, MINE, FIRST)


async def test_a_service_account_is_looked_at_before_anything_is_kept(office: Office) -> None:
    values = {"id": "vertex", "variables": {"project": "acme-1"}}
    with pytest.raises(Unacceptable, match="is no secret for the provider") as refused:
        await equipping.create_provider(office, OPERATOR, values, FIRST)
    assert refused.value.param == "credential.api_key"
    assert await names(office) == set()


async def test_a_provider_goes_with_its_credentials(office: Office) -> None:
    await equipping.create_provider(office, OPERATOR, MINE, FIRST)
    await configuration.create_object(office, OPERATOR, "credential", {**FIRST, "provider": "mine", "name": "spare"})
    await configuration.create_object(office, OPERATOR, "credential", {**FIRST, "provider": "filed", "name": "kept"})
    with pytest.raises(VersionMismatch):
        await equipping.delete_provider(office, OPERATOR, "mine", 7)
    await equipping.delete_provider(office, OPERATOR, "mine", 1)
    assert await names(office) == {"filed/kept"}
    assert (await actions(office))[:3] == ["provider.delete", "credential.delete", "credential.delete"]


async def test_a_provider_that_others_need_stays_with_all_it_has(office: Office) -> None:
    await equipping.create_provider(office, OPERATOR, MINE, FIRST)
    await configuration.create_object(office, OPERATOR, "alias", {"name": "fast", "target": "mine/small"})
    with pytest.raises(Unacceptable, match="alias `fast`"):
        await equipping.delete_provider(office, OPERATOR, "mine", None)
    assert await names(office) == {"mine", "mine/main"}
    with pytest.raises(ManagedByFile):
        await equipping.delete_provider(office, OPERATOR, "filed", None)
    with pytest.raises(UnknownResource):
        await equipping.delete_provider(office, OPERATOR, "nobody", None)


async def test_it_needs_the_permission(office: Office) -> None:
    viewer = somebody("viewer")
    with pytest.raises(NotPermitted):
        await equipping.create_provider(office, viewer, MINE, FIRST)
    with pytest.raises(NotPermitted):
        await equipping.delete_provider(office, viewer, "mine", None)
