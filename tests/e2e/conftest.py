"""What the end-to-end tests share: a mock provider, one gateway for most of them, and its log where a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from uuid import uuid4

import openai
import pytest

from tests.gateway_process import GatewayProcess, configuration
from tests.providers import MockProcess
from tests.providers import mock as mock  # noqa: PLC0414 # a fixture

NARROW_KEY = "sk-narrow-key-of-the-tests"

SHARED = f"""
[server]
max_body_bytes = {32 * 2**20}

[[providers]]
id       = "second"
format   = "openai_chat"
base_url = "{{mock}}/v1"
models   = ["llama-*", "twin"]

[[providers]]
id       = "third"
format   = "openai_chat"
base_url = "{{mock}}/v1"
models   = ["twin"]

[[client_keys]]
name   = "narrow"
key    = "{NARROW_KEY}"
models = ["mock/gpt-4o-mini*", "fast"]

[[aliases]]
name   = "fast"
target = "mock/gpt-4o-mini;chunks=3"

[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0
"""


@pytest.fixture(scope="session")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with one worker, for tests that leave it as they found it."""
    toml = configuration(mock.url, SHARED.format(mock=mock.url))
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"), toml)
    yield process.complete()
    assert process.close() == 0, process.tail()


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    """The official client, at that gateway."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as made:
        yield made


@pytest.fixture
def tag() -> str:
    """A name nobody else has: in a model's name it finds the request again, at the mock and among usage records."""
    return uuid4().hex


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        values = getattr(item, "funcargs", {}).items()
        logs = ((name, value.tail()) for name, value in values if isinstance(value, GatewayProcess))
        report.sections.extend((f"log of {name}", log) for name, log in logs)
    return report
