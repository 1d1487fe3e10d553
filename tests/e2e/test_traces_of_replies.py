"""What spans tell of a request to a model and of its reply: every client's dialect by every provider's, as a collector
sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.e2e.pairs import MODELS, SECRET, TOML
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import GatewayProcess, running
from tests.otlp_collector import Collector, Seen, collecting
from tests.providers import MockProcess

CLIENTS = tuple(MODELS)
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
HELLO: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "hello"}]},
    "responses": {"input": "hello", "store": False},
    "messages": {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1000},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}
LIMITS = {
    "chat": ("max_completion_tokens",),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
    "gemini": ("generationConfig", "maxOutputTokens"),
}
"""Where each dialect says how long an answer may be."""

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: dict[str, dict[str, Any]] = {
    "chat": {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]},
    "responses": {"tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}]},
    "messages": {"tools": [{"name": "weather", "input_schema": SCHEMA}]},
    "gemini": {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]},
}
IDS = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_", "gemini": ""}
"""What a provider's ids begin with."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

EVERY_CLIENT = pytest.mark.parametrize("client", CLIENTS)
WAYS = [(provider, stream) for provider in MODELS for stream in (False, True)]
"""Spans are gathered for a second: whatever a client can ask for is asked for before any of them is looked at."""

TRACED = """
[traces]
enabled  = true
endpoint = "{endpoint}"
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def traced(
    mock: MockProcess, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway before the mock in four dialects that traces everything."""
    toml = TOML.format(mock=mock.url, secret=SECRET) + TRACED.format(endpoint=collector.url)
    with running(tmp_path_factory.mktemp("replies"), toml) as gateway:
        yield gateway
        assert gateway.close() == 0, gateway.tail()


@dataclass(frozen=True)
class Said:
    """One request to a model, what came of it, and its trace."""

    trace: str
    provider: str
    stream: bool
    answer: Answer


class Talk:
    """Requests in any dialect, and their spans."""

    def __init__(self, gateway: GatewayProcess, collector: Collector) -> None:
        self._gateway, self._collector = gateway, collector

    async def say(
        self, client: str, model: str, *, path: str = "", headers: Mapping[str, str] = NOTHING, **more: Any
    ) -> Said:
        """The answer to a client of this dialect; `{tag}` in the name of the model is the id of the trace."""
        trace, stream = uuid4().hex, bool(more.pop("stream", False))
        model, body = model.replace("{tag}", trace), more if path else HELLO[client] | more
        if client == "gemini":
            method = "streamGenerateContent?alt=sse" if stream else "generateContent"
            path = f"/v1beta/models/{quote(model, safe='')}:{method}"
        else:
            path, body = path or PATHS[client], body | {"model": model, "stream": stream}
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", **headers}
        answer = await ask(self._gateway.port, request("POST", path, json.dumps(body).encode(), headers=headers))
        assert answer.status == 200, answer.body
        return Said(trace, model.partition("/")[0], stream, answer)

    def spans(self, said: Said) -> tuple[Seen, Seen]:
        """Of the exchange, and of its one attempt."""
        whole, attempt = self._collector.trace(said.trace, 2)
        return whole, attempt

    def last(self, said: Said) -> Seen:
        """Of the attempt that answered; there is one for each part of an answer that comes in several."""
        return self._collector.trace(said.trace, 1 + int(said.answer.header("x-sluicegate-attempts") or 0))[-1]

    def told(self, said: Said, name: str) -> Any:
        """What both of them say by this name."""
        whole, attempt = self.spans(said)
        assert whole.attributes.get(name) == attempt.attributes.get(name), said
        return whole.attributes.get(name)


@pytest.fixture
def talk(traced: GatewayProcess, collector: Collector) -> Talk:
    return Talk(traced, collector)


def limited(client: str, tokens: int) -> dict[str, Any]:
    """The member of a request that says how long its answer may be."""
    *outer, name = LIMITS[client]
    return {outer[0]: {name: tokens}} if outer else {name: tokens}


def limit_in(provider: str, body: dict[str, Any]) -> Any:
    """What a provider was told of that."""
    for name in LIMITS[provider]:
        body = body[name]
    return body


