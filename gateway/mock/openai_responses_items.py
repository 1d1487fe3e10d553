"""The input items of a response: their shapes, what must go with what, and what they say. Pure."""

from __future__ import annotations

from typing import Any

from gateway.mock import echo, signatures
from gateway.mock.answers import Refused
from gateway.mock.checks import Check, either
from gateway.mock.kept import Kept
from gateway.mock.openai import error, refuse
from gateway.mock.openai_shapes import (
    a_call_id,
    a_data_url,
    a_name,
    a_text,
    a_url,
    an_object,
    anything,
    at_most,
    below,
    closed,
    invalid,
    list_of,
    not_one_of,
    one_of,
    opened,
    some_base64,
    tagged,
    wrong_type,
)

SEALED_BY = "openai"
"""Whose sealed thoughts may come back: those of any model here."""

Item = dict[str, Any]

_MARK = {"prompt_cache_breakpoint": an_object}
_SOUND = closed({"data": some_base64, "format": one_of("wav", "mp3")})


def _image(value: Any, where: str) -> None:
    _IMAGE(value, where)
    if not value.get("image_url") and not value.get("file_id"):
        raise invalid(where, "expected one of 'image_url' and 'file_id'.", "missing_required_parameter")


def _file(value: Any, where: str) -> None:
    _FILE(value, where)
    if not any(value.get(name) for name in ("file_data", "file_id", "file_url")):
        said = "expected one of 'file_data', 'file_id' and 'file_url'."
        raise invalid(where, said, "missing_required_parameter")


_DETAIL = {"detail": one_of("auto", "low", "high", "original")}
_IMAGE = closed({"type": anything}, {"image_url": a_url, "file_id": a_text, **_DETAIL, **_MARK})
_FILE = closed(
    {"type": anything},
    {"file_data": a_data_url, "file_id": a_text, "file_url": a_url, "filename": a_text, **_DETAIL, **_MARK},
)
_TEXT = closed({"type": anything, "text": a_text}, _MARK)
_INPUT: dict[str, Check] = {"input_text": _TEXT, "input_image": _image, "input_file": _file}
_HEARD: dict[str, Check] = {**_INPUT, "input_audio": closed({"type": anything, "input_audio": _SOUND})}
_OUTPUT: dict[str, Check] = {
    "output_text": closed(
        {"type": anything, "text": a_text}, {"annotations": list_of(an_object), "logprobs": anything}
    ),
    "refusal": closed({"type": anything, "refusal": a_text}),
}


def _content(parts: dict[str, Check]) -> Check:
    check_parts = list_of(tagged(parts))

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str | list):
            raise wrong_type(where, "one of a string or array of objects", value)
        if isinstance(value, list):
            check_parts(value, where)

    return check


def _named(prefix: str) -> Check:
    """An id as the server gives it to items of a kind."""

    def check(value: Any, where: str) -> None:
        at_most(64)(value, where)
        if not value.startswith(prefix):
            said = f"'{value}'. Expected an ID that begins with '{prefix}'."
            raise invalid(where, said)

    return check


_STATUS = {"status": one_of("in_progress", "completed", "incomplete")}
_SPOKEN = {"type": anything, "phase": one_of("commentary", "final_answer"), "id": _named("msg"), **_STATUS}
_MESSAGES = {
    role: closed({"role": anything, "content": _content(parts)}, _SPOKEN)
    for role, parts in (("user", _HEARD), ("system", _INPUT), ("developer", _INPUT), ("assistant", _OUTPUT))
}


def _message(value: Any, where: str) -> None:
    role = value.get("role")
    if not isinstance(role, str) or role not in _MESSAGES:
        raise not_one_of(below(where, "role"), role, ("assistant", "system", "developer", "user"))
    _MESSAGES[role](value, where)


def _sealed(value: Any, where: str) -> None:
    a_text(value, where)
    if not signatures.is_sealed(value, SEALED_BY):
        said = "could not be verified. Reason: Encrypted content could not be decrypted or parsed."
        raise refuse(f"The encrypted content {value[:4]}...{value[-4:]} {said}", code="invalid_encrypted_content")


