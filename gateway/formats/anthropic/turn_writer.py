"""Turns as messages for an Anthropic provider: who speaks when, and which thoughts go back to whom they belong.

The API wants the user to begin, turns to alternate, and instructions between them only where its model knows them.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Part, Reasoning, Text, ToolCall, Turn
from gateway.formats.reasoning import kept
from gateway.formats.turns import as_reminders, merged

from .block_writer import content_of, write_blocks

ORIGINS = ("anthropic", "anthropic-redacted")
"""Whose thoughts the provider takes back."""

OPENING = "."
"""Said by the user where the conversation begins with the model (ROLE-2)."""
ONLY_INSTRUCTED = "Continue."
"""Said by the user where there are but instructions (SYS-3)."""


def fitted_turns(turns: Iterable[Turn], *, mid_system: bool) -> tuple[Turn, ...]:
    """The turns as the API takes them: alternating, the user first, thoughts only of Anthropic's own."""
    own = kept((_with_whole_thoughts(turn) for turn in turns), ORIGINS)
    told = merged(_said(_placed(merged(_said(own)), mid_system=mid_system)))
    found = list(merged(_said(_without_last_thoughts(turn) for turn in told)))
    if found and found[-1].role == "assistant":
        found[-1] = _without_blank_end(found[-1])
    if not found:
        return (Turn("user", (Text(ONLY_INSTRUCTED),)),)
    return tuple(found) if found[0].role == "user" else (Turn("user", (Text(OPENING),)), *found)


def write_turns(turns: Iterable[Turn], losses: Losses) -> list[Fields]:
    """The messages. Raises UnsupportedParameter for content that no block can hold."""
    messages = ((turn.role, write_blocks(turn.role, turn.parts, losses)) for turn in turns)
    return [{"role": role, "content": content_of(blocks)} for role, blocks in messages if blocks]


def _with_whole_thoughts(turn: Turn) -> Turn:
    """The turn with every signature at the thought it belongs to.

    Other dialects carry it behind the text of the thought, or on the call that came of it.
    """
    if turn.role != "assistant" or not any(isinstance(part, Reasoning | ToolCall) for part in turn.parts):
        return turn
    parts: list[Part] = []
    for part in turn.parts:
        if isinstance(part, Reasoning) and part.state is not None and not part.text:
            parts.append(structs.replace(part, text=_unsigned_text(parts) if part.state.origin == "anthropic" else ""))
        elif isinstance(part, ToolCall) and part.state is not None and part.state.origin in ORIGINS:
            text = _unsigned_text(parts) if part.state.origin == "anthropic" else ""
            parts += (Reasoning(text, part.state), structs.replace(part, state=None))
        else:
            parts.append(part)
    return structs.replace(turn, parts=tuple(parts))


def _unsigned_text(parts: list[Part]) -> str:
    """The text of thoughts without state at the end of these parts, which are taken away."""
    texts: list[str] = []
    while parts and isinstance(last := parts[-1], Reasoning) and last.state is None:
        texts.append(last.text)
        parts.pop()
    return "".join(reversed(texts))


def _placed(turns: Iterable[Turn], *, mid_system: bool) -> tuple[Turn, ...]:
    """Instructions stay in place behind the user where the model takes them; else the user says them (SYS-2)."""
    out: list[Turn] = []
    before = ""
    for turn in turns:
        if turn.role == "system" and not (mid_system and before == "user"):
            out.extend(as_reminders((turn,)))
            before = "user"
        else:
            out.append(turn)
            before = turn.role
    return tuple(out)


def _said(turns: Iterable[Turn]) -> Iterable[Turn]:
    """Turns without texts of mere blanks, which the API refuses; what is left empty goes."""
    for turn in turns:
        parts = tuple(part for part in turn.parts if not isinstance(part, Text) or part.text.strip())
        if parts:
            yield turn if len(parts) == len(turn.parts) else structs.replace(turn, parts=parts)


def _without_last_thoughts(turn: Turn) -> Turn:
    """The turn without thoughts that led to nothing: the API wants something behind them."""
    parts = list(turn.parts)
    while parts and isinstance(parts[-1], Reasoning):
        parts.pop()
    return turn if len(parts) == len(turn.parts) else structs.replace(turn, parts=tuple(parts))


def _without_blank_end(turn: Turn) -> Turn:
    """The model's last words without the blanks behind them, which the API refuses (ROLE-5)."""
    last = turn.parts[-1]
    if not isinstance(last, Text):
        return turn
    return structs.replace(turn, parts=(*turn.parts[:-1], structs.replace(last, text=last.text.rstrip())))
