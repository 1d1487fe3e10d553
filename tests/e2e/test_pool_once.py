"""Pictures and speech are not made, and paid for, a second time where the first request may have been carried out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import Accounts, Mood, accounts, refusing
from tests.e2e.pooled import pool, pooled
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import GatewayProcess

MADE = ("/v1/images/generations", "/v1/audio/speech")
FOUND = ("/v1/embeddings", "/v1/rerank", "/v1/moderations", "/v1/completions", "/v1/chat/completions")
"""What costs little, or says only what is so: asked again as every other request is."""

MORE = """
[[combos]]
name    = "either"
targets = ["one/m", "two/m"]

[[combos]]
name    = "at-any-cost"
targets = ["one/m", "two/m"]
next_on = ["closed"]
"""
CLOSING = Mood(closes=True)


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 2, "rests = false") for name in ("one", "two")]
    with pooled(tmp_path_factory.mktemp("once"), *tables, MORE, workers=1) as made:
        yield made


@pytest.fixture(autouse=True)
def _begin(provider: Accounts) -> None:
    provider.forget()


async def posted(gateway: GatewayProcess, path: str, model: str) -> Answer:
    body = {"model": model, "input": "hello", "prompt": "hello", "messages": [{"role": "user", "content": "hello"}]}
    return await ask(gateway.port, request("POST", path, json.dumps(body).encode()))


@pytest.mark.parametrize("path", MADE)
async def test_what_may_have_been_made_is_asked_for_once(
    gateway: GatewayProcess, provider: Accounts, path: str
) -> None:
    for account in ("one-1", "one-2"):
        provider[account] = CLOSING
    answer = await posted(gateway, path, "either")
    assert (answer.status, b"upstream_closed" in answer.body) == (502, True)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("path", MADE)
async def test_what_was_refused_was_not_made(gateway: GatewayProcess, provider: Accounts, path: str) -> None:
    for account in ("one-1", "one-2"):
        provider[account] = refusing(503, "server_is_overloaded")
    assert (await posted(gateway, path, "either")).status == 200
    assert provider.counts().keys() > {"one-1", "one-2"}


async def test_a_combo_may_ask_again_at_any_cost(gateway: GatewayProcess, provider: Accounts) -> None:
    for account in ("one-1", "one-2"):
        provider[account] = CLOSING
    assert (await posted(gateway, MADE[0], "at-any-cost")).status == 200
    assert sorted(each.account[:3] for each in provider.asked) == ["one", "two"]


@pytest.mark.parametrize("path", FOUND)
async def test_what_is_only_found_is_asked_for_again(gateway: GatewayProcess, provider: Accounts, path: str) -> None:
    for account in ("one-1", "one-2"):
        provider[account] = CLOSING
    assert (await posted(gateway, path, "either")).status == 200