_KNOWN = {"namespace": a_name, "caller": an_object, "async": anything, **_STATUS}
_CALL = {"type": anything, "call_id": a_call_id, "name": a_name}
_RESULT = closed(
    {"type": anything, "call_id": a_call_id, "output": _content(_INPUT)},
    {"id": a_text, "name": a_text, "namespace": a_name, "caller": an_object, **_STATUS},
)
_SUMMARY = list_of(closed({"type": one_of("summary_text"), "text": a_text}))
_THOUGHTS = list_of(closed({"type": one_of("reasoning_text"), "text": a_text}))
_REASONING = closed(
    {"type": anything, "summary": _SUMMARY},
    {"id": _named("rs"), "content": _THOUGHTS, "encrypted_content": _sealed, **_STATUS},
)
_ITEMS: dict[str, Check] = {
    "message": _message,
    "function_call": closed({**_CALL, "arguments": a_text}, {"id": _named("fc"), **_KNOWN}),
    "function_call_output": _RESULT,
    "custom_tool_call": closed({**_CALL, "input": a_text}, {"id": _named("ctc"), **_KNOWN}),
    "custom_tool_call_output": _RESULT,
    "reasoning": _REASONING,
    "item_reference": closed({"id": a_text}, {"type": anything}),
    "compaction": closed({"type": anything, "encrypted_content": _sealed}, {"id": a_text, "created_by": a_text}),
    "additional_tools": opened({"role": one_of("developer"), "tools": list_of(an_object)}),
    **dict.fromkeys(
        ("compaction_trigger", "configuration_update", "tool_search_call", "tool_search_output", "program",
         "program_output", "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call",
         "computer_call", "computer_call_output", "local_shell_call", "local_shell_call_output", "shell_call",
         "shell_call_output", "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_call",
         "mcp_approval_request", "mcp_approval_response"),
        an_object,
    ),
}  # fmt: skip
_ITEM = tagged(_ITEMS, default="message")
_LIST = list_of(_ITEM)
check_input: Check = either(anything, _LIST)
"""A text, or items that are right each by itself."""

_CALLS = {"function_call": "function call", "custom_tool_call": "custom tool call"}
_OUTPUTS = {f"{kind}_output": words for kind, words in _CALLS.items()}


def items_of(given: object) -> list[Item]:
    """The items of an input that passed the check."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [{**item, "type": item.get("type") or "message"} for item in given] if isinstance(given, list) else []


def resolve(items: list[Item], kept: Kept) -> list[Item]:
    """The items, references looked up. Raises `Refused` when nothing is kept under an id that stands for an item."""
    return [_found(item, kept) if _is_reference(item) else item for item in items]


def _is_reference(item: Item) -> bool:
    """Thoughts that bring nothing sealed stand for those that are kept."""
    return item["type"] == "item_reference" or (item["type"] == "reasoning" and not item.get("encrypted_content"))


def _found(item: Item, kept: Kept) -> Item:
    name = str(item.get("id") or "")
    found = kept.find_item(name)
    if found is None:
        said = f"Item with id '{name}' not found. Items are not persisted when `store` is set to false. Try again"
        said += " with `store` set to true, or remove this item from your input."
        raise Refused(error(404, said, kind="invalid_request_error", param="input"))
    return found


def check_order(items: list[Item]) -> None:
    """Raises `Refused` for calls without output, outputs without call, and thoughts without what came of them."""
    for kind, words in _CALLS.items():
        calls = [item["call_id"] for item in items if item["type"] == kind]
        outputs = {item["call_id"] for item in items if item["type"] == f"{kind}_output"}
        for name in calls:
            if name not in outputs:
                raise refuse(f"No tool output found for {words} {name}.", param="input")
    called: set[str] = set()
    for item in items:
        if item["type"] in _CALLS:
            called.add(item["call_id"])
        if item["type"] in _OUTPUTS and item["call_id"] not in called:
            said = f"No tool call found for {_OUTPUTS[item['type']]} output with call_id {item['call_id']}."
            raise refuse(said, param="input")
    for item, after in zip(items, [*items[1:], None], strict=False):
        if item["type"] == "reasoning" and not _is_followed(after):
            said = f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
            raise refuse(said, param="input")


def _is_followed(after: Item | None) -> bool:
    """Whether this is something that a model says or does after thinking."""
    if after is None or after["type"].endswith("_output"):
        return False
    return after["type"] != "message" or bool(after["role"] == "assistant")


def see(items: list[Item], instructions: str) -> echo.Seen:
    """What the echo tells."""
    messages = [item for item in items if item["type"] == "message"]
    parts = [part for item in items for part in _parts(item)]
    kinds = [part["type"] for part in parts]
    systems = [_said(item["content"]) for item in messages if item["role"] in ("system", "developer")]
    said = [_said(item["content"]) for item in messages if item["role"] == "user"]
    return echo.Seen(
        "\n".join(filter(None, [instructions, *systems])),
        next(filter(None, reversed(said)), ""),
        kinds.count("input_image"),
        kinds.count("input_file"),
        [_said(item["output"]) for item in items if item["type"] in _OUTPUTS],
        len(items),
    )


def _said(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] in ("input_text", "output_text"))


def _parts(item: Item) -> list[dict[str, Any]]:
    content = item.get("content") if item["type"] == "message" else item.get("output")
    return content if isinstance(content, list) and item["type"] in ("message", *_OUTPUTS) else []
