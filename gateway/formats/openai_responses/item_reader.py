"""A client's input items as turns. Knows which items belong to one turn; refuses what only its vendor could read.

Items: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Part, Reasoning, Refusal, State, Text, ToolCall, ToolResult, Turn
from gateway.formats.reasoning import is_wrapped, unwrap
from gateway.formats.values import a_list, a_text, an_object, maybe, one_of
from gateway.formats.written import request_bytes

from .compaction import SUMMARY_HEADING, read_compaction
from .part_reader import read_content, refuse_kind, texts_of

ROLES = ("user", "assistant", "system", "developer")


@dataclass(slots=True)
class _Draft:
    """A turn that may still grow."""

    role: str
    parts: list[Part]
    phase: str = ""
    results: bool = False
    """It holds results of tools, and takes more of them."""

    @property
    def answered(self) -> bool:
        """It is the model's, who has spoken and called nothing since."""
        spoke = any(isinstance(part, Text | Refusal) for part in self.parts)
        return spoke and not any(isinstance(part, ToolCall) for part in self.parts)


@dataclass(slots=True)
class Conversation:
    """What the items of a request say."""

    losses: Losses
    system: list[Text] = field(default_factory=list)
    """Instructions before anything else."""
    tools: list[tuple[str, list[Any]]] = field(default_factory=list)
    """Lists of tools declared on the way, with their paths."""
    updates: list[tuple[str, Fields]] = field(default_factory=list)
    """Settings changed on the way, with their paths."""
    _drafts: list[_Draft] = field(default_factory=list)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns so far."""
        return tuple(Turn(draft.role, tuple(draft.parts), draft.phase) for draft in self._drafts)  # type: ignore[arg-type]  # ROLES

    def user(self, parts: tuple[Part, ...]) -> None:
        """The user says something: always a turn of its own (ROLE-1)."""
        self._drafts.append(_Draft("user", list(parts)))

    def instruct(self, parts: tuple[Part, ...]) -> None:
        """An instruction: leading ones are apart, later ones keep their place (SYS-2)."""
        texts = [part for part in parts if isinstance(part, Text)]
        if self._drafts:
            self._drafts.append(_Draft("system", [*texts]))
        else:
            self.system += texts

    def say(self, parts: tuple[Part, ...], phase: str) -> None:
        """The model says something. With what it thought before, and calls it made before or makes next, that is one
        turn; after something it said already it is another, which the thoughts since then belong to."""
        last = self._assistant()
        if last.answered:
            thoughts = _trailing_thoughts(last.parts)
            del last.parts[len(last.parts) - len(thoughts) :]
            last = _Draft("assistant", thoughts)
            self._drafts.append(last)
        last.parts += parts
        last.phase = last.phase or phase

    def act(self, part: Part) -> None:
        """The model thinks, or calls a tool."""
        self._assistant().parts.append(part)

    def _assistant(self) -> _Draft:
        if not self._drafts or self._drafts[-1].role != "assistant":
            self._drafts.append(_Draft("assistant", []))
        return self._drafts[-1]

    def result(self, part: ToolResult) -> None:
        """A tool has answered: results in a row are one turn."""
        last = self._drafts[-1] if self._drafts else None
        if last is not None and last.results:
            last.parts.append(part)
        else:
            self._drafts.append(_Draft("user", [part], results=True))


def _trailing_thoughts(parts: list[Part]) -> list[Part]:
    count = next((at for at, part in enumerate(reversed(parts)) if not isinstance(part, Reasoning)), len(parts))
    return parts[len(parts) - count :]


def read_items(value: Any, losses: Losses) -> Conversation:
    """The conversation in `input`, a string or a list of items. Raises InvalidRequest with the item at fault, and
    UnsupportedParameter for what only its vendor can read."""
    conversation = Conversation(losses)
    if isinstance(value, str):
        conversation.user((Text(value),))
    elif value is not None:
        for at, item in enumerate(a_list(value, "input")):
            _read_item(conversation, an_object(item, f"input[{at}]"), f"input[{at}]")
    return conversation


def _read_item(conversation: Conversation, item: Fields, path: str) -> None:
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference"
    reader = _ITEMS.get(a_text(kind, f"{path}.type"))
    if reader is None:
        refuse_kind(f"{path}.type", "item")
    reader(conversation, item, path)


def _message(conversation: Conversation, item: Fields, path: str) -> None:
    role = one_of(item.get("role"), ROLES, f"{path}.role")
    parts = read_content(item.get("content"), f"{path}.content")
    if role == "user":
        conversation.user(parts)
    elif role == "assistant":
        conversation.say(parts, maybe(a_text, item, "phase", path) or "")
    else:
        conversation.instruct(parts)


def _function_call(conversation: Conversation, item: Fields, path: str) -> None:
    arguments = item.get("arguments")
    if isinstance(arguments, dict):
        arguments = request_bytes(arguments).decode()
    conversation.act(
        ToolCall(
            a_text(item.get("call_id"), f"{path}.call_id"),
            a_text(item.get("name"), f"{path}.name"),
            "" if arguments is None else a_text(arguments, f"{path}.arguments"),
            namespace=maybe(a_text, item, "namespace", path) or "",
        )
    )


def _custom_call(conversation: Conversation, item: Fields, path: str) -> None:
    conversation.act(
        ToolCall(
            a_text(item.get("call_id"), f"{path}.call_id"),
            a_text(item.get("name"), f"{path}.name"),
            maybe(a_text, item, "input", path) or "",
            kind="custom",
            namespace=maybe(a_text, item, "namespace", path) or "",
        )
    )


def _call_output(conversation: Conversation, item: Fields, path: str) -> None:
    conversation.result(
        ToolResult(
            a_text(item.get("call_id"), f"{path}.call_id"),
            read_content(item.get("output"), f"{path}.output"),
            maybe(a_text, item, "name", path) or "",
        )
    )


def _reasoning(conversation: Conversation, item: Fields, path: str) -> None:
    """State of ours is unwrapped; any other is taken for OpenAI's own (REAS-8)."""
    summary = texts_of(item.get("summary"), f"{path}.summary")
    text = "\n\n".join(summary) or "".join(texts_of(item.get("content"), f"{path}.content"))
    sealed = maybe(a_text, item, "encrypted_content", path) or ""
    if is_wrapped(sealed):
        state = unwrap(sealed)
    else:
        state = State("openai", f"{maybe(a_text, item, 'id', path) or ''}~{sealed}") if sealed else None
    if text or state is not None:
        conversation.act(Reasoning(text, state))


def _compaction(conversation: Conversation, item: Fields, path: str) -> None:
    summary = read_compaction(item, path)
    if summary is None:
        conversation.losses.refuse(path)
    conversation.user((Text(SUMMARY_HEADING + summary),))


def _additional_tools(conversation: Conversation, item: Fields, path: str) -> None:
    conversation.tools.append((f"{path}.tools", a_list(item.get("tools"), f"{path}.tools")))


def _update(conversation: Conversation, item: Fields, path: str) -> None:
    conversation.updates.append((path, item))


def _pass_over(conversation: Conversation, item: Fields, path: str) -> None:
    """A search that the provider ran itself: what it found is in the text."""


def _drop(conversation: Conversation, item: Fields, path: str) -> None:
    """What a provider ran itself, and nobody else can read."""
    conversation.losses.drop(path)


def _refuse(conversation: Conversation, item: Fields, path: str) -> None:
    conversation.losses.refuse(path)


_ITEMS: dict[str, Callable[[Conversation, Fields, str], None]] = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _call_output,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _call_output,
    "reasoning": _reasoning,
    "compaction": _compaction,
    "additional_tools": _additional_tools,
    "configuration_update": _update,
    "web_search_call": _pass_over,
    **dict.fromkeys(
        ("file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call"), _drop
    ),
    **dict.fromkeys(
        (
            "item_reference",
            "compaction_trigger",
            "program",
            "program_output",
            "tool_search_call",
            "tool_search_output",
            "computer_call",
            "computer_call_output",
            "local_shell_call",
            "local_shell_call_output",
            "shell_call",
            "shell_call_output",
            "apply_patch_call",
            "apply_patch_call_output",
            "mcp_approval_request",
            "mcp_approval_response",
        ),
        _refuse,
    ),
}
