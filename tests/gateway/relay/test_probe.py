"""One small request to a provider, over real sockets, and what is told of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.errors import InvalidRequest
from gateway.records import Credential, Provider
from gateway.relay.probe import Found, Probe, probe
from gateway.settings.model import NetworkSettings, Settings
from tests.providers import MockProcess, mock

__all__ = ["mock"]

SECRET = "sk-canary-of-a-probe"
BASES = {"openai_chat": "/v1", "openai_responses": "/v1", "anthropic": "", "gemini": ""}
SCHEMES = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
MODELS = {
    "openai_chat": "gpt-4o-mini",
    "openai_responses": "gpt-4o-mini",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
}


def provider_at(url: str, dialect: str = "openai_chat", *, script: str = "", guarded: bool = False) -> Provider:
    """A provider at the mock, told by a header how to behave."""
    return Provider(
        id="tried",
        format=dialect,
        base_url=url + BASES[dialect],
        models=("*",),
        strategy="round_robin",
        credentials=(),
        headers=(("x-mock", script),) if script else (),
        guarded=guarded,
        auth=SCHEMES.get(dialect, "bearer"),
    )


async def tried(
    provider: Provider, model: str = "", *, seconds: float = 10.0, settings: Settings | None = None
) -> Found:
    wanted = Probe(provider, Credential(provider.id, "one", SECRET), model)
    return await probe(wanted, settings or Settings(), seconds=seconds)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that says this to whoever connects."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("dialect", BASES)
async def test_a_provider_of_each_format_lists_its_models(mock: MockProcess, dialect: str) -> None:
    found = await tried(provider_at(mock.url, dialect))
    assert (found.status, found.error) == (200, None)
    assert found.models
    assert all(name and not name.startswith("models/") for name in found.models)
    assert found.target.startswith(f"GET {mock.url}/v1")
    assert "?" not in found.target
    assert found.latency_us > 0


@pytest.mark.parametrize("dialect", BASES)
async def test_a_model_of_each_format_says_a_few_words(mock: MockProcess, dialect: str) -> None:
    tag = f"probe-{dialect}"
    found = await tried(provider_at(mock.url, dialect, script=f"tag={tag}"), MODELS[dialect])
    assert (found.status, found.error, found.models) == (200, None, ())
    (request,) = mock.requests(tag)
    assert (request["method"], request["outcome"]) == ("POST", "done")
    assert len(str(request["body"])) < 300


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_what_the_provider_has_against_it_is_told_in_its_words(mock: MockProcess, status: int) -> None:
    for model in ("", MODELS["openai_chat"]):
        found = await tried(provider_at(mock.url, script=f"status={status}"), model)
        assert found.status == status
        assert found.error is not None
        assert found.error.message
        assert SECRET not in found.error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"Incorrect API key provided: %s","code":"%s"}}',
        b'{"error":{"message":"bad \\u0073k-canary-of-a-probe? %s"}}',
        b"<html>%s</html>",
    ],
)
async def test_no_secret_is_told_though_the_provider_repeats_it(body: bytes) -> None:
    said = body.replace(b"%s", SECRET.encode())
    head = b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said)
    async with answering(head + said) as url:
        found = await tried(provider_at(url))
    assert found.error is not None
    assert SECRET not in f"{found.error.message} {found.error.code} {found}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "redirect"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n<html/>", "no list of models"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"a": 1}', "no list of models"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "no list of models"),
        (b"hello, this is no web server\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b" " * 9_000_000, "larger than"),
    ],
)
async def test_what_is_no_list_of_models_is_an_error(said: bytes, told: str) -> None:
    async with answering(said) as url:
        found = await tried(provider_at(url))
    assert found.error is not None
    assert told in found.error.message


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nonsense", b'{"choices": []}', b'{"error": {"message": "no"}}'])
async def test_what_is_no_answer_of_a_model_is_an_error(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with answering(head + body) as url:
        found = await tried(provider_at(url), "model")
    assert found.status == 200
    assert found.error is not None


async def test_nobody_there_is_an_error_without_a_status() -> None:
    async with answering(b"") as url:
        pass
    found = await tried(provider_at(url))
    assert found.status is None
    assert found.error is not None
    assert found.error.code == "upstream_unreachable"


async def test_a_provider_that_takes_its_time_is_given_up(mock: MockProcess) -> None:
    found = await tried(provider_at(mock.url, script="first=60s"), seconds=0.2)
    assert found.status is None
    assert found.error is not None
    assert found.error.code == "upstream_timeout"
    assert found.latency_us < 10_000_000


async def test_an_address_that_came_by_api_is_not_connected_to_unless_it_is_allowed(mock: MockProcess) -> None:
    guarded = provider_at(mock.url, guarded=True)
    found = await tried(guarded)
    assert found.error is not None
    assert found.error.code == "upstream_forbidden"
    assert (await tried(guarded, settings=Settings(network=NetworkSettings(allow=("127.0.0.1",))))).error is None


async def test_a_model_that_leads_elsewhere_is_refused(mock: MockProcess) -> None:
    with pytest.raises(InvalidRequest):
        await tried(provider_at(mock.url, "gemini"), "../../secret")


async def test_a_provider_without_a_list_is_asked_for_a_model_only() -> None:
    silent = replace(provider_at("http://127.0.0.1:1"), models_path=None)
    with pytest.raises(InvalidRequest, match="tried has no list of models: name a model"):
        await tried(silent)


async def test_a_provider_with_paths_and_fixes_of_its_own_is_asked_as_it_wants(mock: MockProcess) -> None:
    azure = replace(provider_at(mock.url), paths="azure", variables=(("api_version", "2024-10-21"),))
    found = await tried(azure, "m-1")
    assert found.target.endswith("/v1/deployments/m-1/chat/completions")
    assert found.status == 404
