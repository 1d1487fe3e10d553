"""Which content blocks Anthropic takes and which fields each has: one row per kind. Pure."""

from __future__ import annotations

from typing import Any

from gateway.mock.anthropic_shapes import (
    a_flag,
    a_text,
    an_object,
    anything,
    closed,
    list_of,
    matching,
    one_of,
    some_base64,
    tagged,
    wrong,
)
from gateway.mock.checks import Check, either

ID = matching("^[a-zA-Z0-9_-]+$")
NAME = matching("^[a-zA-Z0-9_-]{1,128}$")
_IMAGE_TYPE = one_of("image/jpeg", "image/png", "image/gif", "image/webp")

CACHE_CONTROL = closed({"type": one_of("ephemeral")}, {"ttl": one_of("5m", "1h")})
_MARKED = {"cache_control": CACHE_CONTROL}


def _kind(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return closed({"type": a_text, **required}, optional or {})


def _some_text(value: Any, where: str) -> None:
    a_text(value, where)
    place = where.partition(".")[0]
    if not value:
        raise wrong(place, "text content blocks must be non-empty")
    if not value.strip():
        raise wrong(place, "text content blocks must contain non-whitespace text")


_URL = _kind({"url": a_text})
_FILE = _kind({"file_id": a_text})
TEXT = _kind({"text": _some_text}, {**_MARKED, "citations": list_of(an_object)})
TEXTS = either(a_text, list_of(tagged({"text": TEXT})))

_IMAGE = _kind(
    {"source": tagged({
        "base64": _kind({"media_type": _IMAGE_TYPE, "data": some_base64}),
        "url": _URL,
        "file": _FILE,
    })},
    {**_MARKED, "transformations": closed({}, {"oversized_image": one_of("downsize", "error")})},
)  # fmt: skip
_DOCUMENT = _kind(
    {"source": tagged({
        "base64": _kind({"media_type": one_of("application/pdf"), "data": some_base64}),
        "text": _kind({"media_type": one_of("text/plain"), "data": a_text}),
        "content": _kind({"content": either(a_text, list_of(tagged({"text": TEXT, "image": _IMAGE})))}),
        "url": _URL,
        "file": _FILE,
    })},
    {**_MARKED, "title": a_text, "context": a_text, "citations": closed({}, {"enabled": a_flag})},
)  # fmt: skip
_SEARCH_RESULT = _kind(
    {"source": a_text, "title": a_text, "content": list_of(tagged({"text": TEXT}))},
    {**_MARKED, "citations": closed({}, {"enabled": a_flag})},
)
_IN_RESULTS = {
    "text": TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "search_result": _SEARCH_RESULT,
    "tool_reference": _kind({"tool_name": a_text}, _MARKED),
    "browser_state": an_object,
}
_TOOL_RESULT = _kind(
    {"tool_use_id": ID},
    {**_MARKED, "is_error": a_flag, "content": either(a_text, list_of(tagged(_IN_RESULTS)))},
)
_TOOL_USE = _kind(
    {"id": ID, "name": NAME, "input": an_object}, {**_MARKED, "caller": an_object, "toolset_name": a_text}
)
_OF_SERVER_TOOLS = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
    "mcp_tool_use",
    "mcp_tool_result",
    "mcp_tool_listing",
    "compaction",
    "fallback",
)
"""Kinds that only Anthropic makes: whatever is in them is welcome."""

BLOCKS: dict[str, Check] = {
    "text": TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "search_result": _SEARCH_RESULT,
    "tool_use": _TOOL_USE,
    "tool_result": _TOOL_RESULT,
    "thinking": _kind({"thinking": a_text, "signature": a_text}),
    "redacted_thinking": _kind({"data": a_text}),
    **dict.fromkeys(_OF_SERVER_TOOLS, anything),
}
"""Every kind of block a message may have, whoever says it."""

OF_THE_USER = frozenset(("tool_result", "image", "search_result"))
OF_THE_ASSISTANT = frozenset(("tool_use", "thinking", "redacted_thinking", "server_tool_use"))
BLOCK = tagged(BLOCKS)
