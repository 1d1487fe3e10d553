"""Who rests for what, how widely and for how long: a request's own fault, a limit of a model, a quota of an account."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.accounts import WELL, Accounts, Mood, accounts, key_of, limited, refusing
from tests.e2e.keyed import complaint
from tests.e2e.pooled import START, account_of, asked, asked_until, attempts, in_turn, pool, pooled
from tests.e2e.wire import content, events
from tests.gateway_process import GatewayProcess, running

SETTINGS = """
[rests]
first_seconds = 20.0
probe_seconds = 0

[retries]
pause_seconds = 0.05
longest_wait_seconds = 0.0
"""

TOO_LONG = refusing(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.")
BAD = refusing(400, "invalid_request_error", "There is no such field.")
ERROR_EVENT = {"chat": b'"error"', "messages": b'"type":"error"', "responses": b'"type":"error"'}
"""What is in the event with which a stream ends that went wrong."""

KEPT_SECONDS = 20
"""A rest that is not over when a gateway has been killed and another one has started."""

FIRST = 'strategy = "fill_first"'
NAMES = ("bad", "long", "model", "refused", "unpaid", "broken", "hidden", "late", "overload")


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 3, FIRST) for name in NAMES]
    tables.append(pool("wordy", provider.url, 2, f'{FIRST}\nformat = "anthropic"'))
    with pooled(tmp_path_factory.mktemp("rests"), *tables, settings=SETTINGS) as made:
        yield made


@pytest.mark.parametrize(("name", "mood"), [("bad", BAD), ("long", TOO_LONG)])
async def test_a_request_s_own_fault_is_tried_once_and_rests_nobody(
    gateway: GatewayProcess, provider: Accounts, name: str, mood: Mood
) -> None:
    provider[f"{name}-1"] = mood
    for _ in range(3):
        answer = await asked(gateway, f"{name}/m")
        assert (answer.status, answer.error["message"]) == (400, mood.message)
    assert provider.counts().get(f"{name}-2") is None
    assert len(provider.of(f"{name}-1")) == 3
    provider[f"{name}-1"] = WELL
    assert account_of(await asked(gateway, f"{name}/m")) == f"{name}-1"


async def test_a_rate_limit_is_of_one_model_with_one_account(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["model-1/m"] = limited(60)
    assert await in_turn(gateway, 3, "model/m") == ["model-2"] * 3
    assert await in_turn(gateway, 3, "model/other") == ["model-1"] * 3
    assert len(provider.of("model-1", "m")) == 1


async def test_the_record_says_which_header_named_the_time_of_a_rest(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider[f"model-1/{tag}"] = limited(60)
    assert account_of(await asked(gateway, f"model/{tag}")) == "model-2"
    record = gateway.record(tag)
    assert [each["rest_by"] for each in record["attempts"]] == ["retry-after", None]
    assert [each["chosen_by"] for each in record["attempts"]] == ["fill_first", None]
    assert (record["ordered_by"], record["passed_over"], record["passed_more"]) == (None, [], 0)


async def test_the_record_says_who_was_passed_over_and_until_when(
    gateway: GatewayProcess, provider: Accounts, tag: str
) -> None:
    provider[f"model-1/{tag}"] = limited(60)
    await asked(gateway, f"model/{tag}")
    before_us = time.time_ns() // 1000
    assert account_of(await asked(gateway, f"model/{tag}", headers={"user-agent": f"{tag}-again"})) == "model-2"
    record = gateway.record(f"{tag}-again")
    (passed,) = record["passed_over"]
    assert 0 < passed.pop("until_us") - before_us <= 60_000_000
    expected = {"provider": "model", "model": tag, "credential": "model-1", "reason": "rate_limit", "holds": False}
    assert passed == expected
    assert [each["chosen_by"] for each in record["attempts"]] == ["fill_first"]


@pytest.mark.parametrize(
    "mood",
    [refusing(401, "invalid_api_key"), refusing(429, "insufficient_quota", "You exceeded your current quota.")],
    ids=["refused", "unpaid"],
)
async def test_a_key_that_is_refused_and_a_quota_that_is_spent_are_of_the_whole_account(
    gateway: GatewayProcess, provider: Accounts, mood: Mood
) -> None:
    name = "refused" if mood.status == 401 else "unpaid"
    dead = f"{name}-1"
    provider[f"{dead}/m"] = mood
    assert await in_turn(gateway, 2, f"{name}/m") == [f"{name}-2"] * 2
    assert await in_turn(gateway, 4, f"{name}/other") == [f"{name}-2"] * 4
    assert [each.model for each in provider.of(dead)] == ["m"], "asked once, for one model, and for no other since"


@pytest.mark.parametrize(("name", "client"), [("hidden", "chat"), ("wordy", "messages"), ("hidden", "messages")])
async def test_an_error_before_the_first_token_of_a_stream_is_another_account_s_turn(
    gateway: GatewayProcess, provider: Accounts, name: str, client: str, tag: str
) -> None:
    code = "overloaded_error" if name == "wordy" else "server_error"
    provider[f"{name}-1/{tag}"] = Mood(code=code, message="Something broke here.", error_at=0)
    answer = await asked(gateway, f"{name}/{tag}", client=client, stream=True)
    assert account_of(answer) == f"{name}-2"
    assert b"Something broke here." not in answer.body
    assert answer.header("x-sluicegate-attempts") == "2"
    record = gateway.record(tag)
    assert [each[0] for each in attempts(record)] == [f"{name}-1", f"{name}-2"]
    assert attempts(record)[0][2] == "next_credential"
    assert record["attempts"][0]["rest_us"] > 0


@pytest.mark.parametrize(("name", "client"), [("late", "chat"), ("late", "messages"), ("overload", "responses")])
async def test_an_error_after_the_first_token_is_told_once_and_tried_nowhere_else(
    gateway: GatewayProcess, provider: Accounts, name: str, client: str, tag: str
) -> None:
    provider[f"{name}-1/{tag}"] = Mood(code="server_error", message="Something broke here.", error_at=2)
    answer = await asked(gateway, f"{name}/{tag}", client=client, stream=True)
    assert account_of(answer) == f"{name}-1"
    assert len([data for data in events(answer.body) if ERROR_EVENT[client] in data]) == 1
    assert complaint(answer.body)["message"] == "Something broke here."
    assert b"[DONE]" not in answer.body
    assert [each.account for each in provider.asked if each.model == tag] == [f"{name}-1"]
    record = gateway.record(tag)
    assert record["error"]
    assert record["attempts"][0]["rest_us"] > 0, "it rests"
    assert attempts(record)[0][2:] == ("stop", "server")
    again = await asked(gateway, f"{name}/{tag}")
    assert account_of(again) == f"{name}-2", "softly: others go first"
    for number in (2, 3):
        provider[f"{name}-{number}/{tag}"] = limited(60)
    provider[f"{name}-1/{tag}"] = WELL
    assert account_of(await asked(gateway, f"{name}/{tag}")) == f"{name}-1", "but it is not out of use"


async def test_rests_outlive_a_gateway_and_end_by_themselves(provider: Accounts, tmp_path: Path) -> None:
    """Killed at once, with no time to write anything down."""
    toml = START + SETTINGS + pool("kept", provider.url, 2, FIRST)
    provider["kept-1"] = limited(60)
    provider["kept-2"] = limited(KEPT_SECONDS)
    with running(tmp_path, toml, workers=3) as gateway:
        refused = await asked(gateway, "kept/m")
        assert refused.status == 429
        for pid in (gateway.process.pid, *gateway.pids()):
            os.kill(pid, signal.SIGKILL)
    assert provider.counts()["kept-1"] == provider.counts()["kept-2"] == 1
    provider["kept-1"] = provider["kept-2"] = WELL
    with running(tmp_path, toml, workers=3) as gateway:
        refused = await asked(gateway, "kept/m")
        assert refused.status == 429
        assert provider.counts()["kept-1"] == provider.counts()["kept-2"] == 1, "both are known to rest"
        answer = await asked_until(gateway, "kept/m", lambda answer: answer.status != 429, KEPT_SECONDS)
        assert account_of(answer) == "kept-2"
        gateway.reload(toml.replace(key_of("kept-1"), "sk-of-renewed"))
        await asked_until(gateway, "kept/m", lambda answer: account_of(answer) == "kept-1")
        assert provider.of("renewed"), "a new secret is another account, and does not rest"


def test_what_was_said_before_an_error_arrives(gateway: GatewayProcess, provider: Accounts) -> None:
    provider["broken-1"] = Mood(code="server_error", message="Something broke here.", error_at=2)
    answer = asyncio.run(asked(gateway, "broken/m", stream=True))
    said, _, _ = answer.body.partition(b'data: {"error"')
    assert content(said) == "Hello from broken-1."
