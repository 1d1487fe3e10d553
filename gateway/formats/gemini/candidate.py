"""One candidate of a provider's answer: its parts as events, its sources and token chances, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gateway.errors import UpstreamMalformed
from gateway.formats.arguments import as_text
from gateway.formats.events import (
    ChancesDelta,
    ChoiceEnd,
    CitationFound,
    Event,
    ImageWhole,
    ReasoningDelta,
    ReasoningState,
    TextDelta,
    ToolBegin,
    ToolDelta,
    ToolEnd,
)
from gateway.formats.format import Fields
from gateway.formats.ids import MADE, made_id
from gateway.formats.neutral import Citation, Finish, Image, Source, State, Usage

from .chances import read_chances
from .code import code_text, outcome_text
from .grounding import read_grounding
from .partial_arguments import PartialArguments


class Numbering:
    """What the candidates of an answer share: its calls are counted through, and ids made of what tells it apart."""

    __slots__ = ("_calls", "reply", "usage")

    def __init__(self) -> None:
        self._calls = 0
        self.reply = ""
        """Its id."""
        self.usage: Usage | None = None
        """Tells answers without an id apart: a conversation grows."""

    def take(self) -> int:
        """The number of the next call."""
        self._calls += 1
        return self._calls - 1

    def made(self, candidate: int, call: int, what: str) -> str:
        """An id for a call that has none (TID-2)."""
        if self.reply:
            return made_id(MADE, self.reply, candidate, call)
        return made_id(MADE, self.usage, what, candidate, call)


class _Call:
    """A call whose arguments are still coming."""

    __slots__ = ("arguments", "number")

    def __init__(self, number: int, arguments: PartialArguments) -> None:
        self.number = number
        self.arguments = arguments


class Candidate:
    """One candidate, so far."""

    __slots__ = ("_before", "_call", "_cited", "_grounding", "_heard", "_index", "_numbering", "finish", "said")

    def __init__(self, index: int, numbering: Numbering) -> None:
        self._index = index
        self._numbering = numbering
        self._call: _Call | None = None
        self._before = 0
        """Bytes of texts before the one that is being said."""
        self._grounding: Any = None
        self._cited: set[Citation | str] = set()
        """Sources that were told, and their addresses."""
        self._heard = False
        self.said: list[str] = []
        """The text that is being said, in pieces."""
        self.finish: Finish | None = None

    @property
    def spoke(self) -> bool:
        """Whether it said anything."""
        return self._heard or bool(self.said)

    def hear(self, part: Fields, out: list[Event]) -> None:
        """A part that is more than mere text. Unknown kinds say nothing to anybody else."""
        kind = next((kind for kind in self._HEAR if kind in part), None)
        if kind is not None:
            self._heard = True
            self._HEAR[kind](self, part, out)

    def explain(self, fields: Fields, out: list[Event]) -> None:
        """What a candidate says beside its content."""
        chances = read_chances(fields.get("logprobsResult"))
        if chances:
            out.append(ChancesDelta(chances, self._index))
        if isinstance(fields.get("groundingMetadata"), dict):
            self._grounding = fields["groundingMetadata"]

    def close(self, out: list[Event]) -> None:
        """The rest, and the end."""
        self._end_call(out)
        self._cite(out)
        out.append(ChoiceEnd(self.finish or Finish("stop"), self._index))

    # Kinds of parts

    def _text(self, part: Fields, out: list[Event]) -> None:
        """Words or thoughts. A signature on words is of use to Google alone."""
        text = part["text"]
        if not isinstance(text, str):
            return
        if part.get("thought") is not True:
            self._say(text, out)
            return
        if text:
            self._break(out)
            out.append(ReasoningDelta(text, self._index))
        state = _signature(part)
        if state is not None:
            out.append(ReasoningState(state, self._index))

    def _code(self, part: Fields, out: list[Event]) -> None:
        if isinstance(part["executableCode"], dict):
            self._say(code_text(part["executableCode"]), out)

    def _outcome(self, part: Fields, out: list[Event]) -> None:
        if isinstance(part["codeExecutionResult"], dict):
            self._say(outcome_text(part["codeExecutionResult"]), out)

    def _image(self, part: Fields, out: list[Event]) -> None:
        """What the model has drawn; sounds and films have no place in anybody else's answers."""
        blob = part["inlineData"]
        if not isinstance(blob, dict):
            return
        content, media_type = blob.get("data"), blob.get("mimeType")
        if isinstance(content, str) and content and isinstance(media_type, str) and media_type.startswith("image/"):
            self._break(out)
            out.append(ImageWhole(Image(Source("base64", content, media_type)), self._index))

    def _function(self, part: Fields, out: list[Event]) -> None:
        """A call: whole, or one whose arguments follow until a piece does not say that more will."""
        call = part["functionCall"]
        if not isinstance(call, dict):
            return
        name, more = call.get("name"), call.get("willContinue") is True
        if isinstance(name, str) and name:
            self._end_call(out)
            self._break(out)
            self._begin_call(part, call, out)
        if self._call is None:
            return
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            self._call.arguments.add(piece)
        if not more:
            self._end_call(out)

    _HEAR: ClassVar[dict[str, Callable[[Candidate, Fields, list[Event]], None]]] = {
        "text": _text,
        "functionCall": _function,
        "inlineData": _image,
        "executableCode": _code,
        "codeExecutionResult": _outcome,
    }

    def _say(self, text: str, out: list[Event]) -> None:
        if text:
            self.said.append(text)
            out.append(TextDelta(text, self._index))

    def _break(self, out: list[Event]) -> None:
        """The text that was being said is complete."""
        if self.said:
            self._cite(out)
            self._before += len("".join(self.said).encode("utf-8", "surrogatepass"))
            self.said = []

    def _begin_call(self, part: Fields, call: Fields, out: list[Event]) -> None:
        number, arguments, own_id = self._numbering.take(), call.get("args"), call.get("id")
        if not isinstance(own_id, str) or not own_id:
            own_id = self._numbering.made(self._index, number, _written(arguments))
        out.append(ToolBegin(number, own_id, call["name"], state=_signature(part), choice=self._index))
        if arguments and not isinstance(arguments, dict):
            out.append(ToolDelta(number, arguments if isinstance(arguments, str) else _written(arguments)))
            arguments = None
        self._call = _Call(number, PartialArguments(arguments or {}))

    def _end_call(self, out: list[Event]) -> None:
        call, self._call = self._call, None
        if call is None:
            return
        if call.arguments.whole:
            out.append(ToolDelta(call.number, _written(call.arguments.whole)))
        out.append(ToolEnd(call.number))

    def _cite(self, out: list[Event]) -> None:
        """Sources of the text that is being said, each once; Google repeats them, and tells them early or late.

        One without a place may be that of an earlier text, and then was told with it.
        """
        for citation in read_grounding(self._grounding, "".join(self.said), self._before):
            known = {citation.url, citation} if not citation.end else {citation}
            if self._cited.isdisjoint(known):
                self._cited |= {citation.url, citation}
                out.append(CitationFound(citation, self._index))


def _signature(part: Fields) -> State | None:
    signature = part.get("thoughtSignature")
    return State("gemini", signature) if isinstance(signature, str) and signature else None


def _written(arguments: Any) -> str:
    """Arguments as compact JSON. Raises UpstreamMalformed when they are nested too deeply to be written again."""
    try:
        return as_text(arguments)
    except TypeError:
        raise UpstreamMalformed("The arguments of a call are nested too deeply.") from None
