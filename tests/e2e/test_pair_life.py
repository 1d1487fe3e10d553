"""Signs of life while a provider says nothing: a comment for OpenAI's dialects, `ping` for Anthropic's, nothing at all
for Gemini's. Before the first content and between events, and no SDK is disturbed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from google.genai import errors as google_errors

from tests.e2e.failing import model_of, provider
from tests.e2e.leaving import STREAMS
from tests.e2e.pairs import MODELS, PAIRS
from tests.e2e.spoken import spoken
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

SETTINGS = f"""
[usage]
segment_seconds = 0.1

[stream]
keepalive_seconds = 0.2

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

SILENCES = {
    "before the head": ";first=1500ms",
    "before the content": ";think=1500ms",
    "between events": ";pace=1s",
    "and then an error": ";first=1500ms;status=500",
}
"""Each is several times longer than it may be without a sign."""

COMMENT = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
SIGNS = {"chat": COMMENT, "responses": COMMENT, "messages": PING}
"""What a client hears meanwhile; the others hear nothing."""

ERRORS = (openai.APIError, anthropic.APIError, google_errors.APIError)


class Heard(NamedTuple):
    """One silence: what was on the wire, and what the SDK made of another request like it."""

    body: bytes
    text: str
    error: Exception | None


async def listen(gateway: GatewayProcess, client: str, model: str) -> tuple[str, Exception | None]:
    """All the SDK says, and what it raises."""
    text = ""
    try:
        async for piece in STREAMS[client](gateway.url, gateway.key, model):
            text += piece
    except ERRORS as error:
        return text, error
    return text, None


async def hear(gateway: GatewayProcess, pair: tuple[str, str], silence: str) -> Heard:
    """Both ways at once."""
    model = model_of(pair[1], ";chunks=3;text=one%20two%20three" + SILENCES[silence])
    wire = spoken(gateway.port, pair[0], model) if may_be_read(pair[0], silence) else nothing()
    body, (text, error) = await asyncio.gather(wire, listen(gateway, pair[0], model))
    return Heard(body, text, error)


def may_be_read(client: str, silence: str) -> bool:
    """Whether there is a stream on the wire: where nothing shows life, an error still has a status."""
    return client != "gemini" or silence != "and then an error"


async def nothing() -> bytes:
    """No body."""
    return b""


async def hear_all(gateway: GatewayProcess) -> dict[Any, Heard]:
    """Every pair in every silence, all at once: waiting costs nothing."""
    every = list(itertools.product(PAIRS, SILENCES))
    return dict(zip(every, await asyncio.gather(*(hear(gateway, *each) for each in every)), strict=True))


@pytest.fixture(scope="module")
def heard(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Any, Heard]]:
    """What came of every pair in every silence."""
    toml = SETTINGS + "".join(provider(name, mock.url, "a-secret") for name in MODELS)
    with running(tmp_path_factory.mktemp("life"), toml) as gateway:
        yield asyncio.run(hear_all(gateway.complete()))
        assert gateway.close() == 0, gateway.tail()


every_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
waiting = pytest.mark.parametrize("silence", list(SILENCES)[:2])


@every_pair
@pytest.mark.parametrize("silence", list(SILENCES)[:3])
def test_no_sdk_is_disturbed(heard: dict[Any, Heard], pair: tuple[str, str], silence: str) -> None:
    found = heard[pair, silence]
    assert (found.text.strip(), found.error) == ("one two three", None)


@every_pair
@waiting
def test_life_is_shown_before_anything_is_said(heard: dict[Any, Heard], pair: tuple[str, str], silence: str) -> None:
    body = heard[pair, silence].body
    sign = SIGNS.get(pair[0])
    if sign is None:
        assert body.startswith(b"data: {")
        assert lines_but_data(body) == set()
    else:
        assert body.startswith(sign * 2)


@every_pair
def test_life_is_shown_between_events(heard: dict[Any, Heard], pair: tuple[str, str]) -> None:
    body = heard[pair, "between events"].body
    sign = SIGNS.get(pair[0])
    begin, end = body.index(b'"one '), body.index(b'"three')
    if sign is None:
        assert lines_but_data(body) == set()
    else:
        assert body[begin:end].count(sign) >= 2


@every_pair
def test_an_error_after_that_is_an_event(heard: dict[Any, Heard], pair: tuple[str, str]) -> None:
    error = heard[pair, "and then an error"].error
    kinds = {"chat": openai.APIError, "responses": openai.APIError, "messages": anthropic.APIStatusError}
    if pair[0] == "gemini":
        assert isinstance(error, google_errors.ServerError)
        assert error.code == (500 if pair[1] == "gemini" else 502)
    else:
        assert type(error) is kinds[pair[0]]
        assert getattr(error, "status_code", 200) == 200


def lines_but_data(body: bytes) -> set[bytes]:
    """Lines of a stream that are neither data nor empty."""
    return {line for line in body.splitlines() if line and not line.startswith(b"data:")}
