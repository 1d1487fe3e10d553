"""Proofs of who we are, over real sockets: tokens of service accounts, signatures of AWS, streams that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gateway.credentials.tokens import unix_us
from gateway.errors import ProviderRefused, UpstreamError, UpstreamRejected, UpstreamUnreachable
from gateway.formats.bedrock import invoke_path, read_error
from gateway.formats.passing import PASSING, PassThrough
from gateway.formats.sse import event_data, split_events
from gateway.formats.table import FORMATS
from gateway.outbound.guard import permit_of
from gateway.outbound.wire import Origin, Pool, Request
from gateway.records import Credential, Provider
from gateway.relay.access import SIGNERS_KEPT, Access, Signable, access_by
from gateway.relay.gathering import Gathered, gather
from gateway.relay.unwrapped import Unwrapped
from gateway.settings.model import UpstreamSettings
from tests.bedrock_server import (
    BEARER,
    KEY_ID,
    REGION,
    SECRET,
    BedrockServer,
    bedrock,
    chunk_of,
    exception,
    refused,
    stream_of,
)
from tests.google_token_server import TokenServer, key_file, token_server
from tests.waiting import auntil

MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
SECOND = 1_000_000


@dataclass
class Clock:
    """Real time, and whatever a test lets pass beyond it."""

    ahead_us: int = 0

    def __call__(self) -> int:
        return unix_us() + self.ahead_us


async def at_once(seconds: float) -> None:
    """Nobody waits here."""


@asynccontextmanager
async def access() -> AsyncIterator[tuple[Access, Clock]]:
    """Access over connections that may lead to this machine."""
    clock = Clock()
    pool = Pool(UpstreamSettings(), permit=permit_of(["127.0.0.1"]))
    found = access_by(
        lambda _: (pool, Origin.of("https://provider.example")), "sluicegate/test", clock=clock, pause=at_once
    )
    try:
        yield found, clock
    finally:
        await found.close()
        await pool.close()


def vertex(server: TokenServer) -> tuple[Provider, Credential]:
    credential = Credential("vertex", "main", key_file(token_uri=server.url))
    return provider_of("vertex", "google", credential), credential


def aws(secret: str = f"{KEY_ID}:{SECRET}", region: str = REGION) -> tuple[Provider, Credential]:
    credential = Credential("bedrock", "main", secret)
    return provider_of("bedrock", "aws", credential, region=region), credential


def provider_of(name: str, auth: str, credential: Credential, **variables: str) -> Provider:
    return Provider(
        name,
        "anthropic",
        "https://provider.example",
        ("*",),
        "round_robin",
        (credential,),
        auth=auth,
        variables=tuple((name, value) for name, value in variables.items() if value),
    )


ASKED = Signable("POST", "provider.example", "/v1", b"{}")


async def test_two_hundred_who_wait_for_a_token_are_one_request() -> None:
    async with token_server(held=True) as server, access() as (found, _):
        provider, credential = vertex(server)
        assert not found.is_ready(provider, credential)
        waiting = [asyncio.create_task(found.prepare(provider, credential)) for _ in range(200)]
        await auntil(lambda: server.issued)
        server.let_go.set()
        await asyncio.gather(*waiting)
        assert server.asked == 1
        assert found.is_ready(provider, credential)
        assert found.lines(provider, credential, ASKED) == b"authorization: Bearer ya29.c.token-1......\r\n"


async def test_a_token_in_use_is_renewed_ahead() -> None:
    async with token_server() as server, access() as (found, clock):
        provider, credential = vertex(server)
        await found.prepare(provider, credential)
        assert b"token-1" in found.lines(provider, credential, ASKED)
        server.let_go.clear()
        clock.ahead_us = 3300 * SECOND
        server.ahead_seconds = 3300
        server.seconds = 7200
        found.tick()
        await auntil(lambda: len(server.issued) == 2)
        assert b"token-1" in found.lines(provider, credential, ASKED)
        server.let_go.set()
        await auntil(lambda: b"token-2" in found.lines(provider, credential, ASKED))


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    async with token_server() as server, access() as (found, clock):
        provider, credential = vertex(server)
        await found.prepare(provider, credential)
        sent = found.lines(provider, credential, ASKED)
        assert not await found.renewed(provider, credential, sent)
        clock.ahead_us = 60 * SECOND
        server.ahead_seconds = 60
        assert all(await asyncio.gather(*(found.renewed(provider, credential, sent) for _ in range(20))))
        assert server.asked == 2
        assert b"token-2" in found.lines(provider, credential, ASKED)


async def test_where_a_refused_token_cannot_be_renewed_the_refusal_stands() -> None:
    async with token_server() as server, access() as (found, clock):
        provider, credential = vertex(server)
        await found.prepare(provider, credential)
        sent = found.lines(provider, credential, ASKED)
        clock.ahead_us = 60 * SECOND
        server.ahead_seconds = 60
        server.answer = lambda _: (400, b'{"error":"invalid_grant"}')
        assert not await found.renewed(provider, credential, sent)
        with pytest.raises(UpstreamRejected):
            found.lines(provider, credential, ASKED)


TROUBLE: list[tuple[int, bytes, type[UpstreamError], str]] = [
    (400, b'{"error":"invalid_grant","error_description":"Account not found"}', UpstreamRejected, "Account not found"),
    (200, b"<html>", UpstreamUnreachable, "no access token in it"),
    (500, b"", UpstreamUnreachable, "answered 500"),
]


@pytest.mark.parametrize(("status", "body", "error", "why"), TROUBLE)
async def test_trouble_at_the_token_endpoint_is_told(
    status: int, body: bytes, error: type[UpstreamError], why: str
) -> None:
    async with token_server(lambda _: (status, body)) as server, access() as (found, _):
        with pytest.raises(error, match=f"provider vertex: .*{why}"):
            await found.prepare(*vertex(server))


async def test_a_500_that_passes_is_not_noticed() -> None:
    async with token_server() as server, access() as (found, _):
        good = json.dumps({"access_token": "good", "expires_in": 60}).encode()
        server.answer = lambda before: (500, b"") if not before else (200, good)
        provider, credential = vertex(server)
        await found.prepare(provider, credential)
        assert found.lines(provider, credential, ASKED) == b"authorization: Bearer good\r\n"


async def test_a_secret_that_is_no_account_is_told() -> None:
    async with access() as (found, _):
        credential = Credential("vertex", "main", "{}")
        with pytest.raises(UpstreamRejected, match="`client_email`"):
            await found.prepare(provider_of("vertex", "google", credential), credential)


async def test_other_schemes_have_no_lines_of_ours() -> None:
    async with access() as (found, _):
        credential = Credential("openai", "main", "sk-1")
        provider = provider_of("openai", "bearer", credential)
        assert found.is_ready(provider, credential)
        await found.prepare(provider, credential)
        assert found.lines(provider, credential, ASKED) == b""
        assert not await found.renewed(provider, credential, b"")


async def invoke(server: BedrockServer, found: Access, who: tuple[Provider, Credential], *, stream: bool) -> Gathered:
    """An answer of Bedrock's, as the gateway asks for it."""
    origin = Origin.of(server.url)
    path, body = invoke_path(MODEL, stream=stream), b'{"anthropic_version":"bedrock-2023-05-31"}'
    lines = found.lines(*who, Signable("POST", origin.authority.decode(), path, body))
    head = b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n%b\r\n" % (
        path.encode(),
        origin.authority,
        len(body),
        lines,
    )
    pool = Pool(UpstreamSettings())
    try:
        return await gather(pool, origin, Request(b"POST", head, body))
    finally:
        await pool.close()


