"""The nouns: every frozen record that crosses packages. Read this first.

What every exchange makes anew is a msgspec Struct: as frozen as the dataclasses, at a third of their price.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

UsageSource = Literal["reported", "estimated", "none"]
"""Where token counts come from: the provider's own figures, our own estimate (the provider gave none, or was cut short
before it did), or nowhere (nothing was spent, or nobody can tell)."""


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
    cache_write_1h: int = 0
    """Of those written to the cache, the ones to be kept for an hour."""
    input_audio: int = 0
    input_image: int = 0
    """Input tokens that are audio or images, where the provider says so; cached ones are left out."""
    output_audio: int = 0
    output_image: int = 0
    """Output tokens that are audio or images, where the provider says so."""
    cost_nano_usd: int | None = None
    """What the provider itself says that it charged, nano-USD."""


CostSource = Literal["reported", "priced", "unpriced", "none"]
"""Where a cost comes from: the provider named it, it was reckoned from a price, no price is known (the cost is unknown,
not 0), or there was nothing to pay for."""


class Rates(Struct, frozen=True, gc=False):
    """Pico-USD per token of each kind, which is USD per million tokens times a million. None: as said beside it."""

    input: int
    output: int
    cache_read: int | None = None
    """None: as `input`."""
    cache_write: int | None = None
    """None: as `input`."""
    cache_write_1h: int | None = None
    """None: as `cache_write`."""
    reasoning: int | None = None
    """None: as `output`."""
    input_audio: int | None = None
    input_image: int | None = None
    """None: as `input`."""
    output_audio: int | None = None
    output_image: int | None = None
    """None: as `output`."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """Rates of the whole request where its prompt has more tokens than the number in front; rising."""
    request_nano_usd: int = 0
    """For each request beside its tokens."""
    source: str = ""
    """Which row it is from, for people: `override openai/*`, `models.dev openai/gpt-5 of 2026-05-12`."""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What an error answer of a provider means. All that is said must match."""

    status: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    """Codes or types in the error."""
    contains: tuple[str, ...] = ()
    """Lower-case words, one of which is in its message."""
    fault: str | None = None
    """What it means; the verdict on that holds as far as nothing else is said here."""
    then: str | None = None
    rest: str | None = None
    rest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of a provider. Its `repr` never shows the secret."""

    provider: str
    name: str
    secret: str
    priority: int = 0
    """Those of a higher one go first, as long as one of them is available."""
    weight: int = 1
    models: tuple[str, ...] = ("*",)
    """Patterns of the models it may be used for."""
    max_parallel: int | None = None
    proxy: str | None = None
    """Resolved proxy URL, or empty for none; None: that of the provider."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to every request with it, over those of the provider."""

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
    guarded: bool = False
    """Its address was said by API and not by the configuration file: where it leads is judged at each connection."""
    proxy_guarded: bool = False
    """The same of its proxy."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to every request."""
    forward_headers: tuple[str, ...] = ()
    """Further client headers to pass on, lower-case."""
    stream_usage: bool = True
    """Whether its streams may be asked for usage."""
    auth: str = "bearer"
    """How the secret is presented."""
    also_speaks: tuple[str, ...] = ()
    """Formats beside its own that it takes at the same address, as they are."""
    drop_fields: tuple[str, ...] = ()
    """Fields of a request that it refuses, though its dialect has them: they are left out."""
    prefixes: tuple[str, ...] = ()
    """Further names its models are addressed by."""
    list_models: bool = True
    """Whether it is asked which models it serves."""
    sticky_requests: int = 1
    """How many requests in a row go to one credential, with `round_robin`."""
    session_affinity: bool = True
    rests: bool = True
    """Whether its credentials rest."""
    variables: tuple[tuple[str, str], ...] = ()
    """Values for the places in addresses of its preset, such as `region`."""
    quirks: tuple[str, ...] = ()
    """Names of the fixes that its requests need."""
    failures: tuple[FailureRule, ...] = ()
    """What its errors mean, the operator's rules first, then those of its preset."""
    price_list: str = ""
    """Its name in the price list; empty for a server of the operator's own."""
    facts: tuple[tuple[str, ModelFacts], ...] = ()
    """What the operator says of its models: patterns in order, an earlier one first."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model can do. None where nobody said: then writers assume what most models of its format can, and nothing
    is kept from it."""

    context: int | None = None
    """Most tokens of prompt and answer together."""
    max_input: int | None = None
    """Most tokens of a prompt."""
    images: bool | None = None
    audio: bool | None = None
    documents: bool | None = None
    """It takes images, audio, documents such as PDF."""
    tools: bool | None = None
    """It calls tools."""
    max_output: int | None = None
    """Most output tokens."""
    temperature: bool | None = None
    """It accepts sampling parameters."""
    thinking: Literal["adaptive", "budget", "level", "none"] | None = None
    """How it is told to think: Anthropic `adaptive` or `budget`, Gemini `level` or `budget`; `none` if it does not."""
    effort: tuple[str, ...] = ()
    """Effort levels it accepts, in rising order; empty means any."""
    levels: tuple[str, ...] = ()
    """Gemini's thinking levels it accepts, in rising order."""
    budget_min: int | None = None
    """Least thinking budget, tokens."""
    budget_max: int | None = None
    mid_system: bool | None = None
    """Anthropic: it accepts system messages between turns."""
    signature_required: bool | None = None
    """Gemini: the first call of each step must carry a thought signature."""
    media_in_function_response: bool | None = None
    """Gemini: function responses may carry media."""
    gemini_schema: str | None = None
    """Gemini: how schemas are told to it, `json`, or `proto` to older services."""
    provider: str | None = None
    """Gemini: whose service it is, `developer` or `vertex`."""
    token_param: str | None = None
    """OpenAI Chat: `max_tokens` or `max_completion_tokens`."""
    custom_tools: bool | None = None
    """OpenAI Chat: it takes free-form tools."""
    echo_reasoning: bool | None = None
    """OpenAI Chat: reasoning must be sent back as `reasoning_content`."""
    user_after_tool: bool | None = None
    """OpenAI Chat: the user may speak right after results of tools."""
    cache_marks: bool | None = None
    """OpenAI: it takes explicit cache breakpoints."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One inference endpoint we serve: a row of `ENDPOINTS`."""

    path: str
    """As the client asks for it; also its name in usage records and metrics."""
    upstream_path: str
    """What is added to a provider's base URL; of Gemini's endpoints the method behind the colon."""
    format: str
    operation: Literal["generate", "count", "compact", "pass"] = "pass"
    """`generate`: a reply, in any dialect. `count`: tokens of a prompt. `compact`: a summary that stands for a
    conversation. `pass`: only providers that speak its dialect serve it."""
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


