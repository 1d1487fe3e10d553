"""What the real providers say when asked too much, in each vendor's own words, and when the SDK of every client is told
to come back; errors in unusual clothes; and what another credential makes good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any, NamedTuple

import pytest

from tests.e2e.failing import FORMATS, Caller, calling, provider
from tests.e2e.pairs import MODELS, PAIRS
from tests.e2e.verbatim import JSON, Answer, answering
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

SETTINGS = f"""
[usage]
segment_seconds = 0.1

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

TWO_CREDENTIALS = """
[[providers]]
id       = "two-{name}"
format   = "{format}"
base_url = "{url}"
strategy = "fill_first"

[[providers.credentials]]
name    = "first"
api_key = "{first}"

[[providers.credentials]]
name    = "second"
api_key = "a-good-one"
"""

RPC = "type.googleapis.com/google.rpc."
NOON = 1_790_000_000
"""Seconds of Unix time at which the providers here live."""


class Said(NamedTuple):
    """What a provider answers with, and the whole seconds after which its client should come back."""

    status: int
    error: dict[str, Any]
    headers: dict[str, str]
    seconds: int


def openai_limit(seconds: int, **headers: str) -> Said:
    error = {"message": "Rate limit reached for gpt in organization org on tokens per min (TPM).", "type": "tokens",
             "param": None, "code": "rate_limit_exceeded"}  # fmt: skip
    return Said(429, {"error": error}, headers, seconds)


def anthropic_limit(seconds: int, **headers: str) -> Said:
    error = {"type": "rate_limit_error", "message": "This request would exceed your organization's rate limit."}
    return Said(429, {"type": "error", "error": error, "request_id": "req_1"}, headers, seconds)


