"""What all Gemini endpoints share: response headers, error bodies, keys and usage. Pure.

Messages are worded as Google words them where that is known: clients match on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from gateway.mock import keys
from gateway.mock.answers import Call, Family, Refused, Reply, Wrong
from gateway.mock.script import Script

_HEADERS = b"server: scaffolding on HTTPServer2\r\nserver-timing: gfet4t7; dur=7\r\nx-content-type-options: nosniff\r\n"
_RPC = "type.googleapis.com/google.rpc."

_BY_STATUS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "models/{model} is not found for API version v1beta, or is not supported for generateContent."),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in a moment."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    501: ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}

_WRONG = {
    Wrong.UNKNOWN_PATH: (404, "NOT_FOUND", "Requested entity was not found: {}"),
    Wrong.WRONG_METHOD: (405, "INVALID_ARGUMENT", "Method not allowed: {}"),
    Wrong.NOT_JSON: (400, "INVALID_ARGUMENT", "Invalid JSON payload received. Expected an object."),
    Wrong.NOT_A_FORM: (400, "INVALID_ARGUMENT", "The body is no form: {}"),
    Wrong.NO_MODEL: (400, "INVALID_ARGUMENT", "* GenerateContentRequest.model: model is required"),
    Wrong.NOT_A_MODEL: (400, "INVALID_ARGUMENT", "* GenerateContentRequest.model: unexpected model name format"),
    Wrong.BAD_SCRIPT: (400, "INVALID_ARGUMENT", "mock: {}"),
}


def write_headers(number: int) -> bytes:
    """The header lines every answer of Google has: no request id among them."""
    return _HEADERS


def error(status: int, said: str, message: str, *details: dict[str, Any]) -> Reply:
    """Google's error body."""
    document: dict[str, Any] = {"code": status, "message": message, "status": said}
    if details:
        document["details"] = details
    return Reply(orjson.dumps({"error": document}), status, b"application/json; charset=UTF-8")


def write_error(status: int, model: str) -> Reply:
    """The error Google gives with this status."""
    said, message = _BY_STATUS.get(status) or _BY_STATUS[500 if status >= 500 else 400]
    details = (_quota_failure("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", model),) if status == 429 else ()
    return error(status, said, message.replace("{model}", model), *details)


def _quota_failure(name: str, model: str) -> dict[str, Any]:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {"quotaMetric": metric, "quotaId": name, "quotaDimensions": {"model": model}, "quotaValue": "50"}
    return {"@type": f"{_RPC}QuotaFailure", "violations": [violation]}


def quota_exceeded() -> Reply:
    """429 until tomorrow."""
    message = "You exceeded your current quota, please check your plan and billing details."
    failure = _quota_failure("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "gemini")
    return error(429, "RESOURCE_EXHAUSTED", message, failure)


def too_long() -> Reply:
    """400 for more tokens than fit."""
    counted = "The input token count (1200007) exceeds the maximum number of tokens allowed (1048576)."
    return error(400, "INVALID_ARGUMENT", counted)


def say_when(reply: Reply, seconds: float) -> Reply:
    """Google says it in the body and in no header."""
    document = orjson.loads(reply.body)
    detail = {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{seconds:g}s"}
    document["error"]["details"] = [*document["error"].get("details", ()), detail]
    return reply._replace(body=orjson.dumps(document))


def check_key(headers: Mapping[bytes, bytes]) -> Reply | None:
    """The refusal of a key that fails, from the query or either header; any other, and none at all, is welcome."""
    own = headers.get(b"x-goog-api-key")
    key = own.decode("latin-1") if own is not None else keys.read_bearer(headers.get(b"authorization", b""))
    status = keys.find_failure(key)
    if status == 401 and own is not None:
        info = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        detail = {"@type": f"{_RPC}ErrorInfo", **info, "metadata": {"service": "generativelanguage.googleapis.com"}}
        return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", detail)
    return None if status is None else write_error(status, "gemini")


def explain(wrong: Wrong, detail: str) -> Reply:
    """Google's error for what is wrong with any request."""
    status, said, message = _WRONG[wrong]
    return error(status, said, message.replace("{}", detail))


def _finish(reply: Reply, number: int, target: str) -> Reply:
    """Where a list of chunks was asked for, an error is a list as well."""
    path, _, query = target.partition("?")
    if not unquote(path).endswith(":streamGenerateContent") or wants_events(query) or reply.body[:1] != b"{":
        return reply
    return reply._replace(body=b"[%b]" % reply.body)


FAMILY = Family(
    write_headers, write_error, quota_exceeded, check_key, explain, too_long, say_when=say_when, finish=_finish
)


def wants_events(query: str) -> bool:
    """Whether a stream is asked for as server-sent events; without, it is one JSON list."""
    asked = parse_qs(query)
    return "sse" in (*asked.get("alt", ()), *asked.get("$alt", ()))


def refuse(*messages: str) -> Refused:
    """A 400 to raise."""
    return Refused(error(400, "INVALID_ARGUMENT", "\n".join(messages)))


def refuse_fields(descriptions: list[str]) -> Refused:
    """A 400 for a body that does not fit the message it should be."""
    violations = [{"description": description} for description in descriptions]
    detail = {"@type": f"{_RPC}BadRequest", "fieldViolations": violations}
    return Refused(error(400, "INVALID_ARGUMENT", "\n".join(descriptions), detail))


class Counter:
    """The usage of a growing answer: thoughts are not among the candidates' tokens, unlike elsewhere."""

    __slots__ = ("_cached", "_prompt", "_quarter", "_scripted")

    def __init__(self, script: Script, *, prompt: int) -> None:
        self._prompt = prompt if script.input is None else script.input
        self._scripted = script.output
        self._quarter = script.usage == "cached"
        self._cached = self._prompt // 2 if self._quarter else 0

    def count(self, spoken: int, thought: int, *, final: bool = False) -> dict[str, Any]:
        """The usage after so many pieces of either kind; the final one is what the script says."""
        if final and self._scripted is not None:
            thought = min(thought, self._scripted)
            spoken = self._scripted - thought
        if final and self._quarter:
            total = spoken + thought
            thought = max(thought, total // 4)
            spoken = total - thought
        counted: dict[str, Any] = {"promptTokenCount": self._prompt, "candidatesTokenCount": spoken}
        counted["totalTokenCount"] = self._prompt + spoken + thought
        if self._cached:
            counted["cachedContentTokenCount"] = self._cached
        counted["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": self._prompt}]
        if thought:
            counted["thoughtsTokenCount"] = thought
        return counted


def error_event(call: Call) -> bytes:
    """The JSON of an error inside a stream that began well."""
    return write_error(503 if call.script.overloaded else 500, call.model).body
