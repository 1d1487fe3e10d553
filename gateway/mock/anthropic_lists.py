"""Anthropic's models and its count of tokens. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from gateway.mock import anthropic
from gateway.mock.answers import Call, Refused, Reply
from gateway.mock.anthropic_messages import count_prompt
from gateway.mock.anthropic_models import Abilities, find_abilities
from gateway.mock.anthropic_request import read_request

MODELS = ("claude-opus-5", "claude-opus-4-8", "claude-sonnet-5", "claude-sonnet-4-5", "claude-haiku-4-5")
CREATED = "2026-01-31T00:00:00Z"
_PAGE = 20
_YES, _NO = {"supported": True}, {"supported": False}


def list_models(call: Call) -> Reply:
    """`GET /v1/models`, in pages of `limit` after `after_id` or before `before_id`. Raises `Refused`."""
    anthropic.check_version(call)
    query = {name: values[0] for name, values in parse_qs(call.query).items()}
    limit = query.get("limit", str(_PAGE))
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise anthropic.refuse("limit: Input should be between 1 and 1000")
    found = list(MODELS)
    if query.get("after_id") in MODELS:
        found = found[found.index(query["after_id"]) + 1 :]
    if query.get("before_id") in MODELS:
        found = found[: MODELS.index(query["before_id"])][-int(limit) :]
    page = found[: int(limit)]
    document = {
        "data": [_model(name) for name in page],
        "has_more": len(found) > len(page),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }
    return Reply(orjson.dumps(document))


def find_model(call: Call) -> Reply:
    """`GET /v1/models/{model}`: every model exists but `missing-*`. Raises `Refused`."""
    anthropic.check_version(call)
    name = unquote(call.path.rpartition("/")[2])
    if name.startswith("missing-"):
        raise Refused(anthropic.write_error(404, name))
    return Reply(orjson.dumps(_model(name)))


def _model(name: str) -> dict[str, Any]:
    abilities = find_abilities(name)
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": CREATED,
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": abilities.output_limit,
        "capabilities": _capabilities(abilities),
    }


def _capabilities(abilities: Abilities) -> dict[str, Any]:
    """What a model can, in Anthropic's own shape."""
    adaptive, effort = _supported(abilities.adaptive_thinking), _supported(abilities.effort)
    thinking = {"adaptive": adaptive, "between_tools": adaptive, "disabled": _YES}
    return {
        **dict.fromkeys(("batch", "citations", "image_input", "pdf_input", "structured_outputs"), _YES),
        "code_execution": _NO,
        "context_management": _NO,
        "effort": {**effort, **dict.fromkeys(("low", "medium", "high", "xhigh", "max"), effort)},
        "server_tools": {**_NO, "code_execution": _NO, "web_search": _NO},
        "thinking": {
            **_supported(abilities.thinking),
            "types": {**thinking, "enabled": _supported(abilities.budget_thinking)},
        },
    }


def _supported(can: bool) -> dict[str, bool]:
    return _YES if can else _NO


def count_tokens(call: Call) -> Reply:
    """`POST /v1/messages/count_tokens`. Raises `Refused`."""
    asked = read_request(call, counting=True)
    counted = call.script.input if call.script.input is not None else count_prompt(asked)
    return Reply(orjson.dumps({"input_tokens": counted}))
