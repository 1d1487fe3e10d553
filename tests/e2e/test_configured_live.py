"""The configuration changed by API while the gateway runs: the next request of whichever worker goes by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.people import People, email, live
from tests.gateway.outbound.proxies import http_proxy
from tests.gateway_process import CLIENT_KEY
from tests.providers import MockProcess
from tests.waiting import until
from tests.web.visiting import Person

ALLOWED = """
[network]
allow = ["127.0.0.1"]
"""
SECRET = "sk-canary-of-a-live-configuration"


@pytest.fixture(scope="module")
def people(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("configured"), mock.url, ALLOWED, workers=2) as made:
        yield made


def chat(people: People, model: str) -> httpx.Response:
    """A request of a client, on a connection of its own: any worker may take it."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    return httpx.post(f"{people.gateway.url}/v1/chat/completions", json=body, headers=headers, trust_env=False)


def add(people: People, kind: str, **values: Any) -> Any:
    return people.make("admin", f"/api/{kind}", values)


def test_what_is_added_serves_at_once_and_what_is_deleted_no_more(people: People, mock: MockProcess) -> None:
    add(people, "providers", id="live", format="openai_chat", base_url=f"{mock.url}/v1")
    add(people, "credentials", provider="live", name="one", api_key=SECRET)
    add(people, "aliases", name="team/quick", target="live/gpt-4o-mini;tag=live")
    assert {chat(people, "team/quick").status_code for _ in range(6)} == {200}
    assert {dict(each["headers"])["authorization"] for each in mock.requests("live")} == {f"Bearer {SECRET}"}
    shown = people.ask("viewer", "GET", "/api/aliases/team%2Fquick")
    assert (shown.status_code, shown.json()["target"]) == (200, "live/gpt-4o-mini;tag=live")
    changed = people.change("admin", "/api/aliases/team%2Fquick", {"target": "mock/gpt-4o-mini"}, shown.headers["etag"])
    assert changed.status_code == 200
    assert chat(people, "team/quick").headers["x-sluicegate-provider"] == "mock"
    assert people.remove("admin", "/api/aliases/team%2Fquick").status_code == 204
    assert {chat(people, "team/quick").status_code for _ in range(6)} == {404}


def test_a_credential_that_is_paused_is_not_used(people: People, mock: MockProcess) -> None:
    add(people, "providers", id="halved", format="openai_chat", base_url=f"{mock.url}/v1")
    add(people, "credentials", provider="halved", name="on", api_key=SECRET)
    add(people, "credentials", provider="halved", name="off", api_key=f"{SECRET}-2")

    def pause(name: str, *, paused: bool) -> None:
        assert people.change("admin", f"/api/credentials/halved/{name}", {"paused": paused}).status_code == 200

    pause("off", paused=True)
    assert {chat(people, "halved/gpt-4o-mini").headers["x-sluicegate-credential"] for _ in range(6)} == {"on"}
    pause("on", paused=True)
    assert chat(people, "halved/gpt-4o-mini").status_code == 404
    assert people.make("admin", "/api/credentials/halved/on/test", {})["ok"], "it may be tried all the same"
    pause("off", paused=False)
    assert {chat(people, "halved/gpt-4o-mini").headers["x-sluicegate-credential"] for _ in range(6)} == {"off"}


async def test_what_is_added_by_a_form_serves_at_once_and_is_asked_from_its_page(
    people: People, mock: MockProcess
) -> None:
    owner = Person(None, origin=people.gateway.url)
    await owner.log_in(email("owner"))
    await owner.get("/providers/-/custom")
    fields = {"id": "formed", "format": "openai_chat", "base_url": f"{mock.url}/v1", "credential.api_key": SECRET}
    # What is ticked on the page, a browser sends.
    ticked = dict.fromkeys(("session_affinity", "rests", "list_models", "stream_usage"), "yes")
    sent = await owner.submit("/providers/-/custom", **fields, **ticked)
    assert sent.to == "/providers/formed?said=provider-added", sent.text
    assert chat(people, "formed/gpt-4o-mini;tag=formed").status_code == 200
    assert {dict(each["headers"])["authorization"] for each in mock.requests("formed")} == {f"Bearer {SECRET}"}
    await owner.get("/providers/formed")
    answer = await owner.submit("/providers/formed/probe", credential="main", model="gpt-4o-mini")
    assert "It answered" in answer.text
    answer = await owner.submit("/providers/formed/probe", credential="main", model="gpt-4o-mini;status=500")
    assert "It did not answer as it should" in answer.text
    await owner.get("/providers/formed/credentials/main")
    await owner.submit("/providers/formed/credentials/main/pause")
    assert chat(people, "formed/gpt-4o-mini").status_code == 404


