"""A client's messages as turns: whose they are, the calls, results and thoughts in them.

Leading instructions are told apart, later ones stay where they are (SYS-1, SYS-2). What Anthropic's own servers did in
earlier turns is left out, since no other provider knows of it; what came of it in words stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NoReturn

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Reasoning, State, Text, ToolCall, ToolResult, Turn
from gateway.formats.reasoning import is_wrapped, unwrap
from gateway.formats.values import a_flag, a_list, a_text, an_object, one_of

from .block_reader import EVERYWHERE, TEXTS, BlockReader, Parts, read_content, read_mark, texts_among
from .places import drop_unknown, json_text, loss_of, required

_MESSAGE = frozenset({"role", "content"})
_LEVELS = 8
"""Of nesting within the results of server tools, in which texts are looked for."""


def read_messages(value: Any, losses: Losses) -> tuple[list[Text], tuple[Turn, ...]]:
    """Leading instructions, and the turns. Raises InvalidRequest with the field at fault."""
    system: list[Text] = []
    turns: list[Turn] = []
    messages = a_list(value, "messages")
    if not messages:
        raise InvalidRequest("messages: at least one message is required", param="messages")
    for at, each in enumerate(messages):
        path = f"messages.{at}"
        message = an_object(each, path)
        role = _role(message, path)
        parts = read_content(required(message, "content", path), f"{path}.content", _BLOCKS[role], losses)
        drop_unknown(message, _MESSAGE, path, losses)
        if role == "system" and not turns:
            system += texts_among(parts)
        else:
            turns.append(Turn(role, parts))
    return system, tuple(turns)


_ROLES: Mapping[str, Literal["user", "assistant", "system"]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
}


def _role(message: Fields, path: str) -> Literal["user", "assistant", "system"]:
    return _ROLES[one_of(required(message, "role", path), _ROLES, f"{path}.role")]


# Of the assistant


def _call(block: Fields, path: str, losses: Losses) -> Parts:
    arguments = block.get("input")
    return (
        ToolCall(
            a_text(required(block, "id", path), f"{path}.id"),
            a_text(required(block, "name", path), f"{path}.name"),
            "{}" if arguments is None else json_text(an_object(arguments, f"{path}.input"), f"{path}.input"),
            cache=read_mark(block, path),
        ),
    )


def _thinking(block: Fields, path: str, losses: Losses) -> Parts:
    text, signature = block.get("thinking"), block.get("signature")
    said = "" if text is None else a_text(text, f"{path}.thinking")
    return (Reasoning(said, None if signature is None else _state(signature, "anthropic", f"{path}.signature")),)


def _redacted(block: Fields, path: str, losses: Losses) -> Parts:
    return (Reasoning("", _state(required(block, "data", path), "anthropic-redacted", f"{path}.data")),)


def _state(value: Any, origin: Literal["anthropic", "anthropic-redacted"], path: str) -> State | None:
    """What we wrapped is its vendor's again; everything else is Anthropic's own (REAS-7, REAS-8)."""
    text = a_text(value, path)
    if is_wrapped(text):
        return unwrap(text)
    return State(origin, text) if text else None


# Of the user


def _result(block: Fields, path: str, losses: Losses) -> Parts:
    content, failed = block.get("content"), block.get("is_error")
    return (
        ToolResult(
            a_text(required(block, "tool_use_id", path), f"{path}.tool_use_id"),
            () if content is None else _result_parts(content, f"{path}.content", losses),
            is_error=failed is not None and a_flag(failed, f"{path}.is_error"),
            cache=read_mark(block, path),
        ),
    )


def _result_parts(value: Any, path: str, losses: Losses) -> Parts:
    """Whatever it consists of, there is a result: unknown blocks are told as JSON (TRES-6)."""
    if not isinstance(value, list):
        return read_content(value, path, EVERYWHERE, losses)
    parts: list[Any] = []
    for at, block in enumerate(value):
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind in _INSIDE_RESULTS:
            parts += _INSIDE_RESULTS[kind](block, f"{path}.{at}", losses)
        else:
            parts.append(Text(json_text(block, f"{path}.{at}")))
    return tuple(parts)


def _reference(block: Fields, path: str, losses: Losses) -> Parts:
    return (Text(f"Loaded tool: {a_text(required(block, 'tool_name', path), f'{path}.tool_name')}"),)


# What only Anthropic has


def _server_call(block: Fields, path: str, losses: Losses) -> Parts:
    losses.drop(loss_of(path))
    return ()


def _server_result(block: Fields, path: str, losses: Losses) -> Parts:
    """What a server tool did is nobody else's to know, but for what it said."""
    losses.drop(loss_of(path))
    return tuple(Text(text) for text in _texts_in(block.get("content"), _LEVELS) if text.strip())


def _texts_in(value: Any, levels: int) -> Iterator[str]:
    """Texts in the content of a result: files read, output of programs, plain text blocks."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and levels:
        for each in value:
            if isinstance(each, dict):
                yield from _texts_in(each, levels - 1)
    elif isinstance(value, dict) and levels:
        for name in ("text", "stdout", "stderr"):
            if isinstance(value.get(name), str):
                yield value[name]
        source = value.get("source")
        if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
            yield source["data"]
        yield from _texts_in(value.get("content"), levels - 1)


def _refused(block: Fields, path: str, losses: Losses) -> NoReturn:
    losses.refuse(loss_of(path))


_INSIDE_RESULTS: Mapping[str, BlockReader] = {**EVERYWHERE, "tool_reference": _reference}

_BLOCKS: Mapping[str, Mapping[str, BlockReader]] = {
    "system": TEXTS,
    "user": {
        **EVERYWHERE,
        "tool_result": _result,
        "container_upload": _refused,
        "tool_addition": _server_call,
        "tool_removal": _server_call,
    },
    "assistant": {
        **EVERYWHERE,
        "tool_use": _call,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
        "server_tool_use": _server_call,
        "web_search_tool_result": _server_result,
        "web_fetch_tool_result": _server_result,
        "code_execution_tool_result": _server_result,
        "bash_code_execution_tool_result": _server_result,
        "text_editor_code_execution_tool_result": _server_result,
        "tool_search_tool_result": _server_result,
        "advisor_tool_result": _server_result,
        "mcp_tool_use": _server_call,
        "mcp_tool_result": _server_result,
        "mcp_tool_listing": _server_call,
        "container_upload": _server_call,
        "fallback": _server_call,
        "tool_addition": _server_call,
        "tool_removal": _server_call,
        "compaction": _refused,
    },
}
"""By role. What stands for an earlier conversation (`compaction`) cannot be left out, nor can a file that only
Anthropic has."""
