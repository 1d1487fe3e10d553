"""What was said in a request that was made up: what its client asked, what each provider was sent and answered, and
what the client got, as its usage record has it.

Bodies are translated as those of real requests are, so that both sides differ in what they differ in. Pure: a record
comes in, and what a worker would have taken down goes out. Words repeat, and an answer has no more than a few hundred
of them, however many tokens its record says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from gateway.catalog.facts import facts_of
from gateway.catalog.presets import presets
from gateway.errors import GatewayError
from gateway.formats.events import Event, TextDelta
from gateway.formats.fold import unfold
from gateway.formats.format import Fields, Format, ReplyContext
from gateway.formats.neutral import Choice, Finish, Prompt, Reply, Text, Usage
from gateway.formats.paths import generate_path
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.records.captures import Flow, RawHeaders, Taken, TakenTry

from .bodies import WORDS, Question, write
from .clients import SPOKEN, Dialect
from .history import format_between

Row = Mapping[str, Any]

SENTENCES = (
    "The change is small, and most of it is where one would look for it.",
    "Look first at the part that decides what happens when nobody answers.",
    "Two of the lines belong together: the second follows from the first within a minute.",
    "It was sent on Monday, and is to be with you by tomorrow at noon.",
    "What is written while it runs goes to the new rows, and is read from there.",
    "I would keep the sentence as it is, and say the price before the delivery.",
    "The three likely causes are another sample, a shorter prompt, and a bug in the count.",
    "There is nothing here that tells which of them it was; the logs of the hour before would.",
)
"""What is answered."""

MOST_WORDS = 300
"""Of an answer."""

PIECE_WORDS = 4
"""In one event of a stream."""

SAID: Mapping[str, object] = MappingProxyType(
    {
        "seed": 7,
        "logit_bias": {"50256": -100},
        "frequency_penalty": 0.2,
        "user": "shop-4711",
        "parallel_tool_calls": False,
        "truncation": "auto",
        "top_logprobs": 2,
        "metadata": {"batch": "evening"},
        "top_k": 40,
        "stop_sequences": ["END"],
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
    }
)
"""Fields of a client that not every provider knows."""

CONFIGURED: Mapping[str, object] = MappingProxyType({"topK": 40, "candidateCount": 1})
"""The same within Gemini's `generationConfig`."""

FAILED: Mapping[int, str] = MappingProxyType(
    {
        400: "The request has a value that the model does not take.",
        401: "This key is not known.",
        404: "There is no such model.",
        429: "Too many requests came within a minute.",
        503: "There is too much to do at the moment.",
        529: "Overloaded",
    }
)
"""What is said beside a status."""

NUMBERS = (0.0182, -0.0441, 0.0073, 0.0615, -0.0098, 0.0327, -0.0204, 0.0519)
"""The beginning of what a text is turned into."""


def taken_of(row: Row, secret: bytes, most: int) -> Taken:
    """What a worker would have taken down of a request that was made up, at most so many bytes of a body. `row` is as
    `demo/newest` reads it, `secret` the key that nobody may read."""
    return _Made(row, secret, most).taken()


