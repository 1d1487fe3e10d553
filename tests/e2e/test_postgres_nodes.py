"""Two gateways on one database: what is done at one of them holds at the other within a second, streams included."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.keyed import answered, complaint, hello, streaming
from tests.e2e.nodes import Node, Nodes, nodes
from tests.e2e.wire import ask, request
from tests.gateway_process import GatewayProcess
from tests.postgres import Server, needs_postgres
from tests.providers import MockProcess
from tests.waiting import until

pytestmark = needs_postgres

MODEL = "mock/gpt-4o-mini"
ENDLESS = "mock/gpt;chunks=600;size=8;pace=100ms"
BOUND_SECONDS = 1.0

SHARED_JOB = "forget-what-is-over"

TRIES = 12
"""Connections after which every one of two workers has been asked."""


@pytest.fixture(scope="module")
def both(mock: MockProcess, postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with nodes(tmp_path_factory.mktemp("nodes"), postgres.fresh(), mock.url, workers=2) as made:
        yield made
        for node in (made.one, made.other):
            assert node.gateway.close() == 0, node.gateway.tail()


async def everywhere(gateway: GatewayProcess, model: str, key: str) -> set[int]:
    """What the workers answer, each of them asked."""
    answers = await asyncio.gather(*(answered(gateway, "chat", model, key) for _ in range(TRIES)))
    return {answer.status for answer in answers}


async def within_a_second(true: Callable[[], Awaitable[bool]]) -> None:
    """Until it is so; from then on it stays so."""
    begun = time.monotonic()
    while not await true():
        assert time.monotonic() - begun <= BOUND_SECONDS
    assert await true()


async def test_a_key_made_at_one_works_at_once_there_and_soon_at_the_other(both: Nodes) -> None:
    _, secret = both.one.new_key("made")
    assert await everywhere(both.one.gateway, MODEL, secret) == {200}

    async def works() -> bool:
        return await everywhere(both.other.gateway, MODEL, secret) == {200}

    await within_a_second(works)


async def test_a_key_revoked_at_one_ends_at_the_other(both: Nodes, mock: MockProcess, tag: str) -> None:
    """Streams in every worker, and nobody gets in any more."""
    gateway = both.other.gateway
    (revoked, secret), (_, kept) = both.one.new_key("leaving"), both.one.new_key("staying")
    flowing = [hello("chat", f"{ENDLESS};tag={tag}", secret, stream=True)] * 24
    staying = hello("chat", "mock/gpt;chunks=30;pace=100ms", kept, stream=True)
    await within_a_second(lambda: _is(gateway, MODEL, secret, 200))
    await within_a_second(lambda: _is(gateway, MODEL, kept, 200))
    async with streaming(gateway, [*flowing, staying]) as (*answers, untouched):
        revoked_at = time.monotonic()
        both.one.told("DELETE", f"/api/keys/{revoked}")
        assert await everywhere(both.one.gateway, MODEL, secret) == {401}
        for answer in await asyncio.wait_for(asyncio.gather(*answers), 5):
            assert complaint(answer.body)["code"] == "api_key_revoked"
        assert time.monotonic() - revoked_at <= BOUND_SECONDS
        assert await everywhere(gateway, MODEL, secret) == {401}
        assert (await untouched).body.endswith(b"[DONE]\n\n"), "nobody else is harmed"
    records = gateway.records(tag, len(flowing))
    assert {record["error"] for record in records} == {"api_key_revoked"}
    assert len({record["worker"] for record in records}) == 2


async def test_what_is_configured_at_one_holds_at_the_other_and_no_stream_is_dropped(
    both: Nodes, mock: MockProcess
) -> None:
    """A new provider with its credential, an alias that moves, and settings for which connections are made anew."""
    _, secret = both.one.new_key("asking")
    stream = hello("chat", "mock/gpt;chunks=40;pace=100ms", secret, stream=True)
    await within_a_second(lambda: _is(both.other.gateway, MODEL, secret, 200))
    async with streaming(both.other.gateway, [stream] * 8) as answers:
        for method, path, body in changes(mock.url):
            both.one.told(method, path, body)
        assert await is_served_late(both.one.gateway, secret)
        await within_a_second(lambda: is_served_late(both.other.gateway, secret))
        assert both.other.told("GET", "/api/settings/upstream.connect_timeout_seconds")["value"] == 7
        both.other.told("PATCH", "/api/aliases/lately", {"target": "late/gpt;status=418"})
        await within_a_second(lambda: _is(both.one.gateway, "lately", secret, 418))
        both.other.told("DELETE", "/api/aliases/lately")
        await within_a_second(lambda: _is(both.one.gateway, "lately", secret, 404))
        for answer in await asyncio.gather(*answers):
            assert answer.body.endswith(b"[DONE]\n\n")


async def is_served_late(gateway: GatewayProcess, key: str) -> bool:
    """Whether every worker goes by the new alias, provider and credential."""
    answers = await asyncio.gather(*(answered(gateway, "chat", "lately", key) for _ in range(TRIES)))
    served = {(each.header("x-sluicegate-provider"), each.header("x-sluicegate-credential")) for each in answers}
    return served == {("late", "sealed")}


def changes(mock_url: str) -> list[tuple[str, str, Any]]:
    return [
        ("POST", "/api/providers", {"id": "late", "format": "openai_chat", "base_url": f"{mock_url}/v1"}),
        ("POST", "/api/credentials", {"provider": "late", "name": "sealed", "api_key": "sk-of-the-late-provider"}),
        ("PUT", "/api/settings/upstream.connect_timeout_seconds", {"value": 7}),
        ("POST", "/api/aliases", {"name": "lately", "target": "late/gpt"}),
    ]


async def _is(gateway: GatewayProcess, model: str, key: str, status: int) -> bool:
    return await everywhere(gateway, model, key) == {status}


def test_sessions_and_tokens_are_the_same_at_both(both: Nodes) -> None:
    """The owner's session makes a token at one of them; each ends where it did not begin."""

    def seen(**headers: str) -> list[int]:
        return [httpx.get(f"{node.gateway.url}/api/me", headers=headers, trust_env=False).status_code for node in both]

    cookie = f"__Host-sluicegate={both.owner.session}"
    assert seen(cookie=cookie) == [200, 200]
    browser = {"cookie": cookie, "origin": both.one.gateway.url}
    wish = {"name": "brief", "scopes": ["keys:read"]}
    made = httpx.post(f"{both.one.gateway.url}/api/tokens", json=wish, headers=browser, trust_env=False).json()
    bearer = f"Bearer {made['secret']}"
    assert seen(authorization=bearer) == [200, 200]
    both.other.told("DELETE", f"/api/tokens/{made['token']['id']}")
    assert seen(authorization=bearer) == [401, 401]
    (session,) = both.other.told("GET", "/api/sessions")["items"]
    both.other.told("DELETE", f"/api/sessions/{session['id']}")
    assert seen(cookie=cookie) == [401, 401]


