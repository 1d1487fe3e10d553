"""Fixes of requests to clouds that serve other vendors' models: what the address says there is not said in the body."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]

VERTEX_VERSION = "vertex-2023-10-16"
BEDROCK_VERSION = "bedrock-2023-05-31"


def vertex_contents(fields: Fields, model: str) -> Fields:
    """Vertex AI asks for a role in every content, and knows no `session_id`:
    https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference"""
    contents = fields.get("contents")
    if isinstance(contents, list) and any(isinstance(each, dict) and not each.get("role") for each in contents):
        fields = {**fields, "contents": [_with_role(each) for each in contents]}
    if "session_id" not in fields:
        return fields
    return {name: value for name, value in fields.items() if name != "session_id"}


def vertex_anthropic(fields: Fields, model: str) -> Fields:
    """Claude at Google: a version in the body, and no model, but for counts of tokens, which alone have no limit of
    their own: https://docs.anthropic.com/en/api/claude-on-vertex-ai"""
    left_out = ("model",) if "max_tokens" in fields else ()
    return _versioned(fields, VERTEX_VERSION, left_out)


def bedrock_anthropic(fields: Fields, model: str) -> Fields:
    """Claude at AWS: a version in the body, and neither model nor `stream`, which the path says:
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"""
    return _versioned(fields, BEDROCK_VERSION, ("model", "stream"))


def with_betas(fields: Fields, header: bytes) -> Fields:
    """The request with the features of a client's `anthropic-beta` header as Bedrock takes them: in the body."""
    named = [name for each in header.decode("latin-1").split(",") if (name := each.strip())]
    if not named or "anthropic_beta" in fields:
        return fields
    return {**fields, "anthropic_beta": named}


def _with_role(content: Any) -> Any:
    return {**content, "role": "user"} if isinstance(content, dict) and not content.get("role") else content


def _versioned(fields: Fields, version: str, left_out: tuple[str, ...]) -> Fields:
    kept = {name: value for name, value in fields.items() if name not in left_out}
    return {"anthropic_version": version, **kept}
