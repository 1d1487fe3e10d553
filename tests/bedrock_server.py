"""Amazon Bedrock for tests: a real socket, AWS's signatures verified on their own, answers in AWS's binary framing.

Written from AWS's documents and not from the code under test: https://docs.aws.amazon.com/IAM/latest/UserGuide/
reference_sigv-create-signed-request.html and https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from tests.gateway.outbound.proxies import listening

KEY_ID = "AKIDEXAMPLEEXAMPLE00"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BEARER = "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
REGION = "us-east-1"

EVENTS: Sequence[Mapping[str, Any]] = (
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 11, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüße, "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Welt\n\u2028!"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 7},
    },
    {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": 11,
            "outputTokenCount": 7,
            "invocationLatency": 512,
            "firstByteLatency": 201,
        },
    },
)
"""What a model says in a stream, as Bedrock has it."""


def string_header(name: str, value: str) -> bytes:
    """A header whose value is a string."""
    named, said = name.encode(), value.encode()
    return bytes((len(named),)) + named + b"\x07" + struct.pack(">H", len(said)) + said


def framed(headers: bytes, payload: bytes) -> bytes:
    """One message."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def chunk_of(event: bytes) -> bytes:
    """An event of the model's as a message, padded as Bedrock does."""
    payload = {"bytes": base64.b64encode(event).decode(), "p": "abcdefgh"}
    kind = string_header(":event-type", "chunk") + string_header(":content-type", "application/json")
    return framed(kind + string_header(":message-type", "event"), json.dumps(payload).encode())


def exception(kind: str, **payload: Any) -> bytes:
    """An error within a stream."""
    named = string_header(":exception-type", kind) + string_header(":content-type", "application/json")
    return framed(named + string_header(":message-type", "exception"), json.dumps(payload).encode())


def stream_of(events: Sequence[Mapping[str, Any]] = EVENTS) -> bytes:
    """A whole stream."""
    return b"".join(chunk_of(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()) for event in events)


@dataclass
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    refusal: str = ""
    """Why it was refused; empty where it was not."""

    @property
    def model(self) -> str:
        """The model's id, as the path names it."""
        return unquote(self.target.split("/")[2])


Answer = Callable[[Asked], tuple[int, Mapping[str, str], bytes]]


@dataclass
class BedrockServer:
    """A running server. `answer` may be replaced; refusals of signatures come before it."""

    port: int
    answer: Answer
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"


def usual(asked: Asked) -> tuple[int, Mapping[str, str], bytes]:
    """A stream, or one whole answer."""
    if asked.target.endswith("/invoke-with-response-stream"):
        return 200, {"content-type": "application/vnd.amazon.eventstream"}, stream_of()
    reply = {
        "id": "msg_bdrk_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "Grüße, Welt"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }
    return 200, {"content-type": "application/json"}, json.dumps(reply).encode()


def refused(status: int, kind: str, message: str) -> tuple[int, Mapping[str, str], bytes]:
    """An error answer as AWS writes it."""
    headers = {
        "content-type": "application/json",
        "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.x/",
    }
    return status, headers, json.dumps({"message": message}).encode()


@asynccontextmanager
async def bedrock(answer: Answer = usual) -> AsyncIterator[BedrockServer]:
    """A server in the test's own loop."""
    found = BedrockServer(0, answer)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await _read(reader)
            found.asked.append(asked)
            asked.refusal = refusal_of(asked)
            wrong = refused(403, "InvalidSignatureException", asked.refusal)
            status, headers, body = wrong if asked.refusal else found.answer(asked)
            lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()

    async with listening(talk) as found.port:
        yield found


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} came twice"
        headers[name.lower()] = value.strip()
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def refusal_of(asked: Asked, secret: str = SECRET, service: str = "bedrock") -> str:
    """What is wrong with the proof of who asks; empty when nothing is."""
    said = asked.headers.get("authorization", "")
    if said.startswith("Bearer "):
        return "" if said == f"Bearer {BEARER}" else "The API key is not valid."
    if not said.startswith("AWS4-HMAC-SHA256 "):
        return "Missing Authentication Token"
    parts = dict(each.strip().split("=", 1) for each in said.removeprefix("AWS4-HMAC-SHA256 ").split(","))
    return next(_objections(asked, parts, secret, service), "")


def _objections(asked: Asked, parts: Mapping[str, str], secret: str, service: str) -> Iterator[str]:
    key_id, scope = parts["Credential"].split("/", 1)
    time = asked.headers.get("x-amz-date", "")
    signed = parts["SignedHeaders"].split(";")
    must = {"host", *(name for name in asked.headers if name.startswith("x-amz-"))}
    if key_id != KEY_ID or scope != f"{time[:8]}/{REGION}/{service}/aws4_request":
        yield "The security token included in the request is invalid."
    if signed != sorted(signed) or not must <= set(signed):
        yield f"'{', '.join(sorted(must))}' must be signed and in order."
    if asked.headers["x-amz-content-sha256"] != hashlib.sha256(asked.body).hexdigest():
        yield "The provided 'x-amz-content-sha256' header does not match what was computed."
    path, _, query = asked.target.partition("?")
    canonical = [
        asked.method,
        "/".join(quote(segment, safe="~") for segment in path.split("/")),
        "&".join(sorted(query.split("&"))) if query else "",
        *(f"{name}:{' '.join(asked.headers[name].split())}" for name in signed),
        "",
        parts["SignedHeaders"],
        hashlib.sha256(asked.body).hexdigest(),
    ]
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256("\n".join(canonical).encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for piece in (*scope.split("/"), text):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    if key.hex() != parts["Signature"]:
        yield "The request signature we calculated does not match the signature you provided."
