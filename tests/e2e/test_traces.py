"""Traces of a running gateway, as a collector and a provider see them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from gateway import __version__
from tests.e2e.wire import CHAT, Answer, ask, chat_body, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.otlp_collector import Collector, Seen, collecting
from tests.providers import MockProcess
from tests.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
NOTHING: Mapping[str, str] = MappingProxyType({})

CANARY = "canary-of-the-collector"

MORE = """
[[providers.credentials]]
name    = "second"
api_key = "sk-the-second-of-the-tests"

[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0

[traces]
enabled  = true
endpoint = "{endpoint}"
headers  = "authorization=Bearer {canary}"
{traces}
"""


def toml(mock: MockProcess, collector: Collector, traces: str = "") -> str:
    return configuration(mock.url, MORE.format(endpoint=collector.url, canary=CANARY, traces=traces))


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def traced(
    mock: MockProcess, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway that traces everything."""
    with running(tmp_path_factory.mktemp("traced"), toml(mock, collector)) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


async def send(
    gateway: GatewayProcess, model: str, *, headers: Mapping[str, str] = NOTHING, agent: str = "", **more: Any
) -> Answer:
    body = chat_body(model, **more)
    return await ask(gateway.port, request("POST", CHAT, body, headers=headers, user_agent=agent or "test"))


def told(mock: MockProcess, tag: str) -> list[dict[str, str]]:
    """The headers of the requests that the provider got."""
    return [{name.lower(): value for name, value in seen["headers"]} for seen in mock.requests(tag)]


def span_in(headers: Mapping[str, str]) -> str:
    """Whose span a provider was told of."""
    said = headers.get("traceparent")
    return "nobody's" if said is None else "the client's" if SPAN in said else "ours"


def whole_of(collector: Collector, answer: Answer) -> Seen:
    """The gateway's own span of an exchange."""
    return collector.spans(1, sluicegate__request_id=answer.header("x-sluicegate-request-id"))[0]


async def test_an_exchange_is_one_trace_from_the_client_to_the_provider(
    traced: GatewayProcess, collector: Collector, mock: MockProcess, tag: str
) -> None:
    began = time.time()
    sent = {"traceparent": PARENT, "tracestate": "vendor=said"}
    answer = await send(traced, f"gpt-4o;tag={tag};first=100ms;usage=cached", headers=sent, stream=True)
    assert answer.status == 200
    ended = time.time()
    whole, attempt = collector.trace(TRACE, 2)

    assert (whole.parent, whole.is_remote, whole.state, whole.failed) == (SPAN, True, "vendor=said", False)
    assert (attempt.parent, attempt.is_remote, attempt.state, attempt.failed) == (whole.id, False, "vendor=said", False)
    (headers,) = told(mock, tag)
    assert headers["traceparent"] == f"00-{TRACE}-{attempt.id}-01"
    assert headers["tracestate"] == "vendor=said"
    assert began - 0.01 <= whole.began <= attempt.began <= attempt.ended <= whole.ended <= ended + 0.01
    assert attempt.ended - attempt.began >= 0.1
    assert attempt.began + 0.1 <= attempt.events["response_head"] <= whole.events["first_token"] <= whole.ended
    assert whole.name == f"chat mock/gpt-4o;tag={tag};first=100ms;usage=cached"
    assert whole["http.response.status_code"] == attempt["http.response.status_code"] == 200
    assert whole["gen_ai.operation.name"] == attempt["gen_ai.operation.name"] == "chat"
    assert attempt["gen_ai.usage.input_tokens"] == whole["sluicegate.input_tokens"] > 0
    assert attempt["gen_ai.usage.cache_read.input_tokens"] > 0
    assert attempt["gen_ai.response.time_to_first_chunk"] >= 0.1
    assert (attempt["server.address"], attempt["server.port"]) == ("127.0.0.1", mock.port)
    assert (whole["sluicegate.key"], whole["sluicegate.credential"]) == ("tester", attempt["sluicegate.credential"])
    assert whole["sluicegate.cost_usd"] > 0
    assert 0 < whole["sluicegate.overhead_seconds"] < 0.1
    assert (whole.resource["service.name"], whole.resource["service.version"]) == ("sluicegate", __version__)


async def test_the_record_and_the_log_name_the_trace(traced: GatewayProcess, collector: Collector, tag: str) -> None:
    answer = await send(traced, f"gpt-4o;tag={tag}", agent=tag)
    whole = whole_of(collector, answer)
    assert (whole.parent, whole.is_remote) == ("", False)
    line = until(lambda: re.search(rf'^.*"user_agent":"{tag}".*$', traced.said(), re.MULTILINE))
    assert line is not None
    assert json.loads(line[0])["trace_id"] == whole.trace
    assert traced.record(tag)["trace_id"] == whole.trace


async def test_each_attempt_has_its_span_and_the_provider_hears_which(
    traced: GatewayProcess, collector: Collector, mock: MockProcess, tag: str
) -> None:
    answer = await send(traced, f"gpt-4o;tag={tag};status=429;times=1")
    assert (answer.status, answer.header("x-sluicegate-attempts")) == (200, "2")
    trace = whole_of(collector, answer).trace
    whole, first, second = collector.trace(trace, 3)
    assert [each["traceparent"] for each in told(mock, tag)] == [f"00-{trace}-{one.id}-01" for one in (first, second)]
    assert first.parent == second.parent == whole.id
    assert (first.failed, second.failed, whole.failed) == (True, False, False)
    assert first["error.type"] == "upstream_status_429"
    assert first["sluicegate.verdict"] == "next_credential"
    assert {first["sluicegate.credential"], second["sluicegate.credential"]} == {"first", "second"}
    assert second["http.request.resend_count"] == 1
    assert first.ended <= second.began
    assert "gen_ai.usage.input_tokens" not in first.attributes
    assert whole["sluicegate.attempts"] == 2


async def test_what_is_refused_before_a_provider_is_known_is_told_too(
    traced: GatewayProcess, collector: Collector
) -> None:
    answer = await ask(traced.port, request("POST", CHAT, chat_body("gpt-4o"), key="sk-nobodys-key"))
    assert answer.status == 401
    whole = whole_of(collector, answer)
    assert (whole.name, whole.kind, whole["error.type"]) == ("chat", "server", "invalid_key")
    assert len(collector.trace(whole.trace, 1)) == 1


@pytest.mark.parametrize("said", ["nonsense", PARENT.upper(), f"00-{'0' * 32}-{SPAN}-01"])
async def test_a_context_that_is_wrong_begins_a_new_trace(
    traced: GatewayProcess, collector: Collector, mock: MockProcess, tag: str, said: str
) -> None:
    answer = await send(traced, f"gpt-4o;tag={tag}", headers={"traceparent": said, "tracestate": "a=b"})
    whole = whole_of(collector, answer)
    assert (whole.parent, whole.state) == ("", "")
    (headers,) = told(mock, tag)
    assert headers["traceparent"].startswith(f"00-{whole.trace}-")
    assert "tracestate" not in headers


async def test_a_client_that_does_not_sample_leaves_no_spans_and_the_provider_hears_so(
    traced: GatewayProcess, collector: Collector, mock: MockProcess, tag: str
) -> None:
    trace = f"{tag}"
    answer = await send(traced, f"gpt-4o;tag={tag}", headers={"traceparent": f"00-{trace}-{SPAN}-00"}, agent=tag)
    assert answer.status == 200
    (headers,) = told(mock, tag)
    assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-00", headers["traceparent"])
    assert SPAN not in headers["traceparent"]
    assert traced.record(tag)["trace_id"] == trace, "the record says it all the same"
    whole_of(collector, await send(traced, "gpt-4o"))
    assert not [span for span in collector.taken if span.trace == trace]


async def test_no_secret_is_in_a_span(traced: GatewayProcess, collector: Collector, tag: str) -> None:
    answer = await send(traced, f"gpt-4o;tag={tag};status=401;tattle")
    whole_of(collector, answer)
    assert collector.headers[-1]["authorization"] == f"Bearer {CANARY}"
    everything = b"".join(collector.bodies)
    for secret in (traced.key, "sk-provider-key", "sk-the-second", CANARY, "Hello"):
        assert secret.encode() not in everything
    assert CANARY not in traced.said()


async def test_traces_can_be_switched_while_it_runs(
    mock: MockProcess, collector: Collector, tmp_path: Path, tag: str
) -> None:
    off = configuration(mock.url)
    with running(tmp_path, off) as gateway, collecting() as other:
        headers = {"traceparent": PARENT, "tracestate": "a=b"}
        await send(gateway, f"gpt-4o;tag={tag}-off", headers=headers, agent=f"agent-{tag}")
        (passed,) = told(mock, f"{tag}-off")
        assert (passed["traceparent"], passed["tracestate"]) == (PARENT, "a=b"), "as it came"

        async def heard(said: str, told_of: str) -> dict[str, str]:
            """What the provider hears once these settings hold."""
            gateway.reload(said)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                name = f"{tag}-{time.monotonic_ns()}"
                assert (await send(gateway, f"gpt-4o;tag={name}", headers=headers)).status == 200
                (got,) = told(mock, name)
                if told_of == span_in(got):
                    return got
            raise AssertionError("the settings do not hold")

        ours = await heard(toml(mock, other), "ours")
        assert ours["tracestate"] == "a=b"
        assert {span.parent for span in other.trace(TRACE, 2)} > {SPAN}
        assert "tracestate" not in await heard(toml(mock, other, 'pass_on = "never"'), "nobody's")
        await heard(off, "the client's")
        gateway.complete()
        assert gateway.record(f"agent-{tag}")["trace_id"] == TRACE
        assert gateway.close() == 0, gateway.tail()


TRUSTED = """
[[providers]]
id              = "{name}"
format          = "{name}"
base_url        = "{url}"
forward_headers = ["Baggage"]
"""


@pytest.mark.parametrize(
    ("enabled", "pass_on", "crosses"),
    [("false", "always", True), ("true", "sampled", True), ("true", "never", False), ("false", "never", False)],
)
async def test_baggage_goes_to_nobody_but_those_who_are_named_for_it(
    mock: MockProcess, collector: Collector, tmp_path: Path, tag: str, enabled: str, pass_on: str, crosses: bool
) -> None:
    """Also where its client's words are translated; and to nobody at all where nobody is to be told."""
    own = {"openai_chat": f"{mock.url}/v1", "anthropic": mock.url}
    said = "".join(TRUSTED.format(name=name, url=url) for name, url in own.items())
    said += f'[traces]\nenabled = {enabled}\npass_on = "{pass_on}"\nendpoint = "{collector.url}"\n'
    with running(tmp_path, configuration(mock.url, said)) as gateway:
        headers = {"traceparent": PARENT, "baggage": "user.id=7,tenant=acme"}
        got = {}
        for provider in ("mock", *own):
            name = f"{provider}/claude-sonnet-4-5;tag={tag}-{provider}"
            assert (await send(gateway, name, headers=headers, max_tokens=5)).status == 200
            (got[provider],) = told(mock, f"{tag}-{provider}")
        assert "baggage" not in got["mock"], "nobody has said that it may know"
        assert [got[name].get("baggage") for name in own] == [headers["baggage"] if crosses else None] * 2
        assert [("traceparent" in each) for each in got.values()] == [crosses] * 3
        assert gateway.close() == 0, gateway.tail()


async def test_a_collector_that_is_away_or_slow_makes_nobody_wait_and_losses_are_counted(
    mock: MockProcess, tmp_path: Path
) -> None:
    with collecting() as there, running(tmp_path, toml(mock, there, "timeout_seconds = 0.5")) as gateway:
        there.answering.clear()
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert (await send(gateway, "gpt-4o;chunks=1")).status == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[10] < 0.4, "less than the collector is given"
        until(lambda: "the collector of spans is away" in gateway.said())
        assert gateway.total("sluicegate_trace_spans_dropped_total") == 0
        there.statuses = [500]
        there.answering.set()
        until(lambda: gateway.total("sluicegate_trace_spans_dropped_total") == 40, 10)
        assert "spans are lost" in gateway.said()
        assert gateway.close() == 0, gateway.tail()


async def test_the_last_spans_are_sent_before_it_ends(mock: MockProcess, tmp_path: Path) -> None:
    with collecting() as there, running(tmp_path, toml(mock, there)) as gateway:
        answer = await send(gateway, "gpt-4o;chunks=1")
        assert gateway.close() == 0, gateway.tail()
        whole_of(there, answer)


def test_without_the_library_it_says_what_to_install(
    mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hidden.parent))
    with collecting() as there, pytest.raises(AssertionError, match="it ended with"):
        GatewayProcess(tmp_path, toml(mock, there))
    assert "pip install 'sluicegate[otel]'" in (tmp_path / "gateway.log").read_text(encoding="utf-8")
