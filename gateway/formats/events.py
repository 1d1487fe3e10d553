"""A reply in pieces: what every dialect's stream says, as types. Named noun, then begin, delta or end.

The order a writer may count on (`settle` makes it so): ReplyBegin first and once; of a choice, parts one after another,
ended by one ChoiceEnd; UsageReported any time, each with all that is known so far; at last ReplyEnd or ReplyFailed.
Calls are told apart by `call`, a number that counts from 0 in the order of their ToolBegin over the whole reply; their
deltas may interleave.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.errors import UpstreamError

from .neutral import Citation, Finish, Image, State, TokenChance, Usage


class Event(Struct, frozen=True, gc=False):
    """A piece of a reply."""


class ReplyBegin(Event, frozen=True, gc=False):
    """An answer begins."""

    id: str = ""
    model: str = ""


class TextDelta(Event, frozen=True, gc=False):
    """Some visible text; never empty."""

    text: str
    choice: int = 0


class ReasoningDelta(Event, frozen=True, gc=False):
    """Some of what the model thinks; never empty."""

    text: str
    choice: int = 0


class ReasoningState(Event, frozen=True):
    """Opaque state of the reasoning before it, or of none that is shown. It ends that piece of reasoning."""

    state: State
    choice: int = 0


class RefusalDelta(Event, frozen=True, gc=False):
    """Some of the words with which the model declines; never empty."""

    text: str
    choice: int = 0


class ToolBegin(Event, frozen=True):
    """A call begins; its name is known."""

    call: int
    id: str
    name: str
    kind: str = "function"
    namespace: str = ""
    state: State | None = None
    choice: int = 0


class ToolDelta(Event, frozen=True, gc=False):
    """Some of the arguments' text; never empty."""

    call: int
    text: str


class ToolEnd(Event, frozen=True, gc=False):
    """The arguments are complete."""

    call: int


class PartEnd(Event, frozen=True, gc=False):
    """The text or reasoning that was being said is complete; what follows is a part of its own."""

    choice: int = 0


class CitationFound(Event, frozen=True):
    """A source of the text that is being said, or was last said."""

    citation: Citation
    choice: int = 0


class ImageWhole(Event, frozen=True):
    """The model has drawn something."""

    image: Image
    choice: int = 0


class ChancesDelta(Event, frozen=True):
    """Log probabilities of tokens just said."""

    chances: tuple[TokenChance, ...]
    choice: int = 0


class UsageReported(Event, frozen=True):
    """All numbers known so far; the last one holds."""

    usage: Usage


class ChoiceEnd(Event, frozen=True):
    """An answer has ended, and how."""

    finish: Finish
    choice: int = 0


class ReplyFailed(Event, frozen=True):
    """The provider says, within its stream, that it failed. Nothing follows."""

    error: UpstreamError


class ReplyEnd(Event, frozen=True, gc=False):
    """The provider has said all it had to say."""