def id_in(client: str, answer: Answer) -> str:
    """The reply's id, as the client gets it."""
    text = answer.body.decode()
    first = json.loads(text) if text.startswith("{") else json.loads(text.partition("data: ")[2].partition("\n")[0])
    reply = first.get("response") or first.get("message") or first
    found: str = reply["responseId" if client == "gemini" else "id"]
    return found


@EVERY_CLIENT
async def test_each_pair_tells_what_was_asked_what_was_sent_and_how_it_ended(
    talk: Talk, mock: MockProcess, client: str
) -> None:
    for said in [
        await talk.say(
            client, f"{provider}/{MODELS[provider]};tag={{tag}};chunks=3", stream=stream, **limited(client, 321)
        )
        for provider, stream in WAYS
    ]:
        whole, attempt = talk.spans(said)
        (sent,) = mock.requests(said.trace)
        assert whole["gen_ai.request.max_tokens"] == 321
        assert attempt["gen_ai.request.max_tokens"] == limit_in(said.provider, json.loads(sent["body"]))
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["stop"], said
        assert talk.told(said, "gen_ai.response.id").startswith(IDS[said.provider])
        assert talk.told(said, "gen_ai.request.stream") is (said.stream or None)
        if client == said.provider:
            assert attempt["gen_ai.response.id"] == id_in(client, said.answer)


@EVERY_CLIENT
async def test_an_answer_that_met_its_limit_is_found_by_one_word(talk: Talk, client: str) -> None:
    for said in [
        await talk.say(client, f"{provider}/{MODELS[provider]};chunks=50", stream=stream, **limited(client, 20))
        for provider, stream in WAYS
    ]:
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["length"], said


@EVERY_CLIENT
async def test_an_answer_that_calls_for_tools_is_found_by_one_word(talk: Talk, client: str) -> None:
    for said in [
        await talk.say(client, f"{provider}/{MODELS[provider]};toolcall", stream=stream, **TOOLS[client])
        for provider, stream in WAYS
    ]:
        word = "stop" if said.provider == "gemini" else "tool_calls"  # Google has none for it
        assert talk.told(said, "gen_ai.response.finish_reasons") == [word], said


@EVERY_CLIENT
async def test_a_stream_that_broke_off_is_told_as_an_error_by_its_name(talk: Talk, client: str) -> None:
    for said in [
        await talk.say(client, f"{provider}/{MODELS[provider]};chunks=9;pace=1ms;cut=3", stream=True)
        for provider in MODELS
    ]:
        assert all(span.failed for span in talk.spans(said))
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["error"], said
        assert talk.told(said, "gen_ai.response.id").startswith(IDS[said.provider])


@EVERY_CLIENT
async def test_however_a_reply_comes_its_end_is_heard(talk: Talk, client: str) -> None:
    for said in [
        await talk.say(client, f"{client}/{MODELS[client]};chunks=3;{transport}", stream=stream)
        for transport in ("split", "byte", "crlf", "comments", "gzip", "usage=late")
        for stream in (False, True)
    ]:
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["stop"], said
        assert talk.told(said, "gen_ai.response.id") == id_in(client, said.answer)


EVERYTHING: dict[str, dict[str, Any]] = {
    "chat": {
        "temperature": 1,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 7,
        "n": 2,
        "stop": ["one", "two"],
        "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "hello, as JSON"}],
    },
    "responses": {
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_object"}},
        "input": "hello, as JSON",
    },
    "messages": {"temperature": 1, "top_k": 40, "stop_sequences": ["one", "two"], "max_tokens": 300},
    "gemini": {
        "generationConfig": {
            "temperature": 1,
            "topP": 0.9,
            "topK": 40,
            "seed": 7,
            "candidateCount": 2,
            "stopSequences": ["one", "two"],
            "maxOutputTokens": 300,
            "responseMimeType": "application/json",
            "thinkingConfig": {"thinkingLevel": "LOW"},
        }
    },
}
ASKED: dict[str, dict[str, Any]] = {
    "chat": {
        "request.temperature": 1.0,
        "request.top_p": 0.9,
        "request.frequency_penalty": 0.1,
        "request.presence_penalty": 0.2,
        "request.seed": 7,
        "request.choice.count": 2,
        "request.stop_sequences": ["one", "two"],
        "output.type": "json",
    },
    "responses": {"request.reasoning.level": "low", "output.type": "json"},
    "messages": {
        "request.temperature": 1.0,
        "request.top_k": 40,
        "request.stop_sequences": ["one", "two"],
        "request.max_tokens": 300,
    },
    "gemini": {
        "request.temperature": 1.0,
        "request.top_p": 0.9,
        "request.top_k": 40,
        "request.seed": 7,
        "request.choice.count": 2,
        "request.stop_sequences": ["one", "two"],
        "request.max_tokens": 300,
        "request.reasoning.level": "LOW",
        "output.type": "json",
    },
}


