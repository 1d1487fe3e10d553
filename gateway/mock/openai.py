"""What all OpenAI endpoints share: response headers, error bodies, keys, token limits and usage. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.mock import keys
from gateway.mock.answers import Call, Family, Refused, Reply, Wrong
from gateway.mock.script import Script

_BEFORE_ID = (
    b"openai-organization: org-mock\r\nopenai-processing-ms: 7\r\nopenai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 200000\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 199000\r\n"
    b"x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 300ms\r\nx-request-id: req_%032x\r\n"
)

_BY_STATUS = {
    400: ("Invalid value for one of the parameters of this request.", "invalid_request_error", None),
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"),
    404: ("The model `{model}` does not exist or you do not have access.", "invalid_request_error", "model_not_found"),
    413: ("Request body is too large.", "invalid_request_error", "request_too_large"),
    429: ("Rate limit reached for {model} on requests per min (RPM).", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}  # fmt: skip


def write_headers(number: int) -> bytes:
    """The header lines every answer of OpenAI has."""
    return _BEFORE_ID % number


def error(status: int, message: str, *, kind: str, param: str | None = None, code: str | None = None) -> Reply:
    """OpenAI's error body."""
    body = orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})
    return Reply(body, status)


def write_error(status: int, model: str) -> Reply:
    """The error OpenAI gives with this status."""
    message, kind, code = _BY_STATUS.get(status, _BY_STATUS[500 if status >= 500 else 400])
    return error(status, message.replace("{model}", model), kind=kind, code=code)


def quota_exceeded() -> Reply:
    """429 that no waiting cures."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return error(429, message, kind="insufficient_quota", code="insufficient_quota")


def too_long() -> Reply:
    """400 for more tokens than fit."""
    counted = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130007 tokens."
    message = f"{counted} Please reduce the length of the messages."
    return error(400, message, kind="invalid_request_error", param="messages", code="context_length_exceeded")


def check_key(headers: Mapping[bytes, bytes]) -> Reply | None:
    """The refusal of a key that fails; any other key, and none at all, is welcome."""
    key = keys.read_bearer(headers.get(b"authorization", b""))
    status = keys.find_failure(key)
    if status is None:
        return None
    return _wrong_key(key) if status == 401 else write_error(status, "gpt-4o-mini")


def _wrong_key(key: str) -> Reply:
    shown = f"{key[:8]}{'*' * 8}{key[-4:]}"
    message = f"Incorrect API key provided: {shown}. You can find your API key in your account settings."
    return error(401, message, kind="invalid_request_error", code="invalid_api_key")


_OTHER_METHOD = "Not allowed to {}. (HINT: Perhaps you meant to use a different HTTP method?)"
_NOT_JSON = "We could not parse the JSON body of your request. The API expects a JSON object."
_WRONG = {
    Wrong.UNKNOWN_PATH: (404, "Invalid URL ({})", None, None),
    Wrong.WRONG_METHOD: (405, _OTHER_METHOD, None, None),
    Wrong.NOT_JSON: (400, _NOT_JSON, None, None),
    Wrong.NOT_A_FORM: (400, "Could not parse multipart form: {}", None, None),
    Wrong.NO_MODEL: (400, "you must provide a model parameter", None, None),
    Wrong.NOT_A_MODEL: (400, "Invalid type for 'model': expected a string.", "model", "invalid_type"),
    Wrong.BAD_SCRIPT: (400, "mock: {}", "model", "bad_script"),
}  # fmt: skip


def explain(wrong: Wrong, detail: str) -> Reply:
    """OpenAI's error for what is wrong with any request."""
    status, message, param, code = _WRONG[wrong]
    return error(status, message.replace("{}", detail), kind="invalid_request_error", param=param, code=code)


FAMILY = Family(write_headers, write_error, quota_exceeded, check_key, explain, too_long)


def refuse(message: str, *, param: str | None = None, code: str | None = None) -> Refused:
    """A 400 to raise."""
    return Refused(error(400, message, kind="invalid_request_error", param=param, code=code))


def require(document: Mapping[str, Any], *names: str) -> None:
    """Raises `Refused` when one of these parameters is missing."""
    for name in names:
        if document.get(name) is None:
            raise refuse(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def limit(document: Mapping[str, Any], *names: str) -> int | None:
    """The first token limit the request sets, if any. Raises `Refused` when it is below 1."""
    for name in names:
        most = document.get(name)
        if isinstance(most, int):
            if most < 1:
                raise refuse(
                    f"Invalid '{name}': integer below minimum value.", param=name, code="integer_below_min_value"
                )
            return most
    return None


def usage(script: Script, *, prompt: int, completion: int, thoughts: int = 0) -> dict[str, Any]:
    """OpenAI's usage object, `thoughts` being a part of the completion.

    With `usage=cached` half of the prompt is cached and at least a quarter of the answer reasoning.
    """
    prompt = prompt if script.input is None else script.input
    completion = completion if script.output is None else script.output
    cached, least = (prompt // 2, completion // 4) if script.usage == "cached" else (0, 0)
    reasoning = max(min(thoughts, completion), least)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def usage_asked(document: Mapping[str, Any]) -> bool:
    """Whether the request wants a usage chunk in its stream."""
    options = document.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def error_event(call: Call) -> bytes:
    """An error inside a stream that began well."""
    return b"data: %b\n\n" % write_error(503 if call.script.overloaded else 500, call.model).body


def block(call: Call) -> None:
    """Raises `Refused` when the script says that the prompt is one nobody may send."""
    if call.script.blocked:
        said = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
        raise refuse(said, param="prompt", code="content_policy_violation")


DONE = b"data: [DONE]\n\n"
