"""Requests of our own to clouds: they show who asks like those of clients do, whoever makes them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest

from gateway.formats.paths import kept_path, spoken_in
from gateway.listing.ask import ask
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.records import Credential, Provider
from gateway.relay.probe import Found, Probe, probe
from gateway.relay.ways import Ways
from gateway.settings.model import NetworkSettings, Settings, UpstreamSettings
from tests.bedrock_server import KEY_ID, REGION, SECRET, bedrock, refused
from tests.gateway.listing.servers import listing, serving
from tests.google_token_server import key_file, token_server

HERE = Settings(network=NetworkSettings(allow=("127.0.0.1",)))


def cloud(url: str, scheme: str, secrets: Mapping[str, str], **more: object) -> Provider:
    held = tuple(Credential("cloud", name, secret) for name, secret in secrets.items())
    return Provider("cloud", "anthropic", url, ("*",), "fill_first", held, auth=scheme, **more)  # type: ignore[arg-type]


def at_bedrock(url: str, secret: str = f"{KEY_ID}:{SECRET}") -> Provider:
    region = (("region", REGION),)
    return cloud(url, "aws", {"keys": secret}, paths="bedrock", quirks=("bedrock_anthropic",), variables=region)


async def tried(provider: Provider, model: str = "") -> Found:
    return await probe(Probe(provider, provider.credentials[0], model), HERE)


async def test_a_list_is_asked_for_with_a_token_by_whoever_gets_one() -> None:
    async with token_server() as tokens, serving({"*": listing("a", "b")}) as server:
        secrets = {"broken": "nonsense", "account": key_file(token_uri=tokens.url)}
        pool = Pool(UpstreamSettings(), permit=permit_of(["127.0.0.1"]))
        try:
            assert list(await ask(cloud(server.url, "google", secrets), pool)) == ["a", "b"]
        finally:
            await pool.close()
        assert (tokens.asked, len(server.heads)) == (1, 1)
        assert f"authorization: bearer {tokens.issued[0]}" in server.heads[0]


async def test_a_probe_shows_a_token_and_tells_it_to_nobody() -> None:
    async with token_server() as tokens, serving({"*": listing("a")}) as server:
        provider = cloud(server.url, "google", {"account": key_file(token_uri=tokens.url)})
        assert (await tried(provider)).models == ("a",)
        body = {"error": {"message": "what is ya29.c.token-2......?"}}
        server.answers["*"] = (403, orjson.dumps(body))
        found = await tried(provider)
        assert found.error is not None
        assert found.error.message == "what is ***?"
        assert tokens.asked == 2, "each probe is on its own"


async def test_a_probe_without_a_token_says_why() -> None:
    found = await tried(cloud("http://127.0.0.1:1", "google", {"account": "nonsense"}))
    assert found.error is not None
    assert "it must be the content of a service account's key file" in found.error.message


async def test_a_probe_is_signed() -> None:
    async with bedrock() as server:
        found = await tried(at_bedrock(server.url), "anthropic.claude-x-v1:0")
        assert (found.status, found.error) == (200, None)
        (asked,) = server.asked
        assert not asked.refusal
        server.answer = lambda _: refused(429, "ThrottlingException", "Too many requests")
        found = await tried(at_bedrock(server.url), "anthropic.claude-x-v1:0")
        assert found.error is not None
        assert found.error.code == "ThrottlingException"


async def test_a_probe_goes_by_the_proxy_of_its_credential() -> None:
    provider = cloud("http://provider.example", "bearer", {"far": "sk"})
    async with serving({"*": listing("a")}) as proxy:
        (credential,) = provider.credentials
        far = Credential("cloud", "far", credential.secret, proxy=proxy.url)
        found = await probe(Probe(provider, far), Settings())
        assert found.models == ("a",)
        assert proxy.asked == ["http://provider.example/v1/models?limit=1000"]


@pytest.mark.parametrize("path", ["/responses/resp_1", "/responses/resp_1/input_items?limit=2"])
def test_kept_responses_are_where_the_provider_has_them(path: str) -> None:
    plain = cloud("https://a.example", "bearer", {})
    azure = cloud("https://a.example", "api-key", {}, paths="azure", variables=(("api_version", "v1"),))
    assert kept_path(plain, path) == path
    bare, _, query = path.partition("?")
    assert kept_path(azure, path) == f"{bare}?api-version=v1" + (f"&{query}" if query else "")


def test_another_address_has_neither_paths_nor_left_out_fields() -> None:
    other = (("openai_chat", "https://b.example/x"),)
    provider = cloud("https://a.example", "bearer", {"main": "sk"}, also_at=other, drop_fields=("user",))
    place = spoken_in(provider, "openai_chat")
    assert place is not None
    assert (place.base_url, place.drop_fields) == ("https://b.example/x", ())
    ways = Ways((provider,), "us")
    (credential,) = provider.credentials
    assert ways.of(provider, credential, "openai_chat").composer.target_of("/chat") == "/x/chat"
    assert ways.of(provider, credential, "anthropic").origin == ways.of(provider, credential).origin
