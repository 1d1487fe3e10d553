"""What Anthropic asks of a conversation as a whole: whose turn it is, results for calls, signatures of thoughts. Pure.

Neighbours with the same role are one turn, as they are for Anthropic; errors still name the message's own number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gateway.mock import signatures
from gateway.mock.anthropic import LATEST, refuse
from gateway.mock.anthropic_blocks import BLOCK, BLOCKS, OF_THE_ASSISTANT, OF_THE_USER
from gateway.mock.anthropic_models import Abilities
from gateway.mock.anthropic_shapes import closed, list_of, one_of, tagged, wrong
from gateway.mock.checks import either

_ROLES = ("user", "assistant", "system")


class Placed(NamedTuple):
    """A content block and where it stands."""

    message: int
    place: int
    block: dict[str, Any]

    @property
    def where(self) -> str:
        """As errors name it."""
        return f"messages.{self.message}.content.{self.place}"


class Turn(NamedTuple):
    """Messages of one role that follow each other."""

    role: str
    blocks: list[Placed]


def _text_of_a_message(value: Any, where: str) -> None:
    """A text stands for one block; an empty one is caught as empty content."""


_MESSAGE = closed({"role": one_of("user", "assistant"), "content": either(_text_of_a_message, list_of(BLOCK))}, {})
_SYSTEM_MESSAGE = closed(
    {"role": one_of(*_ROLES), "content": either(_text_of_a_message, list_of(tagged({"text": BLOCKS["text"]})))}, {}
)


def read_turns(messages: list[Any], abilities: Abilities) -> list[Turn]:
    """The turns of a conversation whose messages have been checked one by one. Raises `Refused`."""
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        _check_message(message, index, abilities)
        _check_not_empty(message, index, last=index == len(messages) - 1)
        if not turns or turns[-1].role != message["role"]:
            turns.append(Turn(message["role"], []))
        turns[-1].blocks.extend(_blocks(message["content"], index))
    return turns


def _check_message(message: Any, index: int, abilities: Abilities) -> None:
    where = f"messages.{index}"
    if not isinstance(message, dict) or message.get("role") != "system":
        _MESSAGE(message, where)
        return
    if not abilities.system_turns:
        raise wrong(where, "role 'system' is not supported on this model")
    _SYSTEM_MESSAGE(message, where)


def _check_not_empty(message: dict[str, Any], index: int, *, last: bool) -> None:
    content = message["content"]
    if not content and not (last and message["role"] == "assistant"):
        said = "all messages must have non-empty content except for the optional final assistant message"
        raise wrong(f"messages.{index}", said)
    if isinstance(content, str) and content and not content.strip():
        raise refuse("messages: text content blocks must contain non-whitespace text")


def _blocks(content: str | list[Any], index: int) -> Iterator[Placed]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return (Placed(index, place, block) for place, block in enumerate(blocks))


def check_turns(turns: list[Turn], *, model: str, version: str, abilities: Abilities) -> None:
    """Raises `Refused` for the first rule that these turns break."""
    if turns[0].role != "user":
        raise refuse('messages: first message must use the "user" role')
    for turn in turns:
        for placed in turn.blocks:
            _check_speaker(turn.role, placed, version)
            _check_signature(placed, model)
    _check_ids(turns)
    for before, turn in zip([None, *turns], turns, strict=False):
        _check_results(before, turn)
    for turn, after in zip(turns, [*turns[1:], None], strict=True):
        _check_answered(turn, after)
    _check_ending(turns[-1], abilities)


def _check_speaker(role: str, placed: Placed, version: str) -> None:
    kind = placed.block["type"]
    where = f"messages.{placed.message}"
    if role == "assistant" and kind in OF_THE_USER:
        raise wrong(where, f"`{kind}` blocks can only be in `user` messages")
    if role != "assistant" and kind in OF_THE_ASSISTANT:
        raise wrong(where, f"`{kind}` blocks can only be in `assistant` messages")
    if version != LATEST:
        return
    if role == "assistant" and kind == "document":
        raise wrong(placed.where, "`document` blocks cannot be placed directly in `assistant` messages")
    if role == "user" and kind == "text" and placed.block.get("citations"):
        raise wrong(f"{placed.where}.text.citations", "Extra inputs are not permitted")


def _check_signature(placed: Placed, model: str) -> None:
    block = placed.block
    if block["type"] == "thinking" and not signatures.is_signed(block["signature"], model, block["thinking"]):
        raise wrong(placed.where, "Invalid `signature` in `thinking` block")
    if block["type"] == "redacted_thinking" and not signatures.is_sealed(block["data"], model):
        raise wrong(placed.where, "Invalid `data` in `redacted_thinking` block")


def _of_kind(turn: Turn | None, kind: str) -> list[Placed]:
    return [placed for placed in turn.blocks if placed.block["type"] == kind] if turn is not None else []


def _check_ids(turns: list[Turn]) -> None:
    seen: set[str] = set()
    for placed in (placed for turn in turns for placed in _of_kind(turn, "tool_use")):
        if placed.block["id"] in seen:
            raise wrong(placed.where, "`tool_use` ids must be unique")
        seen.add(placed.block["id"])


def _check_results(before: Turn | None, turn: Turn) -> None:
    """Each result belongs to a call of the turn before, and each call has no more than one."""
    called = {placed.block["id"] for placed in _of_kind(before, "tool_use")}
    seen: set[str] = set()
    for placed in _of_kind(turn, "tool_result"):
        name = placed.block["tool_use_id"]
        if name not in called:
            said = f"unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each `tool_result` block must have"
            raise wrong(placed.where, f"{said} a corresponding `tool_use` block in the previous message.")
        if name in seen:
            said = "each tool_use must have a single result. Found multiple `tool_result` blocks with id:"
            raise wrong(placed.where, f"{said} {name}")
        seen.add(name)


def _check_answered(turn: Turn, after: Turn | None) -> None:
    """The turn after one with calls begins with their results."""
    calls = _of_kind(turn, "tool_use")
    answered: set[str] = set()
    for placed in after.blocks if after is not None else ():
        if placed.block["type"] != "tool_result":
            break
        answered.add(placed.block["tool_use_id"])
    open_calls = [placed for placed in calls if placed.block["id"] not in answered]
    if open_calls:
        names = ", ".join(placed.block["id"] for placed in open_calls)
        said = f"`tool_use` ids were found without `tool_result` blocks immediately after: {names}. Each `tool_use`"
        where = f"messages.{open_calls[0].message}"
        raise wrong(where, f"{said} block must have a corresponding `tool_result` block in the next message.")


def _check_ending(turn: Turn, abilities: Abilities) -> None:
    """A conversation that ends with the assistant is to be continued by it."""
    if turn.role != "assistant":
        return
    if not abilities.prefill:
        said = "This model does not support assistant message prefill. The conversation must end with a user message."
        raise refuse(said)
    last = turn.blocks[-1].block if turn.blocks else {}
    if last.get("type") == "text" and last["text"] != last["text"].rstrip():
        raise refuse("messages: final assistant content cannot end with trailing whitespace")


def check_thoughts(turns: list[Turn]) -> None:
    """With a budget of thoughts, those before the calls that are being answered have to come back."""
    if len(turns) < 2 or not _of_kind(turns[-1], "tool_result"):
        return
    first = turns[-2].blocks[0]
    if first.block["type"] not in ("thinking", "redacted_thinking"):
        said = f"Expected `thinking` or `redacted_thinking`, but found `{first.block['type']}`. When `thinking` is"
        said += " enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set"
        raise wrong(f"{first.where}.type", f"{said} of `tool_use` and `tool_result` blocks).")


def walk(turns: list[Turn], visit: Callable[[Turn, dict[str, Any]], None]) -> None:
    """Visits every block, those inside of tool results too."""
    for turn in turns:
        for placed in turn.blocks:
            visit(turn, placed.block)
            inner = placed.block.get("content")
            if placed.block["type"] == "tool_result" and isinstance(inner, list):
                for block in inner:
                    visit(turn, block)
