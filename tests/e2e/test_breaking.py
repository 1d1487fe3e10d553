"""A provider that breaks: before the first byte another is tried, or the client gets a status; after it, one event."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import openai
import pytest

from tests.e2e.wire import CHAT, Answer, Cut, ask, chat, content, dialled, events, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


class Break(NamedTuple):
    """What a provider does instead of answering, what the client hears, and what the record says."""

    script: str
    status: int
    kind: str
    code: str | None = ""
    """`error.code`; empty where it is the kind."""


SILENT = 0.25
"""Seconds of silence after which a provider counts as dead here."""

WITHOUT_AN_ANSWER = (
    Break("reset=0", 502, "upstream_closed"),
    Break("garbage", 502, "upstream_malformed"),
    Break("first=10s", 504, "upstream_timeout"),
    Break("bighead=100KiB", 502, "upstream_malformed"),
    Break("html", 502, "upstream_status_502", "upstream_error"),
    Break("html;status=503;retry=3", 503, "upstream_status_503", "overloaded"),
    Break("status=404", 404, "upstream_status_404", "model_not_found"),
    Break("status=408", 408, "upstream_status_408", None),
    Break("status=429;retry=3", 429, "upstream_status_429", "rate_limit_exceeded"),
    Break("quota", 429, "upstream_status_429", "insufficient_quota"),
    Break("status=500", 500, "upstream_status_500", None),
    Break("status=503;retry=3", 503, "upstream_status_503", None),
    Break("status=529", 529, "upstream_status_529", None),
    Break("status=401", 502, "upstream_rejected_credential"),
    Break("status=403", 502, "upstream_rejected_credential"),
    Break("status=307", 502, "upstream_malformed"),
    Break("empty", 502, "upstream_malformed"),
    Break("cut=0", 502, "upstream_closed"),
    Break("think=10s", 504, "upstream_timeout"),
)
"""Plain or streamed, nothing of an answer has come."""

TRIED_AGAIN = {"reset=0", "html", "status=408", "status=529", "cut=0", "cut=1", "reset=1", "cut=1;chunked"}
"""What may pass by itself is tried again where there is nobody else to ask, as often as anything is."""

WITHIN_A_PLAIN_ANSWER = (
    Break("cut=1", 502, "upstream_closed"),
    Break("reset=1", 502, "upstream_closed"),
    Break("stall=1", 504, "upstream_timeout"),
    Break("cut=1;chunked", 502, "upstream_closed"),
)

IN_PLACE_OF_A_STREAM = (Break("errorevent=0", 502, "upstream_server", "upstream_error"),)
"""An event stream that begins with an error: nothing of it went out, so it is none."""

WITHIN_A_STREAM = (
    Break("cut=2", 200, "upstream_closed"),
    Break("cut=2;eof", 200, "upstream_closed"),
    Break("cut=2;gzip", 200, "upstream_closed"),
    Break("cut=2;split", 200, "upstream_closed"),
    Break("reset=2", 200, "upstream_closed"),
    Break("stall=2", 200, "upstream_timeout"),
    Break("stall=2;crlf;pace=1ms", 200, "upstream_timeout"),
)

WRONG_REQUESTS = ("status=400", "status=409", "status=413", "status=422")

BEFORE = [
    *((each, stream) for each in WITHOUT_AN_ANSWER for stream in (False, True)),
    *((each, False) for each in WITHIN_A_PLAIN_ANSWER),
    *((each, True) for each in IN_PLACE_OF_A_STREAM),
]

SETTINGS = f"""
[stream]
idle_timeout_seconds = {SILENT}

[upstream]
first_byte_timeout_seconds = {SILENT}
idle_timeout_seconds       = {SILENT}

[[providers]]
id       = "pool"
format   = "openai_chat"
base_url = "{{mock}}/v1"
strategy = "fill_first"
credentials = [
    {{{{ name = "wrong",   api_key = "sk-wrong-secret-of-the-pool" }}}},
    {{{{ name = "limited", api_key = "sk-limited-secret-of-the-pool" }}}},
    {{{{ name = "broken",  api_key = "sk-broken-secret-of-the-pool" }}}},
    {{{{ name = "good",    api_key = "sk-good-secret-of-the-pool" }}}},
]

