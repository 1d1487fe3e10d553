"""Why an answer ended, both ways (FIN-2, FIN-3).

Reasons: https://ai.google.dev/api/generate-content#FinishReason. There is none for calls: those end with STOP.
"""

from __future__ import annotations

from gateway.formats.format import Fields
from gateway.formats.neutral import Finish, FinishReason

_WITHHELD = (
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
    "MODEL_ARMOR",
)
_BROKEN = (
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
)
_PLAIN = {"STOP": Finish("stop"), "MAX_TOKENS": Finish("length")}
_READ: dict[str, FinishReason] = {**dict.fromkeys(_WITHHELD, "filter"), **dict.fromkeys(_BROKEN, "malformed")}

_WRITTEN: dict[FinishReason, str] = {
    "length": "MAX_TOKENS",
    "context_full": "MAX_TOKENS",
    "filter": "SAFETY",
    "refusal": "SAFETY",
    "malformed": "OTHER",
    "other": "OTHER",
}

_CONTINUATION = "CONTINUATION"
"""The answer goes on in another one, for the token that comes with it."""


def read_finish(candidate: Fields) -> Finish | None:
    """How a candidate ended; None where it has not. Reasons we do not know are told on in Google's word."""
    said = candidate.get("finishReason")
    if said.__class__ is not str or not said:
        return None
    if said in _PLAIN:
        return _PLAIN[said]
    reason = _READ.get(said, "other")
    message = candidate.get("finishMessage")
    if reason == "filter" or said == _CONTINUATION or not isinstance(message, str) or not message:
        return Finish(reason, detail=said)
    return Finish(reason, detail=f"{said}: {message}")


def continuation(candidate: Fields) -> str:
    """The token for which a candidate goes on in another answer; empty when it does not."""
    token = candidate.get("continuationToken") if candidate.get("finishReason") == _CONTINUATION else None
    return token if isinstance(token, str) else ""


def goes_on(fields: Fields) -> str:
    """The same of a whole answer."""
    candidates = fields.get("candidates")
    if not isinstance(candidates, list):
        return ""
    return next(filter(None, (continuation(each) for each in candidates if isinstance(each, dict))), "")


def read_block(fields: Fields) -> Finish | None:
    """That the prompt itself was blocked; None where it was not."""
    feedback = fields.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return Finish("filter", detail=f"Prompt blocked: {reason}") if isinstance(reason, str) and reason else None


def write_finish(finish: Finish) -> Fields:
    """The fields of a candidate that say how it ended."""
    reason = _WRITTEN.get(finish.reason, "STOP")
    return {"finishReason": reason, "finishMessage": finish.detail} if _explains(finish) else {"finishReason": reason}


def _explains(finish: Finish) -> bool:
    return bool(finish.detail) and finish.reason in ("filter", "refusal", "other")