ANY = ("*",)
"""The pattern that matches every name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of whoever or whatever they are for; None where there is none. Money is nano-USD."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    requests_per_month: int | None = None
    tokens_per_month: int | None = None
    budget_nano_usd: int | None = None
    budget_period: Literal["day", "week", "month", "total"] = "month"


@dataclass(frozen=True, slots=True)
class LimitRule:
    """Limits of users, teams, models, keys, or of everybody together."""

    name: str
    per: Literal["key", "user", "team", "model", "everybody"]
    limits: Limits
    match: str = "*"
    """Pattern of ids of users and teams, of names of keys, of `provider/model`."""
    together: bool = False
    """All that match are counted as one."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key we issue to a client, as the relay needs it: never the key itself."""

    name: str
    models: tuple[str, ...] = ANY
    strict: bool = False
    """Refuse what a translation would have to drop."""
    id: str = field(kw_only=True)
    """What belongs to a key belongs to its id. The name where it stands in the configuration file, else `key:<uuid>`,
    which no name there can be."""
    providers: tuple[str, ...] = ANY
    """Patterns of the providers it may use."""
    credentials: tuple[str, ...] = ANY
    """Patterns of the credentials it may use, `provider/name` each."""
    endpoints: tuple[str, ...] = ANY
    """Patterns of the paths it may use, as in the endpoint table."""
    expires_at_us: int | None = None
    """Unix time in microseconds from which it is refused."""
    paused: bool = False
    user_id: str | None = None
    team_id: str | None = None
    tags: tuple[str, ...] = ()
    limits: Limits | None = None
    """None where it has none."""
    allow_unpriced: bool = False
    """Its budget may be spent on models whose price nobody knows."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A client key of the database, as a worker hears of it."""

    digest: bytes = field(repr=False)
    """What it is found by."""
    key: ClientKey
    revoked: bool = False


class AttemptRecord(Struct, frozen=True, gc=False):
    """One try of an exchange, as the usage record keeps it."""

    provider: str
    model: str
    credential: str
    status: int | None
    """HTTP status the provider answered; none when it did not answer."""
    error: str | None
    """Kind of failure (`gateway/errors/`), none when the attempt was the answer."""
    duration_us: int
    verdict: str | None = None
    """What was made of the failure: `retry`, `next_credential`, `next_target` or `stop`."""
    rest_us: int | None = None
    """How long the credential, or the model with it, was laid to rest for it."""
    reason: str | None = None
    """Why, in a word or two."""


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
    dropped: tuple[str, ...] = ()
    """What translation could not carry over, in the client's words; `(emulated)` behind what was got by other means."""
    upstream_format: str | None = None
    """The dialect spoken with the provider."""
    key_id: str | None = None
    """What tells the key from others that had its name: its name in the configuration file, else `key:<uuid>`."""
    user_id: str | None = None
    """The user whom the key belonged to."""
    team_id: str | None = None
    """The team which the key belonged to."""
    cost_source: CostSource = "none"
    price: str | None = None
    """The row of the price list that the cost was reckoned by."""


class StoredResponse(Struct, frozen=True, gc=False, kw_only=True):
    """A response of the Responses API that its client may refer to by id. Times are Unix seconds."""

    id: str
    key: str
    """Id of the client key it was given to; nobody else sees it."""
    created_at: int
    expires_at: int
    previous_id: str | None
    """The response it continues."""
    provider: str
    credential: str | None
    model: str
    """As the client named it."""
    status: str
    """As the Response object says it, e.g. `completed`."""
    native: bool = False
    """The provider keeps it itself: we only know whose it is."""
    input: bytes | None = None
    """JSON array of the items its request added; none when native or omitted."""
    response: bytes | None = None
    """JSON of the whole Response object; none when native or omitted."""
    omitted: bool = False
    """It was larger than what is kept; set by the store."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job of the control process: how it last went, and when it is due. Times are Unix microseconds."""

    name: str
    summary: str
    """What it does, in one sentence."""
    every_seconds: float
    is_shared: bool
    """It concerns the state: of several control processes one does it."""
    started_at_us: int | None
    finished_at_us: int | None
    error: str | None
    """Why it failed the last time, if it did."""
    runs: int
    failures: int
    next_at_us: int | None
    is_running: bool
    """In this process."""