def gemini_limit(seconds: int, *details: dict[str, Any], **headers: str) -> Said:
    error = {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED"}
    return Said(429, {"error": error | ({"details": list(details)} if details else {})}, headers, seconds)


def busy(status: int, error: dict[str, Any], **headers: str) -> Said:
    return Said(status, error, headers, 1)


OPENAI_LIMITS = {
    "seconds": openai_limit(17, retry_after="17"),
    "ms": openai_limit(2, retry_after_ms="1250"),
    "both": openai_limit(3, retry_after="3", retry_after_ms="2900"),
    "reset": openai_limit(
        361,
        x_ratelimit_remaining_requests="12", x_ratelimit_reset_requests="9h",
        x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="6m0.2s",
    ),
    "nothing": openai_limit(1),
    "busy": busy(503, {"error": {"message": "The server is overloaded.", "type": "service_unavailable_error",
                                 "param": None, "code": "server_is_overloaded"}}),
}  # fmt: skip

LIMITS = {
    "chat": OPENAI_LIMITS,
    "responses": OPENAI_LIMITS,
    "messages": {
        "seconds": anthropic_limit(41, retry_after="41"),
        "ms": anthropic_limit(1, retry_after_ms="20"),
        "reset": anthropic_limit(
            90,
            date=formatdate(NOON, usegmt=True),
            anthropic_ratelimit_requests_remaining="3",
            anthropic_ratelimit_requests_reset="2099-01-01T00:00:00Z",
            anthropic_ratelimit_input_tokens_remaining="0",
            anthropic_ratelimit_input_tokens_reset="2026-09-21T14:14:50Z",
        ),
        "nothing": anthropic_limit(1),
        "busy": busy(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    },
    "gemini": {
        "info": gemini_limit(35, {"@type": f"{RPC}RetryInfo", "retryDelay": "34.4s"}),
        "last": gemini_limit(
            8,
            {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinute"}]},
            {"@type": f"{RPC}Help", "links": []},
            {"@type": f"{RPC}RetryInfo", "retryDelay": "8s"},
        ),
        "seconds": gemini_limit(5, retry_after="5"),
        "nothing": gemini_limit(1),
        "busy": busy(503, {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}),
    },
}

KINDS = {
    "chat": ("RateLimitError", "InternalServerError"),
    "responses": ("RateLimitError", "InternalServerError"),
    "messages": ("RateLimitError", "OverloadedError"),
    "gemini": ("ClientError", "ServerError"),
}
"""What each SDK raises for a limit, and for a provider that has too much to do."""

NESTED = (
    '{"error":{"message":"The inner words.","code":400,"status":"INVALID_ARGUMENT","type":"invalid_request_error"}}'
)

UNUSUAL = {
    "list": Answer(400, b'[{"error":{"code":400,"message":"The inner words.","status":"INVALID_ARGUMENT"}}]'),
    "nested": Answer(400, json.dumps({"error": {"message": NESTED, "code": 400}}).encode()),
    "text": Answer(400, b'{"error":"The inner words."}'),
}
"""A bad request said otherwise; each means the same."""

UNREADABLE = {
    "page": Answer(500, b"<html>sk-0123456789 at 10.1.2.3</html>", {"content-type": "text/html"}),
    "nothing": Answer(500, b""),
    "number": Answer(500, b"7"),
    "packed": Answer(500, bytes.fromhex("1f8b0800") + b"\xff" * 40, {"content-type": "application/json"}),
    "half": Answer(500, b'{"error":{"message":"The inner'),
}
"""What nobody can make sense of."""

FILTERED = {
    "chat": (400, {"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's policy.",
                             "type": None, "param": "prompt", "code": "content_filter"}}),
    "responses": (400, {"error": {"message": "Your request was flagged.", "type": "invalid_request_error",
                                  "param": None, "code": "content_policy_violation"}}),
    "messages": (400, {"type": "error", "error": {"type": "invalid_request_error",
                                                  "message": "Output blocked by content filtering policy"}}),
}  # fmt: skip

BROKE = {
    "chat": Said(429, {"error": {"message": "You exceeded your current quota.", "type": "insufficient_quota",
                                 "param": None, "code": "insufficient_quota"}}, {}, 1),
    "messages": Said(400, {"type": "error", "error": {
        "type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}}, {}, 1),
    "gemini": Said(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
                                   "message": "Your prepayment credits are depleted."}}, {}, 1),
}  # fmt: skip
"""Credit that is used up, as three vendors say it."""


NUMBERED = Answer(200, b'{"error":{"code":429,"message":"Provider returned error"}}')
"""A limit as servers tell it that route to others: the number is in the code, and HTTP says that all is well."""


def answers() -> Iterator[tuple[str, str, Answer]]:
    """Name of a provider, its dialect, and what it says."""
    for name in MODELS:
        for style, said in LIMITS[name].items():
            headers = {key.replace("_", "-"): value for key, value in said.headers.items()}
            yield f"{name}-{style}", name, Answer(said.status, json.dumps(said.error).encode(), {**JSON, **headers})
        for strange, answer in {**UNUSUAL, **{f"no-{key}": each for key, each in UNREADABLE.items()}}.items():
            yield f"{name}-odd-{strange}", name, answer
    for name, (status, error) in FILTERED.items():
        yield f"{name}-filtered", name, Answer(status, json.dumps(error).encode())
    yield "chat-numbered", "chat", NUMBERED
    for name, said in BROKE.items():
        yield f"{name}-broke", name, Answer(said.status, json.dumps(said.error).encode())


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Providers that say only one thing each, and the mock with two credentials."""
    every = list(answers())
    with answering({name: answer for name, _, answer in every}) as url:
        tables = [provider(dialect, f"{url}/{name}", "a-secret", called=name) for name, dialect, _ in every]
        for name, dialect in FORMATS.items():
            address = mock.url + ("/v1" if "openai" in dialect else "")
            tables.append(TWO_CREDENTIALS.format(name=name, format=dialect, url=address, first="sk-wrong-0123456789"))
        with running(tmp_path_factory.mktemp("retries"), SETTINGS + "".join(tables)) as process:
            yield process.complete()
            assert process.close() == 0, process.tail()


@pytest.fixture(scope="module")
def callers(gateway: GatewayProcess) -> Iterator[dict[str, Caller]]:
    with calling(gateway.url, gateway.key) as made:
        yield made


every_pair = pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])


STYLES = [(pair, style) for pair in PAIRS for style in LIMITS[pair[1]]]


@pytest.mark.parametrize(("pair", "style"), STYLES, ids=[f"{'-'.join(pair)}-{style}" for pair, style in STYLES])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_client_hears_when_to_come_back(
    callers: dict[str, Caller], pair: tuple[str, str], style: str, stream: bool
) -> None:
    said = LIMITS[pair[1]][style]
    heard = callers[pair[0]].ask(f"{pair[1]}-{style}/{MODELS[pair[1]]}", stream=stream)
    assert heard.kind == KINDS[pair[0]][said.status != 429]
    assert heard.message == said.error["error"]["message"]
    assert heard.headers["retry-after"] == str(said.seconds)
    assert heard.retry_delay == delay_told(pair, style, said.seconds)
    if pair[0] != pair[1]:
        limits = [name for name in heard.headers if "ratelimit" in name or name == "retry-after-ms"]
        assert not limits  # they speak of our credential


def delay_told(pair: tuple[str, str], style: str, seconds: int) -> str | None:
    """What a RetryInfo says: only Gemini's dialect has one, and Google's own stays as it was."""
    if pair[0] != "gemini" or style in ("nothing", "busy"):
        return None
    if pair[1] == "gemini":
        return {"info": "34.4s", "last": "8s"}.get(style)
    return f"{seconds}s"


@every_pair
@pytest.mark.parametrize("strange", UNUSUAL)
def test_words_are_found_however_they_are_wrapped(
    callers: dict[str, Caller], pair: tuple[str, str], strange: str
) -> None:
    heard = callers[pair[0]].ask(f"{pair[1]}-odd-{strange}/{MODELS[pair[1]]}")
    assert (heard.kind, heard.status) == ("ClientError" if pair[0] == "gemini" else "BadRequestError", 400)
    if pair[0] != pair[1]:
        assert heard.message == "The inner words."


@every_pair
@pytest.mark.parametrize("strange", UNREADABLE)
def test_what_nobody_can_read_is_told_by_its_status_alone(
    callers: dict[str, Caller], pair: tuple[str, str], strange: str
) -> None:
    heard = callers[pair[0]].ask(f"{pair[1]}-odd-no-{strange}/{MODELS[pair[1]]}")
    assert (heard.kind, heard.status) == ("ServerError" if pair[0] == "gemini" else "InternalServerError", 502)
    assert heard.message == "Upstream returned status 500"


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[1] in FILTERED], ids="-".join)
def test_a_prompt_that_a_filter_refused_is_a_bad_request(callers: dict[str, Caller], pair: tuple[str, str]) -> None:
    heard = callers[pair[0]].ask(f"{pair[1]}-filtered/{MODELS[pair[1]]}")
    assert (heard.kind, heard.status) == ("ClientError" if pair[0] == "gemini" else "BadRequestError", 400)
    assert heard.message == FILTERED[pair[1]][1]["error"]["message"]  # type: ignore[index]
    if pair[0] in ("chat", "responses"):
        own = {"chat": "content_filter", "responses": "content_policy_violation"}
        assert heard.error["code"] == own.get(pair[1], "content_policy_violation")


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[1] in BROKE and pair[0] != pair[1]], ids="-".join)
def test_credit_that_is_used_up_is_told_as_such(callers: dict[str, Caller], pair: tuple[str, str]) -> None:
    heard = callers[pair[0]].ask(f"{pair[1]}-broke/{MODELS[pair[1]]}")
    assert heard.status == 429
    assert heard.headers["x-should-retry"] == "false"
    if pair[0] in ("chat", "responses"):
        assert (heard.error["type"], heard.error["code"]) == ("insufficient_quota", "insufficient_quota")


@pytest.mark.parametrize("client", ["responses", "messages", "gemini"])
def test_a_limit_that_is_told_by_a_number_is_one(callers: dict[str, Caller], client: str) -> None:
    heard = callers[client].ask("chat-numbered/gpt-4o-mini")
    assert (heard.kind, heard.status) == (KINDS[client][0], 429)
    assert heard.message == "Provider returned error"


@every_pair
def test_a_credential_that_is_refused_makes_way_for_the_next(callers: dict[str, Caller], pair: tuple[str, str]) -> None:
    heard = callers[pair[0]].ask(f"two-{pair[1]}/{MODELS[pair[1]]};text=made%20it")
    assert (heard.raised, heard.text) == (None, "made it")
    assert heard.headers["x-sluicegate-attempts"] == "2"
