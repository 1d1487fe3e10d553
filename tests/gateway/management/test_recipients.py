"""Secrets stay with the addresses they were given for, whoever may change addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from gateway.access.roles import permissions_of
from gateway.errors import Unacceptable
from gateway.management import configuration, export, importing
from gateway.management.documents import StateDocument
from gateway.management.export import ExportWish
from gateway.management.importing import ImportReport, ImportWish
from gateway.management.office import Actor, Office
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from gateway.settings.stored import Kind
from gateway.store.state import Where
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.postgres import postgres, where

__all__ = ["postgres", "where"]

SECRET = "sk-canary-that-stays"
HERE, THERE = "https://192.0.43.8/v1", "https://192.0.43.9/v1"
PLAIN = "http://192.0.43.8/v1"
PROXY = "http://192.0.43.10:3128"
NARROW = Actor(
    kind="token", name="t", permissions=permissions_of("owner", ("configuration:read", "configuration:write"))
)

FILE = Settings(
    providers=(
        ProviderSettings(id="filed", format="openai_chat", base_url=HERE),
        ProviderSettings(id="preset", format="openai_chat", base_url=HERE, proxy="socks5://192.0.43.11:1080"),
    )
)


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_in(where.path.parent, where.url, FILE) as office:
        yield office


async def make(office: Office, kind: Kind, **values: Any) -> None:
    await configuration.create_object(office, OPERATOR, kind, values)


async def make_provider(office: Office, *, key: bool = True, **values: Any) -> None:
    await make(office, "provider", **{"id": "mine", "format": "openai_chat", "base_url": HERE, **values})
    if key:
        await make(office, "credential", provider=values.get("id", "mine"), name="one", api_key=SECRET)


async def change(office: Office, name: str = "mine", **values: Any) -> None:
    await configuration.change_object(office, NARROW, ("provider", name), values, None)


async def refused(office: Office, param: str, name: str = "mine", **values: Any) -> str:
    """What is said to whoever tries; nothing has changed then."""
    before = await office.read(lambda session: session.rows("configuration/all"))
    with pytest.raises(Unacceptable) as told:
        await change(office, name, **values)
    assert told.value.param == param
    assert await office.read(lambda session: session.rows("configuration/all")) == before
    return str(told.value)


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"base_url": THERE}, "base_url"),
        ({"base_url": "http://192.0.43.8/v1"}, "base_url"),
        ({"base_url": "https://192.0.43.8:444/v1"}, "base_url"),
        ({"base_url": "https://192.0.43.8/mine"}, "base_url"),
        ({"base_url": THERE, "headers": {"x-team": "mine"}, "models": ["a"]}, "base_url"),
        ({"proxy": PROXY}, "proxy"),
    ],
)
async def test_credentials_do_not_follow_a_provider(office: Office, values: dict[str, Any], param: str) -> None:
    await make_provider(office)
    assert "delete its credentials first and add them again" in await refused(office, param, **values)
    await configuration.delete_object(office, NARROW, ("credential", "mine/one"), None)
    await change(office, **values)
    await make(office, "credential", provider="mine", name="one", api_key=SECRET)


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "HTTPS://192.0.43.8:443/v1/"},
        {"models": ["a"], "format": "anthropic"},
        {"proxy": "none"},
        {"proxy": "socks5://192.0.43.11:1080"},
        {"headers": {"x-team": None, "x-other": "new"}},
    ],
)
async def test_what_shows_them_to_nobody_else_is_changed_as_ever(office: Office, values: dict[str, Any]) -> None:
    """What the file says of proxies is the operator's own choice."""
    await make_provider(office, headers={"x-team": SECRET})
    await change(office, **values)


async def test_a_proxy_that_goes_shows_them_to_nobody(office: Office) -> None:
    await make_provider(office, proxy=PROXY)
    await change(office, proxy=PROXY.replace("//", "//me:word@"))
    await change(office, proxy=None)
    await refused(office, "proxy", proxy=PROXY)


async def test_headers_follow_only_where_they_are_given_anew(office: Office) -> None:
    await make_provider(office, key=False, headers={"x-team": SECRET, "x-other": SECRET})
    assert "give its headers anew in the same request" in await refused(office, "base_url", base_url=THERE)
    await refused(office, "base_url", base_url=THERE, headers={"x-team": "mine"})
    await refused(office, "base_url", base_url=THERE, headers={"x-team": "mine", "x-new": "mine"})
    await change(office, base_url=THERE, headers={"x-team": "mine", "x-other": None})
    await refused(office, "base_url", base_url=HERE)
    await change(office, base_url=HERE, headers=None)


async def test_the_address_of_the_catalogue_is_an_address(office: Office) -> None:
    await make_provider(office, id="openai", base_url="", format="openai_chat")
    await refused(office, "base_url", "openai", base_url=THERE)
    await change(office, "openai", base_url="https://api.openai.com/v1")
    await change(office, "openai", base_url=None)


async def test_what_stands_in_the_places_of_an_address_is_part_of_it(office: Office) -> None:
    """A resource of Azure is whoever's name it has."""
    await make_provider(office, id="azure", base_url="", variables={"resource": "acme"})
    told = await refused(office, "variables", "azure", variables={"resource": "somebody-else"})
    assert "follows it to another address" in told
    await change(office, "azure", variables={"resource": "acme", "api_version": "2025-01-01-preview"})
    await change(office, "azure", base_url="https://acme.openai.azure.com/openai")
    await refused(office, "variables", "azure", base_url=None, variables={"resource": "somebody-else"})


async def test_credentials_that_were_left_behind_wait_for_no_new_provider(where: Where) -> None:
    """Those of a provider that the file had, once."""
    async with office_in(where.path.parent, where.url, FILE) as office:
        await make(office, "credential", provider="filed", name="one", api_key=SECRET)
    async with office_in(where.path.parent, where.url) as office:
        with pytest.raises(Unacceptable, match="delete its credentials first") as told:
            await make(office, "provider", id="filed", format="openai_chat", base_url=THERE)
        assert told.value.param == "base_url"
        await configuration.delete_object(office, OPERATOR, ("credential", "filed/one"), None)
        await make(office, "provider", id="filed", format="openai_chat", base_url=THERE)


async def test_a_provider_with_credentials_is_not_deleted_and_made_elsewhere(office: Office) -> None:
    await make_provider(office)
    with pytest.raises(Unacceptable, match="others depend on it: credential `mine/one`"):
        await configuration.delete_object(office, NARROW, ("provider", "mine"), None)


# The proxy for all


@pytest.mark.parametrize("kept", [{}, {"key": False, "headers": {"x-team": SECRET}}])
async def test_the_proxy_for_all_gets_no_secrets_to_read(office: Office, kept: dict[str, Any]) -> None:
    await make_provider(office, id="safe")
    await configuration.set_value(office, NARROW, "upstream.proxy", PROXY, None)
    await configuration.delete_object(office, NARROW, ("setting", "upstream.proxy"), None)
    await make_provider(office, base_url=PLAIN, **kept)
    with pytest.raises(Unacceptable, match="provider `mine`, which is asked over plain") as told:
        await configuration.set_value(office, NARROW, "upstream.proxy", PROXY, None)
    assert told.value.param == "value"
    await configuration.set_value(office, NARROW, "upstream.proxy", "none", None)
    await change(office, proxy="none")
    await configuration.set_value(office, NARROW, "upstream.proxy", PROXY, None)
    await refused(office, "proxy", proxy=None)


async def test_nor_those_of_the_file(where: Where) -> None:
    said = ProviderSettings(
        id="filed", format="openai_chat", base_url=PLAIN, credentials=(CredentialSettings(name="a", api_key="b"),)
    )
    async with office_in(where.path.parent, where.url, Settings(providers=(said,))) as office:
        with pytest.raises(Unacceptable, match=r"configuration file say `upstream\.proxy`"):
            await configuration.set_value(office, NARROW, "upstream.proxy", PROXY, None)


# Documents


Fields = dict[str, Any]


async def fields_of(office: Office) -> Fields:
    """What an admin exports, by kind and name where it is of the configuration."""
    document = await export.export(office, somebody("admin"), ExportWish(sections=("configuration",)))
    fields: Fields = msgspec.to_builtins(document)
    return {**fields, "configuration": {f"{one['kind']}/{one['name']}": one for one in fields["configuration"]}}


async def bring(office: Office, fields: Fields, actor: Actor = OPERATOR, **said: Any) -> ImportReport:
    plain = {**fields, "configuration": [*fields["configuration"].values()]}
    document = msgspec.json.decode(msgspec.json.encode(plain), type=StateDocument)
    return await importing.import_document(office, actor, ImportWish(document=document, **said))


def at_another_address(fields: Fields) -> None:
    fields["configuration"]["provider/mine"]["spec"]["base_url"] = THERE


def by_a_proxy(fields: Fields) -> None:
    fields["configuration"]["provider/mine"]["spec"]["proxy"] = PROXY


def for_an_issuer_that_is_known(fields: Fields) -> None:
    fields["configuration"]["setting/login.providers"]["spec"]["value"][0].update(kind="google", issuer="")


def for_another_issuer(fields: Fields) -> None:
    fields["configuration"]["setting/login.providers"]["spec"]["value"][0]["issuer"] = "https://192.0.43.9"


def by_a_proxy_for_all(fields: Fields) -> None:
    setting = {"kind": "setting", "name": "upstream.proxy", "position": 1, "spec": {"value": PROXY}}
    fields["configuration"]["setting/upstream.proxy"] = setting


async def fill(office: Office) -> None:
    await make_provider(office, base_url=PLAIN, headers={"x-team": SECRET})
    await make(office, "alias", name="fast", target="mine/small")
    login = {"id": "corp", "client_id": "us", "issuer": "https://192.0.43.8", "client_secret": SECRET}
    await configuration.set_value(office, OPERATOR, "login.providers", [login], None)