class _Made:
    """One request in the making."""

    def __init__(self, row: Row, secret: bytes, most: int) -> None:
        self._row, self._secret, self._most = row, secret, most
        self._dialect = _dialect_of(row)
        self._client = FORMATS[SPOKEN[self._dialect].format]
        self._chance = int(row["id"][-8:], 16)
        question = Question(
            row["requested_model"] or "",
            WORDS[self._chance % len(WORDS)],
            stream=bool(row["stream"]),
            tools=bool(row["has_tools"]),
        )
        written = write(self._dialect, question)
        self._path = written.path
        self._fields: Fields = _with_losses(msgspec.json.decode(written.body), row["dropped"])

    def taken(self) -> Taken:
        row = self._row
        tries = [self._try(attempt) for attempt in row["attempts"]]
        return Taken(
            id=row["id"],
            started_at_us=row["started_at_us"],
            method="POST",
            target=self._path,
            headers=[
                (b"content-type", b"application/json"),
                (b"authorization", b"Bearer " + self._secret),
                (b"user-agent", row["user_agent"].encode()),
            ],
            body=self._flow(msgspec.json.encode(self._fields)),
            tries=tries,
            status=0 if row["status"] == 499 else row["status"],
            answer_headers=self._headers(stream=row["stream"] and row["status"] < 400),
            answer=self._got(tries),
            secrets=frozenset({self._secret}),
        )

    def _try(self, attempt: Row) -> TakenTry:
        spoken, status = format_between(self._client.name, attempt["provider"]), attempt["status"] or 0
        translation = self._translation(spoken, attempt["model"])
        path, body = self._sent(translation, spoken, attempt["model"])
        tried = TakenTry(
            provider=attempt["provider"],
            model=attempt["model"],
            credential=attempt["credential"],
            scheme="https",
            head=self._head(attempt["provider"], path),
            body=self._flow(body),
            status=status,
            error=attempt["error"],
        )
        if status:
            tried.headers = self._headers(stream=self._row["stream"] and status < 400)
            tried.answer = self._flow(self._answered(FORMATS[spoken], attempt["model"], status))
        return tried

    def _translation(self, spoken: str, model: str) -> Translation | None:
        """None where the provider speaks the client's format."""
        if spoken == self._client.name:
            return None
        made = Translation(self._client, FORMATS[spoken], facts_of(spoken, model))
        made.read(self._fields)
        made.prompt = msgspec.structs.replace(made.prompt, stream=bool(self._row["stream"]))
        return made

    def _sent(self, translation: Translation | None, spoken: str, model: str) -> tuple[str, bytes]:
        """Path and body for a provider."""
        if translation is not None:
            path = generate_path(spoken, model, stream=bool(self._row["stream"]))
            return path, msgspec.json.encode(translation.write(model))
        if "model" in self._fields:
            return self._path, msgspec.json.encode({**self._fields, "model": model})
        asked = f"/models/{self._row['requested_model']}:"
        return self._path.replace(asked, f"/models/{model}:"), msgspec.json.encode(self._fields)

    def _answered(self, upstream: Format, model: str, status: int) -> bytes:
        """What a provider answers."""
        if status >= 400:
            return _error(upstream, status, self._row)
        if self._dialect == "embeddings":
            return _embedding(self._row, model)
        row = self._row
        context = self._context(model)
        reply = Reply(
            id=row["upstream_request_id"] or f"resp_{context.token}",
            model=row["answered_model"] or model,
            choices=(Choice((Text(self._words()),), Finish("stop")),),
            usage=_usage(row),
        )
        return _written(upstream, reply, context, streams=bool(row["stream"]))

    def _got(self, tries: Sequence[TakenTry]) -> Flow:
        """What the client gets: of an answer what its format makes of it."""
        row, last = self._row, tries[-1] if tries else None
        if row["status"] == 499:
            return Flow(0)
        if row["status"] >= 400 or last is None or last.answer is None:
            return self._flow(_error(self._client, row["status"], row))
        translation = self._translation(format_between(self._client.name, last.provider), last.model)
        answer = bytes(last.answer.kept)
        if translation is None:
            return self._flow(answer)
        translation.write(last.model)
        context = msgspec.structs.replace(self._context(row["requested_model"]), prompt=translation.prompt)
        if not row["stream"]:
            fields = self._client.write_reply(translation.reply(answer), context)
            return self._flow(msgspec.json.encode(fields))
        pipeline = translation.stream(context)
        return self._flow(pipeline.feed(answer) + pipeline.close())

    def _context(self, model: str) -> ReplyContext:
        token = self._row["id"].replace("-", "")
        return ReplyContext(
            model, token, self._row["started_at_us"] // 1_000_000, Prompt((), (), wants_usage=True), self._fields
        )

    def _words(self) -> str:
        """An answer about as long as the record says."""
        wanted = max(min(self._row["output_tokens"] - self._row["reasoning_tokens"], MOST_WORDS), 1)
        words = list[str]()
        while len(words) < wanted:
            words += SENTENCES[(self._chance + len(words)) % len(SENTENCES)].split()
        return " ".join(words[:wanted])

    def _head(self, provider: str, path: str) -> bytes:
        preset = presets().get(provider)
        address = urlsplit(preset.base_url if preset is not None else "https://lab.internal")
        lines = [
            f"POST {path} HTTP/1.1",
            f"host: {address.netloc}",
            "content-type: application/json",
            "authorization: Bearer ",
        ]
        return "\r\n".join(lines).encode() + self._secret + b"\r\n\r\n"

    def _headers(self, *, stream: bool) -> RawHeaders:
        kind = b"text/event-stream" if stream else b"application/json"
        name = (self._row["upstream_request_id"] or "").encode()
        return [(b"content-type", kind), *([(b"x-request-id", name)] if name else [])]

    def _flow(self, body: bytes) -> Flow:
        return Flow.whole(body, self._most)


def _dialect_of(row: Row) -> Dialect:
    """How its client speaks, by the path it asked."""
    dialects: tuple[Dialect, ...] = get_args(Dialect)
    return next(name for name in dialects if row["endpoint"] in (SPOKEN[name].path, SPOKEN[name].stream_path))


def _with_losses(fields: Fields, dropped: Sequence[str]) -> Fields:
    """A request that says what its record says was not carried over."""
    names = [name.partition(" ")[0] for name in dropped]
    configured = {name: CONFIGURED[name] for name in names if name in CONFIGURED}
    said = {name: SAID[name] for name in names if name in SAID}
    return {**fields, **said, **({"generationConfig": configured} if configured else {})}


def _written(upstream: Format, reply: Reply, context: ReplyContext, *, streams: bool) -> bytes:
    """An answer as a provider of this format writes it."""
    if not streams:
        return msgspec.json.encode(upstream.write_reply(reply, context))
    writer = upstream.event_writer(context)
    return b"".join(writer.write(piece) for event in unfold(reply) for piece in _pieces(event))


def _pieces(event: Event) -> Iterator[Event]:
    """A text comes in pieces of some words."""
    if not isinstance(event, TextDelta):
        yield event
        return
    words = event.text.split(" ")
    for at in range(0, len(words), PIECE_WORDS):
        yield TextDelta(" " * (at > 0) + " ".join(words[at : at + PIECE_WORDS]))


def _usage(row: Row) -> Usage:
    kept, written, thought = row["cache_read_tokens"], row["cache_write_tokens"], row["reasoning_tokens"]
    return Usage(
        fresh=row["input_tokens"] - kept - written,
        cache_read=kept,
        cache_write=written,
        visible=row["output_tokens"] - thought,
        reasoning=thought,
    )


def _embedding(row: Row, model: str) -> bytes:
    tokens = row["input_tokens"]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": NUMBERS}],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _error(spoken: Format, status: int, row: Row) -> bytes:
    error = GatewayError(FAILED.get(status, "Something went wrong that is not the client's fault."))
    error.status, error.code = status, row["error"] or "server_error"
    return spoken.write_error(error, row["id"])[1]
