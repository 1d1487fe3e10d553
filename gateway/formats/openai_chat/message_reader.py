"""A client's messages as turns. Leading instructions are told apart; later ones stay where they are (SYS-1, SYS-2)."""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.formats.arguments import as_text
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Part, Refusal, Text, ToolCall, ToolResult, Turn
from gateway.formats.values import a_list, a_text, an_object, one_of

from .part_reader import read_content, read_thinking
from .reply_reader import signature_of

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class Conversation:
    """Messages read so far."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.system: list[Text] = []
        self.turns: list[Turn] = []
        self._called: list[str] = []
        """Ids made for calls of the older kind, which have none, and are answered in turn."""

    def read(self, value: Any, path: str) -> None:
        """Add one message. Raises InvalidRequest with the field at fault."""
        message = an_object(value, path)
        role = one_of(message.get("role"), ROLES, f"{path}.role")
        if message.get("name") is not None and role not in ("function", "tool"):
            self._losses.drop(f"{path}.name")
        if role in ("system", "developer"):
            self._instruction(message, path)
        elif role == "assistant":
            self.turns.append(Turn("assistant", self._assistant(message, path)))
        elif role == "user":
            self.turns.append(Turn("user", read_content(message.get("content"), f"{path}.content")))
        else:
            self._result(message, path, role)

    def _instruction(self, message: Fields, path: str) -> None:
        texts = read_content(message.get("content"), f"{path}.content")
        if not all(isinstance(part, Text) for part in texts):
            raise InvalidRequest(f"{path}.content of this role may only have text.", param=f"{path}.content")
        if self.turns:
            self.turns.append(Turn("system", texts))
        else:
            self.system.extend(part for part in texts if isinstance(part, Text))

    def _assistant(self, message: Fields, path: str) -> tuple[Part, ...]:
        parts: list[Part] = [*read_thinking(message, path)]
        parts += read_content(message.get("content"), f"{path}.content")
        refusal = message.get("refusal")
        if refusal is not None:
            parts.append(Refusal(a_text(refusal, f"{path}.refusal")))
        if message.get("audio") is not None:
            self._losses.drop(f"{path}.audio")
        calls = message.get("tool_calls")
        for at, call in enumerate(a_list(calls, f"{path}.tool_calls") if calls is not None else ()):
            parts.append(_call(an_object(call, f"{path}.tool_calls[{at}]"), f"{path}.tool_calls[{at}]"))
        if message.get("function_call") is not None:
            parts.append(self._old_call(an_object(message["function_call"], f"{path}.function_call"), path))
        return tuple(parts)

    def _old_call(self, call: Fields, path: str) -> ToolCall:
        self._called.append(f"call_fn_{len(self._called)}")
        name = a_text(call.get("name"), f"{path}.function_call.name")
        return ToolCall(self._called[-1], name, _written(call.get("arguments"), f"{path}.function_call.arguments"))

    def _result(self, message: Fields, path: str, role: str) -> None:
        parts = read_content(message.get("content"), f"{path}.content")
        if role == "tool":
            name = message.get("name")  # not OpenAI's, but what many clients say; the call has it too
            call_id = a_text(message.get("tool_call_id"), f"{path}.tool_call_id")
            result = ToolResult(call_id, parts, name if isinstance(name, str) else "")
        else:
            name = a_text(message.get("name"), f"{path}.name")
            result = ToolResult(self._called[-1] if self._called else "call_fn_0", parts, name)
        self.turns.append(Turn("user", (result,)))


def _call(call: Fields, path: str) -> ToolCall:
    kind = call.get("type") or "function"
    one_of(kind, ("function", "custom"), f"{path}.type")
    fields = an_object(call.get(kind), f"{path}.{kind}")
    argument = "input" if kind == "custom" else "arguments"
    call_id = call.get("id")
    return ToolCall(
        call_id if isinstance(call_id, str) else "",
        a_text(fields.get("name"), f"{path}.{kind}.name"),
        _written(fields.get(argument), f"{path}.{kind}.{argument}"),
        kind="custom" if kind == "custom" else "function",
        state=signature_of(call),
    )


def _written(arguments: Any, path: str) -> str:
    """Arguments as text, those too that a client gives as the object they mean: a call is never told without them."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    try:
        return as_text(arguments)
    except TypeError:
        raise InvalidRequest(f"{path} is nested too deeply.", param=path) from None
