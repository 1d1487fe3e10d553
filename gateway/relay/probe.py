"""Whether a provider answers: one small request of our own with one credential, made as those of clients are.

Knows how to ask in the provider's dialect and what the answer is worth. Nothing of what it says is kept, and no secret
stands in what is told of it. Connections are made for the occasion and closed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from msgspec import structs

from gateway import __version__
from gateway.catalog.facts import facts_of
from gateway.catalog.quirks import edits_of
from gateway.errors import InvalidRequest, UpstreamError, UpstreamMalformed, UpstreamTimeout
from gateway.formats import bedrock
from gateway.formats.format import Format
from gateway.formats.listed import model_ids
from gateway.formats.losses import drop_fields
from gateway.formats.neutral import Prompt, Text, Turn
from gateway.formats.paths import listed_path, translated_path
from gateway.formats.table import FORMATS
from gateway.formats.translation import Translation
from gateway.formats.written import request_bytes
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Pool, Request
from gateway.records import Credential, Provider
from gateway.settings.model import Settings, UpstreamSettings

from .access import Access, Signable, access_by
from .compose import Composer
from .dialects import dialect_of
from .gathering import Gathered, gather
from .masking import masked, secrets_of
from .ways import origin_of

SECONDS = 20.0
"""How long all of it may take."""

MOST_BYTES = 8 * 1024 * 1024
"""Largest answer that is looked at; the longest lists of models have about one."""

OUTPUT_TOKENS = 16
"""Asked of a model: OpenAI Responses takes no less."""

USER_AGENT = f"sluicegate/{__version__}"

QUESTION = "Say hello."

LONGEST_MESSAGE, LONGEST_CODE = 1000, 100
SHORTEST_SECRET = 4
"""Characters of what is hidden in messages; anything shorter would be found everywhere."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What is to be asked, and of whom."""

    provider: Provider
    credential: Credential
    model: str = ""
    """A model to be asked something; empty for the provider's list of models."""


@dataclass(frozen=True, slots=True)
class Found:
    """How it went."""

    target: str
    """Method and address, without the query."""
    latency_us: int
    """From the first packet to the last: finding and connecting to the provider is part of it."""
    status: int | None = None
    """None where there was no answer."""
    error: UpstreamError | None = None
    models: tuple[str, ...] = ()
    """Of a list that was asked for."""


async def probe(wanted: Probe, settings: Settings, *, seconds: float = SECONDS) -> Found:
    """Ask, within the limits of these settings. What goes wrong is told in what is returned.

    Raises InvalidRequest for a model that cannot be asked for.
    """
    request = _request(wanted)
    pool = Pool(_limits(settings.upstream, seconds), permit=permit_of(settings.network.allow))
    origin = origin_of(wanted.provider, wanted.credential)
    access = access_by(lambda _: (pool, origin), USER_AGENT)
    proven = request
    began = time.monotonic_ns()
    status, models = None, tuple[str, ...]()
    error: UpstreamError | None = None
    try:
        async with asyncio.timeout(seconds):
            proven = await request.proven(access, wanted)
            answer = await gather(pool, origin, proven.sent(seconds), MOST_BYTES)
        status = answer.status
        models = _judge(wanted, answer, proven.head)
    except TimeoutError:
        error = UpstreamTimeout(f"No answer within {seconds:g} seconds.")
    except UpstreamError as raised:
        error = raised
    finally:
        latency_us = (time.monotonic_ns() - began) // 1000
        await access.close()
        await pool.close()
    if error is not None:
        _hide_secrets(error, wanted, proven.head)
    return Found(request.target, latency_us, status, error, models)