@pytest.mark.parametrize("secret", [f"{KEY_ID}:{SECRET}", f"{KEY_ID}:{SECRET}:session/token==", BEARER])
async def test_bedrock_accepts_what_is_sent(secret: str) -> None:
    async with bedrock() as server, access() as (found, _):
        answer = await invoke(server, found, aws(secret), stream=False)
        assert (answer.status, [each.refusal for each in server.asked]) == (200, [""])
        assert server.asked[0].model == MODEL


@pytest.mark.parametrize("who", [aws(f"{KEY_ID}:wrong"), aws("ABSKwrong"), aws(region="eu-west-1")])
async def test_bedrock_refuses_what_is_signed_otherwise(who: tuple[Provider, Credential]) -> None:
    async with bedrock() as server, access() as (found, _):
        answer = await invoke(server, found, who, stream=False)
        error = read_error(answer.status, dict(answer.headers), answer.body)
        assert (answer.status, error.category, error.said_code) == (403, "auth", "InvalidSignatureException")


@pytest.mark.parametrize(
    "host",
    [
        "bedrock-runtime.us-east-1.amazonaws.com",
        "bedrock-runtime-fips.us-east-1.amazonaws.com",
        "vpce-0a1b-c2d3.bedrock-runtime.us-east-1.vpce.amazonaws.com",
    ],
)
async def test_the_region_follows_from_the_host_where_nobody_says_it(host: str) -> None:
    async with access() as (found, _):
        lines = found.lines(*aws(region=""), Signable("POST", host, "/"))
        assert b"/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, " in lines


