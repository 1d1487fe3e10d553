"""What rests, as people see it and end it: by the management API and by the command line, on two workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway import operator
from tests.e2e.wire import Answer, ask, chat_body, request
from tests.gateway.commands.calling import refuses, says
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

SETTINGS = """
[[providers.credentials]]
name    = "spare"
api_key = "sk-spare-of-the-tests"

[[providers]]
id       = "open"
format   = "openai_chat"
base_url = "{mock}/v1"

[rests]
first_seconds    = 600
probe_seconds    = 0
breaker_failures = 2
breaker_seconds  = 600

[retries]
pause_seconds        = 0.01
longest_wait_seconds = 0
"""
GOOD = "gpt-4o-mini;chunks=1"


@pytest.fixture(scope="module")
def served(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    toml = configuration(mock.url, SETTINGS.format(mock=mock.url))
    with running(tmp_path_factory.mktemp("resting"), toml, workers=2) as made:
        yield made.complete()
        assert made.close() == 0, made.tail()


@pytest.fixture
def gateway(served: GatewayProcess) -> Iterator[GatewayProcess]:
    """With nothing that rests."""
    yield served
    for provider in ("mock", "open"):
        operator.tell(served.data_dir, "DELETE", f"/api/rests?provider={provider}")


async def chat(gateway: GatewayProcess, model: str) -> Answer:
    return await ask(gateway.port, request("POST", "/v1/chat/completions", chat_body(model), key=gateway.key))


def rests(gateway: GatewayProcess, **question: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator.ask(gateway.data_dir, "/api/rests", question)["items"]
    return found


def named(gateway: GatewayProcess) -> list[tuple[str, str | None, str | None]]:
    return [(each["kind"], each["credential"], each["model"]) for each in rests(gateway)]


def end(gateway: GatewayProcess, **which: str) -> int:
    ended: int = operator.tell(gateway.data_dir, "DELETE", f"/api/rests?{urlencode(which)}")["ended"]
    return ended


def tried(gateway: GatewayProcess, **wish: str) -> dict[str, Any]:
    answer: dict[str, Any] = operator.tell(gateway.data_dir, "POST", "/api/rests/probe", wish)
    return answer


def actions(gateway: GatewayProcess) -> list[tuple[str, str]]:
    found = operator.ask(gateway.data_dir, "/api/audit", {"limit": 5})["items"]
    return [(each["action"], each["target_name"]) for each in found]


async def test_a_rest_is_listed_and_ended_credential_by_credential(gateway: GatewayProcess) -> None:
    assert (await chat(gateway, "mock/gpt-4o;quota")).status == 429
    assert named(gateway) == [("credential", "first", None), ("credential", "spare", None)]
    first = rests(gateway)[0]
    assert (first["provider"], first["reason"], first["hard"], first["probe_due"]) == ("mock", "quota", True, False)
    assert rests(gateway, provider="open") == []
    assert (await chat(gateway, f"mock/{GOOD}")).status == 429
    assert end(gateway, provider="mock", credential="spare") == 1
    assert actions(gateway)[0] == ("rest.clear", "mock/spare")
    assert named(gateway) == [("credential", "first", None)]
    for _ in range(4):  # whichever worker it is
        answer = await chat(gateway, f"mock/{GOOD}")
        assert (answer.status, answer.header("x-sluicegate-credential")) == (200, "spare")
    assert end(gateway, provider="mock") == 1
    assert named(gateway) == []


async def test_a_rest_for_a_model_is_ended_by_the_model(gateway: GatewayProcess) -> None:
    assert (await chat(gateway, "mock/gpt-4o;status=429")).status == 429
    assert {each["model"] for each in rests(gateway)} == {"gpt-4o;status=429"}
    assert end(gateway, provider="mock", credential="first", model="another") == 0
    assert end(gateway, provider="mock", model="gpt-4o;status=429") == 2
    assert named(gateway) == []


async def test_a_target_whose_breaker_is_open_is_listed_and_closed(gateway: GatewayProcess) -> None:
    for _ in range(3):
        await chat(gateway, "open/gpt-4o;status=500")
    assert ("target", None, "gpt-4o;status=500") in named(gateway)
    standing = operator.ask(gateway.data_dir, "/api/providers/open/standing", {})
    assert [each["reason"] for each in standing["targets"]] == ["breaker"]
    assert end(gateway, provider="open", model="gpt-4o;status=500") >= 1
    assert named(gateway) == []


async def test_asking_a_provider_ends_a_rest_when_it_answers_and_no_sooner(gateway: GatewayProcess) -> None:
    assert (await chat(gateway, "mock/gpt-4o;quota")).status == 429
    failed = tried(gateway, provider="mock", credential="first", model="gpt-4o;status=500")
    assert (failed["asked"]["ok"], failed["asked"]["status"], failed["ended"]) == (False, 500, 0)
    assert len(named(gateway)) == 2
    answered = tried(gateway, provider="mock", credential="first", model=GOOD)
    assert (answered["asked"]["ok"], answered["ended"], answered["let"]) == (True, 1, 0)
    assert actions(gateway)[0] == ("credential.test", "mock/first")
    assert named(gateway) == [("credential", "spare", None)]
    assert (await chat(gateway, f"mock/{GOOD}")).header("x-sluicegate-credential") == "first"


async def test_the_next_request_may_try_what_rests(gateway: GatewayProcess) -> None:
    assert (await chat(gateway, "mock/gpt-4o;quota")).status == 429
    let = tried(gateway, provider="mock", credential="spare")
    assert (let["asked"], let["ended"], let["let"]) == (None, 0, 1)
    assert actions(gateway)[0] == ("rest.probe", "mock/spare")
    answer = await chat(gateway, f"mock/{GOOD}")
    assert (answer.status, answer.header("x-sluicegate-credential")) == (200, "spare")
    assert named(gateway) == [("credential", "first", None)]


async def test_a_credential_shows_how_it_is_doing(gateway: GatewayProcess) -> None:
    assert (await chat(gateway, f"mock/{GOOD}")).status == 200
    assert (await chat(gateway, f"mock/{GOOD}")).status == 200
    standing = operator.ask(gateway.data_dir, "/api/credentials/mock/first/standing", {})
    assert (standing["in_flight"], standing["rests"], standing["token_until"]) == (0, [], None)
    assert standing["latency_ms"] is not None
    of_provider = operator.ask(gateway.data_dir, "/api/providers/open/standing", {})
    assert [each["credential"] for each in of_provider["credentials"]] == [None]


async def test_what_is_left_of_limits_is_read_now_and_then_although_nobody_is_chosen_by_it(
    gateway: GatewayProcess,
) -> None:
    for _ in range(500):
        assert (await chat(gateway, f"mock/{GOOD}")).status == 200
        standing = operator.ask(gateway.data_dir, "/api/credentials/mock/first/standing", {})
        if standing["headroom"] is not None:
            break
    assert standing["headroom"] == pytest.approx(1.0, abs=0.01)


async def test_the_command_line_shows_and_ends_rests(gateway: GatewayProcess) -> None:
    place = ("--data-dir", gateway.data_dir)
    assert says("rests", *place).strip() == "Nothing rests."
    assert (await chat(gateway, "mock/gpt-4o;quota")).status == 429
    shown = says("rests", *place).splitlines()
    assert (shown[0].split()[0], [line.split()[:4] for line in shown[1:]]) == (
        "PROVIDER",
        [["mock", name, "-", "quota"] for name in ("first", "spare")],
    )
    assert says("rests", "clear", "mock/first", *place).strip() == "1 rest ended"
    assert says("rests", "clear", "mock", *place).strip() == "1 rest ended"
    assert says("rests", "--json", *place).strip() == "[]"
    assert "no provider `other`" in refuses("rests", "clear", "other", *place)
