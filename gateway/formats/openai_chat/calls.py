"""The calls of a chat stream, told apart however a server numbers them, and begun once their name is known."""

from __future__ import annotations

from typing import Any

from gateway.formats.events import Event, ToolBegin, ToolDelta, ToolEnd
from gateway.formats.format import Fields
from gateway.formats.ids import made_id
from gateway.formats.neutral import State

from .reply_reader import name_and_arguments, signature_of

Key = tuple[int, Any]
"""Choice, and the call's index where it has one, else its id."""


class _Call:
    """One call."""

    __slots__ = ("begun", "choice", "held", "id", "kind", "name", "number", "state")

    def __init__(self, choice: int) -> None:
        self.choice = choice
        self.number = 0
        """Its place among all calls; means something once it has begun."""
        self.id = ""
        self.name = ""
        self.kind = "function"
        self.state: State | None = None
        self.held = ""
        """Arguments that came before the name."""
        self.begun = False


class Calls:
    """All calls of one stream."""

    __slots__ = ("_begun", "_calls", "_last")

    def __init__(self) -> None:
        self._calls: dict[Key, _Call] = {}
        self._begun: list[_Call] = []
        self._last: dict[int, Key] = {}
        """The call that was last spoken of, by choice: pieces without index and id belong to it."""

    def feed(self, piece: Fields, choice: int) -> list[Event]:
        """The events of one entry of `tool_calls`."""
        call = self._find(piece, choice)
        events: list[Event] = []
        name, arguments = name_and_arguments(piece)
        if name and not call.begun:
            call.name = name
        if isinstance(piece.get("custom"), dict):
            call.kind = "custom"
        call.state = call.state or signature_of(piece)
        call.held += arguments
        if not call.name:
            return events
        if not call.begun:
            events.append(self._begin(call))
        if call.held:
            events.append(ToolDelta(call.number, call.held))
            call.held = ""
        return events

    def end_all(self) -> list[Event]:
        """Every call is complete. One that never got a name cannot be made: it is left out, as nothing was promised."""
        return [ToolEnd(call.number) for call in self._begun]

    def _find(self, piece: Fields, choice: int) -> _Call:
        """The call a piece belongs to. The same index with another id is another call."""
        index, call_id = piece.get("index"), piece.get("id")
        said = call_id if isinstance(call_id, str) else ""
        key: Key = (choice, index) if isinstance(index, int) else (choice, said) if said else self._latest(choice)
        call = self._calls.get(key)
        if call is None or (said and call.id and said != call.id):
            call = self._calls[key] = _Call(choice)
        if said and not call.id:
            call.id = said
        self._last[choice] = key
        return call

    def _latest(self, choice: int) -> Key:
        return self._last.get(choice, (choice, "last"))

    def _begin(self, call: _Call) -> Event:
        call.begun = True
        call.number = len(self._begun)
        self._begun.append(call)
        call.id = call.id or made_id("call_", call.choice, call.number, call.name)
        return ToolBegin(call.number, call.id, call.name, call.kind, "", call.state, call.choice)