@pytest.mark.parametrize("mode", ["merge", "replace"])
@pytest.mark.parametrize(
    "edit",
    [
        at_another_address,
        by_a_proxy,
        by_a_proxy_for_all,
        for_another_issuer,
        for_an_issuer_that_is_known,
    ],
)
async def test_what_is_sealed_in_a_document_is_for_its_addresses(
    office: Office, edit: Callable[[Fields], None], mode: str
) -> None:
    await fill(office)
    fields = await fields_of(office)
    edit(fields)
    with pytest.raises(Unacceptable, match="bound to the addresses they were exported with") as told:
        await bring(office, fields, mode=mode)
    assert told.value.param == "document.sealed"
    assert (await fields_of(office))["configuration"] != fields["configuration"]


async def test_other_things_in_a_document_are_edited_as_ever(office: Office) -> None:
    await fill(office)
    fields = await fields_of(office)
    fields["configuration"]["alias/fast"]["spec"]["target"] = "mine/large"
    fields["configuration"]["provider/mine"]["spec"]["models"] = ["large"]
    fields["configuration"]["provider/new"] = {
        "kind": "provider",
        "name": "new",
        "position": 9,
        "spec": {"format": "anthropic", "base_url": THERE},
    }
    report = await bring(office, fields, somebody("admin"))
    assert report.configuration is not None
    assert (report.configuration.created, report.configuration.changed) == (1, 2)


async def test_no_document_brings_a_secret_to_a_provider_that_was_made_for_it(office: Office) -> None:
    """Exported with the provider, and brought back without it once another of its name is elsewhere."""
    await make_provider(office, headers={"x-team": SECRET})
    fields = await fields_of(office)
    await configuration.delete_object(office, NARROW, ("credential", "mine/one"), None)
    await configuration.delete_object(office, NARROW, ("provider", "mine"), None)
    await make_provider(office, key=False, base_url=THERE)
    whole = dict(fields["configuration"])
    del fields["configuration"]["provider/mine"]
    with pytest.raises(Unacceptable, match="credential `mine/one` are bound"):
        await bring(office, fields)
    await bring(office, {**fields, "configuration": whole})


async def test_no_document_moves_what_is_not_in_it(office: Office) -> None:
    await make_provider(office)
    fields = await fields_of(office)
    at_another_address(fields)
    del fields["configuration"]["credential/mine/one"]
    for sealed in (fields["sealed"], None):
        with pytest.raises(Unacceptable, match="delete its credentials first") as told:
            await bring(office, {**fields, "sealed": sealed})
        assert told.value.param == "document.configuration.0.spec.base_url"
    await bring(office, fields, mode="replace")


async def test_secrets_given_anew_go_to_any_address(office: Office) -> None:
    await fill(office)
    fields = await fields_of(office)
    at_another_address(fields)
    for_another_issuer(fields)
    del fields["sealed"]
    with pytest.raises(Unacceptable, match="the secret is missing"):
        await bring(office, fields)
    fields["configuration"]["credential/mine/one"]["spec"]["api_key"] = "sk-new"
    fields["configuration"]["provider/mine"]["spec"]["headers"] = {"x-team": "new"}
    fields["configuration"]["setting/login.providers"]["spec"]["value"][0]["client_secret"] = "new"
    await bring(office, fields)
    shown = await configuration.get_object(office, OPERATOR, "credential", "mine/one")
    assert shown.managed.problem is None


async def test_of_a_provider_that_is_not_known_secrets_go_to_the_catalogue_alone(where: Where) -> None:
    """A command does not read what the file says of providers."""
    said = Settings(providers=(ProviderSettings(id="openai", format="openai_chat", base_url=HERE),))
    async with office_in(where.path.parent, where.url, said) as office:
        await make(office, "credential", provider="openai", name="one", api_key=SECRET)
    async with office_in(where.path.parent, where.url) as office:
        fields = await fields_of(office)
        await configuration.delete_object(office, OPERATOR, ("credential", "openai/one"), None)
        await make_provider(office, key=False, id="openai", base_url=THERE)
        with pytest.raises(Unacceptable, match="credential `openai/one` are bound"):
            await bring(office, fields)
        await change(office, "openai", base_url=None)
        await bring(office, fields)


async def test_what_the_file_says_of_an_address_is_good_enough_for_a_document(where: Where, office: Office) -> None:
    await make(office, "credential", provider="filed", name="one", api_key=SECRET)
    fields = await fields_of(office)
    moved = Settings(providers=(ProviderSettings(id="filed", format="openai_chat", base_url=THERE),))
    async with office_in(where.path.parent, where.url, moved) as other:
        await configuration.delete_object(other, OPERATOR, ("credential", "filed/one"), None)
        await bring(other, fields)
