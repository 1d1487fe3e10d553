"""What requests cost, in a whole gateway: by the operator's word, by the registry, and by what was fetched later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import httpx
import orjson
import pytest

from gateway import operator
from gateway.catalog.registry import bundled
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import until

SETTINGS = """
[[providers]]
id          = "unknown"
format      = "openai_chat"
base_url    = "{mock}/v1"

[[providers]]
id          = "deepseek"
base_url    = "{mock}/v1"

[[providers.credentials]]
name    = "first"
api_key = "{key}"

[[prices]]
model   = "mock/*"
input   = 1.0
output  = 5.0
request = 0.001
"""
REGISTRY = """
[registry]
refresh_hours = 0
"""


class PriceServer(ThreadingHTTPServer):
    """Serves the prices it has at the moment, under an ETag."""

    daemon_threads = True
    body = b"{}"
    asked: list[str | None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.asked = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api.json"


class _Answering(BaseHTTPRequestHandler):
    server: PriceServer

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["if-none-match"])
        self.send_response(200)
        self.send_header("etag", '"one"')
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture(scope="module")
def prices() -> Iterator[PriceServer]:
    server = PriceServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def gateway(
    mock: MockProcess, prices: PriceServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    toml = configuration(mock.url, SETTINGS.format(mock=mock.url, key="sk-provider-key-of-the-tests"))
    toml = toml.replace(REGISTRY, f'{REGISTRY}url = "{prices.url}"\n')
    assert prices.url in toml
    with running(tmp_path_factory.mktemp("costs"), toml, workers=2) as process:
        yield process.complete()


def ask(gateway: GatewayProcess, model: str, tag: str, *, status: int = 200) -> dict[str, Any]:
    """The usage record of one request."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {gateway.key}", "user-agent": tag}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, trust_env=False)
    assert answer.status_code == status, answer.text
    return gateway.record(tag)


def test_the_operators_price_is_the_first(gateway: GatewayProcess) -> None:
    record = ask(gateway, "mock/gpt-4o-mini", "overridden")
    assert (record["cost_source"], record["price"]) == ("priced", "override mock/*")
    assert record["input_tokens"] * record["output_tokens"] > 0
    assert record["cost_nano_usd"] == record["input_tokens"] * 1000 + record["output_tokens"] * 5000 + 1_000_000


def test_a_model_without_a_price_is_flagged_and_never_free(gateway: GatewayProcess) -> None:
    record = ask(gateway, "unknown/gpt-4o-mini", "priceless")
    assert (record["cost_source"], record["price"], record["cost_nano_usd"]) == ("unpriced", None, None)
    until(lambda: gateway.total("sluicegate_unpriced_requests_total", provider="unknown") == 1)


def test_what_costs_nothing_is_no_unpriced_request(gateway: GatewayProcess) -> None:
    record = ask(gateway, "unknown/gpt-4o-mini;status=400", "refused", status=400)
    assert (record["cost_source"], record["cost_nano_usd"]) == ("none", None)


def test_the_registry_knows_what_is_fetched_from_then_on(gateway: GatewayProcess, prices: PriceServer) -> None:
    first = ask(gateway, "deepseek/deepseek-chat", "bundled")
    price = bundled().price("deepseek", "deepseek-chat")
    assert price is not None
    assert first["price"] == f"models.dev deepseek/deepseek-chat of {bundled().date}"
    prices.body = orjson.dumps(whole(output=4 * price.rates.output))
    operator.tell(gateway.data_dir, "POST", "/api/jobs/refresh-prices/run")

    numbers = count()

    def renewed() -> dict[str, Any]:
        record = ask(gateway, "deepseek/deepseek-chat", f"fetched-{next(numbers)}-")
        return record if record["price"] != first["price"] else {}

    record = until(renewed, 10)
    assert prices.asked == [None]
    pico = record["input_tokens"] * price.rates.input + record["output_tokens"] * price.rates.output * 4
    assert record["cost_nano_usd"] == (pico + 500) // 1000
    assert (gateway.data_dir / "registry" / "models.dev").stat().st_mode & 0o077 == 0


def test_a_bad_list_changes_nothing_and_is_told(gateway: GatewayProcess, prices: PriceServer) -> None:
    prices.body = b"<html>"
    before = (gateway.data_dir / "registry" / "models.dev").read_bytes()
    operator.tell(gateway.data_dir, "POST", "/api/jobs/refresh-prices/run")
    until(lambda: "prices could not be fetched" in gateway.said(), 10)
    assert prices.asked[-1] == '"one"'
    assert (gateway.data_dir / "registry" / "models.dev").read_bytes() == before
    assert ask(gateway, "deepseek/deepseek-chat", "afterwards")["cost_source"] == "priced"


def whole(*, output: int) -> dict[str, Any]:
    """All that is bundled, in the shape of models.dev, with another price of `deepseek-chat`: pico-USD a token."""
    document = {
        place: {"models": {name: model(place, name) for name in bundled().models(place)}} for place in bundled().lists()
    }
    document["deepseek"]["models"]["deepseek-chat"]["cost"]["output"] = output / 1_000_000
    return document


def model(place: str, name: str) -> dict[str, Any]:
    price = bundled().price(place, name)
    if price is None:
        return {}
    return {"cost": {"input": price.rates.input / 1_000_000, "output": price.rates.output / 1_000_000}}
