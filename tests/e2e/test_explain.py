"""What is told of a request is what then becomes of it: by every strategy, while somebody rests, where limits end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import operator
from tests.e2e.accounts import Accounts, accounts, key_of, limited, refusing
from tests.e2e.pooled import SETTINGS, account_of, asked, hello, pool, pooled
from tests.e2e.spoken import BODIES, PATHS
from tests.e2e.wire import ask, request
from tests.gateway.commands.calling import refuses, says
from tests.gateway_process import CLIENT_KEY, GatewayProcess

LIMITED_KEY = "sk-limited-key-of-the-tests"
NARROW_KEY = "sk-narrow-key-of-the-tests"
SECRET = "a prompt that nobody keeps"

POOLS = ("fill_first", "round_robin", "weighted", "least_busy", "lowest_latency", "headroom")
COMBOS = ("fallback", "round_robin", "weighted", "least_busy", "lowest_latency", "lowest_cost")

MORE = f"""
[[client_keys]]
name = "limited"
key  = "{LIMITED_KEY}"
requests_per_minute = 3
budget_usd = 50.0
allow_unpriced = true

[[client_keys]]
name   = "narrow"
key    = "{NARROW_KEY}"
models = ["fill_first/*"]

[[limits.rules]]
name = "all"
per  = "everybody"
tokens_per_month = 1000000000

[[prices]]
model  = "one_1/*"
input  = 3.0
output = 15.0

[[prices]]
model  = "one_2/*"
input  = 1.0
output = 5.0
"""

OUT_OF_PLACE: Mapping[str, Any] = {"logit_bias": {"1": 1}, "seed": 7}
"""What Anthropic has no counterpart for."""


def combo(strategy: str) -> str:
    weights = "weights = [1, 2, 1]\n" if strategy == "weighted" else ""
    targets = json.dumps([f"one_{number}/m" for number in (1, 2, 3)])
    return f'\n[[combos]]\nname = "by_{strategy}"\nstrategy = "{strategy}"\ntargets = {targets}\n{weights}'


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 3, f'strategy = "{name}"', weight=[1, 3, 2]) for name in POOLS]
    tables += [pool(f"one_{number}", provider.url, 1) for number in (1, 2, 3)]
    tables += [pool("tired", provider.url, 2, 'strategy = "fill_first"'), pool("gone", provider.url, 1)]
    tables += [pool("wordy", provider.url, 1, 'format = "anthropic"'), *map(combo, COMBOS)]
    with pooled(tmp_path_factory.mktemp("explained"), MORE, *tables, settings=SETTINGS, workers=2) as made:
        yield made


async def explained(gateway: GatewayProcess, model: Any, key: str | None = "tester", **more: Any) -> Any:
    """What is told of a request of the pools' tests, as the operator asks for it."""
    headers, endpoint = more.pop("headers", {}), more.pop("endpoint", PATHS["chat"])
    body = {**BODIES["chat"], "model": model, "stream": False, **more}
    question = {"endpoint": endpoint, "key": key, "body": body, "headers": headers}
    return await asyncio.to_thread(operator.tell, gateway.data_dir, "POST", "/api/explain", question)


def first(told: Mapping[str, Any]) -> Any:
    assert told["refused"] is None
    assert told["steps"][0]["state"] == "first"
    return told["steps"][0]["credential"]


@pytest.mark.parametrize("model", [*(f"{name}/m" for name in POOLS), *(f"by_{name}" for name in COMBOS)])
async def test_who_is_told_to_be_first_is_asked(gateway: GatewayProcess, model: str) -> None:
    seen = [(first(await explained(gateway, model)), account_of(await asked(gateway, model))) for _ in range(6)]
    assert [told for told, _ in seen] == [was for _, was in seen]
    if "round_robin" in model or "weighted" in model:
        assert len({told for told, _ in seen}) == 3


