"""Makes the passage of an attempt: which path, which body, and what to do with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.formats import ask as asking
from gateway.formats import multipart
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Prompt
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.routing.dispatch import Attempt

from .passage import Passed, Translated
from .paths import generate_path, own_path

if TYPE_CHECKING:
    from .exchange import Exchange

NO_PROMPT = Prompt((), ())


def passed(exchange: Exchange, attempt: Attempt) -> Passed:
    """For a provider that speaks the client's dialect: the body but for the model's name."""
    endpoint, ask = exchange.endpoint, exchange.ask
    assert ask is not None  # read before anything is tried
    streams = ask.stream and endpoint.operation == "generate"
    context = _context(exchange, NO_PROMPT, ask.fields) if streams else None
    passage = Passed(endpoint, exchange.format, ask, context)
    model = attempt.target.model
    passage.path = own_path(endpoint, model, stream=ask.stream)
    if exchange.address.query:
        passage.path += "?" + exchange.address.query
    if exchange.address.model:
        passage.body = exchange.body
    elif endpoint.body == "multipart":
        passage.body = multipart.edit_form(exchange.body, exchange.content_type, ask, model)
    else:
        ask_usage = endpoint.ends_with_done and attempt.provider.stream_usage
        passage.body = asking.edit_body(exchange.body, ask, model, ask_usage=ask_usage)
    return passage


async def translated(exchange: Exchange, attempt: Attempt) -> Translated:
    """For a provider that speaks another dialect. Raises InvalidRequest, UnsupportedParameter, and FetchFailed when
    media that the provider must be given cannot be had."""
    ask, relay = exchange.ask, exchange.relay
    assert ask is not None  # read before anything is tried
    upstream = FORMATS[attempt.provider.format]
    model = attempt.target.model
    translation = Translation(exchange.format, upstream, relay.facts(attempt.provider, model), strict=exchange.strict)
    fields = {**ask.fields, "stream": ask.stream} if not exchange.address.model else ask.fields
    if urls := translation.read(fields):
        translation.inline(await relay.fetch_media(urls))
    written = translation.write(model)
    context = _context(exchange, translation.prompt, ask.fields)
    passage = Translated(translation, context, stream=ask.stream)
    passage.path = generate_path(upstream.name, model, stream=ask.stream)
    passage.body = orjson.dumps(_with_stream(written, upstream.name, ask.stream))
    return passage


def _with_stream(written: Fields, format_name: str, stream: bool) -> Fields:
    """Gemini's path says whether to stream, and its readers cannot know."""
    if not stream or format_name == "gemini" or "stream" in written:
        return written
    more = {"stream_options": {"include_usage": True}} if format_name == "openai_chat" else {}
    return {**written, "stream": True, **more}


def _context(exchange: Exchange, prompt: Prompt, fields: Fields) -> ReplyContext:
    assert exchange.ask is not None  # read before anything is tried
    return ReplyContext(
        model=exchange.ask.model,
        token=exchange.id.replace("-", ""),
        created=exchange.started_at_us // 1_000_000,
        prompt=prompt,
        fields=fields,
        array=exchange.address.array,
    )
