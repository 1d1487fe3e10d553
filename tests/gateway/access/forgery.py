"""An OpenID provider in the test's own event loop that says whatever it is told to say, right or wrong.

Left alone it is a proper one. Its keys are its own; `tests/openid_provider.py` has one that others wrote.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway.access.oidc import Flow, open_login
from gateway.access.oidc.login import Login
from gateway.outbound.client import Fetcher
from gateway.outbound.wire import Pool
from gateway.settings.model import LoginProviderSettings, UpstreamSettings
from tests.waiting import auntil

CLIENT = "the gateway"
SECRET = "the secret of the gateway"
CODE = "the code of a login"
ACCESS_TOKEN = "the access token of a login"
REDIRECT = "http://127.0.0.1:49152/login/corp/callback"

KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Said = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


def json_of(value: Any, status: int = 200) -> Said:
    return status, {"content-type": "application/json"}, json.dumps(value).encode()


@dataclass
class Answering:
    """An HTTP server that answers by path; what it has no answer for is 404."""

    answers: dict[str, Callable[[Asked], Said]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def count(self, path: str) -> int:
        return sum(each.path == path for each in self.asked)

    def say(self, path: str, said: Said) -> None:
        """One answer for whatever is asked of a path."""
        self.answers[path] = lambda _asked: said

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                asked = await read_request(reader)
                self.asked.append(asked)
                await self.answer(asked, writer)
        writer.close()
        self.writers.discard(writer)

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        respond = self.answers.get(asked.path)
        status, headers, body = respond(asked) if respond else (404, {}, b"no such thing")
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
        await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Asked:
    """The next request of a connection; IncompleteReadError when there is none any more."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.partition("\r\n")[0].split(" ")
    headers = {name.lower(): value for name, value in re.findall(r"(?m)^([^:\r\n ]+): *(.*?)\r$", head)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    path, _, query = target.partition("?")
    return Asked(method, path, dict(parse_qsl(query)), headers, body)


@asynccontextmanager
async def serving(there: Answering) -> AsyncIterator[None]:
    """The server on a free port of this machine, its `url` filled in."""
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        server.close()
        for writer in there.writers:
            writer.transport.abort()
        await auntil(lambda: not there.writers)


class Forger(Answering):
    """An OpenID provider. `claims`, `document` and `more_tokens` are laid over what is right; None takes away."""

    def __init__(self) -> None:
        super().__init__()
        self.document: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.more_tokens: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {"sub": "ada", "email": "ada@corp.example", "email_verified": True}
        self.keys: list[Any] = [KEY.as_dict(private=False)]
        self.sign: Callable[[dict[str, Any]], str] = sign_with(KEY)
        self.nonce = ""
        self.answers = {
            "/.well-known/openid-configuration": lambda _: json_of(laid_over(self.right_document(), self.document)),
            "/keys": lambda _: json_of({"keys": self.keys}),
            "/token": lambda _: json_of(laid_over(self.right_tokens(), self.more_tokens)),
            "/userinfo": lambda _: json_of(self.userinfo),
        }

    def right_document(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?already=there",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "scopes_supported": ["openid", "email", "profile", "groups"],
        }

    def right_claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url,
            "sub": "ada",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "ada@corp.example",
            "email_verified": True,
            "name": "Ada",
        }

    def right_tokens(self) -> dict[str, Any]:
        claims = laid_over(self.right_claims(), {name: _now(value) for name, value in self.claims.items()})
        return {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": self.sign(claims)}


def laid_over(right: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**right, **change}.items() if value is not None}


def sign_with(key: RSAKey, **header: Any) -> Callable[[dict[str, Any]], str]:
    """A signature by RS256 that names its key; `header` is laid over its header."""
    return lambda claims: jwt.encode(laid_over({"alg": "RS256", "kid": key.kid}, header), claims, key)


@dataclass(frozen=True)
class FromNow:
    """A moment so many seconds from when a token is made."""

    seconds: int


def _now(value: Any) -> Any:
    return int(time.time()) + value.seconds if isinstance(value, FromNow) else value


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand, for what a library would not do."""
    return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}.{encoded(signature)}"


def encoded(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def half_hash(token: str) -> str:
    """`at_hash` of RS256: OpenID Connect Core 1.0, section 3.1.3.6."""
    return encoded(hashlib.sha256(token.encode()).digest()[:16])


def provider_at(there: Answering, **more: Any) -> LoginProviderSettings:
    known = {"client_id": CLIENT, "client_secret": SECRET, "issuer": there.url}
    return LoginProviderSettings(id="corp", **{**known, **more})


def answer_to(flow: Flow, **more: str) -> dict[str, str]:
    """What the browser brings back."""
    return {"state": flow.state, "code": CODE, **more}


@asynccontextmanager
async def logging_in(*, seconds: float = 5.0, clock: Callable[[], float] = time.time) -> AsyncIterator[Login]:
    """What logs people in, over real connections."""
    pool = Pool(UpstreamSettings())
    try:
        yield open_login(Fetcher(pool, seconds=seconds), clock=clock)
    finally:
        await pool.close()
