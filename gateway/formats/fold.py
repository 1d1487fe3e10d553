"""A whole reply from its pieces, and the pieces of a whole reply. Folding what was unfolded gives the same again.

The service tier is in no piece and is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import structs

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
from .neutral import (
    Choice,
    Citation,
    Finish,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    State,
    Text,
    TokenChance,
    ToolCall,
    Usage,
)


def fold(events: Iterable[Event]) -> Reply:
    """The reply that the events tell. Raises the UpstreamError of a ReplyFailed."""
    folding = _Folding()
    for event in events:
        step = _STEPS.get(event.__class__)
        if step is not None:
            step(folding, event)
    choices = tuple(folding.choices[index].whole(index) for index in sorted(folding.choices))
    return Reply(folding.id, folding.model, choices, folding.usage)


def unfold(reply: Reply) -> list[Event]:
    """The events that tell the reply."""
    out: list[Event] = [ReplyBegin(reply.id, reply.model)]
    call = 0
    for choice in reply.choices:
        before: Part | None = None
        for part in choice.parts:
            if _runs_on(before, part):
                out.append(PartEnd(choice.index))
            out.extend(_pieces(part, call, choice.index))
            call += isinstance(part, ToolCall)
            before = part
        if choice.chances:
            out.append(ChancesDelta(choice.chances, choice.index))
        out.append(ChoiceEnd(choice.finish, choice.index))
    if reply.usage is not None:
        out.append(UsageReported(reply.usage))
    return [*out, ReplyEnd()]


def joined(replies: Sequence[Reply]) -> list[Event]:
    """The events of a reply that came in several parts: one beginning, one end, the reasons of the last, and what all
    of them took."""
    events = [event for reply in replies for event in unfold(reply)]
    if len(replies) == 1:
        return events
    begin, *_ = events
    ends = unfold(structs.replace(replies[-1], usage=sum_of([reply.usage for reply in replies])))
    said = [event for event in events if not isinstance(event, _ONCE)]
    return [begin, *said, *(event for event in ends if isinstance(event, _ONCE) and not isinstance(event, ReplyBegin))]


def sum_of(usages: Iterable[Usage | None]) -> Usage | None:
    """What several requests took together; None where nobody said."""
    known = [usage for usage in usages if usage is not None]
    return sum(known[1:], start=known[0]) if known else None


_ONCE = (ReplyBegin, ChoiceEnd, UsageReported, ReplyEnd)


def _runs_on(before: Part | None, part: Part) -> bool:
    """Whether the pieces of the second part would be taken for more of the first."""
    if isinstance(before, Reasoning):
        return isinstance(part, Reasoning) and before.state is None
    return isinstance(before, Text | Refusal) and before.__class__ is part.__class__


def _pieces(part: Part, call: int, choice: int) -> Iterator[Event]:
    pieces = _PIECES.get(part.__class__)
    return iter(()) if pieces is None else pieces(part, call, choice)


def _text_pieces(part: Text, call: int, choice: int) -> Iterator[Event]:
    if part.text:
        yield TextDelta(part.text, choice)
        for citation in part.citations:
            yield CitationFound(citation, choice)


def _reasoning_pieces(part: Reasoning, call: int, choice: int) -> Iterator[Event]:
    if part.text:
        yield ReasoningDelta(part.text, choice)
    if part.state is not None:
        yield ReasoningState(part.state, choice)


def _call_pieces(part: ToolCall, call: int, choice: int) -> Iterator[Event]:
    yield ToolBegin(call, part.id, part.name, part.kind, part.namespace, part.state, choice)
    if part.arguments:
        yield ToolDelta(call, part.arguments)
    yield ToolEnd(call)


def _refusal_pieces(part: Refusal, call: int, choice: int) -> Iterator[Event]:
    if part.text:
        yield RefusalDelta(part.text, choice)


def _image_pieces(part: Image, call: int, choice: int) -> Iterator[Event]:
    yield ImageWhole(part, choice)


_PIECES: dict[type, Callable[[Any, int, int], Iterator[Event]]] = {
    Text: _text_pieces,
    Reasoning: _reasoning_pieces,
    ToolCall: _call_pieces,
    Refusal: _refusal_pieces,
    Image: _image_pieces,
}


class _Piece:
    """A part that may still grow."""

    __slots__ = ("begin", "citations", "kind", "state", "texts", "whole")

    def __init__(self, kind: type, *, begin: ToolBegin | None = None, whole: Part | None = None) -> None:
        self.kind = kind
        self.begin = begin
        self.whole = whole
        self.texts: list[str] = []
        self.citations: list[Citation] = []
        self.state: State | None = None

    def part(self) -> Part:
        """The part as it is now."""
        text = "".join(self.texts)
        if self.whole is not None:
            return self.whole
        if self.begin is not None:
            begin = self.begin
            call = ToolCall(begin.id, begin.name, text, "function", begin.namespace, begin.state)
            return structs.replace(call, kind="custom") if begin.kind == "custom" else call
        if self.kind is Text:
            return Text(text, citations=tuple(self.citations))
        return Reasoning(text, self.state) if self.kind is Reasoning else Refusal(text)


class _Answer:
    """One choice that may still grow."""

    __slots__ = ("chances", "finish", "open", "pieces")

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.open: _Piece | None = None
        self.chances: list[TokenChance] = []
        self.finish = Finish("stop")

    def say(self, kind: type, text: str) -> None:
        """More of the part that is open, or a new part."""
        if self.open is None or self.open.kind is not kind:
            self.open = self.add(_Piece(kind))
        self.open.texts.append(text)

    def add(self, piece: _Piece) -> _Piece:
        """One more part; what was said before it is complete."""
        self.pieces.append(piece)
        self.open = None
        return piece

    def whole(self, index: int) -> Choice:
        """The choice as it is now."""
        return Choice(tuple(piece.part() for piece in self.pieces), self.finish, index, tuple(self.chances))


class _Folding:
    """A reply that may still grow."""

    __slots__ = ("calls", "choices", "id", "model", "usage")

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.usage: Usage | None = None
        self.choices: dict[int, _Answer] = {}
        self.calls: dict[int, _Piece] = {}

    def answer(self, index: int) -> _Answer:
        """The choice of that number."""
        return self.choices.setdefault(index, _Answer())


def _begin(folding: _Folding, event: ReplyBegin) -> None:
    folding.id, folding.model = event.id, event.model


def _text(folding: _Folding, event: TextDelta) -> None:
    folding.answer(event.choice).say(Text, event.text)


def _reasoning(folding: _Folding, event: ReasoningDelta) -> None:
    folding.answer(event.choice).say(Reasoning, event.text)


def _refusal(folding: _Folding, event: RefusalDelta) -> None:
    folding.answer(event.choice).say(Refusal, event.text)


def _state(folding: _Folding, event: ReasoningState) -> None:
    answer = folding.answer(event.choice)
    piece = answer.open
    if piece is None or piece.kind is not Reasoning:
        piece = answer.add(_Piece(Reasoning))
    piece.state = event.state
    answer.open = None


def _tool_begin(folding: _Folding, event: ToolBegin) -> None:
    folding.calls[event.call] = folding.answer(event.choice).add(_Piece(ToolCall, begin=event))


def _tool_delta(folding: _Folding, event: ToolDelta) -> None:
    if event.call in folding.calls:
        folding.calls[event.call].texts.append(event.text)


def _part_end(folding: _Folding, event: PartEnd) -> None:
    folding.answer(event.choice).open = None


def _citation(folding: _Folding, event: CitationFound) -> None:
    texts = [piece for piece in folding.answer(event.choice).pieces if piece.kind is Text]
    if texts:
        texts[-1].citations.append(event.citation)


def _image(folding: _Folding, event: ImageWhole) -> None:
    folding.answer(event.choice).add(_Piece(Image, whole=event.image))


def _chances(folding: _Folding, event: ChancesDelta) -> None:
    folding.answer(event.choice).chances.extend(event.chances)


def _choice_end(folding: _Folding, event: ChoiceEnd) -> None:
    folding.answer(event.choice).finish = event.finish


def _usage(folding: _Folding, event: UsageReported) -> None:
    folding.usage = event.usage


def _failed(folding: _Folding, event: ReplyFailed) -> None:
    raise event.error


_STEPS: dict[type[Event], Callable[[_Folding, Any], None]] = {
    ReplyBegin: _begin,
    TextDelta: _text,
    ReasoningDelta: _reasoning,
    RefusalDelta: _refusal,
    ReasoningState: _state,
    ToolBegin: _tool_begin,
    ToolDelta: _tool_delta,
    PartEnd: _part_end,
    CitationFound: _citation,
    ImageWhole: _image,
    ChancesDelta: _chances,
    ChoiceEnd: _choice_end,
    UsageReported: _usage,
    ReplyFailed: _failed,
}