def _limits(upstream: UpstreamSettings, seconds: float) -> UpstreamSettings:
    return structs.replace(
        upstream,
        connect_timeout_seconds=min(upstream.connect_timeout_seconds, seconds),
        tls_timeout_seconds=min(upstream.tls_timeout_seconds, seconds),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, and how it is called."""

    method: str
    target: str
    host: str
    path: str
    """With the query, as it is sent."""
    head: bytes
    body: bytes

    async def proven(self, access: Access, wanted: Probe) -> _Asked:
        """The same with the proof of who asks, where one is made for it. Raises UpstreamError."""
        asked = Signable(self.method, self.host, self.path, self.body)
        return replace(self, head=await access.prove(self.head, (wanted.provider, wanted.credential), asked))

    def sent(self, seconds: float) -> Request:
        return Request(self.method.encode(), self.head, self.body, seconds, seconds)


def _request(wanted: Probe) -> _Asked:
    provider = replace(wanted.provider, credentials=(wanted.credential,))
    authority = origin_of(provider).authority
    composer = Composer(provider, authority, USER_AGENT.encode())
    if not wanted.model:
        path, method, body = _list_of(provider), "GET", b""
        head = composer.compose_plain(method, path, wanted.credential)
    else:
        path, method, body = translated_path(provider, wanted.model, stream=False), "POST", _question(wanted)
        head = composer.compose_translated(path, wanted.credential, (), len(body))
    address = provider.base_url.rstrip("/") + path.partition("?")[0]
    return _Asked(method, f"{method} {address}", authority.decode(), composer.target_of(path), head, body)


def _list_of(provider: Provider) -> str:
    """Where the provider lists its models, whether it is to be asked now and then or not. Raises InvalidRequest."""
    path = listed_path(replace(provider, list_models=True))
    if path is None:
        raise InvalidRequest(f"{provider.id} has no list of models: name a model to be asked.", param="model")
    return path


def _question(wanted: Probe) -> bytes:
    """A prompt as small as can be, written as the relay writes them: with what is known of the model."""
    provider, dialect = wanted.provider, FORMATS[wanted.provider.format]
    facts = facts_of(provider.format, wanted.model, provider.facts)
    translation = Translation(dialect, dialect, facts)
    translation.prompt = Prompt((), (Turn("user", (Text(QUESTION),)),), max_tokens=OUTPUT_TOKENS)
    fields = drop_fields(translation.write(wanted.model), provider.drop_fields, translation.losses)
    edit = edits_of(provider)
    return request_bytes(fields if edit is None else edit(fields, wanted.model))


def _judge(wanted: Probe, answer: Gathered, sent: bytes) -> tuple[str, ...]:
    """The models that were asked for. Raises UpstreamError for any other answer than what was asked for."""
    dialect = dialect_of(wanted.provider, wanted.provider.format)
    if answer.status >= 400:
        headers = dict(answer.headers)
        read_error = bedrock.read_error if bedrock.ERROR_TYPE in headers else dialect.read_error
        secrets = tuple(secret.encode() for secret in _secrets(wanted, sent))
        raise read_error(answer.status, headers, masked(answer.body, secrets))
    if answer.status >= 300:
        raise UpstreamMalformed(f"The provider answered {answer.status} with a redirect, which is not followed.")
    if wanted.model:
        _check_reply(dialect, answer.body)
        return ()
    models = model_ids(answer.body)
    if models is None:
        raise UpstreamMalformed("The provider's answer is no list of models.")
    return models


def _check_reply(dialect: Format, body: bytes) -> None:
    """Raises UpstreamError unless it is an answer of a model."""
    reply, _ = Translation(dialect, dialect, facts_of(dialect.name, "")).read_reply(body)
    if not reply.choices:
        raise UpstreamMalformed("The provider's answer has nothing of a model in it.")


def _hide_secrets(error: UpstreamError, wanted: Probe, sent: bytes) -> None:
    """Providers repeat what they were sent, and so do proxies. `sent` is the head of the request."""
    error.message = _masked(error.message, wanted, sent)[:LONGEST_MESSAGE]
    error.code = _masked(error.code, wanted, sent)[:LONGEST_CODE]


def _masked(text: str, wanted: Probe, sent: bytes) -> str:
    for secret in _secrets(wanted, sent):
        for said in (secret, json.dumps(secret)[1:-1]):
            text = text.replace(said, "***")
    return text


def _secrets(wanted: Probe, sent: bytes) -> Iterator[str]:
    proofs = (secret.decode() for secret in secrets_of(wanted.provider, wanted.credential, sent))
    headers = (*wanted.provider.headers, *wanted.credential.headers)
    said = (*proofs, *(value for _, value in headers))
    yield from (secret for secret in said if len(secret) >= SHORTEST_SECRET)
