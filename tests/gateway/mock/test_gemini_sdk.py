"""The official client against the mock: if it is content, so are programs written with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.providers import MockProcess

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: list[Any] = [
    {"function_declarations": [{"name": "weather", "parameters_json_schema": SCHEMA}, {"name": "clock"}]}
]


@pytest.fixture(params=["v1", "v1beta"])
def client(mock: MockProcess, request: pytest.FixtureRequest) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=mock.url, api_version=request.param)
    with genai.Client(api_key="sk-test", http_options=options) as made:
        yield made


def test_an_answer_with_thoughts(client: genai.Client) -> None:
    config: Any = {"thinking_config": {"include_thoughts": True, "thinking_level": "LOW"}}
    answer = client.models.generate_content(model="gemini-3-pro;chunks=3", contents="Hi", config=config)
    assert answer.text == "Hello from the "
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.candidates_token_count, answer.usage_metadata.thoughts_token_count) == (3, 4)


def test_a_stream(client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model="gemini-2.5-pro;chunks=3;pace=1ms", contents="Hi"))
    assert "".join(chunk.text or "" for chunk in chunks) == "Hello from the "
    assert chunks[-1].candidates is not None
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_a_conversation_with_signatures_and_tools_goes_on(client: genai.Client) -> None:
    config: Any = {"tools": TOOLS}
    hello = types.Content(role="user", parts=[types.Part(text="Hi")])
    first = client.models.generate_content(model="gemini-3-pro;toolcall=2", contents=[hello], config=config)
    assert first.candidates is not None
    assert first.candidates[0].content is not None
    calls = first.function_calls or []
    results = [types.Part.from_function_response(name=call.name or "", response={"output": "ok"}) for call in calls]
    history: list[Any] = [hello, first.candidates[0].content, types.Content(role="user", parts=results)]
    second = client.models.generate_content(model="gemini-3-pro;echo", contents=history, config=config)
    assert second.text is not None
    assert '"results":["ok","ok"]' in second.text


def test_a_blocked_prompt_has_no_candidates(client: genai.Client) -> None:
    answer = client.models.generate_content(model="gemini-2.5-pro;blocked", contents="Hi")
    assert answer.candidates is None
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.SAFETY


def test_an_answer_in_json(client: genai.Client) -> None:
    config: Any = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}
    answer = client.models.generate_content(model="gemini-2.5-pro", contents="Hi", config=config)
    assert answer.parsed == {"city": "Zürich 🏔"}


def test_the_rest(client: genai.Client) -> None:
    assert client.models.count_tokens(model="gemini-2.5-pro", contents="Hi").total_tokens
    assert "models/gemini-2.5-pro" in [model.name for model in client.models.list(config={"page_size": 2})]
    assert client.models.get(model="gemini-2.5-pro").output_token_limit == 65536
    embeddings = client.models.embed_content(
        model="gemini-embedding-001", contents=["a", "b"], config={"output_dimensionality": 8}
    ).embeddings
    assert embeddings is not None
    assert [len(embedding.values or ()) for embedding in embeddings] == [8, 8]


def test_an_error_inside_a_stream_is_raised(client: genai.Client) -> None:
    with pytest.raises(errors.ServerError, match="internal error"):
        list(client.models.generate_content_stream(model="gemini-2.5-pro;errorevent=1", contents="Hi"))


@pytest.mark.parametrize(
    ("model", "code", "error"),
    [
        ("missing-model", 404, errors.ClientError),
        ("gemini;status=429;retry=7", 429, errors.ClientError),
        ("gemini;overloaded", 503, errors.ServerError),
    ],
)
def test_errors_are_those_of_google(client: genai.Client, model: str, code: int, error: type[errors.APIError]) -> None:
    with pytest.raises(error) as raised:
        client.models.generate_content(model=model, contents="Hi")
    assert raised.value.code == code
    with pytest.raises(error):
        list(client.models.generate_content_stream(model=model, contents="Hi"))
