"""What providers' own error bodies come to, by the rules of their presets. Bodies as the vendors document them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.catalog.presets import presets
from gateway.catalog.quirks import refusals_of
from gateway.errors import ProviderRefused, UpstreamError
from gateway.formats.table import FORMATS
from gateway.records import Provider
from gateway.routing.verdicts import Verdict, failure_of, judge


def openai(code: str | int | None = None, message: str = "No.", **more: Any) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "code": code, **more}}


def google(word: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error in Google's."""
    return {"error": {"code": 429, "status": word, "message": message, "details": list(details)}}


EXCEEDED = "You exceeded your current quota, please check your plan and billing details."
PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}

CASES: list[tuple[str, int, dict[str, Any], str, str | None]] = [
    ("openai", 429, openai("insufficient_quota", type="insufficient_quota"), "quota", "credential"),
    ("openai", 429, openai("rate_limit_exceeded", type="requests"), "rate_limit", "model"),
    ("openai", 401, openai("invalid_api_key", type="invalid_request_error"), "auth", "credential"),
    ("openai", 403, openai(None, "Country, region, or territory not supported"), "forbidden", None),
    (
        "gemini",
        400,
        google("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        "auth",
        "credential",
    ),
    (
        "gemini",
        400,
        google("FAILED_PRECONDITION", "User location is not supported for the API use."),
        "forbidden",
        "credential",
    ),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0"), "quota", "model"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", "You exceeded your current quota", PER_DAY), "quota", "model"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", EXCEEDED, PER_DAY, {"retryDelay": "34.07s"}), "quota", "model"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", "Your prepaid credits are gone"), "quota", "credential"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", EXCEEDED, {"retryDelay": "34.07s"}), "rate_limit", "model"),
    ("gemini", 503, google("UNAVAILABLE", "The model is overloaded."), "overloaded", "model"),
    ("vertex", 429, google("RESOURCE_EXHAUSTED", "Resource exhausted."), "rate_limit", "model"),
    ("deepseek", 402, openai(None, "Insufficient Balance"), "quota", "credential"),
    ("deepseek", 503, openai(None, "Server overloaded"), "overloaded", "model"),
    ("xai", 400, {"error": "Incorrect API key provided: xa***yz."}, "auth", "credential"),
    ("xai", 403, {"error": "Your team has used all available credits."}, "quota", "credential"),
    ("xai", 429, {"error": "Your team has either used all available credits or reached"}, "quota", "credential"),
    ("xai", 429, {"error": "Too many requests."}, "rate_limit", "model"),
    ("xai", 400, openai(None, "Invalid request"), "bad_request", None),
    ("openrouter", 402, openai(402, "Insufficient credits"), "quota", "credential"),
    ("openrouter", 403, openai(403, "The model requires moderation; your input was flagged"), "content_filter", None),
    ("openrouter", 502, openai(502, "Provider returned error"), "server", "model"),
    ("zai", 401, openai("1003", "Token expired"), "auth", "credential"),
    ("zai", 429, openai("1113", "Your account is in arrears"), "quota", "credential"),
    ("zai", 429, openai(1113, "Your account is in arrears"), "quota", "credential"),
    ("zai", 400, openai("1211", "Unknown model"), "not_found", "model"),
    ("zai", 400, openai("1214", "Invalid parameter"), "bad_request", None),
    ("zai", 400, openai("1301", "Unsafe content"), "content_filter", None),
    ("zai", 429, openai("1302", "Rate limit"), "rate_limit", "model"),
    ("zai", 429, openai("1305", "Too much traffic"), "overloaded", "model"),
    ("zai", 500, openai("1234", "Network error"), "server", "model"),
    ("zai", 434, openai("1220", "No permission"), "forbidden", "credential"),
    ("zai", 434, openai(None, "No permission"), "forbidden", "credential"),
    ("zai-coding", 429, openai("1308", "Usage limit reached, resets at 12:00"), "quota", "credential"),
    ("zhipu", 429, openai("1304", "Daily limit"), "quota", "credential"),
    ("moonshot", 429, openai(type="exceeded_current_quota_error"), "quota", "credential"),
    ("moonshot", 429, openai(type="rate_limit_reached_error"), "rate_limit", "model"),
    ("moonshot", 429, openai(type="engine_overloaded_error"), "overloaded", "model"),
    ("moonshot", 400, openai(message="Your request exceeded model token limit: 8192"), "context_too_long", None),
    ("moonshot", 401, openai(type="invalid_authentication_error"), "auth", "credential"),
    ("moonshot-cn", 429, openai(type="engine_overloaded_error"), "overloaded", "model"),
    ("kimi-code", 403, openai(message="Kimi For Coding is only available for Coding Agents"), "forbidden", None),
    (
        "kimi-code",
        403,
        openai(message="You have reached the usage limit for this billing cycle"),
        "quota",
        "credential",
    ),
    ("kimi-code", 429, openai(message="You've hit your usage limit for this period"), "quota", "credential"),
    ("kimi-code", 429, openai(message="The engine is currently overloaded, try again"), "overloaded", "model"),
    ("kimi-code", 403, openai(message="Access terminated"), "auth", "credential"),
    ("dashscope", 403, openai("insufficient_quota"), "quota", "credential"),
    ("dashscope-intl", 429, openai(message="Free allocated quota exceeded."), "quota", "credential"),
    ("qwen-coding", 429, openai("quota_exceeded"), "quota", "credential"),
    ("dashscope", 429, openai(message="Requests rate limit exceeded"), "rate_limit", "model"),
    ("azure", 400, openai("content_filter", "The response was filtered"), "content_filter", None),
    ("groq", 429, openai("rate_limit_exceeded"), "rate_limit", "model"),
    ("groq", 498, openai("capacity_exceeded"), "overloaded", "model"),
    ("openai", 404, openai(None, "Item with id 'rs_1' not found."), "bad_request", None),
    ("openai", 404, openai("model_not_found", "The model `x` does not exist"), "not_found", "model"),
]


