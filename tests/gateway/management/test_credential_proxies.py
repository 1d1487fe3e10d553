"""A proxy that only one credential goes through: where it may lead, and whose secrets it gets to see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.access.roles import permissions_of
from gateway.errors import Unacceptable
from gateway.management import audit, configuration, export, importing
from gateway.management.configured import CredentialView
from gateway.management.documents import StateDocument
from gateway.management.export import ExportWish
from gateway.management.importing import ImportWish
from gateway.management.office import Actor, Office
from gateway.settings.model import NetworkSettings, Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from tests.gateway.management.offices import OPERATOR, office_in

SECRET = "sk-canary-that-stays"
SAFE, PLAIN = "https://192.0.43.8/v1", "http://192.0.43.8/v1"
PROXY, OTHER = "http://me:canary@192.0.43.10:3128", "http://192.0.43.11:3128"
FILED = "socks5://192.0.43.12:1080"
NARROW = Actor(
    kind="token", name="t", permissions=permissions_of("owner", ("configuration:read", "configuration:write"))
)
FILE = Settings(
    network=NetworkSettings(allow=("10.0.0.7",)),
    providers=(
        ProviderSettings(
            id="filed",
            format="openai_chat",
            base_url=PLAIN,
            credentials=(CredentialSettings(name="first", api_key="sk-of-the-file", proxy=FILED, priority=3),),
            headers={"x-team": "of-the-file"},
        ),
    ),
)

Fields = dict[str, Any]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path, settings=FILE) as office:
        yield office


async def make(office: Office, *, provider: Fields | None = None, **values: Any) -> CredentialView:
    """A credential of a provider of the database that is made for it."""
    said = {"id": "mine", "format": "openai_chat", "base_url": SAFE, **(provider or {})}
    await configuration.create_object(office, OPERATOR, "provider", said)
    return await add(office, **values)


async def add(office: Office, **values: Any) -> CredentialView:
    wish = {"provider": "mine", "name": "one", "api_key": SECRET, **values}
    return shown(await configuration.create_object(office, OPERATOR, "credential", wish))


def shown(view: object) -> CredentialView:
    assert isinstance(view, CredentialView)
    return view


async def change(office: Office, **values: Any) -> CredentialView:
    return shown(await configuration.change_object(office, NARROW, ("credential", "mine/one"), values, None))


async def refused(office: Office, reason: str, **values: Any) -> None:
    before = await office.read(lambda session: session.rows("configuration/all"))
    with pytest.raises(Unacceptable, match=reason) as told:
        await change(office, **values)
    assert told.value.param == "proxy"
    assert "canary" not in str(told.value)
    assert await office.read(lambda session: session.rows("configuration/all")) == before


async def test_a_credential_keeps_its_secret_when_something_else_is_said(office: Office) -> None:
    made = await make(office, proxy=PROXY, headers={"x-team": "canary", "x-other": "canary"})
    assert (made.priority, made.proxy, made.headers, made.models) == (0, "", {}, ("*",))
    assert made.fingerprints.keys() == {"api_key", "proxy", "headers.x-team", "headers.x-other"}
    after = await change(office, priority=5, models=["a*"], max_parallel=2, headers={"x-other": None, "x-new": "b"})
    assert (after.priority, after.models, after.max_parallel) == (5, ("a*",), 2)
    assert after.fingerprints.keys() == {"api_key", "proxy", "headers.x-team", "headers.x-new"}
    assert after.fingerprints["api_key"] == made.fingerprints["api_key"]
    assert (await change(office, max_parallel=None)).max_parallel is None
    trail = await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=50)
    assert "canary" not in str(trail)
    assert "headers.x-new" in str(trail)


async def test_what_the_file_says_of_a_credential_is_shown(office: Office) -> None:
    found = shown(await configuration.get_object(office, OPERATOR, "credential", "filed/first"))
    assert (found.priority, set(found.fingerprints)) == (3, {"api_key", "proxy"})


@pytest.mark.parametrize("proxy", ["http://10.0.0.1:3128", "socks5h://127.0.0.1:1", "http://[::1]:9"])
async def test_its_proxy_is_no_way_into_private_networks(office: Office, proxy: str) -> None:
    with pytest.raises(Unacceptable, match=r"`network\.allow`") as told:
        await make(office, proxy=proxy)
    assert told.value.param == "proxy"
    await add(office)
    await refused(office, r"`network\.allow`", proxy=proxy, api_key=SECRET)


async def test_it_may_be_one_that_the_operator_says_or_permits(office: Office) -> None:
    await make(office, proxy="http://10.0.0.7:3128")
    await change(office, proxy=FILED)
    await change(office, proxy="none")
    assert "proxy" not in (await change(office, proxy="")).fingerprints


async def test_no_secret_of_a_credential_follows_it_to_another_proxy(office: Office) -> None:
    await make(office, headers={"x-team": SECRET})
    await refused(office, "give its secret and its headers anew in the same request", proxy=PROXY)
    await refused(office, "give its headers anew", proxy=PROXY, api_key=SECRET)
    await change(office, proxy=PROXY, api_key=SECRET, headers={"x-team": "b"})
    await change(office, proxy=PROXY.replace("canary", "another-word"))
    await refused(office, "give its secret and its headers anew", proxy=OTHER)
    await change(office, proxy="")
    await refused(office, "give its secret", proxy=PROXY)


async def test_nor_to_that_of_its_provider_once_it_has_none_of_its_own(office: Office) -> None:
    """Whoever gave it a proxy of its own, or none at all, did not mean the provider's."""
    await make(office, provider={"proxy": OTHER}, proxy="none")
    await refused(office, "give its secret anew", proxy="")
    await change(office, proxy="", api_key=SECRET)
    await change(office, proxy=OTHER)