def asked(span: Seen) -> dict[str, Any]:
    """What it says of the request beside models."""
    words = {name.removeprefix("gen_ai."): value for name, value in span.attributes.items()}
    beside = ("request.model", "request.stream")
    return {
        name: value for name, value in words.items() if name.startswith(("request.", "output.")) and name not in beside
    }


@EVERY_CLIENT
async def test_all_that_a_dialect_can_ask_is_told(talk: Talk, client: str) -> None:
    model, count = f"{client}/{MODELS[client]};chunks=2", ASKED[client].get("request.choice.count", 1)
    for said in [await talk.say(client, model, stream=stream, **EVERYTHING[client]) for stream in (False, True)]:
        whole, attempt = talk.spans(said)
        assert asked(whole) == asked(attempt) == ASKED[client]
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["stop"] * count


async def test_an_attempt_tells_what_its_provider_was_asked_and_not_what_was_lost(talk: Talk) -> None:
    """Anthropic knows no seed, and must be told a limit."""
    whole, attempt = talk.spans(await talk.say("chat", f"messages/{MODELS['messages']}", seed=7, temperature=0.5))
    assert asked(whole) == {"request.seed": 7, "request.temperature": 0.5}
    told = asked(attempt)
    assert told.pop("request.max_tokens") > 0
    assert told == {"request.temperature": 0.5}
    assert whole["sluicegate.dropped"] == ["seed"]


async def test_gemini_s_other_kind_of_stream_and_an_answer_in_parts_are_heard(talk: Talk) -> None:
    for said in [
        await talk.say(client, f"gemini/{MODELS['gemini']};chunks=4;{kind}", stream=stream)
        for client, kind in (("gemini", "array"), ("chat", "array"), ("chat", "parts=2"))
        for stream in (False, True)
    ]:
        assert talk.last(said)["gen_ai.response.finish_reasons"] == ["stop"], said


async def test_text_completions_end_as_chats_do(talk: Talk) -> None:
    model = "chat/gpt-3.5-turbo-instruct;chunks=2"
    for said in [
        await talk.say("chat", model, stream=stream, path="/v1/completions", prompt="hello", max_tokens=20)
        for stream in (False, True)
    ]:
        assert talk.told(said, "gen_ai.operation.name") == "text_completion"
        assert talk.told(said, "gen_ai.response.finish_reasons") == ["stop"]
        assert talk.told(said, "gen_ai.response.id") == id_in("chat", said.answer)
        assert talk.told(said, "gen_ai.request.max_tokens") == 20


async def test_a_conversation_is_told_by_the_name_that_its_client_has_for_it(talk: Talk) -> None:
    said = await talk.say("chat", f"chat/{MODELS['chat']}", headers={"x-session-id": "talk-7"})
    assert talk.told(said, "gen_ai.conversation.id") == "talk-7"


async def test_what_goes_on_from_a_response_names_it(talk: Talk) -> None:
    model = f"responses/{MODELS['responses']}"
    before = (await talk.say("responses", model, store=True)).answer.json()["id"]
    said = await talk.say("responses", model, store=True, stream=True, previous_response_id=before)
    assert talk.told(said, "gen_ai.request.previous_response.id") == before


async def test_nothing_of_a_request_is_told_where_no_model_replies(talk: Talk) -> None:
    said = await talk.say("chat", "chat/text-embedding-3-small", path="/v1/embeddings", input="hello")
    for span in talk.spans(said):
        assert asked(span) == {}
        assert not [name for name in span.attributes if name.startswith("gen_ai.response.") and "model" not in name]
