"""The nouns: every frozen record that crosses packages. Read this first.

What every exchange makes anew is a msgspec Struct: as frozen as the dataclasses, at a third of their price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

UsageSource = Literal["reported", "none"]
"""Where token counts come from: the provider's own figures, or nowhere (the provider gave none)."""


class Tokens(Struct, frozen=True, gc=False):
    """Tokens of one exchange. The last three are parts of the first two, never additions to them."""

    input: int = 0
    """All input tokens, cached ones included."""
    output: int = 0
    """All output tokens, reasoning included."""
    cache_read: int = 0
    """Input tokens read from the provider's cache."""
    cache_write: int = 0
    """Input tokens written to the provider's cache."""
    reasoning: int = 0
    """Output tokens spent on reasoning."""


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-USD per token."""

    input: float
    output: float
    cache_read: float
    cache_write: float


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of a provider. Its `repr` never shows the secret."""

    provider: str
    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential(provider={self.provider!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream service, as the relay needs it."""

    id: str
    format: str
    base_url: str
    models: tuple[str, ...]
    """Patterns of the model ids it serves."""
    strategy: str
    credentials: tuple[Credential, ...]
    """In order of priority; empty for a server that asks for no key."""
    proxy: str = ""
    """Resolved proxy URL, or empty."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to every request."""
    forward_headers: tuple[str, ...] = ()
    """Further client headers to pass on, lower-case."""
    stream_usage: bool = True
    """Whether its streams may be asked for usage."""
    auth: str = "bearer"
    """How the secret is presented."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One inference endpoint we serve: a row of `ENDPOINTS`."""

    path: str
    """As the client asks for it; also its name in usage records and metrics."""
    upstream_path: str
    """What is added to a provider's base URL."""
    format: str
    body: Literal["json", "multipart"] = "json"
    ends_with_done: bool = False
    """Whether its streams end with `data: [DONE]` and may be asked for usage."""
    default_model: str | None = None
    """The model that OpenAI takes when the request names none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model of a provider."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key we issue to a client, as the relay needs it: never the key itself."""

    name: str
    models: tuple[str, ...] = ("*",)


class AttemptRecord(Struct, frozen=True, gc=False):
    """One try of an exchange, as the usage record keeps it."""

    provider: str
    model: str
    credential: str
    status: int | None
    """HTTP status the provider answered; none when it did not answer."""
    error: str | None
    """Kind of failure (`gateway/errors.py`), none when the attempt was the answer."""
    duration_us: int


class UsageRecord(Struct, frozen=True, gc=False):
    """The row left by an exchange. Times are microseconds, money nano-USD, sizes bytes of body."""

    id: str
    """UUIDv7; also the value of `x-sluicegate-request-id`."""
    started_at_us: int
    """Unix time in microseconds at which the request was seen."""
    key: str | None
    """Name of the client key; none when the request was refused before a key was known."""
    endpoint: str
    """Path as in the endpoint table, e.g. `/v1/chat/completions`."""
    requested_model: str | None
    """What the client asked for."""
    provider: str | None
    model: str | None
    """The model id sent upstream."""
    credential: str | None
    status: int
    """HTTP status the client got; 499 when it left before one could be sent."""
    error: str | None
    """Kind of failure, e.g. `client_disconnected`, `upstream_timeout`, `invalid_key`; none for success."""
    stream: bool
    tokens: Tokens
    usage_source: UsageSource
    cost_nano_usd: int | None
    """None when the model has no price."""
    attempts: tuple[AttemptRecord, ...]
    total_us: int
    """From the request seen to the last byte handed to the client."""
    first_byte_us: int | None
    """From the request seen to the first body byte handed to the client."""
    upstream_us: int
    """Time spent waiting on providers: every attempt, from sending to its last byte."""
    overhead_us: int
    """What we added before the first byte to the client: the time until then, less the wait for providers."""
    request_bytes: int
    response_bytes: int
    upstream_request_id: str | None
    user_agent: str | None
    worker: int
