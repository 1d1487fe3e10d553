"""Google's token endpoint for tests: a real socket, assertions verified on their own, trouble where a test wants it.

As https://developers.google.com/identity/protocols/oauth2/service-account describes it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.gateway.outbound.proxies import listening

EMAIL = "gateway@a-project.iam.gserviceaccount.com"
KEY_ID = "0f0f0f0f"

Answer = Callable[[int], tuple[int, bytes]]
"""How many requests came before this one: status and body."""


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The account's key; making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(*, pkcs1: bool = False) -> str:
    """The same as text."""
    shape = serialization.PrivateFormat.TraditionalOpenSSL if pkcs1 else serialization.PrivateFormat.PKCS8
    return private_key().private_bytes(serialization.Encoding.PEM, shape, serialization.NoEncryption()).decode()


def key_file(**changed: Any) -> str:
    """The content of a key file; a member that is None is left out."""
    fields = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": KEY_ID,
        "private_key": pem(),
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    return json.dumps({name: value for name, value in {**fields, **changed}.items() if value is not None})


def claims_in(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of an assertion that the account's key has signed. InvalidSignature for any other."""
    head, claims, signature = assertion.split(".")
    public = private_key().public_key()
    public.verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(_decoded(head)), json.loads(_decoded(claims))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class TokenServer:
    """A running endpoint. `answer`, where it is set, answers what is asked rightly; `let_go` holds answers back."""

    port: int = 0
    answer: Answer | None = None
    asked: int = 0
    issued: list[str] = field(default_factory=list)
    seconds: int = 3599
    ahead_seconds: float = 0
    """How far its clock is ahead of this machine's."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    known_as: str = ""
    """Its address where that is another one than its own."""

    @property
    def url(self) -> str:
        """Its address."""
        return self.known_as or f"http://127.0.0.1:{self.port}/token"

    def reply(self, head: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer."""
        wrong = next(self._wrong(head, body), "")
        if wrong:
            return 400, json.dumps({"error": "invalid_grant", "error_description": wrong}).encode()
        self.asked += 1
        if self.answer is not None:
            return self.answer(self.asked - 1)
        token = f"ya29.c.token-{self.asked}......"
        self.issued.append(token)
        return 200, json.dumps({"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}).encode()

    def _wrong(self, head: str, body: bytes) -> Iterator[str]:
        if not head.startswith("POST /token HTTP/1.1\r\n"):
            yield "not a token request"
        if "content-type: application/x-www-form-urlencoded" not in head.lower():
            yield "not a form"
        form = parse_qs(body.decode(), strict_parsing=True)
        if form.keys() != {"grant_type", "assertion"}:
            yield "unexpected fields"
        if form["grant_type"] != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            yield "unsupported grant"
        yield from self._wrong_in(form["assertion"][0])

    def _wrong_in(self, assertion: str) -> Iterator[str]:
        try:
            header, claims = claims_in(assertion)
        except (InvalidSignature, ValueError):
            yield "Invalid JWT Signature."
            return
        now = time.time()
        if header != {"alg": "RS256", "typ": "JWT", "kid": KEY_ID} or claims["iss"] != EMAIL:
            yield "Invalid JWT."
        if claims["aud"] != self.url or claims["scope"] != "https://www.googleapis.com/auth/cloud-platform":
            yield "Invalid audience or scope."
        if not claims["iat"] <= now + self.ahead_seconds < claims["exp"] <= claims["iat"] + 3600:
            yield "Token must be a short-lived token (60 minutes) and in a reasonable timeframe."


@asynccontextmanager
async def token_server(answer: Answer | None = None, *, held: bool = False) -> AsyncIterator[TokenServer]:
    """An endpoint in the test's own loop; `held`: it answers nothing before `let_go` is set."""
    found = TokenServer(answer=answer)
    if not held:
        found.let_go.set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(line.partition(":")[2] for line in head.lower().split("\r\n") if "content-length" in line)
            status, body = found.reply(head, await reader.readexactly(int(length)))
            await found.let_go.wait()
            writer.write(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)
            await writer.drain()

    async with listening(talk) as found.port:
        yield found
        found.let_go.set()
