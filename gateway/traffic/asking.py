"""One request on a connection of its own, and its answer taken in and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from gateway.settings.demo import DEMO_SCRIPT

from .turns import Turn

PIECE = 65536

STRANGER = "sk-nobody-knows-me"

PATIENCE_SECONDS = 120.0

Heard = Literal["answered", "gone"]
"""Whether somebody takes requests."""

DRAINING = b"HTTP/1.1 503"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where to ask, and as whom."""

    url: str
    secrets: Mapping[str, str]
    """Client keys by name."""


async def ask(gateway: Gateway, turn: Turn) -> Heard:
    """Ask, and take the answer, as long as the client stays. Never raises what a connection raises."""
    parts = urlsplit(gateway.url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return "gone"
    try:
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(turn.leaves_after or PATIENCE_SECONDS):
                writer.write(_request(parts.netloc, gateway, turn))
                return await _taken(reader)
        return "answered"
    finally:
        # Who leaves early leaves for good; who has it all has nothing more to say.
        writer.transport.abort()


async def _taken(reader: asyncio.StreamReader) -> Heard:
    first = piece = await reader.read(PIECE)
    while piece:
        piece = await reader.read(PIECE)
    return "gone" if not first or (first.startswith(DRAINING) and b'"draining"' in first) else "answered"


def _request(host: str, gateway: Gateway, turn: Turn) -> bytes:
    written = turn.written
    secret = gateway.secrets.get(turn.key, STRANGER) if turn.key is not None else STRANGER
    headers = [
        f"POST {written.path} HTTP/1.1",
        f"host: {host}",
        f"{written.key_header}{secret}",
        "content-type: application/json",
        f"content-length: {len(written.body)}",
        f"user-agent: {turn.agent}",
        f"{DEMO_SCRIPT}: {turn.script}",
        *([f"x-sluicegate-tags: {', '.join(turn.tags)}"] if turn.tags else []),
        "connection: close",
    ]
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + written.body
