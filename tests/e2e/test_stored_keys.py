"""Client keys of the database, in every dialect: they hold at once, and only for what they are for."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.keyed import CLIENTS, ENDPOINTS, Keyed, answered, hello, keyed, told
from tests.e2e.wire import ask, request
from tests.gateway_process import CLIENT_KEY
from tests.providers import MockProcess

FORBIDDEN = {"messages": "permission_error", "gemini": "PERMISSION_DENIED"}
UNKNOWN = {"messages": "authentication_error", "gemini": "UNAUTHENTICATED"}

every_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def both(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with keyed(tmp_path_factory.mktemp("keyed"), mock.url, workers=2) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@every_client
async def test_a_key_holds_at_once_and_no_longer_than_it_should(both: Keyed, client: str) -> None:
    for number in range(4):  # whichever worker it is that answers
        name = f"{client}-{number}"
        key = both.issuer.create(name)
        assert (await answered(both.gateway, client, "mock/gpt-4o-mini", key)).status == 200
        both.issuer.change(name, paused_at=1)
        answer = await answered(both.gateway, client, "mock/gpt-4o-mini", key)
        assert told(client, answer) == (403, FORBIDDEN.get(client, "api_key_paused"))
        both.issuer.change(name, paused_at=None, expires_at=time.time_ns() // 1000)
        answer = await answered(both.gateway, client, "mock/gpt-4o-mini", key)
        assert told(client, answer) == (401, UNKNOWN.get(client, "api_key_expired"))
        both.issuer.revoke(name)
        answer = await answered(both.gateway, client, "mock/gpt-4o-mini", key)
        assert told(client, answer) == (401, UNKNOWN.get(client, "invalid_api_key"))


async def test_a_key_that_nobody_told_of_holds_soon(both: Keyed) -> None:
    key = both.issuer.create("quiet", tell=False)
    begun = time.monotonic()
    for _ in range(6):
        while (await answered(both.gateway, "chat", "mock/gpt-4o-mini", key)).status == 401:
            assert time.monotonic() - begun < 5


@every_client
@pytest.mark.parametrize(
    ("spec", "model", "word"),
    [
        ({"models": ["mock/other*", "slow"]}, "fast", "may not use the model `fast`"),
        ({"providers": ["free"]}, "fast", "may not use the provider `mock`"),
        ({"credentials": ["other/*"]}, "mock/gpt-4o-mini", "no credential of the provider `mock`"),
    ],
)
async def test_a_key_is_held_to_what_it_is_for(
    both: Keyed, client: str, spec: dict[str, Any], model: str, word: str
) -> None:
    key = both.issuer.create(**spec)
    answer = await answered(both.gateway, client, model, key)
    assert told(client, answer) == (403, FORBIDDEN.get(client, "model_not_allowed"))
    assert word in answer.json()["error"]["message"]


@every_client
async def test_a_key_is_held_to_its_endpoints(both: Keyed, client: str) -> None:
    other = next(each for each in CLIENTS if each != client)
    key = both.issuer.create(endpoints=[ENDPOINTS[client]])
    assert (await answered(both.gateway, client, "fast", key)).status == 200
    answer = await answered(both.gateway, other, "fast", key)
    assert told(other, answer) == (403, FORBIDDEN.get(other, "endpoint_not_allowed"))


async def test_counting_and_kept_responses_are_endpoints_too(both: Keyed) -> None:
    chatting = both.issuer.create(endpoints=["/v1/chat/*", "/v1/messages"])
    body = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    counted = await ask(both.gateway.port, request("POST", "/v1/messages/count_tokens", body, key=chatting))
    assert told("messages", counted) == (403, "permission_error")
    for path in ("", "/input_items"):
        shown = await ask(both.gateway.port, request("GET", f"/v1/responses/resp_1{path}", key=chatting))
        assert told("responses", shown) == (403, "endpoint_not_allowed")


async def test_only_credentials_of_the_key_are_used(both: Keyed) -> None:
    key = both.issuer.create(credentials=["mock/sp*"])
    for _ in range(4):
        answer = await answered(both.gateway, "chat", "mock/gpt-4o-mini", key)
        assert answer.header("x-sluicegate-credential") == "spare"


async def test_what_is_left_of_a_combo_serves_it(both: Keyed) -> None:
    answer = await answered(both.gateway, "chat", "both", both.issuer.create(providers=["mock"]))
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (200, "1")


async def test_a_key_is_shown_the_models_that_it_reaches(both: Keyed) -> None:
    key = both.issuer.create(models=["both", "fast"], providers=["free"])
    listed = await ask(both.gateway.port, request("GET", "/v1/models", key=key))
    assert [each["id"] for each in listed.json()["data"]] == ["both"]


async def test_what_a_key_was_given_is_not_its_successor_s(both: Keyed) -> None:
    """Names may be used again; what belongs to a key does not go with them."""
    first = both.issuer.create("reused")
    body = json.dumps({"model": "fast", "input": "Hello"}).encode()
    made = (await ask(both.gateway.port, request("POST", "/v1/responses", body, key=first))).json()["id"]
    assert (await ask(both.gateway.port, request("GET", f"/v1/responses/{made}", key=first))).status == 200
    both.issuer.revoke("reused")
    second = both.issuer.create("reused")
    assert (await ask(both.gateway.port, request("GET", f"/v1/responses/{made}", key=second))).status == 404


async def test_what_a_provider_keeps_is_out_of_reach_with_the_provider(both: Keyed) -> None:
    key = both.issuer.create("reaching")
    body = json.dumps({"model": "keeping/gpt-5.5", "input": "Hello"}).encode()
    made = (await ask(both.gateway.port, request("POST", "/v1/responses", body, key=key))).json()["id"]
    shown = request("GET", f"/v1/responses/{made}", key=key)
    assert (await ask(both.gateway.port, shown)).status == 200
    both.issuer.respecify("reaching", providers=["mock"])
    answer = await ask(both.gateway.port, shown)
    assert told("responses", answer) == (403, "model_not_allowed")


async def test_records_tell_keys_apart_and_whose_they_are(both: Keyed, tag: str) -> None:
    user = both.issuer.add_user()
    key = both.issuer.create("of-a-user", user_id=user)
    await answered(both.gateway, "chat", f"mock/gpt-4o-mini;tag={tag}", key)
    record = both.gateway.record(tag)
    assert (record["key"], record["user_id"], record["team_id"]) == ("of-a-user", user, None)
    assert record["key_id"].startswith("key:")


async def test_the_configuration_of_the_database_holds_at_once(both: Keyed, mock: MockProcess) -> None:
    both.issuer.configure("provider", "added", {"format": "openai_chat", "base_url": f"{mock.url}/v1"})
    both.issuer.configure("credential", "added/only", {}, {"api_key": "sk-of-the-database"})
    both.issuer.configure("alias", "brisk", {"target": "mock/gpt-4o-mini"})
    for _ in range(4):
        assert (await answered(both.gateway, "chat", "brisk", CLIENT_KEY)).status == 200
    guarded = await answered(both.gateway, "chat", "added/gpt-4o-mini", CLIENT_KEY)
    assert guarded.status == 502, "an address that came by API may not lead into this machine"
    both.issuer.configure("alias", "fast", {"target": "nobody/nothing"})
    assert (await answered(both.gateway, "chat", "fast", CLIENT_KEY)).status == 200, "the file comes first"


async def test_while_the_database_cannot_be_read_nothing_fails_open(both: Keyed) -> None:
    known = both.issuer.create("known")
    gateway = both.gateway
    for _ in range(8):
        assert (await answered(gateway, "chat", "fast", known)).status == 200

    with closing(sqlite3.connect(both.issuer.path)) as connection:
        connection.execute("alter table generations rename to elsewhere")
        try:
            both.issuer.generations.show("keys", both.issuer.generations.of("keys") + 1)
            for client in CLIENTS:
                answer = await answered(gateway, client, "fast", "sk-slg-unknown")
                assert answer.status == (529 if client == "messages" else 503)  # Anthropic's SDKs know that one
                assert answer.header("retry-after") == "1"
                assert (await answered(gateway, client, "fast", known)).status == 200
            assert (await answered(gateway, "chat", "fast", CLIENT_KEY)).status == 200
        finally:
            connection.execute("alter table elsewhere rename to generations")

    async def recovered() -> bool:
        return (await answered(gateway, "chat", "fast", "sk-slg-unknown")).status == 401

    for _ in range(8):
        begun = time.monotonic()
        while not await recovered():
            assert time.monotonic() - begun < 5


async def test_when_keys_were_last_used_is_known_at_the_end(
    mock: MockProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with keyed(tmp_path_factory.mktemp("used"), mock.url) as (gateway, issuer):
        begun = time.time_ns() // 1000
        await ask(gateway.port, hello("chat", "fast", issuer.create("asking")))
        await ask(gateway.port, hello("chat", "fast", CLIENT_KEY))
        await ask(gateway.port, request("GET", "/v1/models", key=issuer.create("looking")))
        issuer.create("idle")
        assert gateway.close() == 0, gateway.tail()
        uses = issuer.uses()
        assert uses.keys() == {"asking", "looking", "tester"}
        assert all(begun <= used_at <= time.time_ns() // 1000 for used_at in uses.values())
