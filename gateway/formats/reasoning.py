"""How much to think, and the opaque state that thinking leaves. Nobody here can read that state, only label it.

State that leaves its vendor's dialect is wrapped as `gw1.<origin>.<payload>`, so that it can be told from a client's
own and given back to whom it belongs (REAS-7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from msgspec import structs

from .neutral import Part, Reasoning, State, Thinking, ToolCall, Turn

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""In rising order."""

_MARK = "gw1."
_NOTHING = "gw1.none."
_ORIGINS: dict[str, Literal["anthropic", "anthropic-redacted", "openai", "gemini"]] = {
    "anthropic": "anthropic",
    "anthropic-redacted": "anthropic-redacted",
    "openai": "openai",
    "gemini": "gemini",
}
_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
"""Tokens (REAS-1); `max` is the model's own limit where that is known."""
_UP_TO = ((0, "none"), (512, "minimal"), (1024, "low"), (8192, "medium"), (24576, "high"))


def wrap(state: State | None) -> str:
    """State as another dialect carries it; reasoning without any is marked so."""
    return _NOTHING if state is None else f"{_MARK}{state.origin}.{state.payload}"


def unwrap(text: str) -> State | None:
    """The state in a wrapping; None for what holds none and for what we did not wrap."""
    mark, _, rest = text.partition(".")
    origin, _, payload = rest.partition(".")
    known = _ORIGINS.get(origin)
    return State(known, payload) if mark == "gw1" and known is not None and payload else None


def is_wrapped(text: str) -> bool:
    """Whether the text is a wrapping of ours, an empty one too."""
    return text.startswith((_NOTHING, *(f"{_MARK}{origin}." for origin in _ORIGINS)))


def effort_of(thinking: Thinking) -> str | None:
    """The level that is asked for, in any words; None when that is left to the model (REAS-1, REAS-4)."""
    if thinking.mode == "off":
        return "none"
    if thinking.effort is not None:
        return thinking.effort
    if thinking.budget is None or thinking.budget < 0:
        return None
    budget = thinking.budget
    return next((effort for most, effort in _UP_TO if budget <= most), "xhigh")


def budget_of(effort: str, most: int | None) -> int:
    """Tokens for a level, within the model's limit. A level we do not know gets those of `medium`."""
    if effort == "max" and most is not None:
        return most
    budget = _BUDGETS.get(effort, _BUDGETS["medium"])
    return budget if most is None else min(budget, most)


def clamped(effort: str, offered: Sequence[str]) -> str | None:
    """The level if it is offered, else the next lower one that is, else the lowest; nothing offered means any.

    None for a level we do not know and that is not offered.
    """
    if not offered or effort in offered:
        return effort
    if effort not in EFFORTS:
        return None
    known = sorted((level for level in offered if level in EFFORTS), key=EFFORTS.index)
    lower = [level for level in known if EFFORTS.index(level) < EFFORTS.index(effort)]
    return next(iter((*reversed(lower), *known)), None)


def kept(turns: Iterable[Turn], origins: Collection[str]) -> tuple[Turn, ...]:
    """The turns without reasoning and signatures that the provider did not give itself (REAS-8).

    Reasoning without state goes too: nobody can vouch for it. Turns left empty are removed.
    """
    filtered = (_with_own_reasoning(turn, origins) for turn in turns)
    return tuple(turn for turn in filtered if turn.parts)


def forgets(turns: Iterable[Turn], origins: Collection[str]) -> bool:
    """Whether `kept` leaves out reasoning that a client handed back: there was a thought, or the sign of one, in a turn
    that has nothing of the provider's own."""
    return any(_is_foreign(turn, origins) for turn in turns if turn.role == "assistant")


def _is_foreign(turn: Turn, origins: Collection[str]) -> bool:
    thoughts = [part for part in turn.parts if isinstance(part, Reasoning) and (part.text or part.state is not None)]
    states = [part.state for part in turn.parts if isinstance(part, Reasoning | ToolCall) and part.state is not None]
    return bool(thoughts or states) and not any(state.origin in origins for state in states)


def _with_own_reasoning(turn: Turn, origins: Collection[str]) -> Turn:
    if turn.role != "assistant":
        return turn
    parts = tuple(part for part in (_own(part, origins) for part in turn.parts) if part is not None)
    return structs.replace(turn, parts=parts)


def _own(part: Part, origins: Collection[str]) -> Part | None:
    if isinstance(part, Reasoning):
        return part if part.state is not None and part.state.origin in origins else None
    if isinstance(part, ToolCall) and part.state is not None and part.state.origin not in origins:
        return structs.replace(part, state=None)
    return part
