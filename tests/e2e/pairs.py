"""The mock provider in its four dialects behind one gateway, for tests of every pair of dialects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.speakers import SPEAKERS, Speaker, Wish
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

MODELS = {
    "chat": "gpt-4o-mini",
    "responses": "gpt-5.5",
    "messages": "claude-sonnet-4-5",
    "gemini": "gemini-3-pro",
}
"""A model of each provider; its name decides what it can do."""

PAIRS = [(speaker, provider) for speaker in SPEAKERS for provider in MODELS]

TOML = f"""
[usage]
segment_seconds = 0.1

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"

[[providers]]
id       = "chat"
format   = "openai_chat"
base_url = "{{mock}}/v1"

[[providers.credentials]]
name    = "only"
api_key = "{{secret}}"

[[providers]]
id       = "responses"
format   = "openai_responses"
base_url = "{{mock}}/v1"

[[providers.credentials]]
name    = "only"
api_key = "{{secret}}"

[[providers]]
id       = "messages"
format   = "anthropic"
base_url = "{{mock}}"

[[providers.credentials]]
name    = "only"
api_key = "{{secret}}"

[[providers]]
id       = "gemini"
format   = "gemini"
base_url = "{{mock}}"

[[providers.credentials]]
name    = "only"
api_key = "{{secret}}"
"""

SECRET = "sk-secret-of-the-provider"


@pytest.fixture(scope="session")
def crossing(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway before the mock in four dialects."""
    with running(tmp_path_factory.mktemp("crossing"), TOML.format(mock=mock.url, secret=SECRET)) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


def speaker(gateway: GatewayProcess, pair: tuple[str, str], script: str = "", wish: Wish | None = None) -> Speaker:
    """A conversation of a pair; `script` tells the mock how to behave (`;toolcall=2`)."""
    name, provider = pair
    return SPEAKERS[name](gateway.url, gateway.key, f"{provider}/{MODELS[provider]}{script}", wish)
