"""The messages of a chat request: their shapes, the order OpenAI asks of them, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.mock import echo
from gateway.mock.answers import Refused
from gateway.mock.checks import Check
from gateway.mock.openai import refuse, require
from gateway.mock.openai_shapes import (
    a_call_id,
    a_data_url,
    a_name,
    a_text,
    a_url,
    an_object,
    anything,
    closed,
    invalid,
    list_of,
    matching,
    missing,
    not_one_of,
    one_of,
    some_base64,
    tagged,
    wrong_type,
)

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
PERSON = r"^[^\s<|\\/>]+$"
"""What a participant may be called."""

Message = dict[str, Any]

_MARK = {"prompt_cache_breakpoint": an_object}
_IMAGE = closed({"url": a_url}, {"detail": one_of("auto", "low", "high", "original")})
_SOUND = closed({"data": some_base64, "format": one_of("wav", "mp3")})
_FILE = closed({}, {"file_data": a_data_url, "file_id": a_text, "filename": a_text})
_PARTS: dict[str, Check] = {
    "text": closed({"type": anything, "text": a_text}, _MARK),
    "image_url": closed({"type": anything, "image_url": _IMAGE}, _MARK),
    "input_audio": closed({"type": anything, "input_audio": _SOUND}, _MARK),
    "file": closed({"type": anything, "file": _FILE}, _MARK),
    "refusal": closed({"type": anything, "refusal": a_text}),
}
_OF_ROLES = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
"""Kinds of parts by role; of the other roles text alone."""


def _content_of(role: str) -> Check:
    kinds = _OF_ROLES.get(role, ("text",))
    part = tagged({kind: _PARTS[kind] for kind in kinds})

    def check_part(value: Any, where: str) -> None:
        if isinstance(value, dict) and value.get("type") == "image_url" and "image_url" not in kinds:
            said = "Image URLs are only allowed for messages with role 'user', but this message with role"
            raise refuse(
                f"Invalid '{where.partition('.')[0]}'. {said} '{role}' contains an image URL.",
                param=where.partition(".")[0],
                code="invalid_value",
            )
        part(value, where)

    check_parts = list_of(check_part, least=1)

    def check(value: Any, where: str) -> None:
        if isinstance(value, list):
            check_parts(value, where)
        elif not isinstance(value, str):
            raise wrong_type(where, "one of a string or array of objects", value)

    return check


_FUNCTION = closed({"name": a_name, "arguments": a_text})
_CUSTOM = closed({"name": a_name, "input": a_text})
_CALL = tagged(
    {
        "function": closed({"id": a_call_id, "type": anything, "function": _FUNCTION}, {"index": anything}),
        "custom": closed({"id": a_call_id, "type": anything, "custom": _CUSTOM}, {"index": anything}),
    }
)
_PERSON = {"name": matching(PERSON)}
_ASSISTANT = {
    "content": _content_of("assistant"),
    "refusal": a_text,
    "audio": closed({"id": a_text}),
    "tool_calls": list_of(_CALL, least=1, most=128),
    "function_call": _FUNCTION,
    "annotations": anything,
    # What compatible servers send and want back; OpenAI looks past it.
    **dict.fromkeys(("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"), anything),
}
_SAYING = ("content", "refusal", "audio", "tool_calls", "function_call")
"""Of these an assistant's message needs one."""
_ROLE = {"role": anything}
_MESSAGES: dict[str, Check] = {
    "system": closed({**_ROLE, "content": _content_of("system")}, _PERSON),
    "developer": closed({**_ROLE, "content": _content_of("developer")}, _PERSON),
    "user": closed({**_ROLE, "content": _content_of("user")}, _PERSON),
    "assistant": closed(_ROLE, {**_ASSISTANT, **_PERSON}),
    "tool": closed({**_ROLE, "content": _content_of("tool"), "tool_call_id": a_call_id}, {"name": a_text}),
    "function": closed({**_ROLE, "name": a_name}, {"content": a_text}),
}


def read_messages(document: Mapping[str, Any]) -> list[Message]:
    """The messages of a chat request. Raises `Refused` for the first thing wrong with them."""
    require(document, "messages")
    messages = document["messages"]
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects", messages)
    if not messages:
        said = "empty array. Expected an array with minimum length 1, but got an empty array instead."
        raise invalid("messages", said, "empty_array")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_order(messages)
    return messages


def _check_message(message: Any, where: str) -> None:
    an_object(message, where)
    if "role" not in message:
        raise missing(f"{where}.role")
    role = message["role"]
    check = _MESSAGES.get(role) if isinstance(role, str) else None
    if check is None:
        raise not_one_of(f"{where}.role", role, ROLES)
    check(message, where)
    if role == "assistant" and all(message.get(name) is None for name in _SAYING):
        said = "Invalid value for 'content': expected a string, got null."
        raise refuse(said, param=f"{where}.content")


def _check_order(messages: list[Message]) -> None:
    """Each call is answered by a tool message right after it, and each tool message answers a call."""
    called: dict[str, bool] | None = None
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            called = _answer(called, message["tool_call_id"], index)
            continue
        _check_answered(called, index)
        calls = message.get("tool_calls") if message["role"] == "assistant" else None
        called = {call["id"]: False for call in calls} if calls else None
    _check_answered(called, len(messages))


def _answer(called: dict[str, bool] | None, name: str, index: int) -> dict[str, bool]:
    where = f"messages.[{index}]"
    if called is None:
        said = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        raise refuse(f"Invalid parameter: {said}", param=f"{where}.role")
    if name not in called:
        said = f"'tool_call_id' of '{name}' not found in 'tool_calls' of previous message."
        raise refuse(f"Invalid parameter: {said}", param=f"{where}.tool_call_id")
    if called[name]:
        raise refuse(f"Duplicate value for 'tool_call_id' of '{name}'", param=f"{where}.tool_call_id")
    return called | {name: True}


def _check_answered(called: dict[str, bool] | None, index: int) -> None:
    unanswered = [name for name, answered in (called or {}).items() if not answered]
    if unanswered:
        raise _unanswered(unanswered, index)


def _unanswered(names: list[str], index: int) -> Refused:
    said = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    said += f" The following tool_call_ids did not have response messages: {', '.join(names)}"
    return refuse(said, param=f"messages.[{index}].role")


def count_tokens(messages: list[Message]) -> int:
    """A token for every four characters of text, and one for every message or part."""
    total = 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            total += len(content) // 4 + 1
        else:
            total += 1 + sum(len(part.get("text", "")) // 4 + 1 for part in content or ())
    return total


def see(messages: list[Message]) -> echo.Seen:
    """What the echo tells."""
    kinds = [part["type"] for message in messages for part in _parts(message)]
    said = [_said(message) for message in messages if message["role"] == "user"]
    return echo.Seen(
        "\n".join(filter(None, (_said(each) for each in messages if each["role"] in ("system", "developer")))),
        next(filter(None, reversed(said)), ""),
        kinds.count("image_url"),
        kinds.count("file"),
        [_said(message) for message in messages if message["role"] in ("tool", "function")],
        len(messages),
    )


def _said(message: Message) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(_texts(message))


def _texts(message: Message) -> Iterator[str]:
    return (part["text"] for part in _parts(message) if part["type"] == "text")


def _parts(message: Message) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []
