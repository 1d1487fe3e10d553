"""Every kind of error of every provider, as the official SDK of every client raises it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.e2e.failing import Caller, Heard, calling, model_of, provider
from tests.e2e.pairs import MODELS, PAIRS
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

SECRET = "hush/0123456789+of=the.provider"
"""A credential that looks like none: no pattern finds it."""

WRONG = "sk-wrong-0123456789-of-the-provider"

SETTINGS = f"""
[usage]
segment_seconds = 0.1

[upstream]
first_byte_timeout_seconds = 1

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

every_pair = pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The mock in four dialects, each with a credential it likes and, under another name, with one it refuses."""
    tables = [provider(name, mock.url, SECRET) for name in MODELS]
    tables += [provider(name, mock.url, WRONG, called=f"{name}-wrong") for name in MODELS]
    with running(tmp_path_factory.mktemp("errors"), SETTINGS + "".join(tables)) as process:
        yield process.complete()
        assert process.close() == 0, process.tail()


@pytest.fixture(scope="module")
def callers(gateway: GatewayProcess) -> Iterator[dict[str, Caller]]:
    with calling(gateway.url, gateway.key) as made:
        yield made


@pytest.fixture(scope="module")
def straight(mock: MockProcess) -> Iterator[dict[str, Caller]]:
    """The same SDKs without a gateway between."""
    with calling(mock.url, "any-key") as made:
        yield made


class Told(NamedTuple):
    """How a dialect tells one kind of error: exception, status, and what the error object says beside the message."""

    raised: str
    status: int
    error: dict[str, Any]


def openai_words(kind: str, code: str | None) -> dict[str, Any]:
    return {"type": kind, "code": code}


INVALID, SERVER, LIMIT = "invalid_request_error", "server_error", "rate_limit_error"

OPENAI = {
    "bad_request": Told("BadRequestError", 400, openai_words(INVALID, None)),
    "context_too_long": Told("BadRequestError", 400, openai_words(INVALID, "context_length_exceeded")),
    "content_filter": Told("BadRequestError", 400, openai_words(INVALID, "content_policy_violation")),
    "not_found": Told("NotFoundError", 404, openai_words(INVALID, "model_not_found")),
    "quota": Told("RateLimitError", 429, openai_words("insufficient_quota", "insufficient_quota")),
    "rate_limit": Told("RateLimitError", 429, openai_words(LIMIT, "rate_limit_exceeded")),
    "overloaded": Told("InternalServerError", 503, openai_words(SERVER, "overloaded")),
    "timeout": Told("InternalServerError", 504, openai_words(SERVER, "timeout")),
    "server": Told("InternalServerError", 502, openai_words(SERVER, "upstream_error")),
    "credential": Told("InternalServerError", 502, openai_words(SERVER, "upstream_rejected_credential")),
    "page": Told("InternalServerError", 502, openai_words(SERVER, "upstream_error")),
    "silence": Told("InternalServerError", 504, openai_words(SERVER, "upstream_timeout")),
}

TOLD: dict[str, dict[str, Told]] = {
    "chat": OPENAI,
    "responses": OPENAI,
    "messages": {
        "bad_request": Told("BadRequestError", 400, {"type": INVALID}),
        "context_too_long": Told("BadRequestError", 400, {"type": INVALID}),
        "content_filter": Told("BadRequestError", 400, {"type": INVALID}),
        "not_found": Told("NotFoundError", 404, {"type": "not_found_error"}),
        "quota": Told("RateLimitError", 429, {"type": LIMIT}),
        "rate_limit": Told("RateLimitError", 429, {"type": LIMIT}),
        "overloaded": Told("OverloadedError", 529, {"type": "overloaded_error"}),
        "timeout": Told("GatewayTimeoutError", 504, {"type": "timeout_error"}),
        "server": Told("InternalServerError", 502, {"type": "api_error"}),
        "credential": Told("InternalServerError", 502, {"type": "api_error"}),
        "page": Told("InternalServerError", 502, {"type": "api_error"}),
        "silence": Told("GatewayTimeoutError", 504, {"type": "timeout_error"}),
    },
    "gemini": {
        "bad_request": Told("ClientError", 400, {"status": "INVALID_ARGUMENT", "code": 400}),
        "context_too_long": Told("ClientError", 400, {"status": "INVALID_ARGUMENT", "code": 400}),
        "content_filter": Told("ClientError", 400, {"status": "INVALID_ARGUMENT", "code": 400}),
        "not_found": Told("ClientError", 404, {"status": "NOT_FOUND", "code": 404}),
        "quota": Told("ClientError", 429, {"status": "RESOURCE_EXHAUSTED", "code": 429}),
        "rate_limit": Told("ClientError", 429, {"status": "RESOURCE_EXHAUSTED", "code": 429}),
        "overloaded": Told("ServerError", 503, {"status": "UNAVAILABLE", "code": 503}),
        "timeout": Told("ServerError", 504, {"status": "DEADLINE_EXCEEDED", "code": 504}),
        "server": Told("ServerError", 502, {"status": "INTERNAL", "code": 502}),
        "credential": Told("ServerError", 502, {"status": "INTERNAL", "code": 502}),
        "page": Told("ServerError", 502, {"status": "INTERNAL", "code": 502}),
        "silence": Told("ServerError", 504, {"status": "DEADLINE_EXCEEDED", "code": 504}),
    },
}

SCRIPTS = {
    ";status=400": "bad_request",
    ";toolong": "context_too_long",
    ";blocked": "content_filter",
    ";status=404": "not_found",
    ";quota": "quota",
    ";status=429;retry=7": "rate_limit",
    ";overloaded;retry=3": "overloaded",
    ";status=504": "timeout",
    ";status=500": "server",
}
"""What the mock is told to do, and which kind of error that is."""

WAITS = {";status=429;retry=7": "7", ";overloaded;retry=3": "3", ";quota": "1"}
"""What `retry-after` then says; who says nothing of it is asked again after a second at the earliest."""

REFUSES_PROMPTS = ("chat", "responses")
"""Providers that answer a prompt nobody may send with an error; the others answer, and say why they say nothing."""


def check(heard: Heard, told: Told) -> None:
    """It was raised as such, and says the same thing everywhere."""
    assert heard.raised is not None, heard
    assert (heard.kind, heard.status) == (told.raised, told.status), heard
    assert {name: heard.error.get(name) for name in told.error} == told.error
    assert heard.text == ""


@every_pair
@both_ways
@pytest.mark.parametrize("script", SCRIPTS)
def test_an_error_of_a_provider_is_raised_as_the_client_knows_it(
    callers: dict[str, Caller], straight: dict[str, Caller], pair: tuple[str, str], script: str, stream: bool
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], script), stream=stream)
    if script == ";blocked" and pair[1] not in REFUSES_PROMPTS:
        assert heard.raised is None, heard
        return
    alone = straight[pair[1]].ask(MODELS[pair[1]] + script, stream=stream)
    assert alone.message
    assert alone.message in heard.message
    if pair[0] == pair[1]:
        assert (heard.kind, heard.status, heard.error) == (alone.kind, alone.status, alone.error)
    else:
        check(heard, TOLD[pair[0]][SCRIPTS[script]])
    if script in WAITS and heard.status in (429, 503, 529):
        assert heard.headers["retry-after"] == WAITS[script]
        assert heard.retry_delay == (f"{WAITS[script]}s" if pair[0] == "gemini" else None) or script == ";quota"
    else:
        assert "retry-after" not in heard.headers


@every_pair
@both_ways
@pytest.mark.parametrize("model", [";status=401;tattle", ";status=403;tattle", "-wrong"])
def test_what_is_wrong_with_our_credential_is_no_fault_of_the_client(
    callers: dict[str, Caller], pair: tuple[str, str], model: str, stream: bool
) -> None:
    name = model_of(pair[1], also=model) if model == "-wrong" else model_of(pair[1], model)
    heard = callers[pair[0]].ask(name, stream=stream)
    check(heard, TOLD[pair[0]]["credential"])
    assert heard.message == f"The provider {name.partition('/')[0]} refused the gateway's credential."
    says_nothing_of_credentials(heard)


@every_pair
@both_ways
@pytest.mark.parametrize("script", [";status=400", ";status=404", ";status=429", ";status=500", ";toolong", ";quota"])
def test_a_provider_that_quotes_our_credential_is_not_quoted(
    callers: dict[str, Caller], pair: tuple[str, str], script: str, stream: bool
) -> None:
    said = callers[pair[0]].ask(model_of(pair[1], script), stream=stream).message
    heard = callers[pair[0]].ask(model_of(pair[1], f"{script};tattle"), stream=stream)
    assert heard.message.replace("Key ***: ", "", 1) == said != heard.message
    says_nothing_of_credentials(heard)


@every_pair
@both_ways
def test_a_page_is_a_failure_of_the_provider(callers: dict[str, Caller], pair: tuple[str, str], stream: bool) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], ";html"), stream=stream)
    check(heard, TOLD[pair[0]]["page"])
    assert heard.message == "Upstream returned status 502"


@every_pair
def test_a_provider_that_says_nothing_for_too_long_is_a_timeout(
    callers: dict[str, Caller], pair: tuple[str, str]
) -> None:
    check(callers[pair[0]].ask(model_of(pair[1], ";first=20s"), stream=True), TOLD[pair[0]]["silence"])


@every_pair
def test_credit_that_is_used_up_is_not_asked_for_again(callers: dict[str, Caller], pair: tuple[str, str]) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], ";quota"))
    advice = heard.headers.get("x-should-retry")
    assert advice == ("false" if heard.status == 429 else None)
    assert heard.status == (402 if pair == ("messages", "messages") else 429)


@every_pair
def test_an_error_names_the_request_where_the_client_looks_for_it(
    callers: dict[str, Caller], pair: tuple[str, str]
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], ";status=400"))
    ours = heard.headers["x-sluicegate-request-id"]
    quoted = getattr(heard.raised, "request_id", None)
    if pair[0] == pair[1]:
        assert quoted != ours  # the provider's own
    else:
        assert quoted == (None if pair[0] == "gemini" else ours)


def says_nothing_of_credentials(heard: Heard) -> None:
    """Neither in its words nor in its headers."""
    told = f"{heard.raised} {heard.error} {heard.headers}"
    for secret in (SECRET, WRONG):
        assert secret not in told
        assert secret[-12:] not in told