async def test_a_response_kept_by_one_is_continued_and_deleted_by_the_other(both: Nodes) -> None:
    _, secret = both.one.new_key("talking")
    await within_a_second(lambda: _is(both.other.gateway, MODEL, secret, 200))

    async def said(node: Node, method: str, path: str, **body: Any) -> tuple[int, Any]:
        content = json.dumps({"model": MODEL, **body}).encode() if body else b""
        answer = await ask(node.gateway.port, request(method, f"/v1/responses{path}", content, key=secret))
        return answer.status, answer.json()

    status, first = await said(both.one, "POST", "", input="one")
    assert status == 200
    assert (await said(both.other, "GET", f"/{first['id']}"))[1]["id"] == first["id"]
    heard = await said(both.other, "POST", "", input="two", model="mock/gpt;echo", previous_response_id=first["id"])
    told = json.loads(heard[1]["output"][0]["content"][0]["text"])
    assert (told["turns"], told["last"]) == (3, "two")
    assert (await said(both.other, "DELETE", f"/{first['id']}"))[0] == 200
    assert (await said(both.one, "GET", f"/{first['id']}"))[0] == 404


def test_a_request_repeated_at_the_other_is_carried_out_once(both: Nodes) -> None:
    wish, repeatable = {"name": "once"}, {"idempotency-key": "made-once"}
    first, again = (node.ask("POST", "/api/keys", wish, **repeatable) for node in both)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_of_changes_at_the_same_time_one_is_refused(both: Nodes) -> None:
    """Whoever saw the same version; nobody's change is lost."""
    both.one.told("POST", "/api/aliases", {"name": "contended", "target": MODEL})
    changed = 0
    for number in range(5):
        version = both.one.ask("GET", "/api/aliases/contended").headers["etag"]
        answers = await asyncio.gather(
            *(
                asyncio.to_thread(
                    node.ask, "PATCH", "/api/aliases/contended", {"target": f"mock/{number}-{place}"},
                    **{"if-match": version},
                )
                for place, node in enumerate(both)
            )
        )  # fmt: skip
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        (changed,) = [place for place, answer in enumerate(answers) if answer.status_code == 200]
        assert both.one.told("GET", "/api/aliases/contended")["target"] == f"mock/{number}-{changed}"


def test_what_concerns_both_is_done_by_one_and_by_the_other_when_it_is_gone(both: Nodes) -> None:
    def runs() -> int:
        (found,) = [job for job in both.other.told("GET", "/api/jobs")["items"] if job["name"] == SHARED_JOB]
        return int(found["runs"])

    def run(node: Node) -> None:
        node.told("POST", f"/api/jobs/{SHARED_JOB}/run")

    run(both.one)
    until(lambda: runs() == 1)
    run(both.other)
    run(both.one)
    until(lambda: runs() == 2)
    control = both.one.gateway.control()
    assert control
    os.kill(control, signal.SIGKILL)

    def has_taken_over() -> bool:
        run(both.other)
        return runs() > 2

    until(has_taken_over, 10, every=0.1)
    both.one.gateway.complete()
