"""Keys in addresses (T44): taken on Gemini's paths alone, refused where a browser would keep them, and never kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.api.endpoints import ENDPOINTS
from tests.e2e.pairs import MODELS, SECRET
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

IN_ADDRESS = "sk-of-somebody-who-puts-it-in-addresses"
API_TOKEN = "slg-api-" + "x" * 43

MORE = f"""
[[client_keys]]
name = "careless"
key  = "{IN_ADDRESS}"

[[providers]]
id       = "gemini"
format   = "gemini"
base_url = "{{mock}}"

[[providers.credentials]]
name    = "only"
api_key = "{SECRET}"
"""

BODY = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}).encode()

OTHERS = sorted(endpoint.path for endpoint in ENDPOINTS if endpoint.format != "gemini")
NAMES = ("key", "api_key", "apikey", "api-key", "access_token")


@pytest.fixture(scope="module")
def keyed(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway; at its end nothing that it wrote has the key in it."""
    directory = tmp_path_factory.mktemp("keyed")
    with running(directory, configuration(mock.url, MORE.format(mock=mock.url))) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()
    assert not [path for path in written(directory) if IN_ADDRESS.encode() in path.read_bytes()]


def written(directory: Path) -> list[Path]:
    """Every file but the configuration: log, spool, databases."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert {"gateway.log", "usage.duckdb"} <= {path.name for path in files}
    return files


async def post(gateway: GatewayProcess, target: str, agent: str = "") -> Answer:
    return await ask(gateway.port, request("POST", target, BODY, key=None, user_agent=agent))


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1"])
@pytest.mark.parametrize("method", ["generateContent", "countTokens"])
async def test_geminis_paths_take_a_key_and_keep_it_to_themselves(
    keyed: GatewayProcess, mock: MockProcess, tag: str, prefix: str, method: str
) -> None:
    target = f"{prefix}/models/gemini/{MODELS['gemini']};tag={tag}:{method}?key={IN_ADDRESS}"
    assert (await post(keyed, target, tag)).status == 200
    (seen,) = mock.requests(tag)
    assert IN_ADDRESS not in json.dumps(seen)
    record = keyed.record(tag)
    assert record["key"] == "careless"
    assert IN_ADDRESS not in json.dumps(record)
    assert IN_ADDRESS not in keyed.said()


@pytest.mark.parametrize("path", OTHERS)
async def test_elsewhere_a_key_in_the_address_is_no_key(keyed: GatewayProcess, path: str) -> None:
    for target in (f"{path}?key={IN_ADDRESS}", f"{path}?x-goog-api-key={IN_ADDRESS}&access_token={IN_ADDRESS}"):
        answer = await post(keyed, target)
        assert answer.status == 401, answer
        assert IN_ADDRESS.encode() not in answer.body


@pytest.mark.parametrize("path", ["/v1/responses/resp_x", "/v1/responses/resp_x/input_items", "/api/me", "/api/usage"])
async def test_nor_is_it_where_things_are_read(keyed: GatewayProcess, path: str) -> None:
    answer = await ask(keyed.port, request("GET", f"{path}?key={IN_ADDRESS}", key=None))
    assert answer.status in (400, 401)
    assert IN_ADDRESS.encode() not in answer.body


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/nothing", "/api/usage", "/api/health", "/login"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_page_or_the_api_asked_with_a_key_in_the_address_says_so(
    keyed: GatewayProcess, path: str, name: str
) -> None:
    for secret in (IN_ADDRESS, API_TOKEN):
        answer = await ask(keyed.port, request("GET", f"{path}?a=b&{name}={secret}"))
        assert answer.status == 400
        assert b"invalid_request" in answer.body
        assert b"does not belong in an address" in answer.body
        assert secret.encode() not in answer.body


async def test_a_name_in_the_same_place_is_a_name(keyed: GatewayProcess) -> None:
    answer = await ask(keyed.port, request("GET", "/api/usage?key=tester"))
    assert answer.status == 200, answer
