"""One request between two dialects: its body for the provider, then its answer for the client. Pure.

What is lost on the way is in `losses`. A translation is made for one attempt: another provider may lose other things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import structs

from gateway.errors import UpstreamMalformed
from gateway.records import ModelFacts

from .fold import fold, joined, unfold
from .format import EventWriter, Fields, Format, ReplyContext
from .gemini.array import ArraySplitter
from .losses import Losses
from .media import inlined, strange_urls, wanted_urls
from .neutral import Prompt, Reply, Source
from .reasoning import forgets
from .repair import repaired
from .settle import Settle
from .sse import Splitter
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
        own = self.upstream.own_urls
        if strange := strange_urls(self.prompt, own):
            self.losses.refuse("turns", f"The selected upstream cannot open this address: {strange[0][:80]}")
        return wanted_urls(self.prompt, self.upstream.urls, own)

    def inline(self, fetched: Mapping[str, Source]) -> None:
        """Put fetched content in the place of its URLs."""
        self.prompt = inlined(self.prompt, fetched)

    def write(self, model: str) -> Fields:
        """The request for the provider. Raises UnsupportedParameter for what it cannot be told."""
        fitting, self._names = fit_tools(self.prompt, self.upstream.tools, self._facts, self.losses)
        if not self._facts.echo_reasoning and forgets(fitting.turns, self.upstream.origins):
            self.losses.forget("thoughts")
        return self.upstream.write_prompt(fitting, model, self._facts, self.losses)

    def stream(self, context: ReplyContext, *, array: bool = False) -> Translate:
        """What turns the provider's stream into the client's; `array` when it is one JSON array (Gemini)."""
        splitter = ArraySplitter() if array else Splitter()
        settle = Settle(self._names, self.client.tools.id_prefix)
        return Translate(self.upstream.event_reader(), settle, self.client.event_writer(context), splitter)

    def read_reply(self, body: bytes) -> tuple[Reply, str]:
        """A provider's whole answer, and the token for which it goes on in another one; empty when that was all.

        Raises UpstreamError when it is none, or failed.
        """
        fields = _answer_in(body)
        if isinstance(fields, dict):
            return self.upstream.read_reply(fields), self.upstream.goes_on(fields)
        reader = self.upstream.event_reader()  # a stream in one piece (Gemini without `alt=sse`)
        return fold([*reader.feed(body), *reader.close()]), ""

    def reply(self, body: bytes) -> Reply:
        """A whole answer that came in one part, as the client may have it. Raises UpstreamError."""
        return self.settled([self.read_reply(body)[0]])

    def settled(self, replies: Sequence[Reply]) -> Reply:
        """A whole reply as the client may have it, from its parts in order: names, calls and reasons put right.

        Raises ProviderRefused when nothing came of it.
        """
        settle = Settle(self._names, self.client.tools.id_prefix)
        events = [settled for event in joined(replies) for settled in settle.feed(event)]
        return structs.replace(fold([*events, *settle.close()]), tier=replies[-1].tier)


def write_as_stream(reply: Reply, writer: EventWriter) -> bytes:
    """A whole answer for a client that asked for a stream."""
    return b"".join([writer.write(event) for event in unfold(reply)])


def _answer_in(body: bytes) -> Any:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamMalformed("The provider's answer is not JSON.") from None
    if not isinstance(answer, dict | list):
        raise UpstreamMalformed("The provider's answer is not a JSON object.")
    return answer
