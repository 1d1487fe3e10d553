"""Makes the passage of an attempt: which path, which body, and what to do with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from gateway.catalog.quirks import betas_in_body, edits_of, with_betas
from gateway.formats import ask as asking
from gateway.formats import multipart
from gateway.formats.ask import Ask
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.losses import Losses, drop_fields
from gateway.formats.neutral import Prompt, Text, ToolChoice, Turn
from gateway.formats.openai_responses.compaction import COMPACT_INSTRUCTION
from gateway.formats.paths import counted_path, spoken_in, translated_path, upstream_path, with_query
from gateway.formats.told import object_of
from gateway.formats.translation import Translation
from gateway.formats.written import request_bytes
from gateway.records import Endpoint, Provider
from gateway.routing.dispatch import Attempt

from . import conversation, counting
from .counted import renamed_inside
from .dialects import dialect_of
from .passage import Compacted, Passage, Passed, Translated
from .spans import is_told

if TYPE_CHECKING:
    from .exchange import Exchange

NO_PROMPT = Prompt((), ())


def read_ask(exchange: Exchange) -> Ask:
    """What a request asks for, wherever its dialect says so. Raises InvalidRequest."""
    endpoint, body = exchange.endpoint, exchange.body
    if endpoint.body == "multipart":
        return multipart.read_form_ask(body, exchange.caller.content_type, endpoint.default_model)
    return read_json_ask(endpoint, exchange.address.model, body)


def read_json_ask(endpoint: Endpoint, model: str, body: bytes) -> Ask:
    """The same of a request in JSON; `model` is what its path names. Raises InvalidRequest."""
    if model:
        return asking.read_body_ask(body, model, stream=endpoint.upstream_path.startswith("stream"))
    return asking.read_ask(body, endpoint.default_model)


def passed(exchange: Exchange, attempt: Attempt) -> Passed:
    """For a provider that speaks the client's dialect: the body but for the model's name."""
    endpoint, ask, provider = exchange.endpoint, exchange.ask, attempt.provider
    assert ask is not None  # read before anything is tried
    if provider.format != endpoint.format:
        provider = _met(provider, endpoint.format)
    body = exchange.body
    dropped: tuple[str, ...] = ()
    if provider.drop_fields and endpoint.body == "json":
        body, ask, dropped = _without_dropped(exchange, ask, provider)
    streams = ask.stream and endpoint.operation == "generate"
    context = _context(exchange, NO_PROMPT, ask.fields) if streams else None
    if exchange.thread is not None:
        conversation.check_owner(exchange.thread)
    passage = Passed(endpoint, dialect_of(provider, endpoint.format), ask, context, dropped)
    if dropped:
        _note_parameters(exchange, passage, ask.fields)
    model = attempt.target.model
    if provider.paths and endpoint.operation == "count" and counted_path(provider, model) is None:
        return passage  # nobody to ask: the number is our own
    path, query = upstream_path(provider, endpoint, model, stream=ask.stream), exchange.address.query
    passage.path = with_query(path, query) if query else path
    if provider.quirks and endpoint.body == "json" and endpoint.operation != "pass":
        fixed = _fixed(exchange, ask, provider, model)
        if fixed is not None:
            _note_parameters(exchange, passage, fixed)
            body = request_bytes(fixed)
            passage.body = renamed_inside(body, fixed, model) if _names_within(exchange) else body
            return passage
    passage.body = _named(exchange, body, ask, attempt)
    return passage


def _met(provider: Provider, format_name: str) -> Provider:
    """The provider as whoever speaks this dialect, which is not its own, meets it."""
    met = spoken_in(provider, format_name)
    assert met is not None  # it is passed because this provider speaks it
    return met


def _named(exchange: Exchange, body: bytes, ask: Ask, attempt: Attempt) -> bytes:
    """The body with the provider's own name of the model, wherever its dialect says it."""
    endpoint, model = exchange.endpoint, attempt.target.model
    if exchange.address.model:
        return renamed_inside(body, ask.fields, model) if _names_within(exchange) else body
    if endpoint.body == "multipart":
        return multipart.edit_form(body, exchange.caller.content_type, ask, model)
    return asking.edit_body(body, ask, model, ask_usage=ask.stream and _asks_usage(exchange, attempt.provider))


def _names_within(exchange: Exchange) -> bool:
    """Whether requests within the body may name the model, though the path does."""
    return bool(exchange.address.model) and exchange.endpoint.operation != "generate"


def _fixed(exchange: Exchange, ask: Ask, provider: Provider, model: str) -> Fields | None:
    """The request as this provider needs it; None where that is how it came, so that its bytes can pass."""
    endpoint = exchange.endpoint
    edit = edits_of(provider, endpoint.format)
    if edit is None:
        return None
    fields = ask.fields
    if not exchange.address.model:
        fields = {**fields, "model": model}
        if ask.stream and not ask.wants_usage and _asks_usage(exchange, provider):
            fields["stream_options"] = {**object_of(fields.get("stream_options")), "include_usage": True}
    told = with_betas(fields, _betas(exchange)) if betas_in_body(provider) else fields
    fixed = edit(told, model)
    return None if fixed is fields else fixed


def _betas(exchange: Exchange) -> bytes:
    return b",".join([value for name, value in exchange.headers if name == b"anthropic-beta"])


def _asks_usage(exchange: Exchange, provider: Provider) -> bool:
    return exchange.endpoint.ends_with_done and provider.stream_usage


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
    upstream = dialect_of(provider, provider.format)
    translation = Translation(exchange.format, upstream, facts, strict=exchange.caller.strict)
    if urls := translation.read(ask.fields):
        translation.inline(await exchange.errand.run(relay.fetch_media(urls)))
    compacts = exchange.endpoint.operation == "compact"
    model = attempt.target.model
    written = write(translation, provider, model, stream=ask.stream, compacts=compacts)
    context = _context(exchange, translation.prompt, ask.fields)
    passage = (Compacted if compacts else Translated)(translation, context, stream=ask.stream)
    passage.path = translated_path(provider, model, stream=ask.stream)
    edit = edits_of(provider)
    sent = written if edit is None else edit(written, model)
    _note_parameters(exchange, passage, sent)
    passage.body = request_bytes(sent)
    return passage


def _note_parameters(exchange: Exchange, passage: Passage, fields: Fields) -> None:
    """What is asked of the model in these words for the provider, where somebody tells of it."""
    if is_told(exchange):
        passage.parameters = passage.upstream.read_parameters(fields)


def write(translation: Translation, provider: Provider, model: str, *, stream: bool, compacts: bool) -> Fields:
    """The request for a provider but for its quirks, once the client's is read. Raises UnsupportedParameter."""
    translation.prompt = structs.replace(translation.prompt, stream=stream)  # Gemini's path says it
    if compacts:
        translation.prompt = _summarising(translation.prompt)
    written = drop_fields(translation.write(model), provider.drop_fields, translation.losses)
    if not provider.stream_usage:
        written.pop("stream_options", None)
    return written


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
        created=exchange.times.started_at_us // 1_000_000,
        prompt=prompt,
        fields=fields,
        array=exchange.address.array,
    )
