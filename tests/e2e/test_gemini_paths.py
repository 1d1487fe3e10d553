"""Gemini's addresses: both prefixes, colons as clients write them, keys where they put them, both kinds of stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.e2e.pairs import MODELS
from tests.e2e.pairs import crossing as crossing  # noqa: PLC0414 # a fixture
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

BODY = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
TEXT = "one two three four"
SCRIPT = f";chunks=4;text={quote(TEXT)}"

every_provider = pytest.mark.parametrize("provider", MODELS)
both_prefixes = pytest.mark.parametrize("prefix", ["/v1", "/v1beta"])


def model_of(provider: str, script: str = "") -> str:
    return f"{provider}/{MODELS[provider]}{script}"


def post(
    gateway: GatewayProcess, target: str, body: Any = BODY, headers: dict[str, str] | None = None
) -> httpx.Response:
    """The answer to a body at a path and a query, both as they stand in a URL."""
    keyed = {"x-goog-api-key": gateway.key} if headers is None else headers
    return httpx.post(gateway.url + target, json=body, headers=keyed, timeout=20, trust_env=False)


def text_of(*answers: Any) -> str:
    """What the candidates of answers say."""
    parts = [part for answer in answers for each in answer["candidates"] for part in each["content"]["parts"]]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def events_of(answer: httpx.Response) -> list[Any]:
    """The objects of an event stream, which must be nothing but `data` lines."""
    blocks = answer.text.removesuffix("\n\n").split("\n\n")
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks), answer.text
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


# Where


@every_provider
@both_prefixes
@pytest.mark.parametrize("colon", [":", "%3A", "%3a"])
@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_a_colon_and_a_slash_may_be_escaped(
    crossing: GatewayProcess, provider: str, prefix: str, colon: str, slash: str
) -> None:
    model = quote(model_of(provider, SCRIPT), safe=";=").replace("%2F", slash)
    answer = post(crossing, f"{prefix}/models/{model}{colon}generateContent")
    assert answer.status_code == 200, answer.text
    assert text_of(answer.json()).strip() == TEXT
    counted = post(crossing, f"{prefix}/models/{model}{colon}countTokens")
    assert counted.json()["totalTokens"] > 0


@both_prefixes
@pytest.mark.parametrize("model", ["some:thing", "a/b:c"])
def test_a_model_may_have_a_colon_of_its_own(
    crossing: GatewayProcess, mock: MockProcess, tag: str, prefix: str, model: str
) -> None:
    answer = post(crossing, f"{prefix}/models/chat/{model};tag={tag}:generateContent")
    assert answer.status_code == 200, answer.text
    (asked,) = mock.requests(tag)
    assert json.loads(asked["body"])["model"] == f"{model};tag={tag}"


@both_prefixes
def test_what_nobody_serves_is_said_in_googles_words(crossing: GatewayProcess, prefix: str) -> None:
    unknown = post(crossing, f"{prefix}/models/nobody/knows:generateContent")
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
    strange = post(crossing, f"{prefix}/models/{model_of('chat')}:predictLongRunning")
    assert strange.status_code in (404, 405)
    if prefix == "/v1beta":
        assert strange.json()["error"]["status"]
    got = httpx.get(
        f"{crossing.url}{prefix}/models/{model_of('chat')}:generateContent",
        headers={"x-goog-api-key": crossing.key},
        trust_env=False,
    )
    assert (got.status_code, got.headers["allow"]) == (405, "POST, OPTIONS")


# Who


@both_prefixes
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent", "countTokens"])
@pytest.mark.parametrize("where", ["x-goog-api-key", "query", "authorization", "x-api-key"])
def test_the_key_may_be_in_four_places(crossing: GatewayProcess, prefix: str, method: str, where: str) -> None:
    target = f"{prefix}/models/{model_of('gemini')}:{method}"
    query = where == "query"
    value = f"Bearer {crossing.key}" if where == "authorization" else crossing.key
    answer = post(
        crossing, f"{target}?key={crossing.key}" if query else target, headers={} if query else {where: value}
    )
    assert answer.status_code == 200, answer.text


@both_prefixes
@pytest.mark.parametrize("target", ["?key=sk-nobody", "?key=", ""])
def test_without_a_key_that_is_known_nothing_is_answered(crossing: GatewayProcess, prefix: str, target: str) -> None:
    answer = post(crossing, f"{prefix}/models/{model_of('gemini')}:generateContent{target}", headers={})
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert "sk-nobody" not in answer.text


@every_provider
def test_a_key_in_the_query_goes_no_further(
    crossing: GatewayProcess, mock: MockProcess, provider: str, tag: str
) -> None:
    model = model_of(provider, f";tag={tag}")
    assert post(crossing, f"/v1beta/models/{model}:generateContent?key={crossing.key}", headers={}).status_code == 200
    (asked,) = mock.requests(tag)
    assert crossing.key not in f"{asked['path']} {asked['headers']}"
    assert crossing.key not in crossing.said()


# How


@every_provider
@both_prefixes
def test_with_alt_sse_a_stream_is_events(crossing: GatewayProcess, provider: str, prefix: str) -> None:
    answer = post(crossing, f"{prefix}/models/{model_of(provider, SCRIPT)}:streamGenerateContent?alt=sse")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer)
    assert text_of(*events).strip() == TEXT
    assert len(events) > 2
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


@every_provider
@both_prefixes
@pytest.mark.parametrize("query", ["", "?alt=json", "?alt="])
def test_without_it_a_stream_is_one_json_array(
    crossing: GatewayProcess, provider: str, prefix: str, query: str
) -> None:
    answer = post(crossing, f"{prefix}/models/{model_of(provider, SCRIPT)}:streamGenerateContent{query}")
    assert answer.headers["content-type"].startswith("application/json")
    said = answer.json()
    assert isinstance(said, list)
    assert len(said) > 2
    assert text_of(*said).strip() == TEXT


@every_provider
@pytest.mark.parametrize("query", ["", "?alt=sse"])
@pytest.mark.parametrize("script", [";cut=2", ";errorevent=2"])
def test_a_stream_that_breaks_ends_with_an_error(
    crossing: GatewayProcess, provider: str, query: str, script: str
) -> None:
    answer = post(crossing, f"/v1beta/models/{model_of(provider, script)}:streamGenerateContent{query}")
    assert answer.status_code == 200
    said = answer.json() if not query else events_of(answer)
    assert next(iter(said[-1])) == "error", said[-1]
    assert {"code", "message", "status"} <= set(said[-1]["error"])
    assert text_of(*said[:-1]), "what came before it is there"


@every_provider
@pytest.mark.parametrize("query", ["", "?alt=sse"])
def test_a_stream_that_never_began_is_an_error_with_a_status(
    crossing: GatewayProcess, provider: str, query: str
) -> None:
    answer = post(crossing, f"/v1beta/models/{model_of(provider, ';status=429')}:streamGenerateContent{query}")
    assert answer.status_code == 429
    error = answer.json()
    error = error[0] if isinstance(error, list) else error
    assert (error["error"]["code"], error["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert int(answer.headers["retry-after"]) >= 1


# With Google's own client


@pytest.fixture(params=["v1", "v1beta", None])
def google(crossing: GatewayProcess, request: pytest.FixtureRequest) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=crossing.url, api_version=request.param)
    client = genai.Client(api_key=crossing.key, http_options=options)
    yield client
    client.close()


@every_provider
def test_googles_client_speaks_to_every_provider(google: genai.Client, provider: str) -> None:
    model = model_of(provider, SCRIPT)
    assert (google.models.generate_content(model=model, contents="hello").text or "").strip() == TEXT
    pieces = list(google.models.generate_content_stream(model=model, contents="hello"))
    assert "".join(piece.text or "" for piece in pieces).strip() == TEXT
    assert google.models.count_tokens(model=model, contents="hello").total_tokens


def test_embeddings_pass_to_a_provider_of_its_own_kind(google: genai.Client) -> None:
    answer = google.models.embed_content(model="gemini/gemini-embedding-001", contents=["a", "b"])
    assert len(answer.embeddings or ()) == 2
    assert all(each.values for each in answer.embeddings or ())


@pytest.mark.parametrize("provider", [each for each in MODELS if each != "gemini"])
def test_embeddings_are_not_translated_and_that_is_said(google: genai.Client, provider: str) -> None:
    with pytest.raises(errors.APIError) as refused:
        google.models.embed_content(model=model_of(provider), contents="a")
    assert (refused.value.code, refused.value.status) == (501, "UNIMPLEMENTED")
