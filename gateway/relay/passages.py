"""Makes the passage of an attempt: which path, which body, and what to do with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from gateway.formats import ask as asking
from gateway.formats import multipart
from gateway.formats.ask import Ask
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses, drop_fields
from gateway.formats.neutral import Prompt, Text, ToolChoice, Turn
from gateway.formats.openai_responses.compaction import COMPACT_INSTRUCTION
from gateway.formats.paths import generate_path, own_path
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.formats.written import request_bytes
from gateway.records import Provider
from gateway.routing.dispatch import Attempt

from . import conversation, counting
from .counted import renamed_inside
from .passage import Compacted, Passed, Translated

if TYPE_CHECKING:
    from .exchange import Exchange

NO_PROMPT = Prompt((), ())


def read_ask(exchange: Exchange) -> Ask:
    """What a request asks for, wherever its dialect says so. Raises InvalidRequest."""
    endpoint, body = exchange.endpoint, exchange.body
    if endpoint.body == "multipart":
        return multipart.read_form_ask(body, exchange.caller.content_type, endpoint.default_model)
    if exchange.address.model:
        return asking.read_body_ask(body, exchange.address.model, stream=endpoint.upstream_path.startswith("stream"))
    return asking.read_ask(body, endpoint.default_model)


def passed(exchange: Exchange, attempt: Attempt) -> Passed:
    """For a provider that speaks the client's dialect: the body but for the model's name."""
    endpoint, ask = exchange.endpoint, exchange.ask
    assert ask is not None  # read before anything is tried
    body, dropped = exchange.body, tuple[str, ...]()
    if attempt.provider.drop_fields and endpoint.body == "json":
        body, ask, dropped = _without_dropped(exchange, ask, attempt.provider)
    streams = ask.stream and endpoint.operation == "generate"
    context = _context(exchange, NO_PROMPT, ask.fields) if streams else None
    if exchange.thread is not None:
        conversation.check_owner(exchange.thread)
    passage = Passed(endpoint, exchange.format, ask, context)
    passage.losses = dropped
    model = attempt.target.model
    passage.path = own_path(endpoint, model, stream=ask.stream)
    if exchange.address.query:
        passage.path += "?" + exchange.address.query
    passage.body = _edited(exchange, body, ask, attempt)
    return passage


def _edited(exchange: Exchange, body: bytes, ask: Ask, attempt: Attempt) -> bytes:
    """The body with the provider's own name of the model, wherever its dialect says it."""
    endpoint, model = exchange.endpoint, attempt.target.model
    if exchange.address.model:
        return body if endpoint.operation == "generate" else renamed_inside(body, ask.fields, model)
    if endpoint.body == "multipart":
        return multipart.edit_form(body, exchange.caller.content_type, ask, model)
    ask_usage = endpoint.ends_with_done and attempt.provider.stream_usage
    return asking.edit_body(body, ask, model, ask_usage=ask_usage)


def _without_dropped(exchange: Exchange, ask: Ask, provider: Provider) -> tuple[bytes, Ask, tuple[str, ...]]:
    """The request without what a provider refuses, and what that was. Raises UnsupportedParameter in strict mode."""
    losses = Losses({}, strict=exchange.caller.strict)
    fields = drop_fields(ask.fields, provider.drop_fields, losses)
    if not losses.report:
        return exchange.body, ask, ()
    return request_bytes(fields), ask._replace(fields=fields), losses.report


async def translated(exchange: Exchange, attempt: Attempt) -> Translated:
    """For a provider that speaks another dialect. Raises InvalidRequest and UnsupportedParameter, and whatever keeps
    media from being fetched that the provider must be given."""
    ask = exchange.ask
    assert ask is not None  # read before anything is tried
    if exchange.endpoint.operation == "count":
        return await counting.passage(exchange, attempt, _context(exchange, NO_PROMPT, ask.fields))
    relay, provider = exchange.relay, attempt.provider
    facts = relay.facts(provider, attempt.target.model)
    translation = Translation(exchange.format, FORMATS[provider.format], facts, strict=exchange.caller.strict)
    if urls := translation.read(ask.fields):
        translation.inline(await exchange.errand.run(relay.fetch_media(urls)))
    translation.prompt = structs.replace(translation.prompt, stream=ask.stream)  # Gemini's path says it
    compacts = exchange.endpoint.operation == "compact"
    if compacts:
        translation.prompt = _summarising(translation.prompt)
    model = attempt.target.model
    written = drop_fields(translation.write(model), provider.drop_fields, translation.losses)
    context = _context(exchange, translation.prompt, ask.fields)
    passage = (Compacted if compacts else Translated)(translation, context, stream=ask.stream)
    passage.path = generate_path(translation.upstream.name, model, stream=ask.stream)
    if not attempt.provider.stream_usage:
        written.pop("stream_options", None)
    passage.body = request_bytes(written)
    return passage


def _summarising(prompt: Prompt) -> Prompt:
    """The conversation with the wish for a summary at its end; tools stay declared, for the calls that were made."""
    wish = Turn("user", (Text(COMPACT_INSTRUCTION),))
    choice = ToolChoice("none") if prompt.tools else None
    return structs.replace(prompt, turns=(*prompt.turns, wish), tool_choice=choice, output=None)


def _context(exchange: Exchange, prompt: Prompt, fields: Fields) -> ReplyContext:
    assert exchange.ask is not None  # read before anything is tried
    if exchange.thread is not None:
        fields = conversation.told_fields(exchange, exchange.thread)
    return ReplyContext(
        model=exchange.ask.model,
        token=exchange.id.replace("-", ""),
        created=exchange.started_at_us // 1_000_000,
        prompt=prompt,
        fields=fields,
        array=exchange.address.array,
    )