async def test_a_combo_is_told_with_its_strategy_and_the_prices_that_decided(gateway: GatewayProcess) -> None:
    told = await explained(gateway, "by_lowest_cost")
    assert told["choice"]["strategy"] == "lowest_cost"
    assert [step["provider"] for step in told["steps"]] == ["one_2", "one_1", "one_3"]
    costs = {each["provider"]: each["cost"] for each in told["targets"]}
    assert costs["one_1"]["price"]["source"] == "override one_1/*"
    assert costs["one_1"]["price"]["pico_usd"] == {"input": 3_000_000, "output": 15_000_000}
    assert costs["one_1"]["input_nano_usd"] == costs["one_1"]["input_tokens"] * 3000
    assert costs["one_1"]["most_nano_usd"] == told["reserve"]["nano_usd"] > costs["one_2"]["most_nano_usd"]
    assert (costs["one_3"]["price"], costs["one_3"]["most_nano_usd"]) == (None, None)


async def test_who_holds_a_conversation_is_told(gateway: GatewayProcess) -> None:
    talk = {"x-session-id": "explained"}
    before = await explained(gateway, "round_robin/m", headers=talk)
    assert before["session"] == {"source": "header `x-session-id`", "holders": {}}
    holder = account_of(await asked(gateway, "round_robin/m", headers=talk))
    assert holder == first(before)
    for _ in range(2):
        told = await explained(gateway, "round_robin/m", headers=talk)
        assert (told["session"]["holders"], told["steps"][0]["reason"]) == ({"round_robin": holder}, "session")
        assert first(told) == account_of(await asked(gateway, "round_robin/m", headers=talk)) == holder


async def test_who_rests_is_told_with_the_reason_and_until_when(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["tired-1"] = limited(60)
    assert account_of(await asked(gateway, "tired/m")) == "tired-2"
    told = await explained(gateway, "tired/m")
    assert [(step["credential"], step["state"], step["reason"]) for step in told["steps"]] == [
        ("tired-2", "first", ""),
        ("tired-1", "passed_over", "rate_limit"),
    ]
    left = datetime.fromisoformat(told["steps"][1]["until"]) - datetime.now(UTC)
    assert timedelta(seconds=30) < left <= timedelta(seconds=61)


async def test_where_all_rest_the_answer_is_told(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["gone-1"] = refusing(401, "invalid_api_key")
    await asked(gateway, "gone/m")
    told, answer = await explained(gateway, "gone/m"), await asked(gateway, "gone/m")
    assert told["steps"][0]["state"] == "passed_over"
    assert (told["refused"]["status"], told["refused"]["code"]) == (answer.status, "all_resting")
    assert abs(told["refused"]["retry_after_seconds"] - int(answer.header("retry-after") or 0)) <= 2


async def test_limits_are_told_as_the_headers_of_an_answer_tell_them(gateway: GatewayProcess) -> None:
    for remaining in (2, 1, 0):
        answer = await asked(gateway, "fill_first/m", key=LIMITED_KEY)
        assert (answer.status, answer.header("x-ratelimit-remaining-requests")) == (200, str(remaining))
        told = await explained(gateway, "fill_first/m", "limited")
        limits = {(each["subject"], each["limit"]): each for each in told["limits"]}
        own = limits["client key `limited`", "requests_per_minute"]
        assert (own["most"], own["used"], own["left"]) == (3, 3 - remaining, remaining)
        assert ("client key `limited`", "budget_nano_usd") in limits
        assert limits["everybody (rule `all`)", "tokens_per_month"]["used"] > 0
        assert (told["refused"] is None) == (remaining > 0)
    answer = await asked(gateway, "fill_first/m", key=LIMITED_KEY)
    refused = told["refused"]
    assert (refused["status"], refused["code"]) == (answer.status, answer.error["code"])
    assert abs(refused["retry_after_seconds"] - int(answer.header("retry-after") or 0)) <= 2
    assert {each["subject"] for each in (await explained(gateway, "fill_first/m", None))["limits"]} == {
        "everybody (rule `all`)"
    }


async def test_what_translation_loses_is_told(gateway: GatewayProcess) -> None:
    told = await explained(gateway, "wordy/m", **OUT_OF_PLACE)
    answer = await asked(gateway, "wordy/m", **OUT_OF_PLACE)
    (target,) = told["targets"]
    assert (target["format"], target["translated"], target["path"]) == ("anthropic", True, "/v1/messages")
    said = [*target["dropped"], *(f"{name} (emulated)" for name in target["emulated"])]
    assert ",".join(said) == answer.header("x-sluicegate-dropped")
    assert "seed" in target["dropped"]
    strict = {"x-sluicegate-strict": "true"}
    told = await explained(gateway, "wordy/m", headers=strict, **OUT_OF_PLACE)
    answer = await asked(gateway, "wordy/m", headers=strict, **OUT_OF_PLACE)
    assert told["steps"][0]["reason"] == "unsupported_parameter"
    assert (told["refused"]["status"], told["refused"]["message"]) == (answer.status, answer.error["message"])


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ([], "tester"),
        ({}, "tester"),
        ({"model": "nothing-like-it"}, "tester"),
        ({"model": "wordy/m", "messages": "no list"}, "tester"),
        ({"model": "one_1/m", "messages": []}, "narrow"),
    ],
)
async def test_what_is_wrong_is_told_as_the_client_hears_it(gateway: GatewayProcess, body: Any, key: str) -> None:
    secret = {"tester": CLIENT_KEY, "narrow": NARROW_KEY}[key]
    question = {"key": key, "body": body}
    told = await asyncio.to_thread(operator.tell, gateway.data_dir, "POST", "/api/explain", question)
    answer = await ask(gateway.port, request("POST", PATHS["chat"], json.dumps(body).encode(), key=secret))
    refused = told["refused"]
    assert (refused["status"], refused["code"], refused["message"], refused["param"]) == (
        answer.status,
        *(answer.error[name] for name in ("code", "message", "param")),
    )
    if key == "narrow":
        assert [step["reason"] for step in told["steps"]] == ["key"]


