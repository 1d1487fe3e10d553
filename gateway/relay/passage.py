"""How one attempt's bytes get from the provider's dialect to the client's: passed through, or translated. Pure.

Either kind has the request for the provider, makes the pipeline for its stream, and judges and writes a whole answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import orjson
from msgspec import Struct

from gateway.errors import GatewayError, UpstreamError, UpstreamMalformed
from gateway.formats.array import ArrayFraming, FromArray
from gateway.formats.ask import Ask
from gateway.formats.fold import sum_of
from gateway.formats.format import EventWriter, Fields, Format, ReplyContext
from gateway.formats.neutral import Reply
from gateway.formats.openai_responses.compaction import write_compacted
from gateway.formats.openai_responses.event_writer import EventWriter as ResponseEvents
from gateway.formats.passing import PASSING, PLAIN, PassThrough, rename_reply, renamed_reply, text_of
from gateway.formats.said import said_in
from gateway.formats.translation import Translation, write_as_stream
from gateway.formats.usages import tokens_of
from gateway.formats.written import answer_bytes, request_bytes
from gateway.records import Endpoint, Parameters, Tokens

_ERROR_INSIDE = re.compile(rb'"error"\s*:\s*["{]')
_CONTENT = ("choices", "candidates", "content", "output", "data", "results", "embedding", "embeddings")
"""Fields of which a real answer has one."""

MOST_PARTS = 11
"""Answers that one may come in: the first, and ten more (FIN-2)."""

ENDLESS = "The provider never came to the end of its answer."


class Pipeline(Protocol):
    """Upstream bytes to client bytes. The relay knows only these verbs and what they found."""

    @property
    def opened(self) -> bool:
        """Content has begun: from now on the answer is committed."""

    @property
    def error(self) -> UpstreamError | None:
        """The provider failed; what it said before that has come out."""

    @property
    def tokens(self) -> Tokens | None:
        """What the provider reported, once seen."""

    @property
    def answered_model(self) -> str:
        """The model that the provider says has answered, once seen; empty where it does not say."""

    @property
    def between_events(self) -> bool:
        """Whether what went out so far ends with a whole event."""

    @property
    def complete(self) -> bool:
        """Whether the provider said all it had to say; asked at the end."""

    @property
    def failed(self) -> bool:
        """Whether the stream ended with an error event that went out as the provider wrote it."""

    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for `chunk`."""

    def close(self) -> bytes:
        """What the client gets when the provider has ended."""

    @property
    def said(self) -> int:
        """About how much text the provider said so far, bytes or characters."""

    def resume(self) -> str:
        """The token for which the provider goes on with its answer in another stream, whose bytes are fed next; empty
        when there is none. Asked at the end, before `close`."""

    def open(self) -> bytes:
        """The beginning, though there is no content yet."""

    def fail(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that ends with an error."""


class Answer(Struct, frozen=True, gc=False):
    """A whole answer for the client."""

    body: bytes
    tokens: Tokens | None
    is_stream: bool = False
    """The client asked for a stream, so it is written as one."""
    said: int = 0
    """About how much text it holds, where its provider did not count its tokens."""
    goes_on: bytes = b""
    """This is but the beginning: the request for the rest."""
    answered_model: str = ""
    """The model that the provider says has answered; empty where it does not say."""


class Passage(Protocol):
    """One attempt's way through the dialects."""

    path: str
    """Below the provider's base URL."""
    body: bytes
    """The request for the provider."""
    upstream: Format
    translated: bool
    losses: tuple[str, ...]
    estimated: bool
    """The answer has a number in it that is our own guess."""
    parameters: Parameters | None
    """What its request asks of the model, where that is another one than the client's, and somebody tells of it."""

    @property
    def written(self) -> Fields | None:
        """The Response object the client got, where it is ours: only of a translated answer to OpenAI Responses."""

    def pipeline(self, *, array: bool = False) -> Pipeline:
        """For the provider's stream; `array` when that is one JSON array, though events were asked for (Gemini)."""

    def reply(self, body: bytes) -> Answer:
        """A provider's whole answer for the client. Raises UpstreamError when it is none."""

    def request_rest(self, token: str) -> bytes:
        """The request for the rest of an answer of which `token` tells."""

    def beginning(self, body: bytes) -> bytes:
        """The first bytes of an answer too large to be held, for the client."""

    def error(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
        """A provider's error, in neutral words."""


class Passed(Struct, eq=False):
    """The provider speaks the client's dialect: bytes stay as they are."""

    _endpoint: Endpoint
    upstream: Format
    _ask: Ask
    _context: ReplyContext | None
    """There when the client asked for a stream: should the provider not give one, we write it."""
    losses: tuple[str, ...] = ()
    path: str = ""
    body: bytes = b""
    estimated: bool = False
    parameters: Parameters | None = None

    translated = False

    @property
    def written(self) -> Fields | None:
        """The provider's answer is the provider's."""
        return None

    def pipeline(self, *, array: bool = False) -> Pipeline:
        """Events go out as they come."""
        endpoint, ask = self._endpoint, self._ask
        streams = endpoint.operation == "generate" or endpoint.ends_with_done
        passing = PASSING[self.upstream.name] if streams else PLAIN
        hidden = endpoint.ends_with_done and not ask.wants_usage
        if array:
            through: PassThrough = FromArray(self.upstream, passing, model=ask.model)
        else:
            through = PassThrough(self.upstream, passing, model=ask.model if streams else "", hide_usage=hidden)
        return ArrayFraming(through) if self._context is not None and self._context.array else through

    def reply(self, body: bytes) -> Answer:
        """The answer as it came, but for the model's name. Raises UpstreamError when it is an error in disguise."""
        operation, upstream = self._endpoint.operation, self.upstream
        is_object = body[:1] == b"{"
        if not (is_object and body[-1:] == b"}") and (operation != "pass" or self._endpoint.ends_with_done):
            _check_json(body)
        if is_object and (b'"error"' in body or upstream.refusal is not None):
            self._check_object(body)
        if operation == "generate" and self._context is not None:
            return self._as_stream(upstream.read_reply(_object(body)), self._context, body)
        tokens = None if operation == "count" else upstream.tokens_in(body[-16384:])  # what is counted was not spent
        said = said_in(body, upstream.name) if operation == "generate" and _is_open(tokens) else 0
        named, known = rename_reply(body, PASSING[upstream.name].place.key, self._ask.model)
        return Answer(named, tokens, False, said, b"", text_of(known) if known else "")

    def _as_stream(self, reply: Reply, context: ReplyContext, body: bytes) -> Answer:
        written = write_as_stream(reply, self.upstream.event_writer(context))
        tokens = tokens_of(reply.usage) if reply.usage else None
        said = said_in(body, self.upstream.name) if _is_open(tokens) else 0
        return Answer(written, tokens, is_stream=True, said=said, answered_model=reply.model)

    def request_rest(self, token: str) -> bytes:
        """Not asked for: its pipeline never resumes."""
        return self.body

    def beginning(self, body: bytes) -> bytes:
        """The first bytes of an answer with the model's name as the client knows it."""
        return renamed_reply(body, PASSING[self.upstream.name].place.key, self._ask.model)

    def error(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
        """A provider's error, in neutral words."""
        return self.upstream.read_error(status, headers, body)

    def _check_object(self, body: bytes) -> None:
        """Raises UpstreamError where a reply is none though its status says so."""
        upstream = self.upstream
        if _ERROR_INSIDE.search(body) is not None:
            fields = _object(body)
            if fields.get("error") and not any(fields.get(name) for name in _CONTENT):
                raise upstream.read_error(500, {}, body)
        if upstream.refusal is not None and (error := upstream.refusal(_object(body))):
            raise error


class Translated:
    """The provider speaks another dialect than the client."""

    __slots__ = (
        "_context",
        "_fields",
        "_parts",
        "_said",
        "_stream",
        "_translation",
        "_writer",
        "body",
        "estimated",
        "losses",
        "parameters",
        "path",
        "upstream",
    )

    translated = True

    def __init__(self, translation: Translation, context: ReplyContext, *, stream: bool) -> None:
        self._translation = translation
        self._context = context
        self.estimated = False
        self.parameters: Parameters | None = None
        self._stream = stream
        self.upstream = translation.upstream
        self.path = ""
        self.body = b""
        self.losses = translation.losses.report
        self._writer: EventWriter | None = None
        self._fields: Fields | None = None
        self._parts: list[Reply] = []
        """Of an answer that the provider gives in several."""
        self._said = 0
        """Bytes of text in those of them that do not tell what it came to."""

    @property
    def written(self) -> Fields | None:
        """The Response object the client got, once it is complete."""
        if isinstance(self._writer, ResponseEvents):
            return self._writer.response
        return self._fields

    def pipeline(self, *, array: bool = False) -> Pipeline:
        """Through neutral events."""
        stream = self._translation.stream(self._context, array=array)
        self._writer = stream.writer
        return stream

    def reply(self, body: bytes) -> Answer:
        """Through a neutral reply. Raises UpstreamMalformed when the provider goes on for ever."""
        reply, token = self._translation.read_reply(body)
        self._parts.append(reply)
        if reply.usage is None or not reply.usage.output:
            self._said += said_in(body, self.upstream.name)
        if token:
            if len(self._parts) == MOST_PARTS:
                raise UpstreamMalformed(ENDLESS)
            return Answer(b"", None, goes_on=self.request_rest(token))
        usage = sum_of(part.usage for part in self._parts)
        whole = self._translation.settled(self._parts)
        return self._told(whole, tokens_of(usage) if usage else None)

    def request_rest(self, token: str) -> bytes:
        """The same request with the token in it."""
        return request_bytes({**orjson.loads(self.body), "continuationToken": token})

    def _told(self, reply: Reply, tokens: Tokens | None) -> Answer:
        client = self._translation.client
        if self._stream:
            self._writer = client.event_writer(self._context)
            written, model = write_as_stream(reply, self._writer), reply.model
            return Answer(written, tokens, is_stream=True, said=self._said, answered_model=model)
        self._fields = client.write_reply(reply, self._context)
        return Answer(answer_bytes(self._fields), tokens, said=self._said, answered_model=reply.model)

    def beginning(self, body: bytes) -> bytes:
        """Not asked for: what is translated is held until it is whole."""
        return body

    def error(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> UpstreamError:
        """A provider's error, in neutral words."""
        return self.upstream.read_error(status, headers, body)


class Compacted(Translated):
    """A conversation summed up by a provider that has no such thing: its reply comes to stand for the conversation."""

    def _told(self, reply: Reply, tokens: Tokens | None) -> Answer:
        """The compaction item. Raises UpstreamMalformed when the model said nothing."""
        written = answer_bytes(write_compacted(reply, self._context))
        return Answer(written, tokens, said=self._said, answered_model=reply.model)


def _is_open(tokens: Tokens | None) -> bool:
    """Whether nobody has told what the text of an answer came to."""
    return tokens is None or not tokens.output


def _check_json(body: bytes) -> None:
    """Raises UpstreamMalformed on what cannot be JSON: a page, or half of an answer."""
    if body.lstrip()[:1] not in (b"{", b"[") or body.rstrip()[-1:] not in (b"}", b"]"):
        raise UpstreamMalformed("The provider's answer is not JSON.")


def _object(body: bytes) -> dict[str, object]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamMalformed("The provider's answer is not JSON.") from None
    if not isinstance(fields, dict):
        raise UpstreamMalformed("The provider's answer is not a JSON object.")
    return fields
