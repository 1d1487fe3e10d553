"""How a target would be asked for something: in which dialect, at which path, what is lost on the way. Pure: URLs stay
unopened, and something without content stands for what they lead to.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from gateway.catalog.quirks import edits_of, needed_by
from gateway.errors import GatewayError
from gateway.formats.ask import Ask
from gateway.formats.format import Fields
from gateway.formats.losses import Losses, drop_fields
from gateway.formats.media import stand_ins
from gateway.formats.paths import counted_path, spoken_in, translated_path, upstream_path
from gateway.formats.table import FORMATS
from gateway.formats.told import object_of
from gateway.formats.translation import Translation
from gateway.records import Endpoint, ModelFacts, Provider
from gateway.relay import passages
from gateway.relay.conversation import Thread, check_owner
from gateway.relay.counted import COUNTING
from gateway.relay.prospects import speaks


@dataclass(frozen=True, slots=True)
class Given:
    """A client's request, read."""

    endpoint: Endpoint
    ask: Ask
    names_model: bool
    """Whether the body names the model, and not the path."""
    strict: bool
    thread: Thread | None
    """The conversation that it belongs to, on OpenAI Responses."""


@dataclass(slots=True)
class Rendered:
    """What a provider would be sent."""

    format: str
    translated: bool
    path: str | None = None
    dropped: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    urls: int = 0
    """How many would have to be fetched."""
    body: Fields | None = None
    """What would be sent; None where that is nothing, or no JSON."""
    error: GatewayError | None = None
    """Why it cannot be sent."""


def rendered(given: Given, provider: Provider, model: str, facts: ModelFacts) -> Rendered:
    """What this provider would be sent for a model."""
    if speaks(provider, given.endpoint):
        made = Rendered(given.endpoint.format, False)
        render = _pass
    else:
        made = Rendered(provider.format, True)
        render = _count if given.endpoint.operation == "count" else _translate
    try:
        render(made, given, provider, model, facts)
    except GatewayError as error:
        made.error = error
    return made


def _pass(made: Rendered, given: Given, provider: Provider, model: str, facts: ModelFacts) -> None:
    """As it came."""
    endpoint, ask = given.endpoint, given.ask
    met = spoken_in(provider, endpoint.format) or provider
    losses = Losses({}, strict=given.strict)
    fields = drop_fields(ask.fields, met.drop_fields if endpoint.body == "json" else (), losses)
    made.dropped = tuple(losses.dropped)
    if given.thread is not None:
        check_owner(given.thread)
    made.path = upstream_path(met, endpoint, model, stream=ask.stream)
    if endpoint.body == "json" and endpoint.operation != "pass":
        told = {**fields, "model": model} if given.names_model else fields
        made.quirks = needed_by(met, told, model, endpoint.format)
        if ask.stream and not ask.wants_usage and endpoint.ends_with_done and met.stream_usage:
            told = {**told, "stream_options": {**object_of(told.get("stream_options")), "include_usage": True}}
        edit = edits_of(met, endpoint.format)
        made.body = told if edit is None else edit(told, model)


def _translate(made: Rendered, given: Given, provider: Provider, model: str, facts: ModelFacts) -> None:
    """In the provider's own dialect."""
    translation = Translation(FORMATS[given.endpoint.format], FORMATS[provider.format], facts, strict=given.strict)
    try:
        urls = translation.read(given.ask.fields)
        made.urls = len(urls)
        translation.inline(stand_ins(translation.prompt, urls))
        compacts = given.endpoint.operation == "compact"
        written = passages.write(translation, provider, model, stream=given.ask.stream, compacts=compacts)
        made.path = translated_path(provider, model, stream=given.ask.stream)
        made.quirks = needed_by(provider, written, model)
        edit = edits_of(provider)
        made.body = written if edit is None else edit(written, model)
    finally:
        made.dropped, made.emulated = tuple(translation.losses.dropped), tuple(translation.losses.emulated)


def _count(made: Rendered, given: Given, provider: Provider, model: str, facts: ModelFacts) -> None:
    """For a number; where the provider has none the gateway estimates it, and nobody is asked."""
    path = counted_path(provider, model)
    if path is None:
        return
    client = FORMATS[given.endpoint.format]
    translation = Translation(client, FORMATS[provider.format], facts, strict=given.strict)
    urls = translation.read(COUNTING[client.name].prompt(given.ask.fields))
    made.urls = len(urls)
    translation.inline(stand_ins(translation.prompt, urls))
    translation.prompt = structs.replace(translation.prompt, max_tokens=None)
    written = translation.write(model)
    made.quirks = needed_by(provider, written, model)
    edit = edits_of(provider)
    made.body = written if edit is None else edit(written, model)
    made.path = path
