"""Clouds at their own addresses: tokens of service accounts, signatures, paths and framings of their own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from gateway import operator
from gateway.settings.instants import read_instant
from tests.bedrock_server import BEARER, KEY_ID, SECRET, BedrockServer, bedrock, exception, usual
from tests.bedrock_server import Asked as AskedOfBedrock
from tests.e2e.clouds import Asked, Reply, World, streamed, told, world
from tests.e2e.wire import CHAT, HELLO, Answer, ask, content, events, request
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.google_token_server import TokenServer, key_file, token_server

TOKENS = "oauth2.googleapis.com"
GEMINI = "europe-west1-aiplatform.googleapis.com"
CLAUDE = "aiplatform.googleapis.com"
AZURE = "my-resource.openai.azure.com"
BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"

MESSAGES = "/v1/messages"
TO_CLAUDE = {"max_tokens": 50, "messages": HELLO}

CONFIGURATION = f"""
[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"

[[providers]]
id        = "vertex"
variables = {{ project = "a-project", location = "europe-west1" }}

[[providers.credentials]]
name    = "account"
api_key = '''{{account}}'''

[[providers]]
id        = "vertex-anthropic"
variables = {{ project = "a-project" }}

[[providers.credentials]]
name    = "account"
api_key = '''{{account}}'''

[[providers]]
id        = "azure"
variables = {{ resource = "my-resource" }}

[[providers.credentials]]
name    = "main"
api_key = "azure-secret"

[[providers]]
id        = "bedrock"
variables = {{ region = "us-east-1" }}

[[providers.credentials]]
name    = "keys"
api_key = "{KEY_ID}:{SECRET}"

[[providers.credentials]]
name     = "bearer"
api_key  = "{BEARER}"
priority = -1
"""

IMPATIENT = """
import gateway.credentials.tokens

gateway.credentials.tokens.YOUNG_US = 0  # otherwise a token that is refused is renewed once it is half a minute old
"""


class Sky(NamedTuple):
    """A gateway and its clouds."""

    gateway: GatewayProcess
    world: World
    tokens: TokenServer
    bedrock: BedrockServer

    async def ask(self, path: str, fields: dict[str, Any], **headers: str) -> Answer:
        return await ask(self.gateway.port, request("POST", path, json.dumps(fields).encode(), headers=headers))


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sky]:
    directory = tmp_path_factory.mktemp("sky")
    (directory / "sitecustomize.py").write_text(IMPATIENT)
    with world() as (earth, elsewhere), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(directory))
        tokens, aws = elsewhere.enter(token_server()), elsewhere.enter(bedrock())
        tokens.known_as = f"https://{TOKENS}/token"
        earth.ports |= {TOKENS: tokens.port, BEDROCK: aws.port}
        toml = earth.settings(directory) + CONFIGURATION.replace("{account}", key_file(token_uri=tokens.known_as))
        with running(directory, toml) as gateway:
            yield Sky(gateway, earth, tokens, aws)
            assert gateway.close() == 0, gateway.tail()


def said(answer: Answer, path: str, *, stream: bool) -> str:
    """The text of an answer at this path."""
    if path == CHAT:
        return content(answer.body) if stream else str(answer.json()["choices"][0]["message"]["content"])
    if not stream:
        return str(answer.json()["content"][0]["text"])
    deltas = (json.loads(event).get("delta", {}) for event in events(answer.body))
    return "".join(delta.get("text", "") for delta in deltas)


# Google


def gemini(asked: Asked, tokens: list[str]) -> Reply:
    """What Gemini says to whoever shows one of these tokens."""
    if asked.headers.get("authorization") not in [f"Bearer {token}" for token in tokens]:
        shown = asked.headers.get("authorization", "nothing")
        return told({"error": {"code": 401, "message": f"Not {shown}.", "status": "UNAUTHENTICATED"}}, 401)
    reply = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Grüße"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    }
    return streamed(reply, done=False) if "streamGenerateContent" in asked.target else told(reply)


async def test_a_token_serves_all_who_wait_and_is_renewed_when_it_is_refused(sky: Sky) -> None:
    sky.world.answers[GEMINI] = lambda asked: gemini(asked, sky.tokens.issued)
    asked = {"model": "vertex/gemini-2.5-flash", "messages": HELLO}
    before = sky.tokens.asked
    answers = await asyncio.gather(*(sky.ask(CHAT, asked) for _ in range(50)))
    assert [each.status for each in answers] == [200] * 50, answers[0].body
    assert {each.json()["choices"][0]["message"]["content"] for each in answers} == {"Grüße"}
    assert sky.tokens.asked == before + 1, "a token was asked for more than once, or not by this test"
    standing = operator.ask(sky.gateway.complete().data_dir, "/api/credentials/vertex/account/standing", {})
    lasts = read_instant(standing["token_until"]) / 1e6 - time.time()
    assert 3000 < lasts <= 3600, "people see when it ends"

    sent = len(sky.world.of(GEMINI))
    sky.world.answers[GEMINI] = lambda asked: gemini(asked, sky.tokens.issued[before + 1 :])
    answer = await sky.ask(CHAT, asked)
    assert (answer.status, sky.tokens.asked) == (200, before + 2), answer.body
    assert len(sky.world.of(GEMINI)) == sent + 2, "the request went out once more, with another token"
    assert (await sky.ask(CHAT, asked)).status == 200
    assert sky.tokens.asked == before + 2


async def test_a_token_that_is_repeated_is_not_shown(sky: Sky) -> None:
    def repeated(asked: Asked) -> Reply:
        token = asked.headers["authorization"].removeprefix("Bearer ")
        return told({"error": {"message": f"Bad: {token}"}}, 400)

    sky.world.answers[GEMINI] = repeated
    answer = await sky.ask(CHAT, {"model": "vertex/gemini-2.5-flash", "messages": HELLO})
    assert (answer.status, answer.error["message"]) == (400, "Bad: ***")


async def test_gemini_is_asked_where_vertex_has_it(sky: Sky) -> None:
    sky.world.answers[GEMINI] = lambda asked: gemini(asked, sky.tokens.issued)
    place = "/v1/projects/a-project/locations/europe-west1/publishers/google/models/gemini-2.5-flash"
    turn = {"parts": [{"text": "Hello"}]}
    answer = await sky.ask("/v1beta/models/vertex/gemini-2.5-flash:generateContent", {"contents": [turn]})
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "Grüße"}]
    asked = sky.world.of(GEMINI)[-1]
    assert asked.target == f"{place}:generateContent"
    assert asked.fields == {"contents": [{**turn, "role": "user"}]}, "Vertex wants roles"
    assert "x-goog-api-key" not in asked.headers

    whole = b'{ "contents": [{"role":"user","parts":[{"text":"Hello"}]}] }'
    path = "/v1beta/models/vertex/gemini-2.5-flash:streamGenerateContent?alt=sse"
    answer = await ask(sky.gateway.port, request("POST", path, whole))
    assert json.loads(events(answer.body)[0])["usageMetadata"]["totalTokenCount"] == 5
    asked = sky.world.of(GEMINI)[-1]
    assert (asked.target, asked.body) == (f"{place}:streamGenerateContent?alt=sse", whole), "bytes pass as they came"


def claude(asked: Asked) -> Reply:
    """What Claude says at Google, where neither path nor body may name the model twice."""
    fields = asked.fields
    if asked.target.endswith("count-tokens:rawPredict"):
        return told({"input_tokens": 11 if fields["model"] == "claude-sonnet-4-5@20250929" else 0})
    if fields.get("anthropic_version") != "vertex-2023-10-16" or "model" in fields:
        return told({"type": "error", "error": {"type": "invalid_request_error", "message": str(fields)}}, 400)
    usage = {"input_tokens": 9, "output_tokens": 4}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn"}
    if not asked.target.endswith("streamRawPredict"):
        return told({**message, "content": [{"type": "text", "text": "Grüße"}], "usage": usage})
    return streamed(
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüße"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
        done=False,
    )


CLAUDE_AT_VERTEX = "/v1/projects/a-project/locations/global/publishers/anthropic/models/"


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_at_vertex_is_asked_in_its_own_words(sky: Sky, stream: bool) -> None:
    sky.world.answers[CLAUDE] = claude
    asked = {"model": "vertex-anthropic/claude-sonnet-4-5@20250929", "stream": stream, **TO_CLAUDE}
    answer = await sky.ask(MESSAGES, asked, **{"anthropic-beta": "one-2025"})
    assert answer.status == 200, answer.body
    assert said(answer, MESSAGES, stream=stream) == "Grüße"
    assert answer.body.count(b'"vertex-anthropic/claude-sonnet-4-5@20250929"') == 1, "the client's name of the model"
    sent = sky.world.of(CLAUDE)[-1]
    method = "streamRawPredict" if stream else "rawPredict"
    assert sent.target == f"{CLAUDE_AT_VERTEX}claude-sonnet-4-5@20250929:{method}"
    assert sent.headers["anthropic-beta"] == "one-2025"


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_at_vertex_is_asked_by_chat(sky: Sky, stream: bool) -> None:
    sky.world.answers[CLAUDE] = claude
    answer = await sky.ask(
        CHAT, {"model": "vertex-anthropic/claude-sonnet-4-5@20250929", "stream": stream, "messages": HELLO}
    )
    assert said(answer, CHAT, stream=stream) == "Grüße"


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/responses/input_tokens"])
async def test_claude_at_vertex_counts_where_counts_are_made(sky: Sky, path: str) -> None:
    sky.world.answers[CLAUDE] = claude
    asked = {"messages": HELLO} if "messages" in path else {"input": "Hello"}
    answer = await sky.ask(path, {"model": "vertex-anthropic/claude-sonnet-4-5@20250929", **asked})
    assert (answer.status, answer.json()["input_tokens"]) == (200, 11), answer.body
    assert answer.header("x-sluicegate-token-count") is None, "an estimate"
    sent = sky.world.of(CLAUDE)[-1]
    assert sent.target == f"{CLAUDE_AT_VERTEX}count-tokens:rawPredict"
    assert sent.fields["anthropic_version"] == "vertex-2023-10-16"


# Azure


async def test_azure_is_asked_for_a_deployment(sky: Sky) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    sky.world.answers[AZURE] = lambda _: told({"id": "1", "object": "chat.completion", "choices": [choice]})
    answer = await sky.ask(CHAT, {"model": "azure/my deployment", "messages": HELLO})
    assert answer.status == 200, answer.body
    answer = await sky.ask(MESSAGES, {"model": "azure/my deployment", **TO_CLAUDE})
    assert answer.json()["content"][0]["text"] == "Hello"
    for asked in sky.world.of(AZURE)[-2:]:
        assert asked.target == "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"
        assert asked.headers["api-key"] == "azure-secret"
        assert "authorization" not in asked.headers


# Amazon


@pytest.fixture
def aws(sky: Sky) -> Iterator[BedrockServer]:
    sky.bedrock.asked.clear()
    yield sky.bedrock
    sky.bedrock.answer = usual


ARN = "arn:aws:bedrock:us-east-1:1:inference-profile/us.claude-x"


@pytest.mark.parametrize("model", ["anthropic.claude-x-v1:0", ARN])
@pytest.mark.parametrize("path", [MESSAGES, CHAT])
@pytest.mark.parametrize("stream", [False, True])
async def test_bedrock_is_asked_with_a_signature(
    sky: Sky, aws: BedrockServer, model: str, path: str, stream: bool
) -> None:
    fields = {"model": f"bedrock/{model}", "stream": stream, **TO_CLAUDE}
    answer = await sky.ask(path, fields, **{"anthropic-beta": "one-2025,two-2025"})
    assert answer.status == 200, answer.body
    assert answer.header("x-sluicegate-credential") == "keys"
    assert "Grüße" in said(answer, path, stream=stream)
    (asked,) = aws.asked
    assert not asked.refusal
    assert asked.model == model
    assert asked.target.endswith("/invoke-with-response-stream" if stream else "/invoke")
    sent = json.loads(asked.body)
    assert sent["anthropic_version"] == "bedrock-2023-05-31"
    assert not {"model", "stream"} & sent.keys()
    assert sent.get("anthropic_beta") == (["one-2025", "two-2025"] if path == MESSAGES else None)
    assert "anthropic-beta" not in asked.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_where_aws_throttles_the_next_credential_is_asked(sky: Sky, aws: BedrockServer, stream: bool) -> None:
    def throttled(asked: AskedOfBedrock) -> Any:
        if asked.headers["authorization"] == f"Bearer {BEARER}":
            return usual(asked)
        status, headers, _ = usual(asked)
        if stream:
            return status, headers, exception("throttlingException", message="Too many tokens, please wait.")
        error = {"content-type": "application/json", "x-amzn-errortype": "ThrottlingException"}
        return 429, error, b'{"message":"Too many tokens, please wait."}'

    aws.answer = throttled
    answer = await sky.ask(MESSAGES, {"model": "bedrock/anthropic.claude-x-v1:0", "stream": stream, **TO_CLAUDE})
    assert answer.status == 200, answer.body
    assert (answer.header("x-sluicegate-credential"), answer.header("x-sluicegate-attempts")) == ("bearer", "2")
    assert b"Too many" not in answer.body
    assert len(aws.asked) == 2
    assert not [each.refusal for each in aws.asked if each.refusal]


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/responses/input_tokens"])
async def test_where_bedrock_counts_no_tokens_we_do(sky: Sky, aws: BedrockServer, path: str) -> None:
    asked = {"messages": HELLO} if "messages" in path else {"input": "Hello"}
    answer = await sky.ask(path, {"model": "bedrock/anthropic.claude-x-v1:0", **asked})
    assert (answer.status, answer.header("x-sluicegate-token-count")) == (200, "estimate"), answer.body
    assert not aws.asked


async def test_parts_of_aws_keys_are_not_shown(sky: Sky, aws: BedrockServer) -> None:
    words = json.dumps({"message": f"What is {SECRET}?"}).encode()
    aws.answer = lambda _: (400, {"content-type": "application/json", "x-amzn-errortype": "ValidationException"}, words)
    answer = await sky.ask(MESSAGES, {"model": "bedrock/anthropic.claude-x-v1:0", **TO_CLAUDE})
    assert answer.status == 400
    assert b"What is ***" in answer.body
