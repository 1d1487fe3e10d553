"""Which endpoint a path asks for, and what its address says."""

from __future__ import annotations

import pytest

from gateway.api.address import query_key, read_address
from gateway.api.endpoints import BY_PATH, ENDPOINTS, GEMINI, Asked, find
from gateway.api.failures import dialect_of, write_refusal
from gateway.errors import InvalidKey, StateUnavailable, UnknownEndpoint


def test_every_path_that_names_no_model_is_found_by_itself() -> None:
    for endpoint in ENDPOINTS:
        if endpoint.format != GEMINI:
            assert find(endpoint.path) == Asked(endpoint)


@pytest.mark.parametrize("prefix", ["/v1", "/v1beta"])
@pytest.mark.parametrize("model", ["m", "a/b", "a:b", "a/b:c", "a b", "ü", "m;text=x:y", ":", "models/m"])
@pytest.mark.parametrize(
    "method", ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"]
)
def test_geminis_paths_name_a_model_and_what_is_asked_of_it(prefix: str, model: str, method: str) -> None:
    asked = find(f"{prefix}/models/{model}:{method}")
    assert asked == Asked(BY_PATH[f"/v1beta/models/{{model}}:{method}"], model)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/m:",
        "/v1/models/:generateContent",
        "/v1beta/models/m:predict",
        "/v1beta/models/m:generatecontent",
        "/v1beta/models/m:generateContent/",
        "/v1beta/models/m/generateContent",
        "/v2/models/m:generateContent",
        "/v1beta/models/{model}",
        "/v1beta/tunedModels/m:generateContent",
        "/v1/chat/completions/",
        "/v1/chat/completions:",
        "/V1/chat/completions",
        "",
        ":",
    ],
)
def test_everything_else_is_no_endpoint(path: str) -> None:
    assert find(path) is None


def address(path: str, query: bytes) -> tuple[str, str, bool]:
    asked = find(path)
    assert asked is not None
    return tuple(read_address(asked, query))  # type: ignore[return-value] # a tuple of just these


STREAM = "/v1beta/models/m:streamGenerateContent"


@pytest.mark.parametrize(
    ("query", "array"),
    [
        (b"alt=sse", False),
        (b"key=x&alt=sse", False),
        (b"alt=sse&key=x", False),
        (b"", True),
        (b"alt=json", True),
        (b"alt=", True),
        (b"alt", True),
        (b"\xff=\xfe&;", True),
    ],
)
def test_a_gemini_stream_is_events_only_where_the_query_says_so(query: bytes, array: bool) -> None:
    assert address(STREAM, query) == ("m", "", array)
    assert address("/v1/models/m:generateContent", query) == ("m", "", False)


@pytest.mark.parametrize(
    ("path", "query", "passed"),
    [
        ("/v1/messages", b"beta=true", "beta=true"),
        ("/v1/messages/count_tokens", b"x=1&beta=true", "beta=true"),
        ("/v1/messages", b"beta=false", ""),
        ("/v1/messages", b"alpha=beta=true", ""),
        ("/v1/messages", b"key=secret", ""),
        ("/v1/chat/completions", b"beta=true", ""),
        ("/v1/models/m:generateContent", b"beta=true&key=secret", ""),
    ],
)
def test_of_the_query_only_anthropics_beta_goes_to_the_provider(path: str, query: bytes, passed: str) -> None:
    assert address(path, query)[1] == passed


@pytest.mark.parametrize(
    ("query", "key"),
    [
        (b"key=sk-1", b"sk-1"),
        (b"alt=sse&key=sk%2D1", b"sk-1"),
        (b"key=", b""),
        (b"", b""),
        (b"monkey=sk-1", b""),
        (b"key=%ff", "\ufffd".encode("latin-1", "replace")),
    ],
)
def test_a_key_may_be_in_the_query(query: bytes, key: bytes) -> None:
    assert query_key(query) == key


# In whose words something is refused

X_GOOG = {b"x-goog-api-key": b"k"}
VERSION = {b"anthropic-version": b"2023-06-01"}


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        ("/v1beta/models", {}, "gemini"),
        ("/v1beta/nothing", VERSION, "gemini"),
        ("/v1/messages", {}, "anthropic"),
        ("/v1/messages/batches", {}, "anthropic"),
        ("/v1/responses/resp_1", {}, "openai_responses"),
        ("/v1/models", {}, "openai_chat"),
        ("/v1/models", X_GOOG, "gemini"),
        ("/v1/models/m", VERSION, "anthropic"),
        ("/v1/models", {**X_GOOG, **VERSION}, "anthropic"),
        ("/v1/chat/completions", X_GOOG, "openai_chat"),
        ("/v1/nothing", VERSION, "openai_chat"),
        ("/", {}, "openai_chat"),
    ],
)
def test_a_clients_dialect_is_guessed_from_its_path_then_its_headers(
    path: str, headers: dict[bytes, bytes], dialect: str
) -> None:
    assert dialect_of(path, headers).name == dialect


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ("/v1/messages/x", b'"type":"authentication_error"'),
        ("/v1/responses/x", b'"code":"invalid_api_key"'),
        ("/v1beta/x", b'"status":"UNAUTHENTICATED"'),
        ("/v1/x", b'"code":"invalid_api_key"'),
    ],
)
def test_a_refusal_has_the_shape_of_that_dialect(path: str, mark: bytes) -> None:
    status, body = write_refusal(InvalidKey("No."), path, {})
    assert status == 401
    assert mark in body


def test_a_refusal_keeps_its_status_where_the_dialect_has_no_other() -> None:
    for path in ("/v1/messages/x", "/v1/responses/x", "/v1beta/x", "/v1/x"):
        assert write_refusal(UnknownEndpoint("No."), path, {})[0] == 404
    assert write_refusal(StateUnavailable("No."), "/v1/responses/x", {})[0] == 503
