"""What we refuse ourselves, as the official SDK of every client raises it; and what a translation leaves out: named in
a header and in the usage record, or refused where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types as google

from tests.e2e.failing import Caller, Heard, calling, model_of, provider
from tests.e2e.pairs import MODELS, PAIRS
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

STRICT_KEY = "sk-strict-key-of-the-tests"
NARROW_KEY = "sk-narrow-key-of-the-tests"
MOST_BYTES = 100_000

SETTINGS = f"""
[usage]
segment_seconds = 0.02

[server]
max_body_bytes = {MOST_BYTES}

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"

[[client_keys]]
name   = "strict"
key    = "{STRICT_KEY}"
strict = true

[[client_keys]]
name   = "narrow"
key    = "{NARROW_KEY}"
models = ["nothing/*"]
"""

every_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
every_client = pytest.mark.parametrize("client", list(MODELS))
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
crossings = pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] != pair[1]], ids="-".join)


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The mock in four dialects, for a key that may lose something, and for one that may not."""
    toml = SETTINGS + "".join(provider(name, mock.url, "a-secret") for name in MODELS)
    with running(tmp_path_factory.mktemp("refusals"), toml) as process:
        yield process.complete()
        assert process.close() == 0, process.tail()


@pytest.fixture(scope="module")
def callers(gateway: GatewayProcess) -> Iterator[dict[str, Caller]]:
    with calling(gateway.url, gateway.key) as made:
        yield made


@pytest.fixture(scope="module")
def strict(gateway: GatewayProcess) -> Iterator[dict[str, Caller]]:
    with calling(gateway.url, STRICT_KEY) as made:
        yield made


# What we refuse ourselves

RAISED: dict[str, dict[int, str]] = {
    "chat": {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
             413: "APIStatusError"},
    "messages": {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError",
                 404: "NotFoundError", 413: "ContentTooLargeError"},
    "gemini": dict.fromkeys((400, 401, 403, 404, 413), "ClientError"),
}  # fmt: skip
RAISED["responses"] = RAISED["chat"]
"""The exception of each status."""

INVALID = "invalid_request_error"

SAID: dict[str, dict[int, dict[str, Any]]] = {
    "chat": {
        400: {"type": INVALID},
        401: {"type": INVALID, "code": "invalid_api_key"},
        403: {"type": "permission_error", "code": "model_not_allowed"},
        404: {"type": INVALID, "code": "model_not_found"},
        413: {"type": INVALID, "code": "request_too_large"},
    },
    "messages": {
        400: {"type": INVALID},
        401: {"type": "authentication_error"},
        403: {"type": "permission_error"},
        404: {"type": "not_found_error"},
        413: {"type": INVALID},
    },
    "gemini": {
        400: {"status": "INVALID_ARGUMENT"},
        401: {"status": "UNAUTHENTICATED"},
        403: {"status": "PERMISSION_DENIED"},
        404: {"status": "NOT_FOUND"},
        413: {"status": "INVALID_ARGUMENT"},
    },
}
SAID["responses"] = SAID["chat"]
"""And what its error object says."""


def check(heard: Heard, client: str, status: int) -> None:
    """It is an error of ours, told once."""
    assert heard.raised is not None, heard
    assert (heard.kind, heard.status) == (RAISED[client][status], status), heard
    assert {name: heard.error.get(name) for name in SAID[client][status]} == SAID[client][status]
    assert client != "gemini" or heard.error["code"] == status
    assert heard.headers["x-sluicegate-request-id"]
    assert "x-sluicegate-attempts" not in heard.headers


@every_client
@both_ways
@pytest.mark.parametrize("key", ["sk-nobody-s", "sk-wrong"])
def test_a_key_nobody_knows(gateway: GatewayProcess, client: str, key: str, stream: bool) -> None:
    with calling(gateway.url, key) as strangers:
        heard = strangers[client].ask(model_of("chat"), stream=stream)
    check(heard, client, 401)
    assert key not in f"{heard.raised} {heard.headers}"


@every_client
@both_ways
def test_a_model_that_the_key_may_not_use(gateway: GatewayProcess, client: str, stream: bool) -> None:
    with calling(gateway.url, NARROW_KEY) as narrow:
        check(narrow[client].ask(model_of("chat"), stream=stream), client, 403)


@every_client
@both_ways
@pytest.mark.parametrize("model", ["nowhere/gpt-4o-mini", "nothing-like-it"])
def test_a_model_nobody_serves(callers: dict[str, Caller], client: str, model: str, stream: bool) -> None:
    heard = callers[client].ask(model, stream=stream)
    check(heard, client, 404)
    assert model in heard.message


LONG = "long " * (MOST_BYTES // 4)
LONGER: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": LONG}]},
    "responses": {"input": LONG},
    "messages": {"messages": [{"role": "user", "content": LONG}]},
    "gemini": {"contents": LONG},
}


@every_client
@both_ways
def test_a_request_that_is_too_large(callers: dict[str, Caller], client: str, stream: bool) -> None:
    check(callers[client].ask(model_of("chat"), stream=stream, **LONGER[client]), client, 413)


MISTAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "chat": ({"temperature": "warm"}, "temperature"),
    "responses": ({"temperature": "warm"}, "temperature"),
    "messages": ({"extra_body": {"temperature": "warm"}}, "temperature"),
    "gemini": (
        {"http_options": google.HttpOptions(extra_body={"generationConfig": {"temperature": "warm"}})},
        "generationConfig.temperature",
    ),
}
"""A request with a field of the wrong type, and the field."""


@crossings
@both_ways
def test_a_field_of_the_wrong_type(callers: dict[str, Caller], pair: tuple[str, str], stream: bool) -> None:
    more, field = MISTAKEN[pair[0]]
    heard = callers[pair[0]].ask(model_of(pair[1]), stream=stream, **more)
    check(heard, pair[0], 400)
    assert field in named(heard, pair[0])


def named(heard: Heard, client: str) -> str:
    """Where a dialect names the field that is wrong."""
    if client in ("chat", "responses"):
        return heard.error["param"] or ""
    if client == "messages":
        return heard.message  # it has no place of its own
    return str(heard.error["details"][0]["fieldViolations"][0]["field"])


# What is left out

SAFETY = google.SafetySetting(
    category=google.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=google.HarmBlockThreshold.BLOCK_NONE
)

WISHES: dict[str, dict[str, Any]] = {
    "chat": {"logit_bias": {"50": 1}, "seed": 5},
    "responses": {"truncation": "auto", "metadata": {"a": "b"}},
    "messages": {"stop_sequences": ["1", "2", "3", "4", "5"], "metadata": {"user_id": "somebody"}},
    "gemini": {"safety_settings": [SAFETY], "seed": 5},
}
"""Fields that not every provider has."""

LOST = {
    ("chat", "responses"): {"logit_bias", "seed"},
    ("chat", "messages"): {"logit_bias", "seed"},
    ("chat", "gemini"): {"logit_bias"},
    ("responses", "chat"): {"truncation"},
    ("responses", "messages"): {"truncation", "metadata"},
    ("responses", "gemini"): {"truncation", "metadata"},
    ("messages", "chat"): {"stop_sequences"},
    ("messages", "responses"): {"stop_sequences"},
    ("messages", "gemini"): {"metadata.user_id"},
    ("gemini", "chat"): {"safetySettings"},
    ("gemini", "responses"): {"safetySettings", "generationConfig.seed"},
    ("gemini", "messages"): {"safetySettings", "generationConfig.seed"},
}
"""Which of them a provider never hears of. In one's own dialect all are heard."""


@every_pair
@both_ways
def test_what_is_left_out_is_named_in_a_header_and_in_the_usage_record(
    gateway: GatewayProcess, callers: dict[str, Caller], pair: tuple[str, str], stream: bool, tag: str
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], f";text=fine;tag={tag}"), stream=stream, **WISHES[pair[0]])
    assert (heard.raised, heard.text) == (None, "fine")
    lost = LOST.get(pair, set())
    said = heard.headers.get("x-sluicegate-dropped")
    assert set((said or "").split(",")) == (lost or {""})
    assert (said is None) == (not lost)
    assert set(gateway.record(tag)["dropped"]) == lost


@every_pair
def test_nothing_is_named_where_nothing_is_left_out(
    gateway: GatewayProcess, callers: dict[str, Caller], pair: tuple[str, str], tag: str
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], f";tag={tag}"))
    assert heard.raised is None
    assert "x-sluicegate-dropped" not in heard.headers
    assert gateway.record(tag)["dropped"] == []


@crossings
@both_ways
@pytest.mark.parametrize("how", ["key", "header"])
def test_who_is_strict_is_told_the_field_instead(
    gateway: GatewayProcess, mock: MockProcess, callers: dict[str, Caller], strict: dict[str, Caller],
    pair: tuple[str, str], stream: bool, how: str, tag: str,
) -> None:  # fmt: skip
    caller, headers = (strict[pair[0]], {}) if how == "key" else (callers[pair[0]], {"x-sluicegate-strict": "1"})
    heard = caller.ask(model_of(pair[1], f";tag={tag}"), stream=stream, headers=headers, **WISHES[pair[0]])
    check(heard, pair[0], 400)
    assert [field for field in LOST[pair] if field in named(heard, pair[0])]
    assert pair[0] not in ("chat", "responses") or heard.error["code"] == "unsupported_parameter"
    record = gateway.record(tag)
    assert (record["status"], record["error"], record["attempts"]) == (400, "unsupported_parameter", [])
    assert mock.requests(tag) == []


@every_pair
def test_who_is_strict_and_loses_nothing_is_answered(strict: dict[str, Caller], pair: tuple[str, str]) -> None:
    more = WISHES[pair[0]] if pair not in LOST else {}
    heard = strict[pair[0]].ask(model_of(pair[1], ";text=fine"), **more)
    assert (heard.raised, heard.text) == (None, "fine")


def test_what_is_got_another_way_is_named_as_such_and_no_loss(strict: dict[str, Caller]) -> None:
    wish: dict[str, Any] = {
        "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "JSON, please"}],
    }
    heard = strict["chat"].ask(model_of("messages", ";text=fine"), **wish)
    assert (heard.raised, heard.headers["x-sluicegate-dropped"]) == (None, "response_format (emulated)")