def judged(name: str, error: UpstreamError, status: int) -> Verdict:
    return judge(failure_of(error, status), presets()[name].rules)


@pytest.mark.parametrize(("name", "status", "body", "fault", "rest"), CASES)
def test_an_error_means_what_its_provider_means_by_it(
    name: str, status: int, body: dict[str, Any], fault: str, rest: str | None
) -> None:
    error = FORMATS[presets()[name].format].read_error(status, {}, json.dumps(body).encode())
    verdict = judged(name, error, status)
    assert (verdict.reason, verdict.rest) == (fault, rest)


def test_what_no_key_of_ours_would_heal_goes_to_another_provider_and_rests_nothing() -> None:
    for name, message in (("openai", "country not supported"), ("kimi-code", "only available for Coding Agents")):
        error = FORMATS["openai_chat"].read_error(403, {}, json.dumps(openai(message=message)).encode())
        assert judged(name, error, 403)._replace(seconds=None, reason="", hard=False) == Verdict("next_target")


@pytest.mark.parametrize(
    ("code", "fault", "rest"),
    [
        (1000, "server", "model"),
        (1001, "timeout", "model"),
        (1002, "rate_limit", "model"),
        (1004, "auth", "credential"),
        (1008, "quota", "credential"),
        (1024, "server", "model"),
        (1026, "content_filter", None),
        (1039, "rate_limit", "model"),
        (2013, "bad_request", None),
        (2056, "quota", "credential"),
    ],
)
@pytest.mark.parametrize("name", ["minimax", "minimax-cn"])
def test_errors_of_minimax_within_an_answer_mean_what_their_codes_say(
    name: str, code: int, fault: str, rest: str | None
) -> None:
    find = refusals_of(Provider(name, "openai_chat", "", (), "", (), quirks=presets()[name].quirks))
    assert find is not None
    found = find({"base_resp": {"status_code": code, "status_msg": "no"}})
    assert found == (str(code), "no")
    verdict = judged(name, ProviderRefused(found[1], category="server", code=found[0]), 200)
    assert (verdict.reason, verdict.rest) == (fault, rest)
