"""The calls of a chat stream, told apart however a server numbers them, and begun once their id and name are known."""

from __future__ import annotations

from typing import Literal

from gateway.formats.arguments import parsed
from gateway.formats.events import Event, ToolBegin, ToolDelta, ToolEnd
from gateway.formats.format import Fields
from gateway.formats.neutral import State

from .reply_reader import name_and_arguments, signature_of


class _Call:
    """One call."""

    __slots__ = ("begun", "choice", "held", "id", "index", "kind", "name", "number", "state")

    def __init__(self, choice: int, index: int | None) -> None:
        self.choice = choice
        self.index = index
        """As the server counts; None where it does not."""
        self.number = 0
        """Its place among all calls; means something once it has begun."""
        self.id = ""
        self.name = ""
        self.kind: Literal["function", "custom"] = "function"
        self.state: State | None = None
        self.held = ""
        """Arguments that came before the call could begin."""
        self.begun = False


class Calls:
    """All calls of one stream."""

    __slots__ = ("_begun", "_calls")

    def __init__(self) -> None:
        self._calls: dict[int, list[_Call]] = {}
        """By choice, the one that was last spoken of at the end."""
        self._begun: list[_Call] = []

    def feed(self, piece: Fields, choice: int) -> list[Event]:
        """The events of one entry of `tool_calls`."""
        name, arguments = name_and_arguments(piece)
        call = self._find(piece, choice, name, arguments)
        call.name = call.name or name
        if isinstance(piece.get("custom"), dict):
            call.kind = "custom"
        call.state = call.state or signature_of(piece)
        call.held += arguments
        return self._told(call) if call.begun or (call.name and call.id) else []

    def end_all(self) -> list[Event]:
        """Every call is complete. One that never got an id gets it from whoever tells the client; one that never got a
        name cannot be made: it is left out, as nothing was promised."""
        waiting = [call for calls in self._calls.values() for call in calls if call.name and not call.begun]
        events = [event for call in waiting for event in self._told(call)]
        return [*events, *(ToolEnd(call.number) for call in self._begun)]

    def _told(self, call: _Call) -> list[Event]:
        """The beginning, if it was not told yet, and what is held of the arguments."""
        events: list[Event] = []
        if not call.begun:
            call.begun = True
            call.number = len(self._begun)
            self._begun.append(call)
            events.append(ToolBegin(call.number, call.id, call.name, call.kind, "", call.state, call.choice))
        if call.held:
            events.append(ToolDelta(call.number, call.held))
            call.held = ""
        return events

    def _find(self, piece: Fields, choice: int, name: str, arguments: str) -> _Call:
        """The call a piece belongs to: that of its index or id, else the last. Another id means another call."""
        index, call_id = piece.get("index"), piece.get("id")
        place = index if index.__class__ is int else None
        said = call_id if isinstance(call_id, str) else ""
        calls = self._calls.setdefault(choice, [])
        call = _belonging(calls, place, said, name, arguments)
        if call is None:
            call = _Call(choice, place)
            calls.append(call)
        elif call is not calls[-1]:
            calls.remove(call)
            calls.append(call)
        call.id = call.id or said
        call.index = place if call.index is None else call.index
        return call


def _belonging(calls: list[_Call], index: int | None, call_id: str, name: str, arguments: str) -> _Call | None:
    """The call of these that a piece goes on with; None if it begins another."""
    if not calls:
        return None
    call = _of_id(calls, index, call_id) or _of_index(calls, index, call_id)
    if call is None and _can_go_on(calls[-1], index, call_id, name):
        call = calls[-1]
    if call is None or not name or not call.name or (call.id and index is not None):
        return call
    # Whole calls, one after another, with nothing to tell them apart: each is named, and complete before the next.
    is_next = name != call.name or (arguments and parsed(call.held) is not None)
    return None if is_next else call


def _of_id(calls: list[_Call], index: int | None, call_id: str) -> _Call | None:
    """The call with this id, unless another index says that it is another with the same."""
    same = (call for call in reversed(calls) if call_id and call.id == call_id)
    return next((call for call in same if index is None or call.index in (None, index)), None)


def _of_index(calls: list[_Call], index: int | None, call_id: str) -> _Call | None:
    """The latest call at this index, unless another id says that the server counts anew."""
    latest = next((call for call in reversed(calls) if index is not None and call.index == index), None)
    return None if latest is None or (call_id and latest.id and call_id != latest.id) else latest


def _can_go_on(call: _Call, index: int | None, call_id: str, name: str) -> bool:
    """Whether a piece whose id and index no call has can be more of this one: it may have neither, or get them late."""
    if call_id and (call.id or (name and call.name)):
        return False
    return index is None or (call.index is None and not name)