@pytest.mark.parametrize(
    ("secret", "why"), [(f"{KEY_ID}:{SECRET}", "set `variables.region`"), ("x:hidden", "access key id"), ("", "empty")]
)
async def test_what_cannot_be_signed_with_is_told_without_being_shown(secret: str, why: str) -> None:
    async with access() as (found, _):
        with pytest.raises(UpstreamRejected, match=why) as refusal:
            found.lines(*aws(secret, region=""), ASKED)
        assert "hidden" not in str(refusal.value)
        assert SECRET not in str(refusal.value)
        assert refusal.value.nothing_sent


def through(chunks: list[bytes]) -> tuple[list[object], Unwrapped]:
    """What a client of Anthropic's dialect gets of a stream, and the pipeline at its end."""
    pipeline = Unwrapped(PassThrough(FORMATS["anthropic"], PASSING["anthropic"], model="mine"))
    out = b"".join([pipeline.feed(chunk) for chunk in chunks])
    out += pipeline.close()
    return [json.loads(event_data(event)) for event in split_events(out)], pipeline


async def test_a_stream_of_bedrock_is_one_of_anthropics() -> None:
    async with bedrock() as server, access() as (found, _):
        answer = await invoke(server, found, aws(), stream=True)
    assert dict(answer.headers)[b"content-type"] == b"application/vnd.amazon.eventstream"
    events, pipeline = through([answer.body[at : at + 7] for at in range(0, len(answer.body), 7)])
    assert events[0]["message"]["model"] == "mine"  # type: ignore[index]
    assert events[-1] == {"type": "message_stop"}
    assert pipeline.opened
    assert pipeline.complete
    assert not pipeline.failed
    assert pipeline.error is None
    assert pipeline.tokens is not None
    assert (pipeline.tokens.input, pipeline.tokens.output) == (11, 7)
    assert pipeline.between_events
    assert pipeline.answered_model == "claude-x"
    assert pipeline.said >= 0
    assert pipeline.resume() == ""


async def test_a_throttling_before_there_is_content_is_left_to_the_next_provider() -> None:
    _, pipeline = through([exception("throttlingException", message="Too many requests")])
    assert isinstance(pipeline.error, ProviderRefused)
    assert pipeline.error.category == "rate_limit"
    assert not pipeline.opened


async def test_one_amid_an_answer_ends_it() -> None:
    events, pipeline = through([stream_of()[:600], stream_of()[600:-300]])
    assert isinstance(pipeline.error, UpstreamError)
    assert pipeline.opened
    assert json.loads(event_data(pipeline.fail(pipeline.error)))["type"] == "error"
    whole = [chunk_of(json.dumps(event).encode()) for event in events]
    events, pipeline = through([*whole, exception("serviceUnavailableException", message="Busy")])
    assert events[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    assert pipeline.failed
    assert pipeline.error is None


async def test_a_stream_may_be_begun_before_there_is_content() -> None:
    pipeline = Unwrapped(PassThrough(FORMATS["anthropic"], PASSING["anthropic"]))
    assert pipeline.open() == b""
    assert pipeline.opened


async def test_errors_of_aws_are_read_by_their_header() -> None:
    throttling = refused(400, "ThrottlingException", "Too many tokens per day")
    async with bedrock(lambda _: throttling) as server, access() as (found, _):
        answer = await invoke(server, found, aws(), stream=True)
    error = read_error(answer.status, dict(answer.headers), answer.body)
    assert (answer.status, error.category, error.message) == (400, "quota", "Too many tokens per day")


async def test_what_is_kept_for_signing_is_bounded() -> None:
    async with access() as (found, _):
        for number in range(SIGNERS_KEPT + 2):
            assert found.lines(*aws(f"{KEY_ID}:{number}"), ASKED)
        assert len(found._signers) == 2
        found.lines(*aws(f"{KEY_ID}:{number}"), ASKED)
        assert len(found._signers) == 2
