"""A conversation in which every call has one result, right behind it, whatever the client sent (TRES-1, -2, -6, -7).

Steps: empty parts go; neighbouring turns of the assistant that share their results become one; results move behind
their calls, in the order of these. Nothing a client said is lost: a result without a call becomes text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import structs

from .ids import made_id
from .neutral import Part, Prompt, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn
from .turns import joined_text

MISSING = "No result provided for this tool call."
"""The result of a call that the client never gave one for."""


def repaired(prompt: Prompt) -> Prompt:
    """The prompt without empty parts, with one result for each call of a turn, at the beginning of the next turn.

    Only calls at the very end of the conversation may be without.
    """
    system = tuple(part for part in prompt.system if part.text.strip())
    turns = tuple(_without_empty(prompt.turns))
    if any(isinstance(part, ToolCall | ToolResult) for turn in turns for part in turn.parts):
        turns = _Conversation(turns).repaired()
    return structs.replace(prompt, system=system, turns=turns)


def _without_empty(turns: Iterable[Turn]) -> Iterator[Turn]:
    """What says something (ROLE-3); instructions of mere blanks say nothing."""
    for turn in turns:
        parts = tuple(_said(part) for part in turn.parts if _says_something(part, turn.role))
        if parts:
            yield structs.replace(turn, parts=parts)


def _says_something(part: Part, role: str) -> bool:
    if isinstance(part, Text):
        return bool(part.text.strip() if role == "system" else part.text)
    if isinstance(part, Reasoning):
        return bool(part.text) or part.state is not None
    if isinstance(part, Refusal | ToolCall):
        # Nobody can answer a call without a name: https://github.com/decolua/9router/issues/444
        return bool(part.text if isinstance(part, Refusal) else part.name)
    return True


def _said(part: Part) -> Part:
    if not isinstance(part, ToolResult):
        return part
    return structs.replace(part, parts=tuple(inner for inner in part.parts if _says_something(inner, "user")))


class _Call:
    """A call, and what came of it."""

    __slots__ = ("call", "result", "step")

    def __init__(self, call: ToolCall, step: int) -> None:
        self.call = call
        self.step = step
        self.result: ToolResult | None = None


class _Conversation:
    """One conversation under repair."""

    def __init__(self, turns: tuple[Turn, ...]) -> None:
        self._calls: list[list[_Call]] = []
        """Of each turn; none for those that are not the assistant's."""
        self._latest: dict[str, list[_Call]] = {}
        """Calls of an id, as the client knows it, in the latest step that has any."""
        self._used: set[str] = set()
        self._open: list[_Call] = []
        """Calls of the step to which results without an id can belong."""
        self._step = 0
        self._turns = [self._read(turn, place) for place, turn in enumerate(turns)]

    def repaired(self) -> tuple[Turn, ...]:
        """The turns, each with calls followed by one that begins with their results."""
        out: list[Turn] = []
        waiting: list[_Call] = []
        for turn, calls in zip(self._turns, self._calls, strict=True):
            if turn.role == "assistant" and waiting and any(call.result for call in waiting):
                # One step in several turns: the dialects that allow it take them for one.
                out[-1] = structs.replace(out[-1], parts=(*out[-1].parts, *turn.parts))
                waiting += calls
                continue
            out.extend(_answered(turn, waiting))
            waiting = calls
        return (*out, *(_results(waiting) if any(call.result for call in waiting) else ()))

    def _read(self, turn: Turn, place: int) -> Turn:
        """The turn without its results, each of which is with its call now."""
        self._calls.append([])
        if turn.role == "user":
            self._step = place
        parts = (each for index, part in enumerate(turn.parts) for each in self._part(part, turn, place, index))
        return structs.replace(turn, parts=tuple(parts))

    def _part(self, part: Part, turn: Turn, place: int, index: int) -> Iterable[Part]:
        if isinstance(part, ToolResult):
            return self._answer(part)
        if isinstance(part, ToolCall) and turn.role == "assistant":
            return (self._ask(part, place, index),)
        return (part,)

    def _ask(self, call: ToolCall, place: int, index: int) -> ToolCall:
        """The call, with an id of its own."""
        own = call
        if not call.id or call.id in self._used:
            own = structs.replace(call, id=made_id("call_", call.id, place, index))
        self._used.add(own.id)
        asked = _Call(own, self._step)
        if self._open and self._open[-1].step != self._step:
            self._open = []
        self._open.append(asked)
        self._calls[place].append(asked)
        before = self._latest.get(call.id, [])
        self._latest[call.id] = [*(each for each in before if each.step == self._step), asked]
        return own

    def _answer(self, result: ToolResult) -> Iterable[Part]:
        """Nothing if there is such a call, else the result as text."""
        call = self._find(result)
        if call is None:
            return _as_text(result)
        call.result = structs.replace(result, id=call.call.id, name=call.call.name)
        return ()

    def _find(self, result: ToolResult) -> _Call | None:
        """The call of that id, of several the first without a result; without an id, the first open one of that name.

        Once all have results the last one gets another: the last content holds (TRES-7).
        """
        if result.id:
            candidates = self._latest.get(result.id, [])
            return next((call for call in candidates if not call.result), candidates[-1] if candidates else None)
        waiting = [call for call in self._open if not call.result]
        return next((call for call in waiting if result.name in ("", call.call.name)), None)


def _answered(turn: Turn, calls: list[_Call]) -> tuple[Turn, ...]:
    """The turn behind these calls, after their results: within it if the user speaks, else in a turn before it."""
    results = _results(calls)
    if results and turn.role == "user":
        return (structs.replace(turn, parts=(*results[0].parts, *turn.parts)),)
    return (*results, turn) if turn.parts else results


def _results(calls: list[_Call]) -> tuple[Turn, ...]:
    parts = tuple(call.result or _missing(call.call) for call in calls)
    return (Turn("user", parts),) if parts else ()


def _missing(call: ToolCall) -> ToolResult:
    return ToolResult(call.id, (Text(MISSING),), call.name, is_error=True)


def _as_text(result: ToolResult) -> tuple[Part, ...]:
    """A result of a call that nobody made, as the user's words and media."""
    texts = joined_text(result.parts)
    named = f"Tool result {result.id or result.name or 'without a call'}:"
    rest = (part for part in result.parts if not isinstance(part, Text))
    return (Text(f"{named}\n{texts}" if texts else named, result.cache), *rest)
