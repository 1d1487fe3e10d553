"""A provider's stream as events. An answer has ended when its body has: usage and sources may come after the reason.

Shapes: https://ai.google.dev/api/generate-content#generatecontentresponse. Calls come whole, or with their arguments in
pieces; they often have no ids. Ids and names are told on as they are, reasons in neutral words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gateway.errors import UpstreamMalformed
from gateway.formats.broken import cut_off, no_object, not_json
from gateway.formats.events import ChoiceEnd, Event, ReplyBegin, ReplyEnd, ReplyFailed, TextDelta, UsageReported
from gateway.formats.format import Fields
from gateway.formats.neutral import Finish, Usage

from .candidate import Candidate, Numbering
from .errors import error_in, refusal
from .finish import continuation, read_block, read_finish
from .usage import known_usage

_NOTHING: tuple[Event, ...] = ()


class EventReader:
    """One stream."""

    __slots__ = (
        "_begun",
        "_block",
        "_candidates",
        "_numbering",
        "_spent",
        "_token",
        "_usage",
        "_usage_fields",
        "finished",
    )

    def __init__(self) -> None:
        self._begun = False
        self._candidates: dict[int, Candidate] = {}
        self._numbering = Numbering()
        self._block: Finish | None = None
        """The prompt itself was refused."""
        self._usage: Usage | None = None
        self._usage_fields: Any = None
        self._token = ""
        """For which Google goes on with an answer that ended with CONTINUATION."""
        self._spent: Usage | None = None
        """On earlier parts of the answer, each of which was asked for."""
        self.finished = False

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in one event's data. Raises UpstreamMalformed on what is neither object nor list of objects."""
        if self.finished:
            return _NOTHING
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError:
            return not_json(data)
        if fields.__class__ is dict:
            return self.read(fields)
        if isinstance(fields, list) and all(isinstance(each, dict) for each in fields):
            return [event for each in fields for event in self.read(each)]
        raise no_object()

    def read(self, fields: Fields) -> Iterable[Event]:
        """The events in one object of the stream."""
        candidates = fields.get("candidates")
        if self.finished or (not candidates and fields.get("error")):
            return self._failed(fields)
        out: list[Event] = []
        if not self._begun:
            self._begin(fields, out)
        usage = fields.get("usageMetadata")
        if usage is not None and usage != self._usage_fields:
            self._note(usage, out)
        if candidates.__class__ is list:
            for position, candidate in enumerate(candidates):
                if candidate.__class__ is dict:
                    self._hear(candidate, position, out)
        if "promptFeedback" in fields:
            self._block = read_block(fields) or self._block
        return out

    def close(self) -> Iterable[Event]:
        """How every candidate ended, or that the stream broke off before they all had (STR-6)."""
        if self.finished:
            return _NOTHING
        self.finished = True
        if self._block is not None and not self._candidates:
            return (ChoiceEnd(self._block), ReplyEnd())
        if not self._candidates or any(each.finish is None for each in self._candidates.values()):
            return cut_off()
        out: list[Event] = []
        for _, candidate in sorted(self._candidates.items()):
            candidate.close(out)
        return (*out, ReplyEnd())

    def resume(self) -> str:
        """The token for the rest of an answer that was only begun (FIN-2)."""
        token, self._token = self._token, ""
        if token and not self.finished:
            self._spent, self._usage_fields = self._usage or self._spent, None
            for candidate in self._candidates.values():
                candidate.finish = None
        return token if not self.finished else ""

    def whole(self) -> Iterable[Event]:
        """The same for an answer that came in one piece, where nobody need say that it has ended.

        Raises UpstreamMalformed when there was none.
        """
        if not self.finished and self._block is None and not self._candidates:
            raise UpstreamMalformed("The provider's answer has no candidates.")
        for candidate in self._candidates.values():
            candidate.finish = candidate.finish or self._block or Finish("stop" if candidate.spoke else "other")
        return self.close()

    def _failed(self, fields: Fields) -> Iterable[Event]:
        """The first error counts, and nothing after it."""
        if self.finished:
            return _NOTHING
        error = error_in(fields)
        if error is None:
            return _NOTHING
        self.finished = True
        return (ReplyFailed(refusal(error)),)

    def _begin(self, fields: Fields, out: list[Event]) -> None:
        self._begun = True
        own_id, model = fields.get("responseId"), fields.get("modelVersion")
        self._numbering.reply = own_id if isinstance(own_id, str) else ""
        out.append(ReplyBegin(self._numbering.reply, model if isinstance(model, str) else ""))

    def _note(self, usage: Any, out: list[Event]) -> None:
        """Every object repeats the numbers; zeros are none (USAGE-6)."""
        self._usage_fields = usage
        known = known_usage(usage)
        if known is not None and self._spent is not None:
            known = self._spent + known
        if known is not None and known != self._usage:
            self._usage = self._numbering.usage = known
            out.append(UsageReported(known))

    def _hear(self, fields: Fields, position: int, out: list[Event]) -> None:
        index = fields.get("index")
        if index.__class__ is not int or index < 0:
            index = position
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = Candidate(index, self._numbering)
        content = fields.get("content")
        parts = content.get("parts") if content.__class__ is dict else None
        if parts.__class__ is list:
            for part in parts:
                if part.__class__ is not dict:
                    continue
                text = part.get("text")
                if len(part) == 1 and text.__class__ is str:
                    if text:
                        candidate.said.append(text)
                        out.append(TextDelta(text, index))
                else:
                    candidate.hear(part, out)
        if len(fields) > 2 or "index" not in fields or content is None:
            self._hear_more(fields, candidate, out)

    def _hear_more(self, fields: Fields, candidate: Candidate, out: list[Event]) -> None:
        """What stands beside the content."""
        candidate.explain(fields, out)
        finish = read_finish(fields)
        if finish is not None:
            candidate.finish = finish
            self._token = continuation(fields)
