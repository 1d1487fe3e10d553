"""Turns, joined and reworded for dialects that know fewer kinds of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from .neutral import Part, Text, Turn


def merged(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Neighbours of one role as one turn (ROLE-1). Of their phases the first that is said counts."""
    return _merged(turns, lambda last, turn: last.role == turn.role)


def reminder(text: str) -> str:
    """An instruction between turns, for dialects that take none there (SYS-2)."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def as_reminders(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Instructions between turns as text of the user, within the user's turn beside them (SYS-2)."""
    said = [Turn("user", _reminders(turn.parts)) if turn.role == "system" else turn for turn in turns]
    return _merged(said, lambda last, turn: last.role == turn.role == "user")


def joined_text(parts: Iterable[Part], separator: str = "\n") -> str:
    """The texts among the parts, as one."""
    return separator.join([part.text for part in parts if isinstance(part, Text)])


def _merged(turns: Iterable[Turn], belong: Callable[[Turn, Turn], bool]) -> tuple[Turn, ...]:
    out: list[Turn] = []
    for turn in turns:
        if out and belong(out[-1], turn):
            last = out[-1]
            out[-1] = structs.replace(last, parts=(*last.parts, *turn.parts), phase=last.phase or turn.phase)
        else:
            out.append(turn)
    return tuple(out)


def _reminders(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(structs.replace(part, text=reminder(part.text)) if isinstance(part, Text) else part for part in parts)
