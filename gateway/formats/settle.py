"""A provider's events, put in order and in the client's words, one at a time.

What writers may rely on is made true here: one beginning, one end of each call and choice, nothing empty, nothing after
the end. Names of tools are restored, free-form calls unwrapped (TDEF-5), reasons to finish agreed with what was said
(FIN-1, FIN-5), and answers that are none become failures. This is the hot path of every translated stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from msgspec import structs

from gateway.errors import ProviderRefused

from .arguments import parsed
from .broken import cut_off
from .events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    PartEnd,
    ReasoningDelta,
    ReasoningState,
    RefusalDelta,
    ReplyBegin,
    ReplyEnd,
    ReplyFailed,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
    UsageReported,
)
from .ids import told_id
from .neutral import Finish
from .tool_names import ToolNames

_CUT = frozenset(("length", "context_full", "filter"))
"""Reasons that hold although there are calls: these may be incomplete."""

_NOTHING: tuple[Event, ...] = ()


class _Choice:
    """What is known of one answer."""

    __slots__ = ("called", "ended", "ids", "refused", "spoke")

    def __init__(self) -> None:
        self.called = False
        self.ended = False
        self.ids: set[str] = set()
        """Of its calls."""
        self.refused = False
        self.spoke = False


class _Call:
    """A call that is being made."""

    __slots__ = ("choice", "held", "silent")

    def __init__(self, choice: int, held: list[str] | None, kind: str) -> None:
        self.choice = choice
        self.held = held
        """Arguments kept until they can be unwrapped; None where they pass at once."""
        self.silent = kind == "function"
        """Nothing came but blanks, which before JSON are nothing: arguments of mere blanks are none (TARG-1)."""


class Settle:
    """Settles the events of one reply."""

    __slots__ = ("_begun", "_calls", "_choices", "_ended", "_id", "_id_prefix", "_names", "_speaking")

    def __init__(self, names: ToolNames, id_prefix: str = "call_") -> None:
        self._names = names.restored
        self._id_prefix = id_prefix
        self._id = ""
        """The reply's."""
        self._begun = False
        self._ended = False
        self._choices: dict[int, _Choice] = {}
        self._calls: dict[int, _Call] = {}
        """Those not ended yet."""
        self._speaking: set[int] = set()
        """Choices of which text has been said and more may come."""

    def feed(self, event: Event) -> Iterable[Event]:
        """What the event comes to: itself, as a rule."""
        kind = event.__class__
        if kind is TextDelta and event.choice in self._speaking:  # type: ignore[attr-defined]  # as its class says
            return (event,) if event.text else _NOTHING  # type: ignore[attr-defined]  # as its class says
        if self._ended:
            return _NOTHING
        settled = self._steps[kind](self, event)
        if self._begun or not settled or settled[0].__class__ is ReplyFailed:
            return settled
        self._begun = True
        return settled if kind is ReplyBegin else (ReplyBegin(), *settled)

    def close(self) -> Iterable[Event]:
        """What is missing at the end: a reply that did not end has failed (STR-6)."""
        if self._ended:
            return _NOTHING
        if self._choices and all(choice.ended for choice in self._choices.values()):
            return self.feed(ReplyEnd())
        return [event for failed in cut_off() for event in self.feed(failed)]

    def _choice(self, number: int) -> _Choice:
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice()
        return choice

    def _begin(self, event: ReplyBegin) -> tuple[Event, ...]:
        self._id = self._id or event.id
        return _NOTHING if self._begun else (event,)

    def _usage(self, event: UsageReported) -> tuple[Event, ...]:
        return (event,)

    def _text(self, event: TextDelta) -> tuple[Event, ...]:
        choice = self._choice(event.choice)
        if choice.ended or not event.text:
            return _NOTHING
        choice.spoke = True
        self._speaking.add(event.choice)
        return (event,)

    def _reasoning(self, event: ReasoningDelta) -> tuple[Event, ...]:
        return (event,) if event.text and not self._choice(event.choice).ended else _NOTHING

    def _refusal(self, event: RefusalDelta) -> tuple[Event, ...]:
        choice = self._choice(event.choice)
        if choice.ended or not event.text:
            return _NOTHING
        choice.spoke = choice.refused = True
        return (event,)

    def _image(self, event: ImageWhole) -> tuple[Event, ...]:
        choice = self._choice(event.choice)
        if choice.ended:
            return _NOTHING
        choice.spoke = True
        return (event,)

    def _beside(self, event: PartEnd | CitationFound | ReasoningState) -> tuple[Event, ...]:
        return _NOTHING if self._choice(event.choice).ended else (event,)

    def _chances(self, event: ChancesDelta) -> tuple[Event, ...]:
        return (event,) if event.chances and not self._choice(event.choice).ended else _NOTHING

    def _tool_begin(self, event: ToolBegin) -> tuple[Event, ...]:
        choice = self._choice(event.choice)
        # Nobody can answer a call without a name.
        if choice.ended or event.call in self._calls or not event.name:
            return _NOTHING
        choice.spoke = choice.called = True
        own_id = told_id(event.id, self._id_prefix, self._id, event.choice, event.call)
        if own_id in choice.ids:  # results could not be told apart, and the official SDK fails on such a Response
            own_id = told_id("", self._id_prefix, self._id, event.choice, event.call)
        choice.ids.add(own_id)
        if own_id != event.id:
            event = structs.replace(event, id=own_id)
        meant = self._names.get(event.name)
        if meant is None:
            self._calls[event.call] = _Call(event.choice, None, event.kind)
            return (event,)
        # The request says what kind a tool is, not the answer; a provider that answers in kind has unwrapped nothing.
        wrapped = meant.kind == "custom" and event.kind != "custom"
        self._calls[event.call] = _Call(event.choice, [] if wrapped else None, event.kind)
        kind = "custom" if wrapped else event.kind
        return (structs.replace(event, name=meant.name, namespace=meant.namespace, kind=kind),)

    def _tool_delta(self, event: ToolDelta) -> tuple[Event, ...]:
        call = self._calls.get(event.call)
        if call is None or not event.text:
            return _NOTHING
        if call.silent:
            if event.text.isspace():
                return _NOTHING
            call.silent = False
        if call.held is None:
            return (event,)
        call.held.append(event.text)
        return _NOTHING

    def _tool_end(self, event: ToolEnd) -> tuple[Event, ...]:
        call = self._calls.pop(event.call, None)
        if call is None:
            return _NOTHING
        text = "".join(call.held or ())
        unwrapped = _unwrapped(text) if text else ""
        return (ToolDelta(event.call, unwrapped), event) if unwrapped else (event,)

    def _choice_end(self, event: ChoiceEnd) -> tuple[Event, ...]:
        choice = self._choice(event.choice)
        if choice.ended:
            return _NOTHING
        finish = event.finish
        if finish.reason == "malformed" or (finish.reason == "other" and not choice.spoke):
            return self._failed(ReplyFailed(_refused(finish)))
        choice.ended = True
        self._speaking.discard(event.choice)
        agreed = _agreed(finish, choice)
        return (*self._ends(event.choice), event if agreed is finish else ChoiceEnd(agreed, event.choice))

    def _ends(self, number: int) -> Iterable[Event]:
        """The ends of a choice's calls that have none yet."""
        left = [call for call, made in self._calls.items() if made.choice == number]
        return [end for call in left for end in self._tool_end(ToolEnd(call))]

    def _end(self, event: ReplyEnd) -> tuple[Event, ...]:
        self._choice(min(self._choices, default=0))
        open_choices = [number for number, choice in self._choices.items() if not choice.ended]
        ends = [end for number in open_choices for end in self._choice_end(ChoiceEnd(Finish("stop"), number))]
        self._ended = True
        return (*ends, event)

    def _failed(self, event: ReplyFailed) -> tuple[Event, ...]:
        self._ended = True
        self._speaking.clear()
        return (event,)

    _steps: ClassVar[dict[type[Event], Callable[[Settle, Any], tuple[Event, ...]]]] = {
        ReplyBegin: _begin,
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        ReasoningState: _beside,
        RefusalDelta: _refusal,
        ToolBegin: _tool_begin,
        ToolDelta: _tool_delta,
        ToolEnd: _tool_end,
        PartEnd: _beside,
        CitationFound: _beside,
        ImageWhole: _image,
        ChancesDelta: _chances,
        UsageReported: _usage,
        ChoiceEnd: _choice_end,
        ReplyFailed: _failed,
        ReplyEnd: _end,
    }


def _agreed(finish: Finish, choice: _Choice) -> Finish:
    """The reason, as far as it agrees with what was said."""
    if choice.called and finish.reason not in _CUT:
        return finish if finish.reason == "tool_calls" else Finish("tool_calls")
    if finish.reason == "tool_calls" and not choice.called:
        finish = structs.replace(finish, reason="stop")
    if finish.reason == "stop" and choice.refused:
        return structs.replace(finish, reason="refusal")
    return finish


def _refused(finish: Finish) -> ProviderRefused:
    said = f": {finish.detail}" if finish.detail else ""
    return ProviderRefused(f"The provider ended its answer without a usable one{said}", category="server")


def _unwrapped(arguments: str) -> str:
    """The free text within the arguments of a function that stands for a free-form tool; all of it if it is not so."""
    value = (parsed(arguments) or {}).get("input")
    return value if isinstance(value, str) else arguments