def test_a_credential_is_tried_with_a_real_request(people: People, mock: MockProcess) -> None:
    add(people, "providers", id="tried", format="anthropic", base_url=mock.url)
    add(people, "credentials", provider="tried", name="good", api_key=SECRET)
    add(people, "credentials", provider="tried", name="bad", api_key="sk-wrong-one")
    place, wish = "/api/credentials/tried", {"model": "claude-sonnet-4-5"}
    assert people.make("admin", f"{place}/good/test", wish)["ok"]
    bad = people.make("admin", f"{place}/bad/test", wish)
    assert (bad["ok"], bad["status"], bad["target"]) == (False, 401, f"POST {mock.url}/v1/messages")
    assert bad["error"]
    # What the file says is tried as well.
    assert people.make("admin", "/api/providers/mock/test", {})["models_count"] > 0


async def test_what_is_said_of_a_credential_holds_with_the_next_request(people: People, mock: MockProcess) -> None:
    async def asked(tag: str) -> set[tuple[str, str | None]]:
        """Which secret the provider hears with two requests, and of which team."""
        for _ in range(2):
            assert (await asyncio.to_thread(chat, people, f"pooled/gpt-4o-mini;tag={tag}")).status_code == 200
        heard = [dict(each["headers"]) for each in mock.requests(tag)]
        assert len(heard) == 2
        return {(each["authorization"].rpartition("-")[2], each.get("x-team")) for each in heard}

    add(people, "providers", id="pooled", format="openai_chat", base_url=f"{mock.url}/v1")
    for name in ("one", "two"):
        add(people, "credentials", provider="pooled", name=name, api_key=f"{SECRET}-{name}")
    place, secrets = "/api/credentials/pooled/two", {"api_key": f"{SECRET}-two", "headers": {"x-team": SECRET}}
    assert await asked("pooled-evenly") == {("one", None), ("two", None)}
    change = {"priority": 5, "headers": {"x-team": SECRET}}
    assert people.change("admin", place, change).json()["priority"] == 5
    assert await asked("pooled-preferred") == {("two", SECRET)}
    async with http_proxy() as proxy:
        way = {"proxy": f"http://127.0.0.1:{proxy.port}"}
        refused = people.change("admin", place, way)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/proxy")
        assert people.change("admin", place, {**way, **secrets}).status_code == 200
        assert await asked("pooled-by-proxy") == {("two", SECRET)}
        assert set(proxy.asked) == {f"POST {mock.url}/v1/chat/completions"}
        assert (await asyncio.to_thread(people.make, "admin", f"{place}/test", {}))["ok"]
        assert proxy.asked[-1] == f"GET {mock.url}/v1/models"
        assert people.change("admin", place, {"proxy": ""}).status_code == 200
        reached = len(proxy.heads)
        assert await asked("pooled-straight") == {("two", SECRET)}
        assert len(proxy.heads) == reached
    assert people.change("admin", place, {"priority": -5}).status_code == 200
    assert await asked("pooled-last") == {("one", None)}


def test_a_price_and_a_setting_hold_within_a_second(people: People) -> None:
    add(people, "prices", model="mock/*", input=1000.0, output=1000.0)
    answer = people.ask(
        "admin", "PUT", "/api/settings/server.cors_origins", {"value": ["https://app.example"]}, {"if-match": "*"}
    )
    assert answer.status_code == 200
    headers = {"origin": "https://app.example", "authorization": f"Bearer {CLIENT_KEY}"}

    def allowed() -> str:
        asked = httpx.get(f"{people.gateway.url}/v1/models", headers=headers, trust_env=False)
        return str(asked.headers.get("access-control-allow-origin", ""))

    assert until(allowed) == "https://app.example"
    chat(people, "mock/gpt-4o-mini;tag=priced")
    assert people.gateway.record("priced")["cost_nano_usd"] > 0


def test_what_the_file_says_only_the_file_changes(people: People) -> None:
    refused = people.change("owner", "/api/providers/mock", {"base_url": "https://192.0.43.8"})
    assert (refused.status_code, refused.json()["code"]) == (409, "managed_by_file")
    assert people.get("viewer", "/api/providers/mock")["managed"]["origin"].startswith("sluicegate.toml:")


def test_no_secret_is_in_any_file_or_answer(people: People) -> None:
    for path in ("/api/providers", "/api/credentials", "/api/audit", "/api/export", "/api/settings?limit=200"):
        assert SECRET not in people.ask("owner", "GET", path).text
    files = [each for each in people.gateway.data_dir.rglob("*") if each.is_file()]
    assert [each for each in files if SECRET.encode() in each.read_bytes()] == []
    assert SECRET not in people.gateway.said()
