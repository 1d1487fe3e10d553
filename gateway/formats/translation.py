"""One request between two dialects: its body for the provider, then its answer for the client. Pure.

What is lost on the way is in `losses`. A translation is made for one attempt: another provider may lose other things.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from msgspec import structs

from gateway.errors import UpstreamMalformed
from gateway.records import ModelFacts, Tokens

from .fold import fold, unfold
from .format import EventWriter, Fields, Format, ReplyContext
from .losses import Losses
from .media import inlined, wanted_urls
from .neutral import Prompt, Reasoning, Reply, Source, Turn, Usage
from .repair import repaired
from .settle import Settle
from .tooling import ToolNames, fit_tools
from .translate import Translate


class Translation:
    """From a client's request in one dialect to a provider's in another, and back."""

    __slots__ = ("_facts", "_names", "client", "losses", "prompt", "upstream")

    def __init__(self, client: Format, upstream: Format, facts: ModelFacts, *, strict: bool = False) -> None:
        self.client = client
        self.upstream = upstream
        self.losses = Losses(client.field_names, strict=strict)
        self.prompt = Prompt((), ())
        self._facts = facts
        self._names = ToolNames()

    def read(self, fields: Fields) -> tuple[str, ...]:
        """Take in the client's request; the URLs whose content the provider must be given instead.

        Raises InvalidRequest, or UnsupportedParameter for what no translation carries.
        """
        self.prompt = repaired(self.client.read_prompt(fields, self.losses))
        return wanted_urls(self.prompt, self.upstream.urls)

    def inline(self, fetched: Mapping[str, Source]) -> None:
        """Put fetched content in the place of its URLs."""
        self.prompt = inlined(self.prompt, fetched)

    def forget_reasoning(self) -> None:
        """Leave out all reasoning of earlier turns: the provider does not know its own signatures any more."""
        self.prompt = structs.replace(self.prompt, turns=_without_reasoning(self.prompt.turns))

    def write(self, model: str) -> Fields:
        """The request for the provider. Raises UnsupportedParameter for what it cannot be told."""
        fitting, self._names = fit_tools(self.prompt, self.upstream.tools, self._facts, self.losses)
        return self.upstream.write_prompt(fitting, model, self._facts, self.losses)

    def stream(self, context: ReplyContext) -> Translate:
        """What turns the provider's stream into the client's."""
        return Translate(self.upstream.event_reader(), Settle(self._names), self.client.event_writer(context))

    def reply(self, body: bytes) -> Reply:
        """A provider's whole answer, in neutral words. Raises UpstreamError when it is none, or failed."""
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise UpstreamMalformed("The provider's answer is not JSON.") from None
        if not isinstance(fields, dict):
            raise UpstreamMalformed("The provider's answer is not a JSON object.")
        settle = Settle(self._names)
        events = [settled for event in unfold(self.upstream.read_reply(fields)) for settled in settle.feed(event)]
        return fold([*events, *settle.close()])


def write_as_stream(reply: Reply, writer: EventWriter) -> bytes:
    """A whole answer for a client that asked for a stream."""
    return b"".join([writer.write(event) for event in unfold(reply)])


def tokens_of(usage: Usage) -> Tokens:
    """Numbers that do not overlap, as the totals of a usage record."""
    return Tokens(usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning)


def _without_reasoning(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    kept = (
        structs.replace(turn, parts=tuple(part for part in turn.parts if not isinstance(part, Reasoning)))
        for turn in turns
    )
    return tuple(turn for turn in kept if turn.parts)