async def test_asking_changes_nothing_and_nobody_is_asked(gateway: GatewayProcess, provider: Accounts) -> None:
    before = len(provider.asked)
    told = [await explained(gateway, "round_robin/m", "limited", user=SECRET) for _ in range(4)]
    assert len({first({**each, "refused": None}) for each in told}) == 1
    assert len(provider.asked) == before
    said = json.dumps(told)
    assert SECRET not in said
    assert not any(key_of(f"{name}-{number}") in said for name in POOLS for number in (1, 2, 3))
    kept = [path.read_bytes() for path in gateway.data_dir.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in (*kept, gateway.log.read_bytes()))


async def test_gemini_s_model_stands_in_the_path(gateway: GatewayProcess) -> None:
    question = {"body": {"contents": [{"parts": [{"text": "Hello"}]}]}, "key": "tester"}
    for place in (
        {"endpoint": "/v1beta/models/wordy/m:generateContent"},
        {"endpoint": "/v1beta/models/{model}:generateContent", "model": "wordy/m"},
    ):
        told = await asyncio.to_thread(operator.tell, gateway.data_dir, "POST", "/api/explain", question | place)
        assert (told["model"], told["targets"][0]["path"]) == ("wordy/m", "/v1/messages")


async def test_what_cannot_be_asked_for_is_refused(gateway: GatewayProcess) -> None:
    for question, complaint in (
        ({"body": {}, "key": "nobody-s"}, "There is no key nobody-s."),
        ({"body": {}, "endpoint": "/v1/nothing"}, "There is no endpoint /v1/nothing."),
    ):
        with pytest.raises(operator.NotAnswered, match=complaint):
            await asyncio.to_thread(operator.tell, gateway.data_dir, "POST", "/api/explain", question)


async def test_the_command_tells_it_in_words(gateway: GatewayProcess, provider: Accounts, tmp_path: Path) -> None:
    provider["tired-1"] = limited(60)
    assert account_of(await asked(gateway, "tired/m")) == "tired-2"
    file = tmp_path / "request.json"
    file.write_bytes(hello("tired/m").split(b"\r\n\r\n", 1)[1])
    command = ("explain", file, "--key", "tester", "--data-dir", gateway.data_dir)
    text = await asyncio.to_thread(says, *command)
    assert text.splitlines()[0] == "/v1/chat/completions, model tired/m, client key tester"
    assert text.splitlines()[1].startswith("Goes to tired/m, credential tired-")
    assert "passed over  tired/m  tired-1     rate_limit  20" in text
    assert "everybody (rule `all`)  tokens per month  1000000000" in text
    assert json.loads(await asyncio.to_thread(says, *command, "--json"))["model"] == "tired/m"
    file.write_text("{")
    assert "not JSON" in await asyncio.to_thread(refuses, *command)
