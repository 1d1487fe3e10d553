"""A gateway hears from its providers which models they serve, and goes by it: limits shown, names matched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway_process import GatewayProcess, configuration
from tests.providers import MockProcess
from tests.waiting import until

TAG = "listed-live"
MORE = """
[[providers]]
id       = "messages"
format   = "anthropic"
base_url = "{mock}"
prefixes = ["claude"]
headers  = {{ x-mock-tag = "{tag}" }}

[[providers.credentials]]
name    = "first"
api_key = "sk-first"

[[aliases]]
name   = "latest-*"
target = "claude/claude-*-latest"
"""


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    toml = configuration(mock.url, MORE.format(mock=mock.url, tag=TAG)).replace("models_minutes = 0", "")
    process = GatewayProcess(tmp_path_factory.mktemp("listed"), toml)
    try:
        until(lambda: limit(process) == 200_000, 20)  # the worker has heard of the list
        yield process
    finally:
        assert process.close() == 0, process.tail()


def models(gateway: GatewayProcess) -> dict[str, dict[str, Any]]:
    headers = {"x-api-key": gateway.key, "anthropic-version": "2023-06-01"}
    answer = httpx.get(f"{gateway.url}/v1/models?limit=1000", headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    return {model["id"]: model for model in answer.json()["data"]}


def limit(gateway: GatewayProcess) -> int | None:
    found: int | None = models(gateway).get("messages/claude-sonnet-4-5", {}).get("max_input_tokens")
    return found


def asked(gateway: GatewayProcess, model: str) -> httpx.Response:
    body = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"x-api-key": gateway.key, "anthropic-version": "2023-06-01"}
    return httpx.post(f"{gateway.url}/v1/messages", json=body, headers=headers, trust_env=False)


def test_limits_are_those_that_the_provider_says(gateway: GatewayProcess) -> None:
    shown = models(gateway)["messages/claude-haiku-4-5"]
    assert shown["max_input_tokens"] == 200_000
    assert shown["max_tokens"] > 0


@pytest.mark.parametrize(
    "name",
    [
        "messages/claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4.5",
        "claude/claude-sonnet-4-5",
        "latest-sonnet-4-5",
    ],
)
def test_a_name_is_sent_as_the_provider_lists_it(gateway: GatewayProcess, name: str) -> None:
    answer = asked(gateway, name)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-sluicegate-provider"], answer.headers["x-sluicegate-model"]) == (
        "messages",
        "claude-sonnet-4-5",
    )


def test_nobody_waits_for_a_provider_to_list_its_models(gateway: GatewayProcess, mock: MockProcess) -> None:
    before = len(mock.requests(TAG))
    for _ in range(5):
        models(gateway)
    assert len(mock.requests(TAG)) == before