[[providers]]
id       = "wrong"
format   = "openai_chat"
base_url = "{{mock}}/v1"
credentials = [
    {{{{ name = "one", api_key = "sk-wrong-secret-number-one" }}}},
    {{{{ name = "two", api_key = "sk-wrong-secret-number-two" }}}},
]

[[providers]]
id       = "dead"
format   = "openai_chat"
base_url = "http://127.0.0.1:{{dead}}/v1"

[[providers]]
id       = "gossip"
format   = "openai_chat"
base_url = "http://127.0.0.1:{{gossip}}/v1"
credentials = [{{{{ name = "only", api_key = "sk-secret-that-is-repeated" }}}}]

[[combos]]
name    = "dead-then-well"
targets = ["dead/model", "mock/gpt-4o-mini;chunks=3"]

[[combos]]
name    = "all-dead"
targets = ["dead/model", "mock/gpt-4o-mini;reset=0"]
"""

COMBO = """
[[combos]]
name    = "{name}"
targets = ["mock/gpt-4o-mini;{script};tag={name}", "mock/gpt-4o-mini;chunks=3;tag={name}"]
"""


def shown(value: object) -> str:
    """A parameter, for the name of a test."""
    return value.script if isinstance(value, Break) else "stream" if value else "plain"


def combo_name(script: str) -> str:
    """The combo whose first target breaks like this and whose second is well."""
    return "combo-" + script.replace(";", "-").replace("=", "-")


class Gossip(BaseHTTPRequestHandler):
    """A provider that repeats our secret in its errors."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = f"You sent {self.headers['authorization']}, that is wrong."
        body = json.dumps({"error": {"message": message, "type": "x", "param": None, "code": None}}).encode()
        self.send_response(int(asked["model"].rpartition("-")[2]))
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("www-authenticate", f'Bearer realm="{self.headers["authorization"]}"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name
        """Nothing."""


@pytest.fixture(scope="module")
def gossip() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gossip)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def breaking(mock: MockProcess, gossip: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that is short of patience, with providers that fail in many ways."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Nobody listens, and nobody else can have the port.
        settings = SETTINGS.format(mock=mock.url, dead=taken.getsockname()[1], gossip=gossip)
        scripts = {each.script for each, _ in BEFORE}.union(WRONG_REQUESTS)
        combos = "".join(COMBO.format(name=combo_name(script), script=script) for script in sorted(scripts))
        toml = configuration(mock.url, settings + combos)
        with running(tmp_path_factory.mktemp("breaking"), toml) as gateway:
            yield gateway
            assert gateway.close() == 0


def check_error(answer: Answer, expected: Break) -> None:
    """The client hears the right thing, in OpenAI's shape, and learns what was tried."""
    assert answer.status == expected.status, answer
    assert answer.header("content-type") == "application/json"
    assert answer.error["message"]
    assert answer.error["code"] == (expected.kind if expected.code == "" else expected.code)
    assert answer.header("x-sluicegate-attempts") == ("4" if expected.script in TRIED_AGAIN else "1")
    assert answer.header("x-sluicegate-provider") == "mock"
    waiting = "1" if expected.status in (429, 503, 529) else None
    assert answer.header("retry-after") == ("3" if "retry=3" in expected.script else waiting)
    assert answer.header("x-should-retry") == ("false" if expected.script == "quota" else None)


@pytest.mark.parametrize(("expected", "stream"), BEFORE, ids=shown)
async def test_before_the_first_byte_a_failure_has_a_status(
    breaking: GatewayProcess, tag: str, expected: Break, stream: bool
) -> None:
    async with dialled(breaking.port) as wire:
        check_error(await wire.ask(chat(f"gpt-4o-mini;{expected.script};tag={tag}", stream=stream)), expected)
        assert (await wire.ask(chat("gpt-4o-mini"))).status == 200
    record = breaking.record(tag)
    assert (record["status"], record["error"]) == (expected.status, expected.kind)
    (error,) = {attempt["error"] for attempt in record["attempts"]}
    rejected = expected.kind == "upstream_rejected_credential"
    assert error == (f"upstream_{expected.script.replace('=', '_')}" if rejected else expected.kind)


@pytest.mark.parametrize(("expected", "stream"), BEFORE, ids=shown)
async def test_before_the_first_byte_the_next_target_is_tried(
    breaking: GatewayProcess, mock: MockProcess, expected: Break, stream: bool
) -> None:
    name = combo_name(expected.script)
    before = len(mock.requests(name))
    answer = await ask(breaking.port, request("POST", CHAT, json.dumps(
        {"model": name, "messages": HELLO, "stream": stream}
    ).encode(), user_agent=f"{name}-{stream}"))  # fmt: skip
    assert answer.status == 200, answer
    said = content(answer.body) if stream else answer.json()["choices"][0]["message"]["content"]
    assert said == "Hello from the "
    assert answer.header("x-sluicegate-attempts") == "2"
    assert len(mock.requests(name)) == before + 2
    record = breaking.record(f"{name}-{stream}")
    assert (record["status"], record["error"]) == (200, None)
    assert [attempt["error"] is None for attempt in record["attempts"]] == [False, True]


@pytest.mark.parametrize("expected", WITHIN_A_STREAM, ids=shown)
async def test_after_the_first_byte_a_stream_ends_with_one_error_event(
    breaking: GatewayProcess, mock: MockProcess, tag: str, expected: Break
) -> None:
    async with dialled(breaking.port) as wire:
        answer = await wire.ask(chat(f"gpt-4o-mini;{expected.script};tag={tag}", stream=True))
        assert (await wire.ask(chat("gpt-4o-mini"))).status == 200
    assert answer.status == 200
    assert b"[DONE]" not in answer.body
    *said, last = events(answer.body)
    error = json.loads(last)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"]) == (expected.kind, "server_error")
    assert not any(b'"error"' in data for data in said)
    assert content(answer.body) == "Hello from "
    assert len(mock.requests(tag)) == 1
    record = breaking.record(tag)
    assert (record["status"], record["error"], record["stream"]) == (200, expected.kind, True)
    assert [attempt["error"] for attempt in record["attempts"]] == [expected.kind]
    assert record["response_bytes"] == len(answer.body)


async def test_an_error_event_behind_content_is_passed_on_and_is_the_end(breaking: GatewayProcess, tag: str) -> None:
    answer = await ask(breaking.port, chat(f"gpt-4o-mini;errorevent=2;tag={tag}", stream=True))
    last = json.loads(events(answer.body)[-1])
    assert "had an error" in last["error"]["message"]
    assert answer.body.count(b'"error"') == 1
    assert b"[DONE]" not in answer.body
    assert breaking.record(tag)["error"] == "upstream_error_event"


@pytest.mark.parametrize("script", ["cut=2", "reset=2", "stall=2", "errorevent=2"])
def test_the_official_client_raises(breaking: GatewayProcess, script: str) -> None:
    with openai.OpenAI(base_url=f"{breaking.url}/v1", api_key=breaking.key, max_retries=0) as client:
        stream = client.chat.completions.create(model=f"mock/gpt-4o-mini;{script}", messages=HELLO, stream=True)
        said = ""
        with pytest.raises(openai.APIError):  # noqa: PT012 # what came before the error counts too
            for chunk in stream:
                said += chunk.choices[0].delta.content or ""
        assert said == "Hello from "


@pytest.mark.parametrize("script", ["cut=3", "reset=3", "stall=3"])
async def test_what_is_no_event_stream_stays_visibly_unfinished(
    breaking: GatewayProcess, tag: str, script: str
) -> None:
    body = {"model": f"mock/tts-1;chunks=9;size=5000;{script};tag={tag}", "input": "x", "voice": "alloy"}
    with pytest.raises(Cut) as cut:
        await ask(breaking.port, request("POST", "/v1/audio/speech", json.dumps(body).encode()))
    assert len(cut.value.received) == 15_000
    record = breaking.record(tag)
    assert (record["status"], record["response_bytes"]) == (200, 15_000)
    assert record["error"] == ("upstream_timeout" if "stall" in script else "upstream_closed")


async def test_a_long_answer_with_a_length_that_breaks_stays_visibly_unfinished(
    breaking: GatewayProcess, tag: str
) -> None:
    with pytest.raises(Cut) as cut:
        await ask(breaking.port, chat(f"gpt-4o-mini;huge={4 * 2**20};cut=1;tag={tag}"))
    assert len(cut.value.received) > 2**20
    assert breaking.record(tag)["error"] == "upstream_closed"


@pytest.mark.parametrize("script", WRONG_REQUESTS)
async def test_a_wrong_request_is_not_tried_elsewhere(breaking: GatewayProcess, mock: MockProcess, script: str) -> None:
    name = combo_name(script)
    body = json.dumps({"model": name, "messages": HELLO}).encode()
    answer = await ask(breaking.port, request("POST", CHAT, body))
    assert answer.status == int(script.removeprefix("status="))
    assert answer.header("x-sluicegate-attempts") == "1"
    assert len(mock.requests(name)) == 1


async def test_a_pool_is_gone_through_until_a_credential_is_welcome(breaking: GatewayProcess, tag: str) -> None:
    answer = await ask(breaking.port, chat(f"pool/gpt-4o-mini;tag={tag}"))
    assert answer.status == 200
    assert answer.header("x-sluicegate-credential") == "good"
    assert answer.header("x-sluicegate-attempts") == "4"
    tried = [(attempt["credential"], attempt["error"]) for attempt in breaking.record(tag)["attempts"]]
    assert tried == [
        ("wrong", "upstream_status_401"),
        ("limited", "upstream_status_429"),
        ("broken", "upstream_status_500"),
        ("good", None),
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_when_no_credential_is_welcome_it_is_not_the_client_s_fault(
    breaking: GatewayProcess, tag: str, stream: bool
) -> None:
    answer = await ask(breaking.port, chat(f"wrong/gpt-4o-mini;tag={tag}", stream=stream))
    assert (answer.status, answer.error["code"]) == (502, "upstream_rejected_credential")
    assert b"secret" not in answer.body
    assert answer.header("x-sluicegate-attempts") == "2"
    assert breaking.record(tag)["error"] == "upstream_rejected_credential"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unreachable_provider_is_passed_over(breaking: GatewayProcess, stream: bool) -> None:
    body = json.dumps({"model": "dead-then-well", "messages": HELLO, "stream": stream}).encode()
    answer = await ask(breaking.port, request("POST", CHAT, body))
    assert answer.status == 200
    assert answer.header("x-sluicegate-provider") == "mock"
    assert answer.header("x-sluicegate-attempts") == "2"


async def test_when_all_are_dead_the_last_failure_is_the_answer(breaking: GatewayProcess) -> None:
    body = json.dumps({"model": "all-dead", "messages": HELLO}).encode()
    answer = await ask(breaking.port, request("POST", CHAT, body))
    assert (answer.status, answer.error["code"]) == (502, "upstream_closed")
    alone = await ask(breaking.port, chat("dead/x"))
    assert (alone.status, alone.error["code"]) == (502, "upstream_unreachable")
    record = breaking.records("all-dead")[0]
    assert [attempt["error"] for attempt in record["attempts"]] == ["upstream_unreachable", *["upstream_closed"] * 3]
    assert record["error"] == "upstream_closed"


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_provider_that_repeats_our_secret_does_not_give_it_away(breaking: GatewayProcess, status: int) -> None:
    answer = await ask(breaking.port, chat(f"gossip/model-{status}"))
    assert answer.status == (502 if status == 401 else status)
    assert b"secret" not in answer.body
    assert "secret" not in str(answer.headers)
    assert "sk-secret" not in breaking.said()


def test_nothing_secret_is_in_the_log(breaking: GatewayProcess) -> None:
    """Last in this file: after everything that went wrong."""
    said = breaking.said()
    assert "secret" not in said
    assert breaking.key not in said
    assert "Traceback" not in said
