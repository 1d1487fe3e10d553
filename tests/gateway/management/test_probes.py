"""Trying a credential before it is kept: what goes with it, and that only what could be kept is tried."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.errors import NotPermitted, Unacceptable
from gateway.management import audit, configuration, probes
from gateway.management.office import Actor, Declared, Office
from gateway.management.probes import CredentialProbeWish, ProbeView
from gateway.records import Credential, Provider
from gateway.relay.probe import Found, Probe, probe
from gateway.settings.model import NetworkSettings, Settings
from gateway.settings.objects import CredentialSettings, ProviderSettings
from tests.gateway.management.offices import OPERATOR, office_in, somebody
from tests.gateway.outbound.proxies import http_proxy
from tests.providers import MockProcess, mock

__all__ = ["mock"]

SECRET = "sk-canary-that-is-tried"
SAFE, PLAIN = "https://192.0.43.8/v1", "http://192.0.43.9/v1"
PROXY, FILED, PRIVATE = "http://me:canary@192.0.43.10:3128", "socks5://10.0.0.9:1080", "http://10.0.0.1:3128"
FILE = Settings(
    network=NetworkSettings(allow=("10.0.0.7",)),
    providers=(
        ProviderSettings(id="safe", format="openai_chat", base_url=SAFE, headers={"x-team": "of-the-file"}),
        ProviderSettings(id="plain", format="openai_chat", base_url=PLAIN, headers={"x-team": "of-the-file"}),
        ProviderSettings(
            id="proxied",
            format="openai_chat",
            base_url=SAFE,
            proxy=FILED,
            credentials=(CredentialSettings(name="first", api_key="sk-of-the-file"),),
        ),
    ),
)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path, settings=FILE) as office:
        yield office


class Asked:
    """Writes down whom it was to ask, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[Provider, Credential]] = []

    async def __call__(self, provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
        assert [one.id for one in settings.providers] == [provider.id]
        assert provider.credentials == (credential,)
        self.calls.append((provider, credential))
        return Found("GET /models", 1000, 200)


async def tried(office: Office, actor: Actor = OPERATOR, **values: Any) -> tuple[Provider, Credential]:
    asked = Asked()
    view = await probes.try_secret(office, actor, wish(**values), asked)
    assert view.ok
    ((provider, credential),) = asked.calls
    assert credential.secret == SECRET
    return provider, credential


async def refused(office: Office, reason: str, **values: Any) -> str | None:
    """Where the mistake is."""
    asked = Asked()
    with pytest.raises(Unacceptable, match=reason) as told:
        await probes.try_secret(office, OPERATOR, wish(**values), asked)
    assert not asked.calls, "nobody is asked"
    assert "canary" not in str(told.value)
    return told.value.param


def wish(**values: Any) -> CredentialProbeWish:
    return CredentialProbeWish(**{"provider": "safe", "api_key": SECRET, **values})


async def test_it_is_tried_with_the_proxy_and_the_headers_it_would_have(office: Office) -> None:
    provider, credential = await tried(office, proxy=PROXY, headers={"X-Team": "canary"})
    assert (credential.proxy, credential.proxy_guarded) == (PROXY, True)
    assert (provider.headers, credential.headers) == ((("x-team", "of-the-file"),), (("x-team", "canary"),))


async def test_what_it_does_not_say_is_its_providers(office: Office) -> None:
    provider, credential = await tried(office, provider="proxied")
    assert (provider.proxy, credential.proxy, credential.headers) == (FILED, None, ())
    _, credential = await tried(office, provider="proxied", proxy="none")
    assert credential.proxy == ""


async def test_its_proxy_may_be_one_that_the_operator_says_or_permits(office: Office) -> None:
    _, credential = await tried(office, proxy=FILED)
    assert (credential.proxy, credential.proxy_guarded) == (FILED, False)
    _, credential = await tried(office, proxy="http://10.0.0.7:3128")
    assert credential.proxy_guarded, "where it leads is judged again with the connection"


@pytest.mark.parametrize("proxy", [PRIVATE, "socks5h://127.0.0.1:1", "http://[::1]:9"])
async def test_its_proxy_is_no_way_into_private_networks(office: Office, proxy: str) -> None:
    assert await refused(office, r"`network\.allow`", proxy=proxy) == "proxy"


async def test_its_proxy_does_not_read_the_headers_of_its_provider(office: Office) -> None:
    reason = "could read the headers of the provider `plain`"
    assert await refused(office, reason, provider="plain", proxy=PROXY) == "proxy"
    await tried(office, provider="plain", headers={"x-more": "canary"})


@pytest.mark.parametrize(
    ("values", "place", "reason"),
    [
        ({"proxy": "ftp://192.0.43.10"}, "proxy", "expected `none` or an address"),
        ({"headers": {"Host": "elsewhere"}}, "headers.Host", "not for settings to set"),
        ({"headers": {"content-length": "9"}}, "headers.content-length", "not for settings to set"),
        ({"headers": {"x-sluicegate-key": "x"}}, "headers.x-sluicegate-key", "not for settings to set"),
        ({"headers": {"x team": "x"}}, "headers.x team", "no header name"),
        ({"headers": {"x-team": "a\r\nx-other: b"}}, "headers.x-team", "printable ASCII"),
        ({"api_key": "sk\ncanary"}, "api_key", "no header can carry"),
    ],
)
async def test_what_could_not_be_kept_is_not_tried(
    office: Office, values: dict[str, Any], place: str, reason: str
) -> None:
    assert await refused(office, reason, **values) == place
    said = {"provider": "safe", "name": "one", "api_key": SECRET, **values}
    with pytest.raises(Unacceptable, match=reason) as told:
        await configuration.create_object(office, OPERATOR, "credential", said)
    assert told.value.param == place


async def test_a_secret_that_is_none_for_its_provider_is_not_tried(office: Office) -> None:
    said = {"id": "vertex", "variables": {"project": "ours"}}
    await configuration.create_object(office, OPERATOR, "provider", said)
    assert await refused(office, "no secret for the provider `vertex`", provider="vertex") == "api_key"


@pytest.mark.parametrize(("name", "reason"), [("nobody", "is no preset"), ("azure", "variables.resource")])
async def test_nor_is_one_of_a_provider_that_cannot_be_used(office: Office, name: str, reason: str) -> None:
    assert await refused(office, f"provider `{name}` is not in use: .*{reason}", provider=name) == "provider"


async def test_a_provider_of_the_catalogue_need_not_be_set_up(office: Office) -> None:
    provider, credential = await tried(office, provider="openai", proxy=PROXY)
    assert (provider.id, provider.guarded, credential.proxy) == ("openai", False, PROXY)


async def test_one_that_cannot_be_applied_is_not_asked_elsewhere(office: Office) -> None:
    """It has another address than that of the catalogue: its secrets are not for that one."""
    said = {"id": "openai", "base_url": SAFE, "prefixes": ["taken"]}
    await configuration.create_object(office, OPERATOR, "provider", said)
    file = office.declared.settings
    first, *others = file.providers
    taken = structs.replace(file, providers=(structs.replace(first, prefixes=("taken",)), *others))
    office.declared = Declared(taken, {})
    assert await refused(office, "`taken` leads to provider `safe` already", provider="openai") == "provider"


async def test_nothing_of_it_is_kept_but_that_it_was_tried(office: Office) -> None:
    before = await office.read(lambda session: session.rows("configuration/all"))
    await tried(office, proxy=PROXY, headers={"x-team": "canary"})
    assert await office.read(lambda session: session.rows("configuration/all")) == before
    (entry,) = await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=50)
    assert (entry.action, entry.target_id) == ("credential.test", "safe")
    assert entry.after is not None
    assert set(entry.after["fingerprints"]) == {"api_key", "proxy", "headers.x-team"}
    assert "canary" not in str(entry)


async def test_only_who_may_change_the_configuration_tries_anything(office: Office) -> None:
    with pytest.raises(NotPermitted):
        await tried(office, somebody("member"))


# Over real sockets


async def ask(provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
    return await probe(Probe(provider, credential, model), settings)


async def test_the_request_goes_through_that_proxy_with_those_headers(tmp_path: Path, mock: MockProcess) -> None:
    settings = Settings(network=NetworkSettings(allow=("127.0.0.1",)))
    async with office_in(tmp_path, settings=settings) as office, http_proxy() as proxy:
        said = {"id": "mine", "format": "openai_chat", "base_url": f"{mock.url}/v1"}
        await configuration.create_object(office, OPERATOR, "provider", said)

        async def tell(**values: Any) -> ProbeView:
            return await probes.try_secret(office, OPERATOR, wish(provider="mine", model="gpt-4o-mini", **values), ask)

        through = await tell(proxy=f"http://127.0.0.1:{proxy.port}", headers={"x-mock": "tag=tried"})
        assert (through.ok, len(proxy.asked)) == (True, 1)
        assert (await tell(headers={"x-mock": "tag=tried"})).ok
        assert len(proxy.asked) == 1, "that one went straight there"
        assert len(mock.requests("tried")) == 2