async def test_a_proxy_of_a_credential_does_not_read_the_headers_of_its_provider(office: Office) -> None:
    await make(office, provider={"base_url": PLAIN, "headers": {"x-team": SECRET}})
    reason = "could read the headers of the provider `mine`"
    await refused(office, reason, proxy=PROXY, api_key=SECRET)
    with pytest.raises(Unacceptable, match=reason):
        await add(office, name="two", proxy=PROXY)
    with pytest.raises(Unacceptable, match="could read the headers of the provider `filed`"):
        await add(office, provider="filed", name="two", proxy=PROXY)
    await add(office, name="two", proxy=FILED)


async def test_over_tls_it_cannot_read_them(office: Office) -> None:
    await make(office, provider={"headers": {"x-team": SECRET}}, proxy=PROXY)


# Documents


async def fields_of(office: Office) -> Fields:
    document = await export.export(office, OPERATOR, ExportWish(sections=("configuration",)))
    fields: Fields = msgspec.to_builtins(document)
    assert "canary" not in str(fields["configuration"])
    return {**fields, "configuration": {f"{one['kind']}/{one['name']}": one for one in fields["configuration"]}}


async def bring(office: Office, fields: Fields) -> None:
    plain = {**fields, "configuration": [*fields["configuration"].values()]}
    document = msgspec.json.decode(msgspec.json.encode(plain), type=StateDocument)
    await importing.import_document(office, OPERATOR, ImportWish(document=document, mode="replace"))


async def test_a_document_carries_all_that_is_said_of_a_credential(office: Office) -> None:
    made = await make(office, proxy=PROXY, headers={"x-team": SECRET}, priority=-2, weight=3, models=["!b"])
    fields = await fields_of(office)
    await bring(office, {**fields, "configuration": {}})
    await bring(office, fields)
    back = shown(await configuration.get_object(office, OPERATOR, "credential", "mine/one"))
    assert msgspec.structs.replace(back, managed=made.managed, version=1) == made


@pytest.mark.parametrize("proxy", ["", "none", PROXY])
async def test_what_is_sealed_in_a_document_goes_through_no_other_proxy(office: Office, proxy: str) -> None:
    await make(office, provider={"proxy": OTHER}, proxy=proxy)
    fields = await fields_of(office)
    fields["configuration"]["credential/mine/one"]["spec"]["proxy"] = "http://192.0.43.13:3128"
    with pytest.raises(Unacceptable, match="credential `mine/one` are bound to the addresses"):
        await bring(office, fields)
    fields["configuration"]["credential/mine/one"]["spec"]["proxy"] = OTHER
    if proxy:
        with pytest.raises(Unacceptable, match="credential `mine/one` are bound to the addresses"):
            await bring(office, fields)
    else:
        await bring(office, fields)


async def test_nor_do_the_headers_of_its_provider(office: Office) -> None:
    await make(office, provider={"base_url": PLAIN, "headers": {"x-team": SECRET}})
    fields = await fields_of(office)
    fields["configuration"]["credential/mine/one"]["spec"] |= {"proxy": PROXY, "api_key": "sk-new"}
    with pytest.raises(Unacceptable, match="provider `mine` are bound to the addresses"):
        await bring(office, fields)
    await configuration.delete_object(office, OPERATOR, ("credential", "mine/one"), None)
    with pytest.raises(Unacceptable, match="provider `mine` are bound to the addresses"):
        await bring(office, fields)
