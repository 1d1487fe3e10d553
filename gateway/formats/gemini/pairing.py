"""Which call a result answers: by its id, else by its name and order (TID-4). Knows ids and names only."""

from __future__ import annotations

from collections import deque

from gateway.formats.neutral import ToolCall

_ANY = ""
"""Stands for every name, since some clients say none."""


class _Open:
    """A call, until it is answered."""

    __slots__ = ("answered", "id")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.answered = False


class _Step:
    """The calls of one name between two words of the user."""

    __slots__ = ("calls", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: deque[_Open] = deque()


class Pairing:
    """The calls of one conversation, in the order in which they are read."""

    def __init__(self) -> None:
        self._by_id: dict[str, deque[_Open]] = {}
        self._by_name: dict[str, list[_Step]] = {}
        """Of each name the steps that have such calls."""
        self._step = 0
        self._answering = False

    def called(self, call: ToolCall) -> None:
        """The model calls; after results or words of the user that is a new step."""
        self._step += self._answering
        self._answering = False
        made = _Open(call.id)
        self._by_id.setdefault(call.id, deque()).append(made)
        for name in (call.name, _ANY):
            steps = self._by_name.setdefault(name, [])
            if not steps or steps[-1].number != self._step:
                steps.append(_Step(self._step))
            steps[-1].calls.append(made)

    def heard(self) -> None:
        """The user speaks."""
        self._answering = True

    def answered(self, call_id: str, name: str) -> str:
        """The id of the call that a result answers; what the client said, perhaps nothing, where there is none.

        The k-th result of a name answers the k-th open call of that name, of the latest step first.
        """
        if call_id in self._by_id:
            found = _first_open(self._by_id[call_id])
        else:
            found = _latest_open(self._by_name.get(name, []))
        if found is None:
            return call_id
        found.answered = True
        return found.id


def _first_open(calls: deque[_Open]) -> _Open | None:
    while calls and calls[0].answered:
        calls.popleft()
    return calls[0] if calls else None


def _latest_open(steps: list[_Step]) -> _Open | None:
    while steps:
        found = _first_open(steps[-1].calls)
        if found is not None:
            return found
        steps.pop()
    return None
