"""A provider is asked for all of its list and no more, over real sockets, with a credential that it accepts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio

from gateway.errors import UpstreamError
from gateway.formats.listed import MOST_MODELS
from gateway.listing.ask import MOST_PAGES, ask
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool
from gateway.records import Credential, ModelFacts, Provider
from gateway.settings.model import UpstreamSettings
from tests.gateway.listing.servers import listing, serving
from tests.providers import MockProcess, mock

__all__ = ["mock"]

SCHEMES = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(UpstreamSettings(), permit=permit_of(()))
    yield pool
    await pool.close()


def provider(url: str, dialect: str = "openai_chat", *secrets: str) -> Provider:
    held = tuple(Credential("p", f"c{at}", secret) for at, secret in enumerate(secrets))
    return Provider("p", dialect, url, ("*",), "round_robin", held, auth=SCHEMES.get(dialect, "bearer"))


async def test_one_page_is_enough_where_there_is_no_other(pool: Pool) -> None:
    async with serving({"/v1/models": listing("b", "a")}) as server:
        assert await ask(provider(server.url + "/v1"), pool) == {"b": None, "a": None}
        assert server.asked == ["/v1/models"]


async def test_of_a_list_without_end_the_beginning_is_heard(pool: Pool) -> None:
    half = MOST_MODELS // 2 + 1
    pages = {
        f"/v1/models?limit=1000{after}": listing(*names, has_more=True, last_id=names[-1])
        for after, names in (
            ("", [f"a{number}" for number in range(half)]),
            (f"&after_id=a{half - 1}", [f"b{number}" for number in range(half)]),
        )
    }
    async with serving(pages) as server:
        models = list(await ask(provider(server.url, "anthropic"), pool))
        assert (len(models), models[0], models[-1]) == (MOST_MODELS, "a0", f"b{half - 3}")
        assert len(server.asked) == 2


async def test_anthropics_pages_follow_one_another(pool: Pool) -> None:
    pages = {
        "/v1/models?limit=1000": listing("a", "b", has_more=True, last_id="b"),
        "/v1/models?limit=1000&after_id=b": listing("c", "a/d", has_more=True, last_id="a/d"),
        "/v1/models?limit=1000&after_id=a%2Fd": listing("e", has_more=False, last_id="e"),
    }
    async with serving(pages) as server:
        assert list(await ask(provider(server.url, "anthropic", "s"), pool)) == ["a", "b", "c", "a/d", "e"]
        assert server.asked == list(pages)
        assert all("x-api-key: s\r\n" in head and "anthropic-version: " in head for head in server.heads)


async def test_googles_pages_follow_one_another(pool: Pool) -> None:
    rows = [{"name": f"models/m{at}", "inputTokenLimit": 1000 + at, "outputTokenLimit": 10} for at in range(3)]
    pages = {
        "/v1beta/models?pageSize=1000": (200, orjson.dumps({"models": rows[:2], "nextPageToken": "x=&y"})),
        "/v1beta/models?pageSize=1000&pageToken=x%3D%26y": (200, orjson.dumps({"models": rows[2:]})),
    }
    async with serving(pages) as server:
        found = await ask(provider(server.url, "gemini", "s"), pool)
    assert found == {f"m{at}": ModelFacts(max_input=1000 + at, max_output=10) for at in range(3)}


@pytest.mark.parametrize(("dialect", "base"), [("openai_chat", "/v1"), ("anthropic", ""), ("gemini", "")])
async def test_the_mock_lists_its_models(mock: MockProcess, pool: Pool, dialect: str, base: str) -> None:
    found = await ask(provider(mock.url + base, dialect, "sk-any"), pool)
    assert len(found) > 2
    if dialect != "openai_chat":
        assert any(facts is not None and facts.max_input for facts in found.values())


async def test_pages_that_go_round_in_a_circle_end(pool: Pool) -> None:
    async with serving({"*": listing("a", "b", has_more=True, last_id="b")}) as server:
        assert list(await ask(provider(server.url, "anthropic"), pool)) == ["a", "b"]
        assert len(server.asked) == 2


async def test_there_are_never_too_many_pages(pool: Pool) -> None:
    pages = {
        "/v1/models?limit=1000" + (f"&after_id=m{at - 1}" if at else ""): listing(
            f"m{at}", has_more=True, last_id=f"m{at}"
        )
        for at in range(MOST_PAGES + 5)
    }
    async with serving(pages) as server:
        assert len(await ask(provider(server.url, "anthropic"), pool)) == MOST_PAGES
        assert len(server.asked) == MOST_PAGES


@pytest.mark.parametrize("first", [200, 404])
async def test_all_pages_together_have_a_bound(pool: Pool, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    monkeypatch.setattr("gateway.listing.ask.MOST_BYTES", 300)
    body = listing("a" * 100, has_more=True, last_id="a")[1]
    pages = {
        "/v1/models?limit=1000": (first, body),
        "/v1/models?limit=1000&after_id=a": listing("b" * 200),
    }
    async with serving(pages) as server:
        with pytest.raises(UpstreamError, match="larger than" if first == 200 else "answered 404"):
            await ask(provider(server.url, "anthropic"), pool)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b"the secret is sk-1"), "The provider answered 500."),
        ((302, b""), "The provider answered 302."),
        ((401, b"no sk-1"), "The provider answered 401."),
        ((200, b"<html>"), "no list of models"),
        ((200, b'{"object": "list"}'), "no list of models"),
    ],
)
async def test_what_is_no_list_is_an_error_without_the_providers_words(
    pool: Pool, answer: tuple[int, bytes], message: str
) -> None:
    async with serving({"*": answer}) as server:
        with pytest.raises(UpstreamError, match=message) as caught:
            await ask(provider(server.url, "openai_chat", "sk-1"), pool)
    assert "sk-1" not in caught.value.message


async def test_a_credential_that_is_refused_is_followed_by_another(pool: Pool) -> None:
    async with serving({"*": (401, b"{}")}) as server:
        said = provider(server.url, "openai_chat", "k1", "k2", "k3", "k4")
        with pytest.raises(UpstreamError, match="401"):
            await ask(said, pool)
        assert [head.partition("bearer ")[2].split()[0] for head in server.heads] == ["k1", "k2", "k3"]
        server.answers["*"] = listing("a")
        assert await ask(said, pool) == {"a": None}
        assert len(server.asked) == 4


async def test_a_paused_credential_is_not_shown(pool: Pool) -> None:
    async with serving({"*": listing("a")}) as server:
        said = provider(server.url, "openai_chat", "k1", "k2")
        first, second = said.credentials
        await ask(replace(said, credentials=(replace(first, models=()), second)), pool)
        assert [head.partition("bearer ")[2].split()[0] for head in server.heads] == ["k2"]
        with pytest.raises(UpstreamError, match="no credential"):
            await ask(replace(said, credentials=(replace(first, models=()),)), pool)


async def test_an_error_of_the_provider_is_no_matter_of_credentials(pool: Pool) -> None:
    async with serving({"*": (503, b"{}")}) as server:
        with pytest.raises(UpstreamError, match="503"):
            await ask(provider(server.url, "openai_chat", "k1", "k2"), pool)
        assert len(server.asked) == 1


async def test_the_path_is_where_the_preset_says(pool: Pool) -> None:
    async with serving({"/api/tags": (200, b'{"models": [{"name": "llama3.2:latest", "size": 1}]}')}) as server:
        said = replace(provider(server.url), models_path="/api/tags")
        assert await ask(said, pool) == {"llama3.2:latest": None}
        for silent in (replace(said, models_path=None), replace(said, list_models=False)):
            with pytest.raises(UpstreamError, match="no list"):
                await ask(silent, pool)


async def test_a_provider_that_says_nothing_is_not_waited_for(pool: Pool) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(UpstreamError, match="No answer within"):
            await ask(provider(url), pool, seconds=0.05)
        await left.wait()
    finally:
        server.close()
        await server.wait_closed()


async def test_where_nobody_may_connect_nobody_asks(pool: Pool) -> None:
    async with serving({"*": listing("a")}) as server:
        with pytest.raises(UpstreamError):
            await ask(replace(provider(server.url), guarded=True), pool)
        assert not server.asked
